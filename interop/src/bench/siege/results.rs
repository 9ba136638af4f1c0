//! What sieges came to. The JSON is a contract: keys are added, none is taken away.

use serde::Serialize;

use super::hostile::Acts;
use super::soak::Soak;
use super::{Course, Force};
use crate::bench::cell::Cell;
use crate::bench::compare::{Figures, Ratio, Round};
use crate::bench::cores::Cores;
use crate::bench::load::Faults;
use crate::bench::results::{LeftOut, doubts};
use crate::bench::rounds::Plan;

/// Sieges that are over.
#[derive(Debug, Serialize)]
pub struct Sieges {
    /// Of this document.
    pub schema_version: u8,
    /// How often each server was measured in the quiet, and as often under siege; of a soak, once.
    pub rounds: usize,
    /// How long each round was measured, in seconds.
    pub seconds: f64,
    /// Honest clients that were idle.
    pub idle: usize,
    /// Honest clients that were busy, and with what.
    pub busy: Cell,
    /// Hostile ones.
    pub hostile: usize,
    /// Where servers and generator ran; none where the system chose.
    pub cores: Option<Cores>,
    /// What makes all figures doubtful.
    pub doubts: Vec<String>,
    /// Who could not take part.
    pub left_out: Vec<LeftOut>,
    /// By server.
    pub results: Vec<Stand>,
}

/// How one server stood it.
#[derive(Debug, Serialize)]
pub struct Stand {
    /// Which.
    pub server: String,
    /// What it should not have done; empty when it stood it.
    pub failures: Vec<String>,
    /// Honest messages that came to nothing, in the quiet and under siege.
    pub faults: Faults,
    /// Messages of the idle that were answered as they should be.
    pub words: u64,
    /// The busy alone.
    pub quiet: Figures,
    /// The busy under siege.
    pub siege: Figures,
    /// What became of it under siege, as a ratio to the quiet case.
    pub ratios: Ratios,
    /// Its memory.
    pub memory: Memory,
    /// Its descriptors.
    pub descriptors: Descriptors,
    /// What the hostile did.
    pub hostile: Acts,
    /// What was seen from part to part, of a soak.
    pub soak: Option<Soak>,
}

/// The siege by the quiet case.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratios {
    /// Of the median latency.
    pub p50: Ratio,
    /// Of the 99th percentile.
    pub p99: Ratio,
    /// Of processor time a message. What the idle and the hostile cost is in it.
    pub processor: Ratio,
}

/// A server's memory, in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Memory {
    /// Before anybody came.
    pub before: u64,
    /// The most at any time.
    pub most: u64,
    /// What the most is more than before, by all connections of the siege.
    pub per_connection: f64,
}

/// A server's open descriptors.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Descriptors {
    /// Before anybody came, one client aside.
    pub before: usize,
    /// While all connections stood.
    pub most: usize,
    /// When all of them were closed.
    pub after: usize,
}

impl Sieges {
    /// What these courses came to.
    #[must_use]
    pub fn of(
        stands: Vec<Stand>,
        left_out: Vec<LeftOut>,
        force: Force,
        plan: &Plan,
        pin: bool,
    ) -> Self {
        Self {
            schema_version: 1,
            rounds: plan.rounds,
            seconds: plan.time.as_secs_f64(),
            idle: force.idle,
            busy: force.busy,
            hostile: force.hostile,
            cores: plan.cores,
            doubts: doubts(plan, pin),
            left_out,
            results: stands,
        }
    }

    /// Whether every server stood it.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.results.iter().all(|stand| stand.failures.is_empty())
    }
}

impl Stand {
    /// How a server stood it: `most_memory` is what a connection may take, in bytes, if that was said.
    #[must_use]
    pub fn of(course: &Course, force: Force, most_memory: Option<u64>, soak: Option<Soak>) -> Self {
        let Course { quiet, siege, before, after, besieged, .. } = course;
        let rounds = || quiet.iter().chain(siege);
        let busy = rounds().filter_map(|round| round.measured.faults.as_ref());
        let faults = busy.fold(besieged.faults.clone(), |all, one| all.and(one));
        let most = course.peak.max(before.resident);
        let memory = Memory {
            before: before.resident,
            most,
            per_connection: (most - before.resident) as f64 / force.connections().max(1) as f64,
        };
        let descriptors = Descriptors {
            before: before.descriptors,
            most: rounds().map(|round| round.used.descriptors).max().unwrap_or_default(),
            after: after.descriptors,
        };
        let mut stand = Self {
            server: course.contestant.name(),
            failures: Vec::new(),
            faults,
            words: besieged.words,
            quiet: Figures::of(quiet, force.busy),
            siege: Figures::of(siege, force.busy),
            ratios: Ratios::of(siege, quiet),
            memory,
            descriptors,
            hostile: besieged.acts,
            soak,
        };
        stand.failures.extend(course.contestant.exit().map(|exit| format!("the server {exit}")));
        stand.failures.extend(course.broken.as_ref().map(ToString::to_string));
        stand.failures.extend(stand.failures_of_figures(most_memory));
        stand
    }

    fn failures_of_figures(&self, most_memory: Option<u64>) -> Vec<String> {
        let mut failures = Vec::new();
        let Faults { lost, wrong, first } = &self.faults;
        if self.faults.all() > 0 {
            let first = first.as_deref().unwrap_or_default();
            failures.push(format!(
                "{lost} honest messages were lost and {wrong} answered wrongly; the first: {first}"
            ));
        }
        let left = self.descriptors.after.saturating_sub(self.descriptors.before);
        if left > 0 {
            failures.push(format!("{left} descriptors are open that were not before"));
        }
        if let Some(most) = most_memory.filter(|most| self.memory.per_connection > *most as f64) {
            failures.push(format!(
                "it took {:.0} bytes of memory for each connection, where {most} were to be the most",
                self.memory.per_connection
            ));
        }
        let growth = self.soak.as_ref().map(|soak| soak.growth);
        failures
            .extend(growth.filter(|growth| growth.is_growth()).map(|growth| growth.to_string()));
        failures
    }
}

impl Ratios {
    fn of(siege: &[Round], quiet: &[Round]) -> Self {
        Self {
            p50: Ratio::of_latency(siege, quiet, |latency| latency.p50),
            p99: Ratio::of_latency(siege, quiet, |latency| latency.p99),
            processor: Ratio::of_processor_time(siege, quiet),
        }
    }
}
