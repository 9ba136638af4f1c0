//! The cases: how many mutants each finds. One that finds none guards against nothing that anybody knows.

use std::sync::Arc;

use serde::Serialize;

use super::Asked;
use super::row::Row;
use crate::model::case::Case;
use crate::model::names::{CaseId, Level, PeerName, Role};
use crate::peer::mutants::Mutants;

/// A case in one role.
#[derive(Debug, Clone, Serialize)]
pub struct CaseRow {
    /// The case.
    pub case: CaseId,
    /// The role that it tests.
    pub role: Role,
    /// How much it binds.
    pub level: Level,
    /// How many mutants it finds.
    pub kills: usize,
    /// Which.
    pub killed: Vec<PeerName>,
    /// Why it need not find any.
    pub excuse: Option<String>,
    /// A mutant that has to be found by it could not be judged.
    pub unjudged: bool,
}

/// An excuse that excuses nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleExcuse {
    /// Its key in the list.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl CaseRow {
    /// It finds nothing, is not excused, and every mutant that it has to find was played.
    pub(super) const fn is_at_fault(&self) -> bool {
        self.kills == 0 && self.excuse.is_none() && !self.unjudged
    }
}

/// One row for each case that was asked for.
pub(super) fn cases(asked: Asked<'_>, mutants: &Mutants, rows: &[Row]) -> Vec<CaseRow> {
    let asked_for = asked.cases.iter().filter(|case| asked.roles.contains(&case.role));
    let row = |case: &Arc<Case>| {
        let of_role = || rows.iter().filter(|row| row.role == case.role);
        let killed: Vec<PeerName> = of_role()
            .filter(|row| row.killed_by.contains(&case.id))
            .map(|row| row.switch.clone())
            .collect();
        let excuse = mutants.excuses.iter().find(|excuse| excuse.covers(case));
        CaseRow {
            case: case.id.clone(),
            role: case.role,
            level: case.level,
            kills: killed.len(),
            killed,
            excuse: excuse.map(|excuse| excuse.reason.clone()),
            unjudged: of_role().any(|row| row.is_silent() && row.listed.contains(&case.id)),
        }
    };
    asked_for.map(row).collect()
}

/// The excuses that speak of no case, or of one that does find a mutant.
pub(super) fn stale(asked: Asked<'_>, mutants: &Mutants, rows: &[CaseRow]) -> Vec<StaleExcuse> {
    let mut stale = Vec::new();
    for excuse in &mutants.excuses {
        let covered = || asked.cases.iter().filter(|case| excuse.covers(case));
        let killer = rows.iter().find(|row| {
            row.kills > 0 && covered().any(|case| case.role == row.role && case.id == row.case)
        });
        let problem = match killer {
            Some(row) => format!("{} finds {} as a {}", row.case, row.killed[0], row.role),
            None if asked.everything && covered().next().is_none() => {
                "matches no case and no clause".to_owned()
            }
            None => continue,
        };
        stale.push(StaleExcuse { key: excuse.key.clone(), problem });
    }
    stale
}
