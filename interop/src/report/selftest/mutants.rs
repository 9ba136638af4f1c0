//! A line for each mutant: what became of it, how many cases find it, and which.

use std::fmt::Write as _;

use anstyle::Style;

use super::{Look, mark, style};
use crate::model::names::CaseId;
use crate::report::words::{clip, counted, list};
use crate::runner::kill_matrix::KillMatrix;
use crate::runner::kill_matrix::row::{Row, Verdict};

/// From this width on there is a column for the diagnosis.
const WIDE: usize = 120;
/// How wide that is.
const DIAGNOSIS: usize = 42;
/// The longest switch that is not cut.
const SWITCH: usize = 32;

/// The table, a part for each role.
pub(super) fn table(matrix: &KillMatrix, look: &Look) -> String {
    let mut text = String::new();
    let length = |row: &Row| row.switch.as_str().len();
    let switch = matrix.mutants.iter().map(length).max().unwrap_or_default().min(SWITCH);
    for of_role in matrix.mutants.chunk_by(|one, other| one.role == other.role) {
        let bold = Style::new().bold();
        let title = counted(of_role.len(), &format!("wrong {}", of_role[0].role));
        let _ = writeln!(text, "{bold}{title}{bold:#}, the cases that find each");
        for row in of_role {
            let _ = writeln!(text, "{}", line(row, switch, look).trim_end());
        }
        text.push('\n');
    }
    text
}

fn line(row: &Row, switch: usize, look: &Look) -> String {
    let colour = style(row.outcome);
    let sign = mark(row.outcome, look.charset);
    let name = clip(row.switch.as_str(), switch);
    let kills = row.killed_by.len();
    let mut used = sign.chars().count() + 1 + switch + 1 + 3 + 2;
    let mut line = format!("{colour}{sign}{colour:#} {name:<switch$} {kills:>3}  ");
    if look.width >= WIDE {
        let dim = Style::new().dimmed();
        let words = clip(diagnosis(row), DIAGNOSIS);
        let _ = write!(line, "{dim}{words:<DIAGNOSIS$}{dim:#}  ");
        used += DIAGNOSIS + 2;
    }
    if row.outcome != Verdict::Caught {
        let word = row.outcome.name();
        let _ = write!(line, "{colour}{word}{colour:#}");
        line.push_str(if row.killed_by.is_empty() { "" } else { "; " });
        used += word.len() + 2;
    }
    let killers: Vec<&str> = row.killed_by.iter().map(CaseId::as_str).collect();
    line + &list(&killers, look.width.saturating_sub(used))
}

/// The one that was expected, or else any.
fn diagnosis(row: &Row) -> &str {
    let expected = |words: &&String| {
        row.expected_diagnosis.as_ref().is_some_and(|text| words.contains(text.as_str()))
    };
    let found = row.diagnoses.iter().find(expected).or(row.diagnoses.first());
    found.map_or("", String::as_str)
}
