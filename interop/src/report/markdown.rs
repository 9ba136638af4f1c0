//! The result as Markdown: surprises first, as long as a comment on a pull request may be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::mistakes::{self, Mistake};
use super::plain;
use super::record::Record;
use super::words::{clip, counted, list, seconds};
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::runner::CaseResult;

/// How long the whole may be, in bytes: a comment takes 65536 characters, a step summary 1 MiB.
const LONGEST: usize = 60_000;
/// How long one entry may be.
const ENTRY: usize = 6_000;
/// How many characters the cases may take that show a mistake too.
const CASES: usize = 1000;
/// How many characters of a sentence stand in a table.
const CELL: usize = 160;

/// Writes a run that is over.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::default();
    page.add(&heading(record));
    let troubles = record.troubles();
    page.list(&troubles, |trouble| {
        format!("- **{}**: {}\n", escape(&trouble.name), escape(&trouble.what))
    });
    let with = |outcome| record.results.iter().filter(move |result| result.outcome == outcome);
    page.section("Errors", &with(Outcome::Error).collect::<Vec<_>>(), |result| entry(result));
    let (binding, warning): (Vec<_>, Vec<_>) = mistakes::of(&record.results)
        .into_iter()
        .partition(|mistake| mistake.clearest.level == Level::Must);
    page.section("Mistakes", &binding, all_of);
    page.section("Mistakes that only warn", &warning, all_of);
    let known: Vec<_> = with(Outcome::Known).collect();
    page.section("Known", &known, |result| {
        let reason = result.reason.as_deref().unwrap_or_default();
        format!("- `{}`, {}: {}\n", result.case, plain::peers(result), escape(&clip(reason, CELL)))
    });
    let left_out = with(Outcome::Skipped).chain(with(Outcome::Unsupported));
    let mut reasons: BTreeMap<(Outcome, &str), usize> = BTreeMap::new();
    for result in left_out {
        *reasons.entry((result.outcome, &result.summary)).or_default() += 1;
    }
    let reasons: Vec<_> = reasons.into_iter().collect();
    page.section("Not played", &reasons, |((outcome, reason), count)| {
        format!("- {}, {outcome}: {}\n", counted(*count, "case"), escape(&clip(reason, CELL)))
    });
    page.section("Every pairing", &pairings(record), |row| row.clone());
    out.write_all(page.text.as_bytes())
}

/// What is written so far; it never becomes too long.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn section<T>(&mut self, title: &str, items: &[T], item: impl Fn(&T) -> String) {
        if !items.is_empty() {
            self.add(&format!("\n### {title} ({})\n\n", items.len()));
            self.list(items, item);
        }
    }

    fn list<T>(&mut self, items: &[T], item: impl Fn(&T) -> String) {
        for (at, each) in items.iter().enumerate() {
            let text = item(each);
            if self.text.len() + text.len() > LONGEST {
                return self.add(&format!("\n*and {} more*\n", items.len() - at));
            }
            self.add(&text);
        }
    }
}

fn heading(record: &Record) -> String {
    let summary = &record.summary;
    let verdict = match summary.exit_code(false) {
        0 => "as expected",
        1 => "failed",
        3 => "errors",
        77 => "everything was skipped",
        130 => "interrupted",
        _ => "nothing was played",
    };
    let counts = [
        (summary.fail_must, "failed"),
        (summary.fail - summary.fail_must.min(summary.fail), "only warn"),
        (summary.error, "errors"),
        (summary.pass, "passed"),
        (summary.known, "known"),
        (summary.unsupported, "unsupported"),
        (summary.skipped, "skipped"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let (all, took) = (counted(summary.total(), "case"), seconds(summary.duration));
    format!("## interop: {verdict}\n\n**{all}**: {} · {took}\n", counts.join(", "))
}

/// A mistake: the failure that shows it best, and which others do.
fn all_of(mistake: &Mistake<'_>) -> String {
    let mut text = entry(mistake.clearest);
    let others = mistake.others.len();
    if others > 0 {
        let cases: Vec<String> =
            mistake.other_cases().into_iter().map(|case| format!("`{case}`")).collect();
        let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
        let of = if cases.is_empty() { "" } else { ": " };
        let more = counted(others, "more result");
        let _ = write!(text, "  {more} of the same{of}{}\n\n", list(&cases, CASES));
    }
    text
}

/// A failure: one line that says all, and what there is to see folded below.
fn entry(result: &CaseResult) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "<details><summary><b><code>{}</code></b> {} ({})</summary>\n",
        html(&plain::case(result)),
        html(&plain::peers(result)),
        result.level
    );
    let details = plain::text(result);
    let mut end = details.len().min(ENTRY);
    while !details.is_char_boundary(end) {
        end -= 1;
    }
    let cut = if end < details.len() { "..\n" } else { "" };
    let fence = fence(&details);
    let _ = writeln!(text, "{fence}text\n{}{cut}{fence}\n\n</details>\n", &details[..end]);
    let sentence = escape(&clip(&plain::sentence(result), CELL * 2));
    format!("- {sentence}\n\n  {}", text.trim_end().replace('\n', "\n  ")) + "\n\n"
}

/// The rows of a table with a line for each pairing, and each peer on its own.
fn pairings(record: &Record) -> Vec<String> {
    let mut sums: BTreeMap<String, BTreeMap<Outcome, usize>> = BTreeMap::new();
    for result in &record.results {
        let of_peers = sums.entry(plain::peers(result)).or_default();
        *of_peers.entry(result.outcome).or_default() += 1;
    }
    let outcomes = [Outcome::Fail, Outcome::Error, Outcome::Pass, Outcome::Known];
    let not_played = [Outcome::Skipped, Outcome::Unsupported];
    let header = "| | failed | errors | passed | known | not played |\n|---|--:|--:|--:|--:|--:|\n";
    let row = |(who, sums): (String, BTreeMap<Outcome, usize>)| {
        let count = |outcome: &Outcome| sums.get(outcome).copied().unwrap_or_default();
        let mut cells: Vec<usize> = outcomes.iter().map(count).collect();
        cells.push(not_played.iter().map(count).sum());
        let cell = |count: usize| if count > 0 { count.to_string() } else { String::new() };
        let cells: Vec<String> = cells.into_iter().map(cell).collect();
        format!("| {} | {} |\n", escape(&who), cells.join(" | "))
    };
    let mut rows: Vec<String> = sums.into_iter().map(row).collect();
    if let Some(first) = rows.first_mut() {
        first.insert_str(0, header);
    }
    rows
}

/// A fence that nothing in the text ends.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// Text in which nothing is Markdown, no mention of anybody and no link.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            '#' => escaped.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
