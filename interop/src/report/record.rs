//! All that a run told, in the promised order: what every report that is written at the end is made of, and
//! the JSON document.

use std::fmt;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reporter;
use crate::model::names::{CaseId, PeerName};
use crate::model::outcome::Outcome;
use crate::runner::shard::Shard;
use crate::runner::{CaseResult, Event, Summary};

/// The version of the shape of JSON documents.
pub const SCHEMA_VERSION: u32 = 1;

/// A run that is over. As JSON it is the document that `--format json` writes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Same seed, same run.
    pub seed: u64,
    /// Which part of a run it is, where it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<Shard>,
    /// In the order of server, client, case.
    pub results: Vec<CaseResult>,
    /// What they come to.
    pub summary: Summary,
}

/// What is wrong with a run beside its cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it is about, in a word or a path.
    pub name: String,
    /// What is wrong, in one sentence.
    pub what: String,
}

/// Writes a record in some form.
pub type WriteAs = fn(&Record, &mut dyn Write) -> io::Result<()>;

/// Collects a record, and writes it when the run is over.
pub struct AtEnd<W> {
    out: W,
    write: WriteAs,
    record: Record,
}

impl Default for Record {
    fn default() -> Self {
        let summary = Summary::default();
        Self { schema_version: SCHEMA_VERSION, seed: 0, shard: None, results: Vec::new(), summary }
    }
}

impl Record {
    /// What keeps the run from being as expected although no case says so: declared deviations that are none,
    /// an interruption, cases of which nothing was told.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for stale in &self.summary.stale {
            let name = format!("{} [{}.known] \"{}\"", stale.peer, stale.section, stale.pattern);
            troubles.push(Trouble { name, what: format!("stale: {}", stale.problem) });
        }
        let told = self.results.iter().filter(|result| result.outcome == Outcome::Error).count();
        let lost = self.summary.error.saturating_sub(told);
        if lost > 0 {
            let what = format!("nothing was told of {}", super::words::counted(lost, "case"));
            troubles.push(Trouble { name: "run".to_owned(), what });
        }
        if self.summary.interrupted {
            let what = "the run was interrupted: cases are missing".to_owned();
            troubles.push(Trouble { name: "run".to_owned(), what });
        }
        troubles
    }

    /// Adds another part of the same run, which was played beside this one.
    pub fn add(&mut self, other: Self) {
        self.results.extend(other.results);
        self.results.sort_by_cached_key(key);
        let (sum, part) = (&mut self.summary, other.summary);
        sum.pass += part.pass;
        sum.fail += part.fail;
        sum.fail_must += part.fail_must;
        sum.fail_should += part.fail_should;
        sum.known += part.known;
        sum.skipped += part.skipped;
        sum.unsupported += part.unsupported;
        sum.error += part.error;
        for stale in part.stale {
            if !sum.stale.contains(&stale) {
                sum.stale.push(stale);
            }
        }
        sum.stopped |= part.stopped;
        sum.interrupted |= part.interrupted;
        sum.duration = sum.duration.max(part.duration);
    }

    /// Takes an event in.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Planned { seed, shard, .. } => (self.seed, self.shard) = (*seed, *shard),
            Event::CaseFinished(result) => self.results.push((**result).clone()),
            Event::UnitStarted { .. } | Event::UnitFinished(_) => {}
            Event::Finished(summary) => {
                self.results.sort_by_cached_key(key);
                self.summary = summary.clone();
            }
        }
    }
}

/// What a result is of: server, client, case, which is the order that is promised, and what was spoken.
pub type Key = (Option<PeerName>, Option<PeerName>, CaseId, String);

/// What a result is of.
#[must_use]
pub fn key(result: &CaseResult) -> Key {
    let (server, client) = (result.server.clone(), result.client.clone());
    (server, client, result.case.clone(), result.protocol().to_string())
}

impl<W: Write> AtEnd<W> {
    /// Writes to `out` by `write`.
    pub fn new(out: W, write: WriteAs) -> Self {
        Self { out, write, record: Record::default() }
    }
}

impl<W> fmt::Debug for AtEnd<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtEnd").field("results", &self.record.results.len()).finish_non_exhaustive()
    }
}

impl<W: Write> Reporter for AtEnd<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.record.take(event);
        if matches!(event, Event::Finished(_)) {
            (self.write)(&self.record, &mut self.out)?;
            self.out.flush()?;
        }
        Ok(())
    }
}
