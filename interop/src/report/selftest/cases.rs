//! A line for each case: how many mutants it finds as a server's and as a client's, those first that find
//! the fewest. Where it is one or two, which: without them nobody would know whether the case works.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;

use super::Look;
use crate::model::names::{Level, PeerName, Role};
use crate::model::outcome::Outcome;
use crate::report::mark::style;
use crate::report::words::{clip, list};
use crate::runner::kill_matrix::KillMatrix;
use crate::runner::kill_matrix::coverage::CaseRow;
use crate::runner::kill_matrix::row::Verdict;

/// Up to so many mutants are named.
const FEW: usize = 2;

/// The table; nothing where one mutant alone was asked for, which its own line says all about.
pub(super) fn table(matrix: &KillMatrix, look: &Look) -> String {
    let played = matrix.mutants.iter().filter(|row| row.outcome != Verdict::Skipped);
    if played.count() < 2 {
        return String::new();
    }
    let mut by_id: BTreeMap<&str, Vec<&CaseRow>> = BTreeMap::new();
    for row in &matrix.cases {
        by_id.entry(row.case.as_str()).or_default().push(row);
    }
    let width = by_id.keys().map(|id| id.len()).max().unwrap_or_default();
    let mut lines: Vec<_> = by_id.into_iter().collect();
    let fewest = |rows: &[&CaseRow]| rows.iter().map(|row| row.kills).min();
    lines.sort_by_key(|(_, rows)| fewest(rows));

    let bold = Style::new().bold();
    let mut text = format!("{bold}{:<width$}  server  client{bold:#}  mutants found\n", "case");
    for (id, rows) in lines {
        let of = |role: Role| rows.iter().find(|row| row.role == role).copied();
        let (server, client) = (of(Role::Server), of(Role::Client));
        let used = width + 2 + 6 + 2 + 6 + 2;
        let note = note(&rows, look.width.saturating_sub(used));
        let (server, client) = (count(server, matrix), count(client, matrix));
        let line = format!("{id:<width$}  {server}  {client}  {note}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    text
}

fn count(row: Option<&CaseRow>, matrix: &KillMatrix) -> String {
    let Some(row) = row else { return " ".repeat(6) };
    let kills = format!("{:>6}", row.kills);
    let is_idle = matrix.cases_without_a_kill().any(|idle| std::ptr::eq(idle, row));
    if !is_idle {
        return kills;
    }
    let red = style(Outcome::Fail, Level::Must);
    format!("{red}{kills}{red:#}")
}

/// Which mutants, where they are few, or why there need not be any.
fn note(rows: &[&CaseRow], width: usize) -> String {
    let excused = rows.iter().filter(|row| row.kills == 0).find_map(|row| row.excuse.as_ref());
    if let Some(reason) = excused {
        return clip(&format!("need not: {reason}"), width);
    }
    let few = rows.iter().filter(|row| row.kills <= FEW).flat_map(|row| &row.killed);
    let mut names: Vec<&str> = few.map(PeerName::as_str).collect();
    names.dedup();
    list(&names, width)
}
