//! One failure as a block: what is wrong, whose fault, which bytes, and the command that shows it again.

use std::fmt::Write as _;

use anstyle::Style;

use super::mark::{Look, style};
use super::mistakes::Mistake;
use super::{hexdump, plain, ruler, sequence, words};
use crate::model::names::{CaseId, PeerName};
use crate::runner::CaseResult;

/// How many lines of a peer's output are shown.
const OUTPUT: usize = 5;
/// How far what is said of a failure is indented.
const INDENT: usize = 14;
/// How far the sentence of a mistake is indented that is told briefly.
const MARKED: usize = 10;
/// How many lines the cases may take that show a mistake too.
const ALSO: usize = 3;
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
        plain::case(result),
        who(result),
        result.level,
    );
    let room = width.saturating_sub(INDENT);
    let mut lines = |name: &str, lines: &[String]| {
        let _ = writeln!(text, "    {name:<10}{}", lines.first().map_or("", String::as_str));
        for more in lines.iter().skip(1) {
            let _ = writeln!(text, "    {:<10}{more}", "");
        }
    };
    let mut said = |name: &str, value: &str| lines(name, &words::wrapped(value, room));
    said("what", &result.summary);
    if let Some(diagnosis) = &result.diagnosis {
        said("likely", diagnosis);
    }
    if let Some(blame) = result.blame {
        said("blame", &blame.to_string());
    }
    if !result.catches.is_empty() {
        said("catches", &result.catches);
    }
    for clause in &result.requirement {
        said(&clause.to_string(), clause.rule());
    }
    if let Some(reason) = &result.reason {
        said("known", reason);
    }
    let mut line = |name: &str, drawn: &str| {
        lines(name, &drawn.lines().map(str::to_owned).collect::<Vec<_>>());
    };
    if let Some(ruler) = &result.ruler {
        line("where", &ruler::lines(ruler, result.framing, charset));
    }
    if let Some(excerpt) = &result.excerpt {
        let offset = excerpt.offset;
        line("expected", &hexdump::lines(&excerpt.expected, offset));
        line("got", &hexdump::lines(&excerpt.got, offset));
    }
    if let Some(dialogue) = &result.dialogue {
        line("dialogue", &sequence::lines(dialogue, result.role, room.min(WIDEST), charset));
    }
    let output = plain::output(result, OUTPUT);
    if !output.is_empty() {
        line("output", &output);
    }
    if let Some(capture) = &result.evidence {
        line("capture", capture);
    }
    if let Some(again) = &result.again {
        line("again", again);
    }
    text
}

/// What else shows the mistake of a block, as its last lines; nothing where nothing does.
#[must_use]
pub fn also(mistake: &Mistake<'_>, Look { width, .. }: Look) -> String {
    let others = mistake.others.len();
    if others == 0 {
        return String::new();
    }
    let cases: Vec<&str> = mistake.other_cases().into_iter().map(CaseId::as_str).collect();
    let room = width.saturating_sub(INDENT);
    let shown = words::list(&cases, room * ALSO);
    let of = if cases.is_empty() { "" } else { ": " };
    let text = format!("{} of the same{of}{shown}", words::counted(others, "more result"));
    let mut lines = words::wrapped(&text, room).into_iter();
    let mut also = format!("    {:<10}{}\n", "also", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(also, "    {:<10}{line}", "");
    }
    also
}

/// A mistake in a line or two: how many results show it, what it is, and the case that shows it best.
#[must_use]
pub fn brief(mistake: &Mistake<'_>, Look { charset, width }: Look) -> String {
    let result = mistake.clearest;
    let colour = style(result.outcome, result.level);
    let mark = charset.mark(result.outcome);
    let text = format!("{} {} {}", mistake.words(), charset.dot(), plain::case(result));
    let lines = words::wrapped(&text, width.saturating_sub(MARKED));
    let mut lines = lines.iter();
    let first = lines.next().map_or("", String::as_str);
    let mut brief = format!("  {colour}{mark}{colour:#} {:>4}  {first}\n", mistake.results());
    for line in lines {
        let _ = writeln!(brief, "{:MARKED$}{line}", "");
    }
    brief
}

/// Who was under test: `server python`, `client python with server rust`.
#[must_use]
pub fn who(result: &CaseResult) -> String {
    pair(result.server.as_ref(), result.client.as_ref())
}

/// The same of two names.
#[must_use]
pub fn pair(server: Option<&PeerName>, client: Option<&PeerName>) -> String {
    match (server, client) {
        (Some(server), Some(client)) => format!("client {client} with server {server}"),
        (Some(server), None) => format!("server {server}"),
        (None, Some(client)) => format!("client {client}"),
        (None, None) => String::new(),
    }
}
