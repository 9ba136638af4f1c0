//! A bench as tables, with what makes them doubtful below.

use std::collections::VecDeque;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use crate::bench::cell::Pace;
use crate::bench::compare::{Figure, Figures, Ratio};
use crate::bench::cores::Cores;
use crate::bench::doubt::Doubt;
use crate::bench::harness::{Harness, Missing, Speed};
use crate::bench::results::{LeftOut, Results, Row};

/// What is shown of a server under a load.
struct Column {
    name: &'static str,
    show: fn(&Row) -> String,
}

impl Column {
    const fn new(name: &'static str, show: fn(&Row) -> String) -> Self {
        Self { name, show }
    }
}

const WHO: [Column; 2] = [
    Column::new("load", |row| row.load.to_string()),
    Column::new("server", |row| row.server.clone()),
];

const PROCESSOR: [Column; 2] = [
    Column::new("ns/message", |row| whole(&row.figures.processor_ns)),
    Column::new("ratio", |row| ratio(row.processor_ratio)),
];

/// Of a closed loop: how much was done.
const CLOSED: [Column; 7] = [
    Column::new("messages/s", |row| whole(&row.figures.messages)),
    Column::new("ratio", |row| ratio(row.messages_ratio)),
    Column::new("MiB/s", |row| whole(&row.figures.mebibytes)),
    Column::new("p50 us", |row| whole(&row.figures.p50_us)),
    Column::new("p99 us", |row| whole(&row.figures.p99_us)),
    Column::new("ratio", |row| ratio(row.p99_ratio)),
    Column::new("max us", |row| whole(&row.figures.max_us)),
];

/// Of an open loop, in which how much is done was said beforehand: how long it took.
const OPEN: [Column; 8] = [
    Column::new("messages/s", |row| whole(&row.figures.messages)),
    Column::new("p50 us", |row| whole(&row.figures.p50_us)),
    Column::new("p90 us", |row| whole(&row.figures.p90_us)),
    Column::new("p99 us", |row| whole(&row.figures.p99_us)),
    Column::new("ratio", |row| ratio(row.p99_ratio)),
    Column::new("p99.9 us", |row| whole(&row.figures.p999_us)),
    Column::new("max us", |row| whole(&row.figures.max_us)),
    Column::new("late us", |row| row.figures.late_us.as_ref().map(whole).unwrap_or_default()),
];

/// The whole text.
#[must_use]
pub fn text(results: &Results) -> String {
    let mut text = String::new();
    let kinds = kinds(results.results.iter().map(|row| &row.figures));
    for is_open in [false, true] {
        let rows = || results.results.iter().filter(|row| is_of(row, is_open));
        if rows().next().is_some() {
            let kind: &[Column] = if is_open { &OPEN } else { &CLOSED };
            let _ = writeln!(text, "{}\n", table(rows(), kind, &kinds));
        }
    }
    if !results.idle.is_empty() {
        let _ = writeln!(text, "{}\n", memory(results));
    }
    let _ = writeln!(
        text,
        "Medians of {} rounds; ratios to {}. ~ no difference was shown: the rounds of the two overlap, are too few, or \
         were disturbed.",
        results.rounds, results.baseline
    );
    if results.results.iter().any(|row| is_of(row, true)) {
        text.push_str(
            "Latency counts from when a message was due to be sent. late: the generator's own share of it, p99.\n",
        );
    }
    text.push_str(&place(results.cores));
    text.push_str(&troubles(&results.left_out, &results.doubts, &kinds));
    text
}

/// The text of what the harness costs.
#[must_use]
pub fn harness(harness: &Harness) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["what", "a second", "", "ratio", "to"]);
    for Speed { what, unit, speed, by } in &harness.results {
        let first = [(*what).to_owned(), whole(speed), (*unit).to_owned()];
        let compared = by.iter().map(|(to, by)| [ratio(Some(*by)), (*to).to_owned()]);
        let mut compared = compared.collect::<VecDeque<_>>();
        let beside = compared.pop_front().unwrap_or_default();
        table.add_row(first.into_iter().chain(beside));
        for more in compared {
            table.add_row(["", "", ""].map(str::to_owned).into_iter().chain(more));
        }
    }
    for column in [1, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!(
        "{table}\n\nMedians of {} rounds, with the server {}. More is faster. ~ no difference was shown: the rounds \
         of the two overlap, or are too few.\n",
        harness.rounds, harness.server
    );
    for Missing { what, why } in &harness.left_out {
        let _ = writeln!(text, "left out: {what}: {why}");
    }
    for doubt in &harness.doubts {
        let _ = writeln!(text, "doubtful: {doubt}");
    }
    text
}

