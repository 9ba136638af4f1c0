//! A program without a mistake: the measure by which a failure of its mutants means anything.

use std::time::Duration;

use serde::Serialize;

use crate::model::names::{CaseId, Level, PeerName, Role};
use crate::model::outcome::Outcome;
use crate::model::protocol::{Protocol, as_text};
use crate::peer::mutants::Mutant;
use crate::peer::registry::Peer;
use crate::runner::event::CaseResult;

/// A program without a mistake, in one role and protocol.
#[derive(Debug, Clone, Serialize)]
pub struct Baseline {
    /// Its name.
    pub peer: PeerName,
    /// The role that it played.
    pub role: Role,
    /// What it spoke.
    #[serde(serialize_with = "as_text")]
    pub protocol: Protocol,
    /// What became of it: the worst of its cases.
    pub outcome: Outcome,
    /// How many cases it played.
    pub cases: usize,
    /// The musts and shoulds that fail.
    pub failed: Vec<Failed>,
    /// Why cases could not be played, or the program cannot run here; without repetition.
    pub unplayed: Vec<String>,
    /// How long its cases took, in microseconds.
    #[serde(rename = "duration_us", with = "crate::model::micros")]
    pub duration: Duration,
}

/// A case that a program without a mistake fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Which.
    pub case: CaseId,
    /// What was found.
    pub summary: String,
}

impl Baseline {
    /// Judges a program by its results, in each protocol that it spoke in this role.
    pub(super) fn judge_all(base: &Peer, role: Role, results: &[&CaseResult]) -> Vec<Self> {
        let mut protocols: Vec<Protocol> = Vec::new();
        for result in results {
            if !protocols.contains(&result.protocol()) {
                protocols.push(result.protocol());
            }
        }
        let judge = |protocol| {
            let of_protocol = results.iter().filter(|result| result.protocol() == protocol);
            Self::judge(base, role, protocol, &of_protocol.copied().collect::<Vec<_>>())
        };
        protocols.into_iter().map(judge).collect()
    }

    fn judge(base: &Peer, role: Role, protocol: Protocol, results: &[&CaseResult]) -> Self {
        let of = |outcome| results.iter().filter(move |result| result.outcome == outcome);
        let binding = of(Outcome::Fail).filter(|result| result.level != Level::Info);
        let failed: Vec<Failed> = binding
            .map(|result| Failed { case: result.case.clone(), summary: result.summary.clone() })
            .collect();
        let worst_first = [Outcome::Error, Outcome::Skipped, Outcome::Unsupported];
        let outcome = match worst_first.into_iter().find(|outcome| of(*outcome).next().is_some()) {
            _ if !failed.is_empty() => Outcome::Fail,
            Some(outcome) => outcome,
            None => Outcome::Pass,
        };
        let mut unplayed: Vec<String> =
            worst_first.into_iter().flat_map(of).map(|result| result.summary.clone()).collect();
        unplayed.sort();
        unplayed.dedup();
        Self {
            peer: base.name().clone(),
            role,
            protocol,
            outcome,
            cases: results.len(),
            failed,
            unplayed,
            duration: results.iter().map(|result| result.duration_us).sum(),
        }
    }

    /// Whether it is what this mutant is without its mistake.
    pub(super) fn measures(&self, mutant: &Mutant, role: Role) -> bool {
        self.peer == mutant.base && self.role == role && self.protocol == mutant.protocol
    }

    /// Whether it fails this case.
    pub(super) fn fails(&self, case: &CaseId) -> bool {
        self.failed.iter().any(|failed| failed.case == *case)
    }
}
