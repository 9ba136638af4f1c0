//! What the harness itself costs: the link between two peers beside a direct connection, a plain proxy and socat, a
//! fragment that is proved to be read beside a round trip, a case beside a connection with one message. All in
//! one run, in turn, so that the ratios hold on a busy machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rust_server::framing::Framing;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::compare::{ENOUGH, Figure, Ratio};
use super::rounds::{Contestant, Plan};
use crate::limits;
use crate::model::names::{Clause, Role};
use crate::model::protocol::{Protocol, frame};
use crate::model::transcript::{Act, Conn, Setting};
use crate::peer::HOST;
use crate::peer::port::Lease;
use crate::peer::process::{Launch, Lines, Process, wait_exit};
use crate::stage::delivery::{Delivery, Read};
use crate::stage::link::StreamLink;
use crate::stage::scene::Scene;

/// Bytes of a message that is passed on, and how many of them go there and back: 16 MiB, as in the largest case.
const MESSAGE: usize = 64 * 1024;
const MESSAGES: usize = 256;
/// Bytes that the plain proxy copies at once.
const PROXY: usize = 64 * 1024;
/// Fragments of one byte, each read before the next.
const FRAGMENTS: usize = 1000;
/// Messages of one byte, one after the other.
const TRIPS: usize = 1000;
/// Connections with one message each.
const CONNECTIONS: usize = 200;
/// The cases that are played: none of them waits by intention.
const CASES: &str = "framing";

/// What the harness costs.
#[derive(Debug, Serialize)]
pub struct Harness {
    /// Of this document.
    pub schema_version: u8,
    /// The server that it was measured with.
    pub server: String,
    /// How often each was measured.
    pub rounds: usize,
    /// Why not all of this can be trusted.
    pub doubts: Vec<String>,
    /// What could not be measured.
    pub left_out: Vec<Missing>,
    /// What was measured.
    pub results: Vec<Speed>,
}

/// How often something was done in a second.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// What.
    pub what: &'static str,
    /// A second.
    pub unit: &'static str,
    /// How often.
    pub speed: Figure,
    /// What it is compared with, and how it compares.
    pub by: Vec<(&'static str, Ratio)>,
}

/// Something that could not be measured.
#[derive(Debug, Serialize)]
pub struct Missing {
    /// What.
    pub what: &'static str,
    /// What it lacks.
    pub why: String,
}

/// Something that is measured.
#[derive(Clone, Copy)]
struct Measure {
    what: &'static str,
    unit: &'static str,
    by: &'static [&'static str],
}

const DIRECT: &str = "16 MiB there and back, directly";
const PLAIN: &str = "the same through a plain proxy of 64 KiB";
const SOCAT: &str = "the same through socat with 64 KiB";
const LINK: &str = "the same through the link";
const TRIP: &str = "round trips of one byte";
const FRAGMENT: &str = "fragments of one byte, each proved to be read";
const CONNECTION: &str = "connections with one message";
const CASE: &str = "cases of the group framing, with starting";

const MEASURES: [Measure; 8] = [
    Measure { what: DIRECT, unit: "MiB/s", by: &[] },
    Measure { what: PLAIN, unit: "MiB/s", by: &[DIRECT] },
    Measure { what: SOCAT, unit: "MiB/s", by: &[DIRECT] },
    Measure { what: LINK, unit: "MiB/s", by: &[DIRECT, PLAIN, SOCAT] },
    Measure { what: TRIP, unit: "1/s", by: &[] },
    Measure { what: FRAGMENT, unit: "1/s", by: &[TRIP] },
    Measure { what: CONNECTION, unit: "1/s", by: &[] },
    Measure { what: CASE, unit: "1/s", by: &[CONNECTION] },
];

