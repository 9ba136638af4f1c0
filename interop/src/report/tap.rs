//! The result in the Test Anything Protocol, version 14.
//!
//! What does not fail the run is marked `TODO`: known deviations, and failures that only warn.

use std::io::{self, Write};

use super::plain;
use super::record::Record;
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::runner::CaseResult;

/// Writes a run that is over.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let troubles = record.troubles();
    writeln!(out, "TAP version 14")?;
    writeln!(out, "1..{}", record.results.len() + troubles.len())?;
    for (number, result) in (1..).zip(&record.results) {
        point(number, result, out)?;
    }
    for (number, trouble) in (record.results.len() + 1..).zip(&troubles) {
        writeln!(out, "not ok {number} - {}", escape(&trouble.name))?;
        block(&[("message", &trouble.what)], out)?;
    }
    if record.summary.interrupted {
        writeln!(out, "Bail out! interrupted")?;
    }
    Ok(())
}

fn point(number: usize, result: &CaseResult, out: &mut dyn Write) -> io::Result<()> {
    let only = |level: Level| format!(" # TODO {level}: it only warns");
    let (ok, directive) = match (result.outcome, result.level) {
        (Outcome::Pass, _) | (Outcome::Fail, Level::Must) | (Outcome::Error, _) => {
            (result.outcome == Outcome::Pass, String::new())
        }
        (Outcome::Fail, level) => (false, only(level)),
        (Outcome::Known, _) => {
            let reason = result.reason.as_deref().unwrap_or_default();
            (false, format!(" # TODO known: {}", escape(reason)))
        }
        (Outcome::Skipped | Outcome::Unsupported, _) => {
            (true, format!(" # SKIP {}", escape(&result.summary)))
        }
    };
    let ok = if ok { "ok" } else { "not ok" };
    let name = format!("{} - {}", plain::peers(result), plain::case(result));
    writeln!(out, "{ok} {number} - {}{directive}", escape(&name))?;
    if !matches!(result.outcome, Outcome::Fail | Outcome::Error | Outcome::Known) {
        return Ok(());
    }
    let level = result.level.to_string();
    let blame = result.blame.map(|blame| blame.to_string()).unwrap_or_default();
    let entries = [
        ("message", result.summary.as_str()),
        ("level", &level),
        ("blame", &blame),
        ("diagnosis", result.diagnosis.as_deref().unwrap_or_default()),
        ("again", result.again.as_deref().unwrap_or_default()),
    ];
    block(&entries, out)?;
    // What has several lines stands in comments: many readers understand only a little YAML.
    for line in plain::text(result).lines() {
        writeln!(out, "# {}", line.trim_end())?;
    }
    Ok(())
}

/// A YAML block.
fn block(entries: &[(&str, &str)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  ---")?;
    for (key, value) in entries.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "  {key}: {}", quote(value)?)?;
    }
    writeln!(out, "  ...")
}

/// A string as JSON, which is YAML too; no control character is.
fn quote(text: &str) -> io::Result<String> {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Ok(serde_json::to_string(&text)?)
}

/// One line in which `#` begins no directive.
fn escape(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('\\', "\\\\").replace('#', "\\#")
}
