//! What went wrong as annotations of a step of GitHub Actions. GitHub shows ten of each kind in a step, so the
//! tenth says how many more there are.

use std::io::{self, Write};

use super::plain;
use super::record::Record;
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::runner::CaseResult;

/// How many of a kind are said.
const SAID: usize = 9;

/// Writes a run that is over: what fails it as errors, what only warns as warnings.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let binds = |result: &&CaseResult| match result.outcome {
        Outcome::Fail => result.level == Level::Must,
        outcome => outcome == Outcome::Error,
    };
    let warns =
        |result: &&CaseResult| result.outcome == Outcome::Fail && result.level == Level::Should;
    let annotation = |result: &CaseResult| {
        let title = format!("{}: {}", plain::case(result), plain::peers(result));
        let again = result.again.as_deref().map(|again| format!("\nagain: {again}"));
        (title, plain::sentence(result) + &again.unwrap_or_default())
    };
    let troubles = record.troubles().into_iter().map(|trouble| (trouble.name, trouble.what));
    let errors = record.results.iter().filter(binds).map(annotation).chain(troubles).collect();
    let warnings = record.results.iter().filter(warns).map(annotation).collect();
    say("error", errors, out)?;
    say("warning", warnings, out)
}

fn say(kind: &str, annotations: Vec<(String, String)>, out: &mut dyn Write) -> io::Result<()> {
    for (title, message) in annotations.iter().take(SAID) {
        writeln!(out, "::{kind} title={}::{}", property(title), data(message))?;
    }
    if let more @ 1.. = annotations.len().saturating_sub(SAID) {
        writeln!(out, "::{kind} title=interop::and {more} more")?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
