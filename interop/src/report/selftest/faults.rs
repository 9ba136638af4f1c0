//! What is wrong with the harness, its list of mutants, or the programs without a mistake: a block each.

use std::fmt::Write as _;

use anstyle::Style;

use super::{Look, style};
use crate::model::names::{CaseId, Level, Role};
use crate::model::outcome::Outcome;
use crate::peer::mutants::ROLES;
use crate::report::mark;
use crate::report::words::{counted, fitting, list};
use crate::runner::kill_matrix::KillMatrix;
use crate::runner::kill_matrix::baseline::Baseline;
use crate::runner::kill_matrix::row::{Misblame, Row, Verdict};

/// How far a block's lines stand in.
const INDENT: usize = 4;
/// How wide the names of its lines are.
const NAME: usize = 10;

/// All blocks: what could not be played or judged first, what is wrong last.
pub(super) fn blocks(matrix: &KillMatrix, look: &Look) -> String {
    let mut text = String::new();
    skipped(&mut text, matrix, look);
    for row in matrix.mutants.iter().filter(|row| row.outcome == Verdict::Error) {
        mutant(&mut text, row, look);
    }
    for row in matrix.mutants.iter().filter(|row| row.outcome.is_a_fault()) {
        mutant(&mut text, row, look);
    }
    let is_wrong = |base: &&Baseline| matches!(base.outcome, Outcome::Fail | Outcome::Error);
    matrix.baseline.iter().filter(is_wrong).for_each(|base| baseline(&mut text, base, look));
    let red = mark::style(Outcome::Fail, Level::Must).bold();
    let cross = look.charset.mark(Outcome::Fail);
    for role in ROLES {
        idle(&mut text, matrix, role, look);
    }
    for stale in &matrix.stale {
        let _ = writeln!(
            text,
            "{red}{cross} stale{red:#}  [unkilled] \"{}\": {}",
            stale.key, stale.problem
        );
    }
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
    text
}

/// Cases that find nothing, in as many lines as they need.
fn idle(text: &mut String, matrix: &KillMatrix, role: Role, look: &Look) {
    let of_role = matrix.cases_without_a_kill().filter(|row| row.role == role);
    let mut ids: Vec<&str> = of_role.map(|row| row.case.as_str()).collect();
    if ids.is_empty() {
        return;
    }
    let red = mark::style(Outcome::Fail, Level::Must).bold();
    let cross = look.charset.mark(Outcome::Fail);
    let _ = writeln!(
        text,
        "{red}{cross} no kill{red:#}  {} of {role}s: each needs a mutant, or a reason in [unkilled]",
        counted(ids.len(), "case")
    );
    while !ids.is_empty() {
        let room = look.width.saturating_sub(INDENT + 1);
        let taken = fitting(&ids, room);
        let rest = ids.split_off(taken);
        let comma = if rest.is_empty() { "" } else { "," };
        let _ = writeln!(text, "{:INDENT$}{}{comma}", "", ids.join(", "));
        ids = rest;
    }
    text.push('\n');
}

fn mutant(text: &mut String, row: &Row, look: &Look) {
    let colour = style(row.outcome).bold();
    let bold = Style::new().bold();
    let sign = super::mark(row.outcome, look.charset);
    let _ = writeln!(
        text,
        "{colour}{} {}{colour:#}  {bold}{}{bold:#}  {} {}",
        sign.trim_end(),
        row.outcome.name(),
        row.switch,
        row.role,
        row.peer
    );
    let mut line = |name: &str, value: &str| entry(text, name, value);
    line("mistake", &row.what);
    if !row.missed.is_empty() {
        line("missed by", &ids(&row.missed, look));
    }
    if !row.killed_by.is_empty() {
        line("found by", &ids(&row.killed_by, look));
    }
    match &row.expected_diagnosis {
        Some(expected) if row.outcome == Verdict::Misdiagnosed => {
            line("expected", &format!("a diagnosis with `{expected}` in it"));
            let none = ["no diagnosis".to_owned()];
            let got = if row.diagnoses.is_empty() { &none[..] } else { &row.diagnoses[..] };
            line("got", &got.join("\n"));
        }
        _ => {}
    }
    for Misblame { case, blame } in &row.misblamed {
        let whom = blame.map_or_else(|| "nobody".to_owned(), |blame| blame.to_string());
        line("blame", &format!("{whom}, in {case}"));
    }
    if row.outcome == Verdict::Error {
        line("why", &row.unplayed.join("\n"));
    }
    line("again", &again(look, row.switch.as_str(), row.role));
    text.push('\n');
}

fn baseline(text: &mut String, base: &Baseline, look: &Look) {
    let colour = mark::style(base.outcome, Level::Must).bold();
    let bold = Style::new().bold();
    let _ = writeln!(
        text,
        "{colour}{} baseline{colour:#}  {bold}{}{bold:#}  {}, {}: without a mistake it has to pass",
        look.charset.mark(base.outcome),
        base.peer,
        base.role,
        base.protocol
    );
    for failed in &base.failed {
        entry(text, "fails", &format!("{}: {}", failed.case, failed.summary));
    }
    if base.outcome == Outcome::Error {
        entry(text, "why", &base.unplayed.join("\n"));
    }
    text.push('\n');
}

/// Mutants of a program that is not here, in the words that say how to get it.
fn skipped(text: &mut String, matrix: &KillMatrix, look: &Look) {
    let mut reasons: Vec<&String> = matrix
        .baseline
        .iter()
        .filter(|base| base.outcome == Outcome::Skipped)
        .flat_map(|base| &base.unplayed)
        .collect();
    reasons.sort();
    reasons.dedup();
    let colour = style(Verdict::Skipped);
    let sign = look.charset.mark(Outcome::Skipped);
    for reason in reasons {
        let _ = writeln!(text, "{colour}{sign} skipped{colour:#}  mutants of {reason}");
    }
    if !text.is_empty() {
        text.push('\n');
    }
}

fn entry(text: &mut String, name: &str, value: &str) {
    let mut lines = value.lines();
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(text, "{:INDENT$}{name:<NAME$}{first}", "");
    for more in lines {
        let _ = writeln!(text, "{:INDENT$}{:<NAME$}{more}", "", "");
    }
}

fn ids(ids: &[CaseId], look: &Look) -> String {
    let ids: Vec<&str> = ids.iter().map(CaseId::as_str).collect();
    list(&ids, look.width.saturating_sub(INDENT + NAME))
}

/// The command that plays this mutant alone.
fn again(look: &Look, switch: &str, role: Role) -> String {
    let role = role.to_string();
    let words = look.again.iter().map(String::as_str).chain([switch, "--role", &role]);
    // A word with a NUL in it cannot be typed, and did not reach us.
    shlex::try_join(words.clone()).unwrap_or_else(|_| words.collect::<Vec<_>>().join(" "))
}
