//! A siege as tables: what the honest saw of each server, what it used, and what it should not have done.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::text::{doubts, kinds, place, ratio, troubles, whole};
use crate::bench::compare::{Figures, Ratio};
use crate::bench::doubt::Doubt;
use crate::bench::siege::results::{Sieges, Stand};
use crate::bench::siege::soak::{Part, Soak};
use crate::report::words::counted;

/// The whole text.
#[must_use]
pub fn siege(sieges: &Sieges) -> String {
    let stands = &sieges.results;
    let kinds = kinds(stands.iter().flat_map(|stand| [&stand.quiet, &stand.siege]));
    let mut text = String::new();
    for soak in stands.iter().filter_map(|stand| stand.soak.as_ref()) {
        let _ = writeln!(text, "{}\n", parts(soak));
    }
    let _ = writeln!(text, "{}\n\n{}\n", latencies(stands, &kinds), resources(stands));
    let _ = writeln!(
        text,
        "Under siege: {} idle, {} busy with {} and {} hostile at once; quiet: the busy alone. Medians of {}; ratios to \
         the quiet case. ~ no difference was shown: the rounds of the two overlap, are too few, or were disturbed.",
        sieges.idle,
        sieges.busy.connections,
        sieges.busy,
        sieges.hostile,
        counted(sieges.rounds, "round"),
    );
    for Stand { server, hostile, words, .. } in stands {
        let _ = writeln!(
            text,
            "{server} met {} unfinished frames, {} slow readers, {} claims and {} resets, and answered {words} words of \
             the idle.",
            hostile.half_frames, hostile.slow_readers, hostile.claims, hostile.resets
        );
    }
    text.push_str(&place(sieges.cores));
    text.push_str(&troubles(&sieges.left_out, &sieges.doubts, &kinds));
    for Stand { server, failures, soak, .. } in stands {
        for failure in failures {
            let _ = writeln!(text, "✗ {server}: {failure}");
        }
        if failures.is_empty() {
            let _ = writeln!(
                text,
                "✓ {server}: every honest message was answered as it should be, and no descriptor is left"
            );
        }
        if let Some(soak) = soak.as_ref().filter(|soak| !soak.growth.is_growth()) {
            let _ = writeln!(text, "  {}", soak.growth);
        }
    }
    text
}

/// One part of a soak, as it is told when it is over.
#[must_use]
pub fn part(part: &Part) -> String {
    format!(
        "{}: {} messages, {} came to nothing, p99 {:.0} us, {} MiB, {} descriptors",
        when(part),
        part.messages,
        part.faults,
        part.p99_us,
        mebibytes(part.memory),
        part.descriptors
    )
}

fn when(part: &Part) -> String {
    match part.at {
        Some(seconds) => {
            let seconds = seconds.round() as u64;
            format!("{}:{:02}", seconds / 60, seconds % 60)
        }
        None => "quiet".to_owned(),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

fn parts(soak: &Soak) -> Table {
    let header = [
        "until",
        "messages",
        "lost or wrong",
        "words of the idle",
        "p50 us",
        "p99 us",
        "max us",
        "ns/message",
        "MiB",
        "descriptors",
    ];
    let rows = soak.parts.iter().map(|part| {
        vec![
            when(part),
            part.messages.to_string(),
            part.faults.to_string(),
            part.words.to_string(),
            format!("{:.0}", part.p50_us),
            format!("{:.0}", part.p99_us),
            format!("{:.0}", part.max_us),
            format!("{:.0}", part.processor_ns),
            mebibytes(part.memory),
            part.descriptors.to_string(),
        ]
    });
    table(&header, rows, 0)
}

fn latencies(stands: &[Stand], kinds: &[Doubt]) -> Table {
    let header = [
        "server",
        "",
        "messages/s",
        "p50 us",
        "ratio",
        "p99 us",
        "ratio",
        "max us",
        "ns/message",
        "ratio",
        "",
    ];
    let row = |server: &str, case: &str, figures: &Figures, [p50, p99, processor]: [_; 3]| {
        vec![
            server.to_owned(),
            case.to_owned(),
            whole(&figures.messages),
            whole(&figures.p50_us),
            ratio(p50),
            whole(&figures.p99_us),
            ratio(p99),
            whole(&figures.max_us),
            whole(&figures.processor_ns),
            ratio(processor),
            doubts(figures, kinds),
        ]
    };
    let rows = stands.iter().flat_map(|stand| {
        let Stand { server, quiet, siege, ratios, .. } = stand;
        let compared: [Option<Ratio>; 3] = [ratios.p50, ratios.p99, ratios.processor].map(Some);
        [row(server, "quiet", quiet, [None; 3]), row("", "siege", siege, compared)]
    });
    let mut table = table(&header, rows, 1);
    if let Some(reasons) = table.column_mut(header.len() - 1) {
        reasons.set_cell_alignment(CellAlignment::Left);
    }
    table
}

fn resources(stands: &[Stand]) -> Table {
    let header = [
        "server",
        "lost",
        "wrong",
        "MiB before",
        "at most",
        "KiB/connection",
        "descriptors before",
        "at most",
        "after",
    ];
    let rows = stands.iter().map(|stand| {
        let Stand { faults, memory, descriptors, .. } = stand;
        vec![
            stand.server.clone(),
            faults.lost.to_string(),
            faults.wrong.to_string(),
            mebibytes(memory.before),
            mebibytes(memory.most),
            format!("{:.1}", memory.per_connection / 1024.0),
            descriptors.before.to_string(),
            descriptors.most.to_string(),
            descriptors.after.to_string(),
        ]
    });
    table(&header, rows, 0)
}

/// A table whose columns behind `words` are numbers.
fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>, words: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    rows.for_each(|row| {
        table.add_row(row);
    });
    for column in table.column_iter_mut().skip(words + 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
