//! Two runs side by side: what fails that did not, what does not any more, what fails for another reason.

use std::collections::BTreeMap;
use std::fmt;

use anstyle::Style;
use serde::Serialize;

use super::mark::{Charset, style};
use super::record::{Key, Record, key};
use super::words::counted;
use super::{failure, plain};
use crate::model::names::{Level, PeerName};
use crate::model::outcome::Outcome;
use crate::runner::CaseResult;

/// What is different in a newer run.
#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    /// What fails, or is an error, and did not fail before or was not played.
    pub new_failures: Vec<Difference>,
    /// What failed, or was an error, and passes.
    pub fixed: Vec<Difference>,
    /// What fails as before, and for another reason.
    pub changed: Vec<Difference>,
    /// What failed before and is not played any more, for whatever reason.
    pub gone: Vec<Difference>,
    /// How many results are the same.
    pub same: usize,
}

/// One case with the same peers in both runs.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The case, with the protocol where that is not the default.
    pub case: String,
    /// The server peer.
    pub server: Option<PeerName>,
    /// The client peer.
    pub client: Option<PeerName>,
    /// How much it binds.
    pub level: Level,
    /// What it came to in the newer run, or else in the older.
    pub outcome: Outcome,
    /// What was wrong in the older run, if anything.
    pub before: Option<String>,
    /// What is wrong in the newer run, if anything.
    pub now: Option<String>,
}

impl Comparison {
    /// Compares an older run with a newer one.
    #[must_use]
    pub fn of(old: &Record, new: &Record) -> Self {
        let mut before: BTreeMap<Key, &CaseResult> =
            old.results.iter().map(|result| (key(result), result)).collect();
        let mut comparison = Self::default();
        for now in &new.results {
            let before = before.remove(&key(now));
            let difference = || Difference::of(before, Some(now), now);
            match (before.map(fails), fails(now)) {
                (Some(true), true) if before.is_some_and(|before| cause(before) != cause(now)) => {
                    comparison.changed.push(difference());
                }
                (None | Some(false), true) => comparison.new_failures.push(difference()),
                (Some(true), false) if now.outcome == Outcome::Pass => {
                    comparison.fixed.push(difference());
                }
                (Some(true), false) => comparison.gone.push(difference()),
                _ => comparison.same += 1,
            }
        }
        let left = before.into_values().filter(|before| fails(before));
        comparison.gone.extend(left.map(|before| Difference::of(Some(before), None, before)));
        comparison
    }

    /// Whether something fails that did not, and binds.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        let binds = |new: &Difference| new.level == Level::Must || new.outcome == Outcome::Error;
        self.new_failures.iter().any(binds)
    }
}

impl Difference {
    fn of(before: Option<&CaseResult>, now: Option<&CaseResult>, shown: &CaseResult) -> Self {
        let wrong = |result: Option<&CaseResult>| {
            result.filter(|result| fails(result)).map(plain::sentence)
        };
        Self {
            case: plain::case(shown),
            server: shown.server.clone(),
            client: shown.client.clone(),
            level: shown.level,
            outcome: shown.outcome,
            before: wrong(before),
            now: wrong(now),
        }
    }
}

const fn fails(result: &CaseResult) -> bool {
    matches!(result.outcome, Outcome::Fail | Outcome::Error)
}

/// What is compared: not the sentence, in which numbers and times differ from run to run.
fn cause(result: &CaseResult) -> (Outcome, Option<&str>, Option<String>, &str) {
    let clause = result.summary.split(':').next().unwrap_or_default();
    let blame = result.blame.map(|blame| blame.to_string());
    (result.outcome, result.diagnosis.as_deref(), blame, clause)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bold = Style::new().bold();
        let charset = Charset::of_environment();
        let lists = [
            ("fails now", &self.new_failures),
            ("fails for another reason", &self.changed),
            ("failed, and is not played or does not count any more", &self.gone),
            ("is fixed", &self.fixed),
        ];
        for (title, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(f, "{bold}{title}{bold:#} ({})", list.len())?;
            for it in list {
                let colour = style(it.outcome, it.level);
                let mark = charset.mark(it.outcome);
                let who = failure::pair(it.server.as_ref(), it.client.as_ref());
                writeln!(f, "  {colour}{mark}{colour:#} {}  {who}  ({})", it.case, it.level)?;
                for (when, what) in [("before", &it.before), ("now", &it.now)] {
                    if let Some(what) = what {
                        writeln!(f, "      {when:<7} {what}")?;
                    }
                }
            }
            writeln!(f)?;
        }
        let counts = [
            (self.new_failures.len(), "new"),
            (self.changed.len(), "changed"),
            (self.gone.len(), "gone"),
            (self.fixed.len(), "fixed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let mut counts: Vec<String> =
            counts.map(|(count, word)| format!("{count} {word}")).collect();
        counts.push(format!("{} the same", counted(self.same, "result")));
        writeln!(f, "{}", counts.join(", "))
    }
}
