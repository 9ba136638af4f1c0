//! The kill matrix for people and as JSON: which case finds which mistake. Not a consumer of events, since
//! nothing can be said before the run is over.
//!
//! A screen shows its last lines, so what is wrong stands behind the tables: `mutants` a line for each
//! mutant, `cases` a line for each case, on demand the `grid` of both, then `faults`, then the sum.

mod cases;
mod faults;
mod grid;
mod json;
mod mutants;

use std::fmt::Write as _;

use anstyle::Style;

pub use json::Document;

use super::mark::{self, Charset};
use super::words::{self, counted, seconds};
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::runner::Summary;
use crate::runner::kill_matrix::KillMatrix;
use crate::runner::kill_matrix::row::Verdict;

/// How a kill matrix is shown.
#[derive(Debug, Clone)]
pub struct Look {
    /// Which signs.
    pub charset: Charset,
    /// How wide a line is, in columns.
    pub width: usize,
    /// Whether the whole grid is shown.
    pub grid: bool,
    /// How the program was called, and with which mutants: what shows one of them again begins so.
    pub again: Vec<String>,
}

impl Look {
    /// In the signs of the reader's locale, as wide as his terminal.
    #[must_use]
    pub fn of_environment(grid: bool, again: Vec<String>) -> Self {
        Self { charset: Charset::of_environment(), width: words::width(), grid, again }
    }
}

/// The whole text, coloured with ANSI sequences.
#[must_use]
pub fn text(matrix: &KillMatrix, summary: &Summary, look: &Look) -> String {
    let mut text = mutants::table(matrix, look);
    text.push_str(&cases::table(matrix, look));
    if look.grid {
        text.push_str(&grid::draw(matrix, look));
    }
    text.push_str(&faults::blocks(matrix, look));
    let _ = writeln!(text, "{}", sum(matrix, summary, look.charset));
    text
}

/// What it all came to, in one line.
fn sum(matrix: &KillMatrix, summary: &Summary, charset: Charset) -> String {
    let bold = Style::new().bold();
    let in_order = [
        Verdict::Survived,
        Verdict::Missed,
        Verdict::Misdiagnosed,
        Verdict::Misblamed,
        Verdict::Error,
        Verdict::Caught,
        Verdict::Unjudged,
        Verdict::Skipped,
    ];
    let part = |verdict: Verdict| {
        let count = matrix.count(verdict);
        let style = style(verdict);
        (count > 0).then(|| format!("{style}{count} {}{style:#}", verdict.name()))
    };
    let verdicts: Vec<String> = in_order.into_iter().filter_map(part).collect();
    let mut parts = vec![format!(
        "{bold}{}{bold:#}: {}",
        counted(matrix.mutants.len(), "mutant"),
        verdicts.join(", ")
    )];
    let red = mark::style(Outcome::Fail, Level::Must);
    let wrong = |count: usize, words: &str| format!("{red}{count} {words}{red:#}");
    match (matrix.failed_baselines().count(), matrix.baseline.len()) {
        (0, all) => parts.push(counted(all, "baseline")),
        (failed, all) => {
            parts.push(wrong(failed, &format!("of {} failed", counted(all, "baseline"))))
        }
    }
    match matrix.cases_without_a_kill().count() {
        0 if matrix.complete => parts.push("every case finds one".to_owned()),
        0 => {}
        1 => parts.push(wrong(1, "case finds none")),
        idle => parts.push(wrong(idle, "cases find none")),
    }
    if !matrix.stale.is_empty() {
        parts.push(wrong(matrix.stale.len(), "stale"));
    }
    parts.push(seconds(summary.duration));
    let interrupted = if summary.interrupted { ", interrupted" } else { "" };
    format!("{}{interrupted}", parts.join(&format!(" {} ", charset.dot())))
}

/// A verdict is as good or as bad as this outcome is in a run of correct peers.
const fn as_outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Caught => Outcome::Pass,
        Verdict::Survived | Verdict::Missed | Verdict::Misdiagnosed | Verdict::Misblamed => {
            Outcome::Fail
        }
        Verdict::Error => Outcome::Error,
        Verdict::Skipped => Outcome::Skipped,
        Verdict::Unjudged => Outcome::Unsupported,
    }
}

fn style(verdict: Verdict) -> Style {
    mark::style(as_outcome(verdict), Level::Must)
}

/// The mark of a verdict, in as many columns as the widest of them.
fn mark(verdict: Verdict, charset: Charset) -> String {
    let width = match charset {
        Charset::Unicode => 1,
        Charset::Ascii => 3,
    };
    format!("{:<width$}", charset.mark(as_outcome(verdict)))
}

#[cfg(test)]
mod tests;
