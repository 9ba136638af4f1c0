//! The process that besieges a server: honest clients that say next to nothing, and hostile ones. One thread, a
//! task for each. It says [`STANDS`] when all of them are there; then, as JSON, what became of it so far for each line
//! that comes on stdin, and for the last time at its end, when every idle client has said a last word.

use std::cell::{Cell, RefCell};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::hostile::{Acts, Hostile, Kind};
use super::sources::Sources;
use crate::bench::load::{Answers, Fault, Faults, Frames, PATIENCE, Requests};
use crate::limits;

/// The line that says that all of them are there.
pub const STANDS: &str = "besieging";

/// How often an idle client says a word. Rarely, but often enough that no server takes it for one that has vanished.
const WORD: Duration = Duration::from_secs(120);

/// Idle clients that connect at once: fewer than wait in the shortest queue of a server that is to be asked for
/// thousands.
const AT_ONCE: usize = 64;

/// Who besieges.
#[derive(Debug, Clone, Copy)]
pub struct Siege {
    /// The server.
    pub server: SocketAddr,
    /// The largest message that it takes, in bytes.
    pub limit: u32,
    /// Honest clients that are idle.
    pub idle: usize,
    /// Hostile ones, in equal shares of each kind.
    pub hostile: usize,
}

/// What became of a siege so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Besieged {
    /// Messages of the idle that were answered as they should be.
    pub words: u64,
    /// Those that were not. A connection that the server ends counts as one.
    pub faults: Faults,
    /// What the hostile did.
    pub acts: Acts,
}

#[derive(Default)]
struct Tally {
    words: Cell<u64>,
    faults: RefCell<Faults>,
}

/// Besieges a server until stdin ends.
///
/// # Errors
/// When the idle cannot all be held, or the hostile do not get through to it.
pub async fn run(siege: Siege) -> anyhow::Result<()> {
    let tally = Tally::default();
    let shared = Hostile {
        server: siege.server,
        limit: siege.limit,
        sources: Sources::default(),
        acts: Cell::default(),
    };
    let idle = gather(siege, &shared, &tally).await?;
    let (order, lifted) = watch::channel(false);
    let hold = idle.into_iter().map(|one| one.hold(&tally, lifted.clone()));
    let hold = join_all(hold);
    let begun = Cell::new(0);
    let all_begun = Notify::new();
    let hostile = (0..siege.hostile).map(|n| {
        Kind::ALL[n % Kind::ALL.len()].go_on(&shared, || {
            begun.set(begun.get() + 1);
            if begun.get() == siege.hostile {
                all_begun.notify_one();
            }
        })
    });
    let hostile = join_all(hostile);
    let so_far = || Besieged {
        words: tally.words.get(),
        faults: tally.faults.borrow().clone(),
        acts: shared.acts.get(),
    };
    let told = async {
        if siege.hostile > 0 && timeout(limits::START, all_begun.notified()).await.is_err() {
            anyhow::bail!("of {} hostile clients {} came through", siege.hostile, begun.get());
        }
        say(STANDS)?;
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while lines.next_line().await?.is_some() {
            say(&serde_json::to_string(&so_far())?)?;
        }
        let _ = order.send(true);
        anyhow::Ok(())
    };
    // The hostile go on while the last words are said.
    let held = async {
        hold.await;
        Ok(())
    };
    tokio::select! {
        told = async { tokio::try_join!(told, held) } => drop(told?),
        _ = hostile, if siege.hostile > 0 => {}
    }
    say(&serde_json::to_string(&so_far())?)?;
    Ok(())
}

/// The idle clients, each of which has been answered: that a connection was made says only that it waits in a queue.
async fn gather(siege: Siege, shared: &Hostile, tally: &Tally) -> anyhow::Result<Vec<Idle>> {
    let all = stream::iter(0..siege.idle).map(|number| async move {
        let connected = shared.sources.connect(siege.server, None, limits::START).await;
        let stream = connected.map_err(Fault::Failed)?;
        let mut idle = Idle { stream, number, every: siege.idle, said: 0 };
        idle.say(tally).await?;
        Ok::<Idle, Fault>(idle)
    });
    let mut all = std::pin::pin!(all.buffer_unordered(AT_ONCE));
    let mut gathered = Vec::new();
    while let Some(one) = all.next().await {
        let held = gathered.len();
        let idle = siege.idle;
        gathered.push(one.map_err(|fault| {
            anyhow::anyhow!("it held {held} of {idle} idle connections: {fault}")
        })?);
    }
    Ok(gathered)
}

/// An honest client that says a word now and then.
struct Idle {
    stream: TcpStream,
    number: usize,
    /// How many of them there are, among whom the words are spread evenly.
    every: usize,
    said: u32,
}

impl Idle {
    /// Stays until the siege is lifted, and says a last word then.
    async fn hold(mut self, tally: &Tally, mut lifted: watch::Receiver<bool>) {
        if let Err(fault) = self.stay(tally, &mut lifted).await {
            tally.faults.borrow_mut().count(&fault, 1);
        }
    }

    async fn stay(
        &mut self,
        tally: &Tally,
        lifted: &mut watch::Receiver<bool>,
    ) -> Result<(), Fault> {
        let part = WORD.mul_f64((self.number + 1) as f64 / self.every as f64);
        let mut due = Instant::now() + part;
        let mut buffer = [0];
        loop {
            tokio::select! {
                biased;
                _ = lifted.wait_for(|lifted| *lifted) => return self.say(tally).await,
                () = sleep_until(due) => {
                    due += WORD;
                    self.say(tally).await?;
                }
                // Nothing is due: it is the end, or an answer to nothing.
                got = self.stream.read(&mut buffer) => {
                    return Err(if got? == 0 { Fault::Ended } else { Fault::Wrong });
                }
            }
        }
    }

    /// Says a word that nobody else says, and hears it again.
    async fn say(&mut self, tally: &Tally) -> Result<(), Fault> {
        self.said += 1;
        let word = format!("word {} of idle client {}", self.said, self.number);
        let frames = Frames::to(word.as_bytes())?;
        let said = async {
            let (mut request, mut answer) = (Requests::of(&frames), Answers::of(&frames));
            request.add(1);
            while !request.is_empty() {
                request.send(&mut self.stream).await?;
            }
            let room = RefCell::new(vec![0; 256]);
            while answer.read(&mut self.stream, &room).await? == 0 {}
            Ok(())
        };
        timeout(PATIENCE, said).await.unwrap_or(Err(Fault::Late))?;
        tally.words.set(tally.words.get() + 1);
        Ok(())
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
