//! Reports: each a consumer of the runner's events, one file for each form. None knows another.

pub mod again;
mod failure;
mod hexdump;
pub mod human;
pub mod json;
mod mark;
mod matrix;
pub mod progress;
mod ruler;
pub mod selftest;
pub mod timings;
pub(crate) mod words;

use std::io;

pub(crate) use mark::style;

use crate::runner::{CaseResult, Event};

/// Shows a run, or writes it down.
pub trait Reporter {
    /// Takes one event in.
    ///
    /// # Errors
    /// When what it writes to takes no more.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}

/// Server, client, case: the order that is promised, whatever finished first.
fn sort(results: &mut [CaseResult]) {
    results.sort_by(|one, other| {
        let key = |result: &CaseResult| {
            (
                result.server.clone(),
                result.client.clone(),
                result.case.clone(),
                result.protocol().to_string(),
            )
        };
        key(one).cmp(&key(other))
    });
}
