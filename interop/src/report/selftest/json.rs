//! The kill matrix as JSON, for other programs. Its keys are stable.

use serde::Serialize;

use crate::report::record::SCHEMA_VERSION;
use crate::runner::Summary;
use crate::runner::kill_matrix::KillMatrix;

/// One document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    matrix: &'a KillMatrix,
    interrupted: bool,
    duration_us: u64,
}

impl<'a> Document<'a> {
    /// What a run of mutants came to.
    #[must_use]
    pub fn new(matrix: &'a KillMatrix, summary: &Summary) -> Self {
        let duration_us = u64::try_from(summary.duration.as_micros()).unwrap_or(u64::MAX);
        let interrupted = summary.interrupted;
        Self { schema_version: SCHEMA_VERSION, matrix, interrupted, duration_us }
    }
}