/// Where all of it ran.
pub(super) fn place(cores: Option<Cores>) -> String {
    match cores {
        Some(cores) => format!("Pinned: {cores}.\n"),
        None => "Not pinned: the system moves server and generator between cores.\n".to_owned(),
    }
}

/// Who is missing, and what cannot be trusted.
pub(super) fn troubles(left_out: &[LeftOut], doubts: &[String], kinds: &[Doubt]) -> String {
    let mut text = String::new();
    for left_out in left_out {
        let _ = writeln!(text, "left out: {}: {}", left_out.server, left_out.why);
    }
    for doubt in doubts {
        let _ = writeln!(text, "doubtful: {doubt}");
    }
    if !kinds.is_empty() {
        text.push_str(
            "? doubtful, for the reasons that are numbered so; each is told at its worst:\n",
        );
    }
    for (number, worst) in (1..).zip(kinds) {
        let _ = writeln!(text, "  {number}  {worst}");
    }
    text
}

fn is_of(row: &Row, is_open: bool) -> bool {
    matches!(row.load.pace, Pace::Rate(_)) == is_open
}

/// Each reason for doubt, in the order in which they come, at its worst.
pub(super) fn kinds<'a>(figures: impl Iterator<Item = &'a Figures>) -> Vec<Doubt> {
    let mut kinds: Vec<Doubt> = Vec::new();
    for &doubt in figures.flat_map(|figures| &figures.doubts) {
        match kinds.iter_mut().find(|kind| kind.is_like(doubt)) {
            Some(worst) if worst.weight() < doubt.weight() => *worst = doubt,
            Some(_) => {}
            None => kinds.push(doubt),
        }
    }
    kinds
}

/// The numbers of the reasons to doubt figures.
pub(super) fn doubts(figures: &Figures, kinds: &[Doubt]) -> String {
    let number = |doubt: &Doubt| kinds.iter().position(|kind| kind.is_like(*doubt));
    let mut numbers: Vec<usize> = figures.doubts.iter().filter_map(number).collect();
    numbers.sort_unstable();
    let numbers = numbers.into_iter().map(|number| format!(" {}", number + 1));
    if figures.doubts.is_empty() {
        String::new()
    } else {
        format!("?{}", numbers.collect::<String>())
    }
}

fn table<'a>(rows: impl Iterator<Item = &'a Row>, kind: &[Column], kinds: &[Doubt]) -> Table {
    let columns: Vec<&Column> = WHO.iter().chain(&PROCESSOR).chain(kind).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|column| column.name).chain([""]));
    for row in rows {
        let cells = columns.iter().map(|column| (column.show)(row));
        table.add_row(cells.chain([doubts(&row.figures, kinds)]));
    }
    for column in table.column_iter_mut().take(columns.len()).skip(WHO.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn memory(results: &Results) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["idle connection", "server", "KiB fresh", "KiB after 64 KiB"]);
    for idle in &results.idle {
        let kibibytes = |bytes: f64| format!("{:.1}", bytes / 1024.0);
        table.add_row([
            format!("1 of {}", idle.connections),
            idle.server.clone(),
            kibibytes(idle.fresh.private),
            kibibytes(idle.after_a_message.private),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

pub(super) fn whole(figure: &Figure) -> String {
    format!("{:.0}", figure.median)
}

pub(super) fn ratio(ratio: Option<Ratio>) -> String {
    let Some(Ratio { ratio, certain, .. }) = ratio else { return "1".to_owned() };
    let sign = if certain { "" } else { "~" };
    // Of less than a tenth two places would say little.
    let places = if ratio < 0.1 { 4 } else { 2 };
    format!("{sign}{ratio:.places$}")
}
