//! The matrix: servers across, clients down, each peer on its own at the edge.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;
use comfy_table::{Table, presets};

use super::mark::{Charset, Look, style};
use crate::model::names::{Level, PeerName};
use crate::model::outcome::Outcome;
use crate::runner::CaseResult;

/// What one cell counts.
#[derive(Debug, Default)]
struct Cell {
    count: usize,
    outcomes: BTreeMap<Outcome, usize>,
    fails_must: bool,
}

type Place = (Option<PeerName>, Option<PeerName>);

/// Draws the matrix of some results, coloured with ANSI sequences. Where it is wider than the reader's lines, it
/// is drawn in blocks of servers, one below the other.
#[must_use]
pub fn draw(results: &[CaseResult], Look { charset, width }: Look) -> String {
    let mut cells: BTreeMap<Place, Cell> = BTreeMap::new();
    for result in results {
        let cell = cells.entry((result.server.clone(), result.client.clone())).or_default();
        cell.count += 1;
        *cell.outcomes.entry(result.outcome).or_default() += 1;
        cell.fails_must |= result.outcome == Outcome::Fail && result.level == Level::Must;
    }
    let servers: BTreeSet<&Option<PeerName>> = cells.keys().map(|(server, _)| server).collect();
    let mut rest: &[&Option<PeerName>] = &servers.into_iter().collect::<Vec<_>>();
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let fits = |taken: &usize| widest(&block(&cells, &rest[..*taken], charset)) <= width;
        let taken = (1..=rest.len()).rev().find(fits).unwrap_or(1);
        blocks.push(paint(block(&cells, &rest[..taken], charset), &cells, charset));
        rest = &rest[taken..];
    }
    blocks.join("\n\n")
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// The columns of some servers, without colours.
fn block(cells: &BTreeMap<Place, Cell>, servers: &[&Option<PeerName>], charset: Charset) -> String {
    let clients: BTreeSet<&Option<PeerName>> = cells.keys().map(|(_, client)| client).collect();
    let mut table = Table::new();
    table.load_style(match charset {
        Charset::Unicode => presets::UTF8_HORIZONTAL_ONLY,
        Charset::Ascii => presets::ASCII_HORIZONTAL_ONLY,
    });
    let name = |name: &Option<PeerName>, side: &str| match name {
        Some(name) => name.to_string(),
        None => format!("(no {side})"),
    };
    let mut header = vec![match charset {
        Charset::Unicode => "client ↓  server →".to_owned(),
        Charset::Ascii => "client / server".to_owned(),
    }];
    header.extend(servers.iter().map(|server| name(server, "server")));
    table.set_header(header);
    for client in clients {
        let cell = |server: &&Option<PeerName>| {
            let cell = cells.get(&((*server).clone(), client.clone()));
            cell.and_then(|cell| cell.text(charset)).map_or_else(String::new, |(text, _)| text)
        };
        let row: Vec<String> = servers.iter().map(cell).collect();
        if row.iter().any(|cell| !cell.is_empty()) {
            table.add_row([name(client, "client")].into_iter().chain(row));
        }
    }
    table.to_string()
}

/// The table measures its cells, so colours come last; a cell's padding tells it from its neighbours.
fn paint(drawn: String, cells: &BTreeMap<Place, Cell>, charset: Charset) -> String {
    let painted: BTreeMap<String, Style> =
        cells.values().filter_map(|cell| cell.text(charset)).collect();
    painted.into_iter().fold(drawn, |drawn, (text, style)| {
        drawn.replace(&format!(" {text} "), &format!(" {style}{text}{style:#} "))
    })
}

impl Cell {
    /// The worst that happened in it, and how often of how many; where all is as expected, how many.
    fn text(&self, charset: Charset) -> Option<(String, Style)> {
        let worst_first = [
            Outcome::Fail,
            Outcome::Error,
            Outcome::Skipped,
            Outcome::Pass,
            Outcome::Known,
            Outcome::Unsupported,
        ];
        let outcome =
            worst_first.into_iter().find(|outcome| self.outcomes.contains_key(outcome))?;
        let count = |outcome| self.outcomes.get(&outcome).copied().unwrap_or_default();
        let (mark, times) = (charset.mark(outcome), count(outcome));
        let text = match outcome {
            Outcome::Pass => {
                let beside = [Outcome::Known, Outcome::Unsupported].map(|it| (it, count(it)));
                let beside = beside.into_iter().filter(|(_, times)| *times > 0);
                let beside = beside.map(|(it, times)| format!(" {} {times}", charset.mark(it)));
                format!("{mark} {times}{}", beside.collect::<String>())
            }
            Outcome::Skipped if times == self.count => format!("{mark} skipped"),
            _ => format!("{mark} {times} of {}", self.count),
        };
        let level = if self.fails_must { Level::Must } else { Level::Should };
        Some((text, style(outcome, level)))
    }
}
