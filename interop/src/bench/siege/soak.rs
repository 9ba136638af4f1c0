//! A siege that is held for long, with a look at the server at fixed times: whether it loses nothing, comes back to
//! what it was, and takes no more memory the longer it lasts.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::growth::Growth;
use super::{Besiegers, Course, Force, SiegeError};
use crate::bench::compare::Round;
use crate::bench::load::Faults;
use crate::bench::rounds::Plan;

/// What was seen in one part of a soak, with all connections standing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Seconds since the siege began, at its end; none where the busy were alone, before and after it.
    pub at: Option<f64>,
    /// Messages of the busy that were answered.
    pub messages: u64,
    /// Messages of the idle that were, since the siege began.
    pub words: u64,
    /// Honest messages that came to nothing, in this part.
    pub faults: u64,
    /// Latency of the busy, in microseconds: the median.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// The longest.
    pub max_us: f64,
    /// The server's processor time a message of the busy, in nanoseconds.
    pub processor_ns: f64,
    /// The server's memory, in bytes.
    pub memory: u64,
    /// Its open descriptors.
    pub descriptors: usize,
}

/// The parts of a soak, and what they say of the server's memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Soak {
    /// Before, under siege, and after.
    pub parts: Vec<Part>,
    /// Of those under siege.
    pub growth: Growth,
}

impl Part {
    fn of(round: &Round, at: Option<Duration>, words: u64, faults: u64) -> Self {
        let latency = round.measured.latency_us;
        let own = round.measured.faults.as_ref().map_or(0, Faults::all);
        Self {
            at: at.map(|at| at.as_secs_f64()),
            messages: round.measured.messages,
            words,
            faults: own + faults,
            p50_us: latency.p50,
            p99_us: latency.p99,
            max_us: latency.max,
            processor_ns: round.processor_ns(),
            memory: round.used.resident,
            descriptors: round.used.descriptors,
        }
    }
}

/// Besieges a server for so long, in parts of a round's time. A server that fails has no more parts, and its course says why.
///
/// # Errors
/// When generator or besiegers cannot be run, or the siege does not come about.
pub async fn hold(
    course: &mut Course,
    force: Force,
    plan: &Plan,
    lasting: Duration,
    tell: impl Fn(&Part),
) -> Result<Soak, SiegeError> {
    let mut parts = Vec::new();
    let mut note = |part: Part| {
        tell(&part);
        parts.push(part);
    };
    course.alone(force, plan).await?;
    note(Part::of(&course.quiet[0], None, 0, 0));
    let mut besiegers = Besiegers::lay(&course.contestant, force, plan).await?;
    let begun = Instant::now();
    let mut seen = 0;
    let count = lasting.div_duration_f64(plan.time).ceil();
    while (course.siege.len() as f64) < count && course.broken.is_none() {
        match course.besieged_by(&mut besiegers, force, plan).await {
            Ok(()) => {}
            Err(e) if e.is_ours() => return Err(e),
            Err(e) => course.broken = Some(e),
        }
        if course.broken.is_none() {
            let so_far = besiegers.ask().await?;
            let faults = so_far.faults.all() - seen;
            seen += faults;
            let round = &course.siege[course.siege.len() - 1];
            note(Part::of(round, Some(begun.elapsed()), so_far.words, faults));
        }
    }
    course.besieged = besiegers.lift().await?;
    course.come_back().await;
    if course.broken.is_none() {
        match course.alone(force, plan).await {
            Ok(()) => note(Part::of(&course.quiet[1], None, 0, 0)),
            Err(e) if e.is_ours() => return Err(e),
            Err(e) => course.broken = Some(e),
        }
    }
    let memory = parts.iter().filter(|part| part.at.is_some()).map(|part| part.memory as f64);
    let growth = Growth::of(&memory.collect::<Vec<_>>());
    Ok(Soak { parts, growth })
}