/// Measures all of it with a server, in turn.
///
/// # Errors
/// When a connection fails, an answer is wrong, or the cases are not passed.
pub async fn measure(server: &Contestant, plan: &Plan) -> anyhow::Result<Harness> {
    let mut rounds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let socat = which::which("socat").map_err(|e| Missing { what: SOCAT, why: e.to_string() });
    let mut unproved = 0;
    for round in 0..plan.rounds {
        note!("round {} of {}", round + 1, plan.rounds);
        for Measure { what, .. } in MEASURES {
            let address = server.address();
            let speed = match what {
                DIRECT => passed(address).await?,
                PLAIN => through_a_proxy(address).await?,
                SOCAT => match &socat {
                    Ok(socat) => through_socat(socat, address).await?,
                    Err(_) => continue,
                },
                LINK => through_the_link(address).await?,
                TRIP => trips(address).await?,
                FRAGMENT => fragments(address, &mut unproved).await?,
                CONNECTION => connections(address).await?,
                _ => cases(server, plan).await?,
            };
            rounds.entry(what).or_default().push(speed);
        }
    }
    let measured = |what: &str| rounds.contains_key(what);
    let of = |what: &str| rounds.get(what).map(Vec::as_slice).unwrap_or_default();
    let speed = |Measure { what, unit, by }| Speed {
        what,
        unit,
        speed: Figure::of(of(what).iter().copied()),
        by: by
            .iter()
            .filter(|by| measured(by))
            .map(|&by| (by, Ratio::of(of(what), of(by))))
            .collect(),
    };
    let mut doubts = Vec::new();
    if unproved > 0 {
        doubts.push(format!(
            "{unproved} fragments were not proved to be read: the kernel did not say"
        ));
    }
    if cfg!(debug_assertions) {
        doubts
            .push("this build is not optimised, and it is the harness that is measured".to_owned());
    }
    if plan.rounds < ENOUGH {
        doubts.push("fewer than three rounds do not show how noisy they are".to_owned());
    }
    Ok(Harness {
        schema_version: 1,
        server: server.name(),
        rounds: plan.rounds,
        doubts,
        left_out: socat.err().into_iter().collect(),
        results: MEASURES.into_iter().filter(|m| measured(m.what)).map(speed).collect(),
    })
}

fn a_second(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = in_time(TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limits::START, what).await.map_err(io::Error::from).flatten()
}

fn message() -> Bytes {
    (0..MESSAGE).map(|at| (at % 251) as u8).collect()
}

/// All messages to this address, and back; in MiB a second, of each direction.
async fn passed(address: SocketAddr) -> anyhow::Result<f64> {
    let frame = frame(Framing::DEFAULT, &message());
    let mut stream = connect(address).await?;
    let (mut read, mut write) = stream.split();
    let begun = Instant::now();
    let writing = async {
        for _ in 0..MESSAGES {
            write.write_all(&frame).await?;
        }
        Ok(())
    };
    let reading = async {
        let mut answer = vec![0; frame.len()];
        for _ in 0..MESSAGES {
            read.read_exact(&mut answer).await?;
            if answer != frame {
                return Err(io::Error::other("an answer is not what was sent"));
            }
        }
        Ok(())
    };
    in_time(async { tokio::try_join!(writing, reading) }).await?;
    Ok(a_second(MESSAGES * MESSAGE, begun) / f64::from(1 << 20))
}

async fn through_a_proxy(server: SocketAddr) -> anyhow::Result<f64> {
    let listener = TcpListener::bind((HOST, 0)).await?;
    let address = listener.local_addr()?;
    let proxy = async {
        let (mut client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let mut server = connect(server).await?;
        copy_bidirectional_with_sizes(&mut client, &mut server, PROXY, PROXY).await?;
        anyhow::Ok(())
    };
    let (passed, proxied) = tokio::join!(passed(address), proxy);
    proxied?;
    passed
}

async fn through_socat(socat: &Path, server: SocketAddr) -> anyhow::Result<f64> {
    let lease = Lease::free()?;
    let listen = format!("TCP-LISTEN:{},bind={HOST},nodelay", lease.port());
    // What it says of itself, twice as much of it as usual, tells when it listens.
    let words = ["-d", "-d", &format!("-b{PROXY}"), &listen, &format!("TCP:{server},nodelay")];
    let words = words.into_iter().map(OsString::from);
    let argv = std::iter::once(socat.into()).chain(words).collect();
    let launch = Launch { argv, folder: std::env::temp_dir(), env: BTreeMap::new() };
    let (process, pipes) = Process::start(&launch).await?;
    let mut said = Lines::of(pipes.stderr);
    let listening = async {
        while let Some(line) = said.next().await {
            if line.contains("listening on") {
                return Ok(());
            }
        }
        Err(io::Error::other(format!("{} did not listen", launch.command_line())))
    };
    in_time(listening).await?;
    let passed = passed((HOST, lease.port()).into()).await;
    process.stop(limits::GRACE).await;
    passed
}

async fn through_the_link(server: SocketAddr) -> anyhow::Result<f64> {
    let listener = TcpListener::bind((HOST, 0)).await?;
    let address = listener.local_addr()?;
    let scene = scene();
    let conn: Conn = 0;
    let message = message();
    for _ in 0..MESSAGES {
        scene.did(Act::Fed { conn, message: message.clone() });
    }
    let linked = async {
        let (client, _) = listener.accept().await?;
        let link = StreamLink::new(client, server, conn, scene.clone()).await;
        link.map_err(|(_, e)| anyhow::Error::from(e))
    };
    let (passed, linked) = tokio::join!(passed(address), linked);
    linked?.close().await;
    anyhow::ensure!(!scene.is_broken(), "what came through the link is not what was sent");
    passed
}

fn scene() -> Arc<Scene> {
    let setting = Setting::new(Role::Pairing, Protocol::default());
    Arc::new(Scene::new(setting, &[Clause::P3], limits::PATIENCE))
}

/// One message of one byte, there and back.
async fn trip(stream: &mut TcpStream) -> io::Result<()> {
    const FRAME: [u8; 5] = [0, 0, 0, 1, b'm'];
    let mut answer = [0; FRAME.len()];
    stream.write_all(&FRAME).await?;
    stream.read_exact(&mut answer).await?;
    match answer == FRAME {
        true => Ok(()),
        false => Err(io::Error::other("an answer is not what was sent")),
    }
}

async fn trips(server: SocketAddr) -> anyhow::Result<f64> {
    let mut stream = connect(server).await?;
    let begun = Instant::now();
    for _ in 0..TRIPS {
        in_time(trip(&mut stream)).await?;
    }
    Ok(a_second(TRIPS, begun))
}

async fn connections(server: SocketAddr) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for _ in 0..CONNECTIONS {
        in_time(trip(&mut connect(server).await?)).await?;
    }
    Ok(a_second(CONNECTIONS, begun))
}

