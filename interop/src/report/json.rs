//! The result as JSON, for other programs. Its shape is a public contract: keys are stable.

use std::io::{self, Write};

use serde::Serialize;

use super::{Reporter, sort};
use crate::runner::{CaseResult, Event, Summary};

/// The version of the shape.
pub const SCHEMA_VERSION: u32 = 1;

/// Writes one document when the run is over.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    seed: u64,
    results: Vec<CaseResult>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    seed: u64,
    results: &'a [CaseResult],
    summary: &'a Summary,
}

impl<W: Write> Json<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, seed: 0, results: Vec::new() }
    }
}

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { seed, .. } => self.seed = *seed,
            Event::CaseFinished(result) => self.results.push((**result).clone()),
            Event::UnitFinished(_) => {}
            Event::Finished(summary) => {
                sort(&mut self.results);
                let document = Document {
                    schema_version: SCHEMA_VERSION,
                    seed: self.seed,
                    results: &self.results,
                    summary,
                };
                serde_json::to_writer_pretty(&mut self.out, &document)?;
                writeln!(self.out)?;
                self.out.flush()?;
            }
        }
        Ok(())
    }
}
