//! The whole matrix: mutants down, cases across by number, in bands as wide as the line.

use std::fmt::Write as _;

use anstyle::Style;

use super::{Look, mark, style};
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::report::mark::{self as marks, Charset};
use crate::report::words::clip;
use crate::runner::kill_matrix::KillMatrix;
use crate::runner::kill_matrix::coverage::CaseRow;
use crate::runner::kill_matrix::row::Row;

/// The longest switch that is not cut.
const SWITCH: usize = 28;
/// The shortest that has room for the title above them.
const TITLE: usize = 8;
/// Columns stand in groups of so many, to be counted.
const GROUP: usize = 5;

/// What stands where a mutant meets a case.
#[derive(Clone, Copy)]
struct Cell {
    unicode: char,
    ascii: char,
    outcome: Outcome,
    words: &'static str,
}

const FOUND: Cell = cell('●', 'X', Outcome::Pass, "finds it, as it has to");
const ALSO: Cell = cell('○', 'x', Outcome::Pass, "finds it too");
const MISSED: Cell = cell('✗', 'o', Outcome::Fail, "has to find it and does not");
const PASSED: Cell = cell('·', '.', Outcome::Skipped, "passes");
const ERROR: Cell = cell('!', '!', Outcome::Error, "could not be played");
const ABSENT: Cell = cell(' ', ' ', Outcome::Skipped, "was not played");

const fn cell(unicode: char, ascii: char, outcome: Outcome, words: &'static str) -> Cell {
    Cell { unicode, ascii, outcome, words }
}

/// The grids, one for each role, and what the numbers and signs mean.
pub(super) fn draw(matrix: &KillMatrix, look: &Look) -> String {
    let mut text = String::new();
    for of_role in matrix.mutants.chunk_by(|one, other| one.role == other.role) {
        let role = of_role[0].role;
        let cases: Vec<&CaseRow> = matrix.cases.iter().filter(|row| row.role == role).collect();
        let longest = of_role.iter().map(|row| row.switch.as_str().len()).max();
        let switch = longest.unwrap_or_default().clamp(TITLE, SWITCH);
        let label = switch + if look.charset == Charset::Unicode { 3 } else { 5 };
        // A band is so many whole groups, each with a space behind it.
        let groups = (look.width.saturating_sub(label) / (GROUP + 1)).max(1);
        for (nth, band) in cases.chunks(groups * GROUP).enumerate() {
            let first = nth * groups * GROUP + 1;
            head(&mut text, &format!("{role}s"), label, first..first + band.len());
            for row in of_role {
                let colour = style(row.outcome);
                let sign = mark(row.outcome, look.charset);
                let name = clip(row.switch.as_str(), switch);
                let cells: Vec<String> =
                    band.iter().map(|case| Cell::of(row, case).show(look.charset)).collect();
                let cells: Vec<String> = cells.chunks(GROUP).map(<[String]>::concat).collect();
                let _ = writeln!(
                    text,
                    "{colour}{sign}{colour:#} {name:<switch$} {}",
                    cells.join(" ").trim_end()
                );
            }
            text.push('\n');
        }
        legend(&mut text, &cases, look.width);
    }
    let cells = [FOUND, ALSO, MISSED, PASSED, ERROR];
    let words = cells.map(|cell| format!("{} {}", cell.show(look.charset), cell.words));
    let _ = writeln!(text, "{}\n", words.join("  "));
    text
}

/// The cases' numbers, from top to bottom.
fn head(text: &mut String, title: &str, label: usize, numbers: std::ops::Range<usize>) {
    let bold = Style::new().bold();
    for (line, unit) in [100, 10, 1].into_iter().enumerate() {
        if numbers.end <= unit {
            continue;
        }
        let digit = |number: usize| match number {
            number if number < unit => ' ',
            number => char::from_digit((number / unit % 10) as u32, 10).unwrap_or(' '),
        };
        let digits: Vec<char> = numbers.clone().map(digit).collect();
        let digits: Vec<String> = digits.chunks(GROUP).map(String::from_iter).collect();
        let title = if line == 2 { title } else { "" };
        let _ = writeln!(text, "{bold}{title:<label$}{bold:#}{}", digits.join(" ").trim_end());
    }
}

/// Which number is which case, in as many columns as there is room for.
fn legend(text: &mut String, cases: &[&CaseRow], width: usize) {
    let longest = cases.iter().map(|row| row.case.as_str().len()).max().unwrap_or_default();
    let column = 4 + longest + 2;
    let columns = (width / column).max(1);
    let lines = cases.len().div_ceil(columns);
    for line in 0..lines {
        let entries = (line..cases.len()).step_by(lines);
        let entry = |at: usize| format!("{:>3} {:<longest$}", at + 1, cases[at].case);
        let entries: Vec<String> = entries.map(entry).collect();
        let _ = writeln!(text, "{}", entries.join("  ").trim_end());
    }
    text.push('\n');
}

impl Cell {
    fn of(row: &Row, case: &CaseRow) -> Self {
        let listed = row.listed.contains(&case.case);
        match row.outcomes.get(&case.case) {
            Some(Outcome::Fail) if listed => FOUND,
            Some(Outcome::Fail) => ALSO,
            Some(Outcome::Error) => ERROR,
            Some(Outcome::Pass | Outcome::Known) if listed => MISSED,
            Some(Outcome::Pass | Outcome::Known) => PASSED,
            Some(Outcome::Skipped | Outcome::Unsupported) | None => ABSENT,
        }
    }

    fn show(self, charset: Charset) -> String {
        let sign = match charset {
            Charset::Unicode => self.unicode,
            Charset::Ascii => self.ascii,
        };
        let style = marks::style(self.outcome, Level::Must);
        format!("{style}{sign}{style:#}")
    }
}
