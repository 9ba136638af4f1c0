//! One failure as a block: what is wrong, whose fault, which bytes, and the command that shows it again.

use std::fmt::Write as _;

use anstyle::Style;

use super::mark::{Charset, style};
use crate::model::names::Role;
use crate::runner::CaseResult;

/// How many lines of a peer's output are shown.
const OUTPUT: usize = 5;

/// The block of a result that is no pass.
#[must_use]
pub fn block(result: &CaseResult, charset: Charset) -> String {
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
    if let Some(blame) = result.blame {
        line("blame", &blame.to_string());
    }
    if let Some(reason) = &result.reason {
        line("known", reason);
    }
    if let Some(excerpt) = &result.excerpt {
        line("expected", &excerpt.expected.hex());
        line("got", &excerpt.got.hex());
    }
    let output = &result.tail[result.tail.len().saturating_sub(OUTPUT)..];
    if !output.is_empty() {
        line("output", &output.join("\n"));
    }
    line("again", &command(result));
    text
}

/// Who was under test: `server python`, `python -> rust`.
#[must_use]
pub fn who(result: &CaseResult) -> String {
    match (&result.server, &result.client) {
        (Some(server), Some(client)) => format!("client {client} with server {server}"),
        (Some(server), None) => format!("server {server}"),
        (None, Some(client)) => format!("client {client}"),
        (None, None) => String::new(),
    }
}

/// The command that runs this case alone.
fn command(result: &CaseResult) -> String {
    let mut command = "interop run".to_owned();
    match (result.role, &result.server, &result.client) {
        (Role::Pairing, Some(server), Some(client)) => {
            let _ = write!(command, " --server {server} --client {client}");
        }
        (_, Some(server), _) => {
            let _ = write!(command, " --role server --server {server}");
        }
        (_, _, Some(client)) => {
            let _ = write!(command, " --role client --client {client}");
        }
        _ => {}
    }
    let _ = write!(command, " --case {}", result.case);
    command
}
