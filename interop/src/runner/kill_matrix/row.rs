//! One mutant in one role: whether it was found, by which cases, and for the right reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::Asked;
use crate::model::names::{CaseId, Level, PeerName, Role};
use crate::model::outcome::{Blame, Outcome};
use crate::model::protocol::{Protocol, as_text};
use crate::peer::mutants::Mutant;
use crate::runner::event::CaseResult;

/// What became of a mutant, the first that is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Its program cannot run here.
    Skipped,
    /// A case could not be played, so that nothing can be said.
    Error,
    /// The cases that have to find it were not asked for, or the run was interrupted.
    Unjudged,
    /// No must and no should fails: the mistake would pass.
    Survived,
    /// A case that has to find it does not.
    Missed,
    /// It is found, and none of the diagnoses names the mistake.
    Misdiagnosed,
    /// It is found, and somebody else is blamed for it.
    Misblamed,
    /// It is found as it has to be.
    Caught,
}

/// A mutant in one role.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its switch.
    pub switch: PeerName,
    /// The role that it played.
    pub role: Role,
    /// The program that makes the mistake.
    pub peer: PeerName,
    /// What it spoke.
    #[serde(serialize_with = "as_text")]
    pub protocol: Protocol,
    /// The mistake, in words.
    pub what: String,
    /// What became of it.
    pub outcome: Verdict,
    /// The cases that fail, those first that have to.
    pub killed_by: Vec<CaseId>,
    /// The cases that have to fail and do not.
    pub missed: Vec<CaseId>,
    /// What the failures were diagnosed as, without repetition.
    pub diagnoses: Vec<String>,
    /// The text that one of them has to contain.
    pub expected_diagnosis: Option<String>,
    /// The failures that blame somebody else.
    pub misblamed: Vec<Misblame>,
    /// Why cases could not be played, or the program cannot run here; without repetition.
    pub unplayed: Vec<String>,
    /// How long its cases took, in microseconds.
    #[serde(rename = "duration_us", with = "crate::model::micros")]
    pub duration: Duration,
    /// The cases that have to fail, of those that were asked for.
    #[serde(skip)]
    pub listed: Vec<CaseId>,
    /// The worst that each case came to, over the protocols that it speaks.
    #[serde(skip)]
    pub outcomes: BTreeMap<CaseId, Outcome>,
}

/// A failure that blames somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misblame {
    /// Of which case.
    pub case: CaseId,
    /// Whom.
    pub blame: Option<Blame>,
}

/// The name of the peer that was under test on its own.
pub(super) fn who(result: &CaseResult) -> Option<&str> {
    result.server.as_ref().or(result.client.as_ref()).map(PeerName::as_str)
}

impl Verdict {
    /// Whether the harness, or the list, has to be changed because of it.
    #[must_use]
    pub const fn is_a_fault(self) -> bool {
        matches!(self, Self::Survived | Self::Missed | Self::Misdiagnosed | Self::Misblamed)
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Error => "error",
            Self::Unjudged => "not judged",
            Self::Survived => "survived",
            Self::Missed => "missed",
            Self::Misdiagnosed => "misdiagnosed",
            Self::Misblamed => "misblamed",
            Self::Caught => "caught",
        }
    }
}

impl Row {
    /// Judges a mutant by its results; `None` when it does not play this role. `asked` names one role.
    pub(super) fn judge(
        mutant: &Mutant,
        asked: Asked<'_>,
        results: &[&CaseResult],
        interrupted: bool,
    ) -> Option<Self> {
        let role = *asked.roles.first()?;
        let all_listed = mutant.listed.get(&role)?;
        let is_asked = |id: &&CaseId| asked.cases.iter().any(|it| it.role == role && it.id == **id);
        let listed: Vec<CaseId> = all_listed.iter().filter(is_asked).cloned().collect();

        let mut outcomes: BTreeMap<CaseId, Outcome> = BTreeMap::new();
        for result in results {
            let worst = outcomes.entry(result.case.clone()).or_insert(result.outcome);
            *worst = worse(*worst, result.outcome);
        }
        let failures = || results.iter().filter(|result| result.outcome == Outcome::Fail);
        let fails = |id: &CaseId| outcomes.get(id) == Some(&Outcome::Fail);
        let (mut killed_by, missed): (Vec<CaseId>, Vec<CaseId>) =
            listed.iter().cloned().partition(fails);
        killed_by.extend(outcomes.keys().filter(|id| fails(id) && !listed.contains(id)).cloned());
        let diagnoses: BTreeSet<&String> =
            failures().filter_map(|result| result.diagnosis.as_ref()).collect();
        let own = if role == Role::Server { Blame::Server } else { Blame::Client };
        let blames_another = |result: &&&CaseResult| result.blame != Some(own);
        let misblamed = failures().filter(blames_another);
        let misblamed = misblamed
            .map(|result| Misblame { case: result.case.clone(), blame: result.blame })
            .collect();
        let not_played = |result: &&&CaseResult| {
            matches!(result.outcome, Outcome::Error | Outcome::Skipped | Outcome::Unsupported)
        };
        let unplayed: BTreeSet<&String> =
            results.iter().filter(not_played).map(|result| &result.summary).collect();

        let mut row = Self {
            switch: mutant.switch.clone(),
            role,
            peer: mutant.base.clone(),
            protocol: mutant.protocol,
            what: mutant.what.clone(),
            outcome: Verdict::Caught,
            killed_by,
            missed,
            diagnoses: diagnoses.into_iter().cloned().collect(),
            expected_diagnosis: mutant.diagnosis.clone(),
            misblamed,
            unplayed: unplayed.into_iter().cloned().collect(),
            duration: results.iter().map(|result| result.duration_us).sum(),
            listed,
            outcomes,
        };
        // Some mistakes are smells, which cases of level info are listed for.
        let counts =
            |result: &&CaseResult| result.level != Level::Info || row.listed.contains(&result.case);
        let binds = failures().any(counts);
        let all_are_asked = row.listed.len() == all_listed.len();
        row.outcome = row.verdict(binds, all_are_asked, interrupted);
        Some(row)
    }

    fn verdict(&self, binds: bool, all_are_asked: bool, interrupted: bool) -> Verdict {
        let came_to = |outcome| self.outcomes.values().any(|it| *it == outcome);
        let unknown = |id: &CaseId| !self.outcomes.contains_key(id);
        let named = self.expected_diagnosis.as_ref().is_none_or(|text| {
            self.diagnoses.iter().any(|diagnosis| diagnosis.contains(text.as_str()))
        });
        match self {
            _ if came_to(Outcome::Skipped) => Verdict::Skipped,
            _ if came_to(Outcome::Error) => Verdict::Error,
            _ if interrupted && self.missed.iter().any(unknown) => Verdict::Unjudged,
            _ if self.listed.is_empty() => Verdict::Unjudged,
            _ if !binds && all_are_asked => Verdict::Survived,
            _ if !self.missed.is_empty() => Verdict::Missed,
            _ if !named && all_are_asked => Verdict::Misdiagnosed,
            _ if !self.misblamed.is_empty() => Verdict::Misblamed,
            _ => Verdict::Caught,
        }
    }

    /// Whether nothing can be said of the cases that have to find it.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.outcome, Verdict::Skipped | Verdict::Error | Verdict::Unjudged)
    }
}

fn worse(one: Outcome, other: Outcome) -> Outcome {
    let rank = |outcome| match outcome {
        Outcome::Error => 4,
        Outcome::Fail => 3,
        Outcome::Skipped => 2,
        Outcome::Unsupported => 1,
        Outcome::Known | Outcome::Pass => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}