/// A message whose bytes come one by one, each when the one before has been read.
async fn fragments(server: SocketAddr, unproved: &mut usize) -> anyhow::Result<f64> {
    let frame = frame(Framing::DEFAULT, &[b'm'; FRAGMENTS]);
    let header = frame.len() - FRAGMENTS;
    let stream = Arc::new(connect(server).await?);
    let mut delivery = Delivery::new(stream.clone(), scene())?;
    delivery.write(&frame[..header]).await?;
    let begun = Instant::now();
    for at in header..frame.len() {
        delivery.write(&frame[at..=at]).await?;
        *unproved += usize::from(delivery.read_by_receiver().await == Read::Likely);
    }
    let speed = a_second(FRAGMENTS, begun);
    let mut answer = vec![0; frame.len()];
    let mut came = 0;
    while came < answer.len() {
        in_time(stream.readable()).await?;
        match stream.try_read(&mut answer[came..]) {
            Ok(0) => anyhow::bail!("the server ended a connection"),
            Ok(got) => came += got,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e.into()),
        }
    }
    anyhow::ensure!(answer == frame, "an answer is not what was sent");
    Ok(speed)
}

/// The cases that a whole run of ours plays in a second, from its start to its end.
async fn cases(server: &Contestant, plan: &Plan) -> anyhow::Result<f64> {
    let words = ["run", "--role", "server", "--case", CASES, "--protocol", "u32be/echo"];
    let words = words.into_iter().chain(["--format", "json", "--peers"]).map(OsString::from);
    let argv: Vec<OsString> = std::iter::once(plan.interop.clone().into())
        .chain(words)
        .chain([server.folder().into()])
        .collect();
    let launch = Launch { argv, folder: server.folder().to_owned(), env: BTreeMap::new() };
    let begun = Instant::now();
    let (run, mut pipes) = Process::start(&launch).await?;
    let (mut document, mut progress) = (Vec::new(), Vec::new());
    let reading = async {
        tokio::try_join!(
            pipes.stdout.read_to_end(&mut document),
            pipes.stderr.read_to_end(&mut progress)
        )
    };
    timeout(limits::CASE, reading).await??;
    let exit = wait_exit(&mut run.watch_exit()).await;
    let took = begun.elapsed();
    let document: serde_json::Value = serde_json::from_slice(&document).map_err(|e| {
        let said = String::from_utf8_lossy(&progress);
        anyhow::anyhow!("{} did not do: {e}; it said: {said}", launch.command_line())
    })?;
    let results = document["results"].as_array().map_or(&[][..], Vec::as_slice);
    let passed = results.iter().filter(|result| result["outcome"] == "pass").count();
    anyhow::ensure!(
        passed > 0 && passed == results.len(),
        "{} passed {passed} of {} cases ({exit:?}): what fails takes its time",
        server.name(),
        results.len()
    );
    Ok(passed as f64 / took.as_secs_f64())
}
