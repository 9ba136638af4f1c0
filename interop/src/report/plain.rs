//! What several reports say of a result, in text without colours and bounded in length.

use std::fmt::Write as _;

use super::mark::Charset;
use super::words::clip;
use super::{failure, hexdump, ruler, sequence};
use crate::model::protocol::Protocol;
use crate::runner::CaseResult;

/// How many lines of a peer's output are shown.
const OUTPUT: usize = 20;
/// How long such a line may be, in characters.
const LINE: usize = 200;
/// How wide the drawing of a dialogue is.
const DRAWING: usize = 78;

/// The peers of a result, without spaces in names: `server rust`, `client python with server rust`.
#[must_use]
pub fn peers(result: &CaseResult) -> String {
    failure::who(result)
}

/// The case, and what was spoken where that is not the default.
#[must_use]
pub fn case(result: &CaseResult) -> String {
    let protocol = result.protocol();
    match protocol == Protocol::default() {
        true => result.case.to_string(),
        false => format!("{} ({protocol})", result.case),
    }
}

/// What is wrong, and the mistake behind it, in one line.
#[must_use]
pub fn sentence(result: &CaseResult) -> String {
    let parts = [&result.reason, &result.diagnosis].into_iter().flatten().map(String::as_str);
    let parts: Vec<&str> = parts.chain([result.summary.as_str()]).collect();
    parts.join("; ").replace('\n', " ")
}

/// All that is known of a result that is no pass, as lines.
#[must_use]
pub fn text(result: &CaseResult) -> String {
    let mut text = String::new();
    let mut part = |name: &str, value: &str| {
        if value.contains('\n') {
            let _ = writeln!(text, "{name}:");
            for line in value.lines() {
                let line: String = line.chars().filter(|c| !c.is_control()).collect();
                let _ = writeln!(text, "  {}", line.trim_end());
            }
        } else if !value.is_empty() {
            let _ = writeln!(text, "{name}: {value}");
        }
    };
    part("what", &result.summary);
    part("likely", result.diagnosis.as_deref().unwrap_or_default());
    part("blame", &result.blame.map(|blame| blame.to_string()).unwrap_or_default());
    part("catches", &result.catches);
    for clause in &result.requirement {
        part(&clause.to_string(), clause.rule());
    }
    if let Some(found) = &result.ruler {
        part("where", &ruler::lines(found, result.framing, Charset::Ascii));
    }
    if let Some(excerpt) = &result.excerpt {
        let lines = |window| without_colour(&hexdump::lines(window, excerpt.offset));
        part("expected", &lines(&excerpt.expected));
        part("got", &lines(&excerpt.got));
    }
    if let Some(dialogue) = &result.dialogue {
        part("dialogue", &sequence::lines(dialogue, result.role, DRAWING, Charset::Ascii));
    }
    part("output", &output(result, OUTPUT));
    part("capture", result.evidence.as_deref().unwrap_or_default());
    part("again", result.again.as_deref().unwrap_or_default());
    text
}

/// The last lines of the peer's output, each on a line of its own.
#[must_use]
pub fn output(result: &CaseResult, lines: usize) -> String {
    let tail = &result.tail[result.tail.len().saturating_sub(lines)..];
    tail.iter().map(|line| clip(&without_colour(line), LINE) + "\n").collect()
}

/// The same without ANSI sequences.
#[must_use]
pub fn without_colour(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
