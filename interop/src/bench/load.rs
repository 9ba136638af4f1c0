//! The load generator, which is a process of its own: were it a part of the harness, its costs and those of
//! the harness could not be told apart. One thread, one task for each connection.
//!
//! Closed loop: each connection keeps `depth` messages on their way, and sends the next when an answer has
//! come. Every byte of every answer is compared with what was sent.
//!
//! It says [`MEASURING`] on stdout when the warm-up is over, and then, as JSON, what it has [`Measured`].

use std::cell::{Cell as Flag, RefCell};
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use rust_server::framing::{Framing, MaxFrame};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::cell::Cell;

/// The line that says that the warm-up is over.
pub const MEASURING: &str = "measuring";

/// Bytes. The room for one read: as ample as that of any server.
const READ: usize = 256 * 1024;

/// Nanoseconds. The longest latency that is told apart from longer ones: a minute.
const LONGEST: u64 = 60_000_000_000;

/// What a generator saw of one server under one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Answers that came while it measured, each as it should be.
    pub messages: u64,
    /// For how long it measured, in seconds.
    pub seconds: f64,
    /// The share of that time in which the generator itself was at work, 0 to 1.
    pub generator: f64,
    /// Time from sending a message to its whole answer, in microseconds.
    pub latency_us: Latency,
}

/// How long answers took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of percentiles say what they are")]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// What all connections share.
struct Tally {
    measuring: Flag<bool>,
    messages: Flag<u64>,
    /// Nanoseconds.
    latency: RefCell<Histogram<u64>>,
}

/// Drives a server, and tells on stdout.
///
/// # Errors
/// When a connection fails, ends, or carries another answer than was due.
pub async fn run(
    server: SocketAddr,
    load: Cell,
    warm_up: Duration,
    time: Duration,
) -> anyhow::Result<()> {
    let tally = Rc::new(Tally {
        measuring: Flag::new(false),
        messages: Flag::new(0),
        latency: RefCell::new(Histogram::new_with_bounds(1, LONGEST, 3)?),
    });
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let conversations = streams.into_iter().enumerate();
    let conversations = conversations.map(|(n, stream)| converse(stream, n, load, &tally));
    tokio::select! {
        ended = try_join_all(conversations) => {
            ended?;
            anyhow::bail!("every connection ended")
        }
        measured = watch(&tally, warm_up, time) => {
            let measured = measured?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
    }
}

/// Lets the clock run; the conversations go on meanwhile.
async fn watch(tally: &Tally, warm_up: Duration, time: Duration) -> anyhow::Result<Measured> {
    tokio::time::sleep(warm_up).await;
    println!("{MEASURING}");
    io::stdout().flush()?;
    let (begun, worked) = (Instant::now(), processor_time());
    tally.measuring.set(true);
    tokio::time::sleep(time).await;
    let seconds = begun.elapsed().as_secs_f64();
    let latency = tally.latency.borrow();
    let microseconds = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Measured {
        messages: tally.messages.get(),
        seconds,
        generator: (processor_time() - worked).as_secs_f64() / seconds,
        latency_us: Latency {
            p50: microseconds(0.5),
            p90: microseconds(0.9),
            p99: microseconds(0.99),
            p999: microseconds(0.999),
            max: latency.max() as f64 / 1000.0,
        },
    })
}

/// The processor time of this process so far; zero where the system does not tell.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Keeps `depth` messages on their way over one connection, for ever.
async fn converse(
    mut stream: TcpStream,
    number: usize,
    load: Cell,
    tally: &Tally,
) -> anyhow::Result<()> {
    // Of each connection another, so that an answer to a neighbour is noticed.
    let body: Vec<u8> = (0..load.size).map(|at| (at * 7 + number) as u8).collect();
    let mut frame = bytes::BytesMut::new();
    Framing::DEFAULT.encode(&body, MaxFrame::new(load.size as u64), &mut frame)?;
    let frames = frame.repeat(load.depth);

    let (mut read, mut write) = stream.split();
    let mut buffer = vec![0; READ.min(frames.len())];
    let mut unsent = frames.len();
    let mut sent_to = 0;
    let mut came_to = 0;
    let mut on_the_way: VecDeque<Instant> = vec![Instant::now(); load.depth].into();
    loop {
        let next = &frames[sent_to..frames.len().min(sent_to + unsent)];
        tokio::select! {
            biased;
            written = write.write(next), if unsent > 0 => {
                let written = written?;
                unsent -= written;
                sent_to = (sent_to + written) % frames.len();
            }
            got = read.read(&mut buffer) => {
                let mut came = match got? {
                    0 => anyhow::bail!("the server ended a connection"),
                    got => &buffer[..got],
                };
                let now = Instant::now();
                while !came.is_empty() {
                    let due = &frame[came_to..frame.len().min(came_to + came.len())];
                    let (answer, rest) = came.split_at(due.len());
                    anyhow::ensure!(answer == due, "an answer is not what was sent");
                    came = rest;
                    came_to += due.len();
                    if came_to == frame.len() {
                        came_to = 0;
                        unsent += frame.len();
                        let sent = on_the_way.pop_front().unwrap_or(now);
                        on_the_way.push_back(now);
                        tally.note(now - sent);
                    }
                }
            }
        }
    }
}

impl Tally {
    fn note(&self, latency: Duration) {
        if self.measuring.get() {
            self.messages.set(self.messages.get() + 1);
            self.latency.borrow_mut().saturating_record(latency.as_nanos() as u64);
        }
    }
}
