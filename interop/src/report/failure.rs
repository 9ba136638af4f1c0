//! One failure as a block: what is wrong, whose fault, which bytes, and the command that shows it again.

use std::fmt::Write as _;

use anstyle::Style;

use super::mark::{Look, style};
use super::{hexdump, plain, ruler, sequence};
use crate::runner::CaseResult;

/// How many lines of a peer's output are shown.
const OUTPUT: usize = 5;
/// How far what is said of a failure is indented.
const INDENT: usize = 14;
/// How wide a dialogue is drawn at most: a wider one is harder to read.
const WIDEST: usize = 86;

/// The block of a result that is no pass.
#[must_use]
pub fn block(result: &CaseResult, Look { charset, width }: Look) -> String {
    let mut text = String::new();
    let colour = style(result.outcome, result.level).bold();
    let bold = Style::new().bold();
    let _ = writeln!(
        text,
        "{colour}{} {}{colour:#}  {bold}{}{bold:#}  {}  ({})",
        charset.mark(result.outcome),
        result.outcome,
        result.case,
        who(result),
        result.level,
    );
    let mut line = |name: &str, value: &str| {
        let mut lines = value.lines();
        let _ = writeln!(text, "    {name:<10}{}", lines.next().unwrap_or_default());
        for more in lines {
            let _ = writeln!(text, "    {:<10}{more}", "");
        }
    };
    line("what", &result.summary);
    if let Some(diagnosis) = &result.diagnosis {
        line("likely", diagnosis);
    }
    if let Some(ruler) = &result.ruler {
        line("where", &ruler::lines(ruler, result.framing, charset));
    }
    if let Some(blame) = result.blame {
        line("blame", &blame.to_string());
    }
    if let Some(reason) = &result.reason {
        line("known", reason);
    }
    if let Some(excerpt) = &result.excerpt {
        let offset = excerpt.offset;
        line("expected", &hexdump::lines(&excerpt.expected, offset));
        line("got", &hexdump::lines(&excerpt.got, offset));
    }
    if let Some(dialogue) = &result.dialogue {
        let room = width.saturating_sub(INDENT).min(WIDEST);
        line("dialogue", &sequence::lines(dialogue, result.role, room, charset));
    }
    let output = plain::output(result, OUTPUT);
    if !output.is_empty() {
        line("output", &output);
    }
    if let Some(again) = &result.again {
        line("again", again);
    }
    text
}

/// A result in one line, where its block would be one too many.
#[must_use]
pub fn line(result: &CaseResult, Look { charset, .. }: Look) -> String {
    let colour = style(result.outcome, result.level);
    let mark = charset.mark(result.outcome);
    let what = result.diagnosis.as_deref().unwrap_or(&result.summary);
    format!(
        "{colour}{mark}{colour:#} {:<32} {}",
        result.case,
        what.lines().next().unwrap_or_default()
    )
}

/// Who was under test: `server python`, `client python with server rust`.
#[must_use]
pub fn who(result: &CaseResult) -> String {
    match (&result.server, &result.client) {
        (Some(server), Some(client)) => format!("client {client} with server {server}"),
        (Some(server), None) => format!("server {server}"),
        (None, Some(client)) => format!("client {client}"),
        (None, None) => String::new(),
    }
}
