//! The result as it happens, for other programs: each line is a JSON object with the key `event`.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::Reporter;
use super::record::{Record, SCHEMA_VERSION};
use crate::model::names::PeerName;
use crate::runner::shard::Shard;
use crate::runner::{CaseResult, Event, Summary};

/// One line. The first is `planned`, the last `finished`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Line<'a> {
    /// The run begins.
    Planned {
        /// The version of the shape of all lines: the same as that of the JSON document.
        schema_version: u32,
        /// How many cases will be told of.
        cases: usize,
        /// Same seed, same run.
        seed: u64,
        /// Which part of a run it is, where it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        shard: Option<Shard>,
    },
    /// These peers begin to play.
    UnitStarted {
        /// The server peer.
        server: &'a Option<PeerName>,
        /// The client peer.
        client: &'a Option<PeerName>,
        /// What they speak, as framing and service.
        protocol: String,
    },
    /// A case has come to something: the keys of a result stand beside `event`.
    CaseFinished(&'a CaseResult),
    /// These peers have played all their cases.
    UnitFinished {
        /// The server peer.
        server: &'a Option<PeerName>,
        /// The client peer.
        client: &'a Option<PeerName>,
        /// What they spoke, as framing and service.
        protocol: String,
        /// How many cases they had to play.
        cases: usize,
    },
    /// The run is over: the keys of the summary stand beside `event`.
    Finished(&'a Summary),
}

/// Writes each event as it comes.
#[derive(Debug)]
pub struct Jsonl<W> {
    out: W,
}

impl<W: Write> Jsonl<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Reporter for Jsonl<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        line(&Line::of(event), &mut self.out)?;
        // Whoever reads along sees a line when it is written.
        self.out.flush()
    }
}

impl<'a> Line<'a> {
    const fn planned(cases: usize, seed: u64, shard: Option<Shard>) -> Self {
        Self::Planned { schema_version: SCHEMA_VERSION, cases, seed, shard }
    }

    fn of(event: &'a Event) -> Self {
        match event {
            Event::Planned { cases, seed, shard } => Self::planned(*cases, *seed, *shard),
            Event::UnitStarted { server, client, protocol } => {
                Self::UnitStarted { server, client, protocol: protocol.to_string() }
            }
            Event::CaseFinished(result) => Self::CaseFinished(result),
            Event::UnitFinished(times) => Self::UnitFinished {
                server: &times.server,
                client: &times.client,
                protocol: times.protocol.to_string(),
                cases: times.cases,
            },
            Event::Finished(summary) => Self::Finished(summary),
        }
    }
}

/// Writes a run that is over, as if it happened now; what is no part of a record is left out.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let cases = record.results.len();
    line(&Line::planned(cases, record.seed, record.shard), out)?;
    for result in &record.results {
        line(&Line::CaseFinished(result), out)?;
    }
    line(&Line::Finished(&record.summary), out)
}

fn line(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)
}
