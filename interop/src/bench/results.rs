//! All that a bench came to. Its JSON is a contract: keys are added, none is taken away.

use serde::Serialize;

use super::cell::Cell;
use super::compare::{ENOUGH, Figures, Ratio, Round};
use super::cores::Cores;
use super::idle::Idle;
use super::rounds::Plan;

/// A bench that is over.
#[derive(Debug, Serialize)]
pub struct Results {
    /// Of this document.
    pub schema_version: u8,
    /// The server that the others are compared with.
    pub baseline: String,
    /// How often each server had its turn under each load.
    pub rounds: usize,
    /// How long each turn was measured, in seconds.
    pub seconds: f64,
    /// Where servers and generator ran; none where the system chose.
    pub cores: Option<Cores>,
    /// What makes all figures doubtful.
    pub doubts: Vec<String>,
    /// Who could not take part.
    pub left_out: Vec<LeftOut>,
    /// Memory that an idle connection takes, where it was asked.
    pub idle: Vec<Idle>,
    /// By load, then by server.
    pub results: Vec<Row>,
}

/// A server that could not take part.
#[derive(Debug, Serialize)]
pub struct LeftOut {
    /// Which.
    pub server: String,
    /// What it lacks.
    pub why: String,
}

/// One server under one load.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The load.
    pub load: Cell,
    /// The server.
    pub server: String,
    /// Processor time a message by the baseline's; none for the baseline itself.
    pub processor_ratio: Option<Ratio>,
    /// Messages a second by the baseline's.
    pub messages_ratio: Option<Ratio>,
    /// The 99th percentile of latency by the baseline's.
    pub p99_ratio: Option<Ratio>,
    /// The figures themselves.
    pub figures: Figures,
}

impl Row {
    /// The rows of one load, of the rounds of each server.
    #[must_use]
    pub fn of(load: Cell, servers: &[String], rounds: &[Vec<Round>], baseline: &str) -> Vec<Self> {
        let base = servers.iter().zip(rounds).find(|(name, _)| *name == baseline);
        let rows = servers.iter().zip(rounds).map(|(server, rounds)| {
            let base = base.map(|(_, base)| base).filter(|_| server != baseline);
            Self {
                load,
                server: server.clone(),
                processor_ratio: base.map(|base| Ratio::of_processor_time(rounds, base)),
                messages_ratio: base.map(|base| Ratio::of_messages(rounds, base)),
                p99_ratio: base.map(|base| Ratio::of_latency(rounds, base, |latency| latency.p99)),
                figures: Figures::of(rounds, load),
            }
        });
        rows.collect()
    }
}

/// What makes all figures of a bench doubtful that is run so, where it was asked for cores of their own or not.
#[must_use]
pub fn doubts(plan: &Plan, pin: bool) -> Vec<String> {
    let mut doubts = Vec::new();
    let alone = std::thread::available_parallelism().map_or(1, usize::from) < 2;
    match plan.cores {
        _ if alone => doubts.push(
            "there is one processor alone: server and generator take it from each other".to_owned(),
        ),
        None if pin => doubts.push(
            "the system does not say on which cores we may run, so it moves server and generator"
                .to_owned(),
        ),
        Some(Cores { share: true, .. }) => doubts.push(
            "server and generator run on two threads of one core, and slow each other down"
                .to_owned(),
        ),
        _ => {}
    }
    if cfg!(debug_assertions) {
        let slow =
            "this build is not optimised, and neither are the generator and the Rust server in it";
        doubts.push(slow.to_owned());
    }
    if plan.rounds < ENOUGH {
        doubts.push("fewer than three rounds do not show how noisy they are".to_owned());
    }
    doubts
}
