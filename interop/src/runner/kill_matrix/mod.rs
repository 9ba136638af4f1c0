//! The kill matrix: which case finds which mutant. A pure function of a list of mutants and of the results
//! of a run, which is a run like any other.
//!
//! [`row`] judges one mutant in one role, [`baseline`] a program without a mistake, [`coverage`] the cases.

pub mod baseline;
pub mod coverage;
pub mod row;

use std::sync::Arc;

use serde::Serialize;

use super::event::{CaseResult, Summary};
use crate::model::case::Case;
use crate::model::names::Role;
use crate::peer::mutants::{Mutants, ROLES};

use baseline::Baseline;
use coverage::{CaseRow, StaleExcuse};
use row::{Row, Verdict};

/// What was asked of a run of mutants.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The roles.
    pub roles: &'a [Role],
    /// The cases.
    pub cases: &'a [Arc<Case>],
    /// Whether that, and the mutants, are all there are: only then can a case be said to find nothing.
    pub everything: bool,
}

/// What became of mutants, of programs without a mistake, and of cases.
#[derive(Debug, Clone, Serialize)]
pub struct KillMatrix {
    /// One for each mutant and role: servers first, in the order of the list.
    pub mutants: Vec<Row>,
    /// One for each program, role and protocol.
    pub baseline: Vec<Baseline>,
    /// One for each case and role, in the order of the catalogue.
    pub cases: Vec<CaseRow>,
    /// Excuses that excuse nothing.
    pub stale: Vec<StaleExcuse>,
    /// Whether cases that find nothing count as faults: everything was asked for and played.
    pub complete: bool,
}

impl KillMatrix {
    /// Judges a run.
    #[must_use]
    pub fn judge(
        mutants: &Mutants,
        asked: Asked<'_>,
        results: &[CaseResult],
        summary: &Summary,
    ) -> Self {
        let of = |name: &str, role: Role| -> Vec<&CaseResult> {
            let it = |result: &&CaseResult| result.role == role && row::who(result) == Some(name);
            results.iter().filter(it).collect()
        };
        let mut rows = Vec::new();
        let mut baseline: Vec<Baseline> = Vec::new();
        for role in ROLES.into_iter().filter(|role| asked.roles.contains(role)) {
            for base in &mutants.bases {
                baseline.extend(Baseline::judge_all(base, role, &of(base.name().as_str(), role)));
            }
            for mutant in &mutants.mutants {
                // What the program fails without the mistake says nothing of the mistake.
                let base = baseline.iter().find(|it| it.measures(mutant, role));
                let fails_anyway = |it: &&CaseResult| base.is_some_and(|base| base.fails(&it.case));
                let mut results = of(mutant.switch.as_str(), role);
                results.retain(|result| !fails_anyway(result));
                let asked = Asked { roles: &[role], ..asked };
                rows.extend(Row::judge(mutant, asked, &results, summary.interrupted));
            }
        }
        let cases = coverage::cases(asked, mutants, &rows);
        let stale = coverage::stale(asked, mutants, &cases);
        let complete = asked.everything && !summary.interrupted && has_played(summary);
        Self { mutants: rows, baseline, cases, stale, complete }
    }

    /// How many mutants came to this.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.mutants.iter().filter(|row| row.outcome == verdict).count()
    }

    /// The programs without a mistake that were found to make one.
    pub fn failed_baselines(&self) -> impl Iterator<Item = &Baseline> {
        self.baseline.iter().filter(|base| !base.failed.is_empty())
    }

    /// The cases that find no mutant, and have no excuse.
    pub fn cases_without_a_kill(&self) -> impl Iterator<Item = &CaseRow> {
        self.cases.iter().filter(|row| self.complete && row.is_at_fault())
    }

    /// The process's exit status, as the public contract numbers them.
    #[must_use]
    pub fn exit_code(&self, summary: &Summary) -> u8 {
        let failed = self.mutants.iter().any(|row| row.outcome.is_a_fault())
            || self.failed_baselines().next().is_some()
            || self.cases_without_a_kill().next().is_some()
            || !self.stale.is_empty();
        match summary {
            _ if summary.interrupted => 130,
            _ if failed => 1,
            _ if summary.error > 0 => 3,
            _ if summary.total() == 0 => 4,
            _ if !has_played(summary) => 77,
            _ => 0,
        }
    }
}

/// Whether any case of any peer came to a verdict.
const fn has_played(summary: &Summary) -> bool {
    summary.pass + summary.fail + summary.known > 0
}

#[cfg(test)]
mod tests;
