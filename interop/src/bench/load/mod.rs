//! The load generator, which is a process of its own: were it a part of the harness, its costs and those of
//! the harness could not be told apart. One thread, one task for each connection.
//!
//! In a `closed` loop a connection sends the next message when an answer has come, in an `open` one when its
//! time has come. Either compares every byte of every answer with what was sent.
//!
//! It says [`MEASURING`] on stdout when the warm-up is over, [`MEASURED`] when the time is, and then, as JSON,
//! what it has [`Measured`].

mod closed;
mod frames;
mod open;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use super::cell::{Cell, Pace};
pub(super) use frames::{Answers, Frames, Requests};

/// The line that says that the warm-up is over.
pub const MEASURING: &str = "measuring";
/// The line that says that the time is over.
pub const MEASURED: &str = "measured";

/// How long an open loop waits for answers that are due when its time is over. What takes longer is told as if it
/// had come then.
pub const LAG: Duration = Duration::from_secs(2);

/// How long a generator that counts what comes to nothing waits for what is due at its end. Nobody is to be accused
/// because the machine is busy.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes. The room for one read: as ample as that of any server.
const READ: usize = 256 * 1024;

/// Nanoseconds. The longest latency that is told apart from longer ones: a minute.
const LONGEST: u64 = 60_000_000_000;

/// What a generator does.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// Under which load.
    pub cell: Cell,
    /// How long it runs before it is measured.
    pub warm_up: Duration,
    /// How long it is measured.
    pub time: Duration,
    /// It has a core to itself, so it need not sleep while a message is due soon: what wakes a sleeper is late by
    /// as much as a server takes.
    pub alone: bool,
    /// What it does about a message that comes to nothing.
    pub on_fault: OnFault,
}

/// What a generator does when a message is answered wrongly, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFault {
    /// It ends: a server that answers wrongly has no figures.
    End,
    /// It counts it and goes on over its other connections; at the end it waits for what is due. Of a closed loop.
    Count,
}

/// What a generator saw of one server under one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Answers that came while it measured, each as it should be.
    pub messages: u64,
    /// For how long it measured, in seconds.
    pub seconds: f64,
    /// For how much of that time the generator itself was at work, in seconds.
    pub at_work: f64,
    /// Time from sending a message, or in an open loop from when it was due to be sent, to its whole answer, in
    /// microseconds.
    pub latency_us: Latency,
    /// What there is to say of an open loop.
    pub open: Option<Open>,
    /// Messages that came to nothing, where they are counted.
    pub faults: Option<Faults>,
}

/// Messages that came to nothing, the warm-up included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// So many were not answered: their connection ended, or nothing came within [`PATIENCE`]
    /// of the end.
    pub lost: u64,
    /// So many were answered by something else.
    pub wrong: u64,
    /// What became of the first of them.
    pub first: Option<String>,
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// At the end of its stream.
    #[error("the server ended a connection")]
    Ended,
    /// Another byte than was due.
    #[error("an answer is not what was sent")]
    Wrong,
    /// Mostly a reset.
    #[error("the connection failed: {0}")]
    Failed(#[from] io::Error),
    /// Nothing came.
    #[error("an answer did not come in time")]
    Late,
}

impl Faults {
    /// Counts what becomes of so many messages that were on their way over one connection.
    pub(super) fn count(&mut self, fault: &Fault, on_the_way: usize) {
        if on_the_way == 0 {
            return;
        }
        let wrong = u64::from(matches!(fault, Fault::Wrong));
        self.wrong += wrong;
        self.lost += on_the_way as u64 - wrong;
        self.first.get_or_insert_with(|| fault.to_string());
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.lost + self.wrong
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.lost += other.lost;
        self.wrong += other.wrong;
        self.first = self.first.or_else(|| other.first.clone());
        self
    }
}

/// How an open loop went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Messages that were due to be sent in that time.
    pub due: u64,
    /// Those of them that had no answer when the generator gave up.
    pub unanswered: u64,
    /// How much later than due the generator itself sent them, in microseconds.
    pub late_us: Latency,
}

/// How long something took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of percentiles say what they are")]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// Drives a server, and tells on stdout.
///
/// # Errors
/// When a connection fails, ends, or carries another answer than was due.
pub async fn run(server: SocketAddr, job: Job) -> anyhow::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..job.cell.connections {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let measured = match job.cell.pace {
        Pace::Depth(depth) => closed::drive(streams, depth, job).await?,
        Pace::Rate(rate) => open::drive(streams, rate, job).await?,
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Durations, by how many were how long.
struct Durations(Histogram<u64>);

impl Durations {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST, 3)?))
    }

    fn note(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(LONGEST));
    }

    fn latency(&self) -> Latency {
        let microseconds = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Latency {
            p50: microseconds(0.5),
            p90: microseconds(0.9),
            p99: microseconds(0.99),
            p999: microseconds(0.999),
            max: self.0.max() as f64 / 1000.0,
        }
    }
}

/// The time that is measured, told to whoever reads our stdout.
struct Watch {
    begun: Instant,
    worked: Duration,
}

impl Watch {
    fn start() -> io::Result<Self> {
        say(MEASURING)?;
        Ok(Self { begun: Instant::now(), worked: processor_time() })
    }

    /// How long it took, and for how long of that we were at work, in seconds.
    fn stop(self) -> io::Result<(f64, f64)> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let at_work = processor_time().saturating_sub(self.worked).as_secs_f64();
        say(MEASURED)?;
        Ok((seconds, at_work))
    }
}

fn say(word: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}")?;
    out.flush()
}

/// The processor time of this process so far; zero where the system does not tell.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
