//! `interop explain`: a case or a clause in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anstyle::Style;
use rust_server::framing::Framing;

use super::exit::Failure;
use super::output;
use crate::catalogue;
use crate::model::case::Case;
use crate::model::names::Clause;
use crate::model::pattern::Pattern;
use crate::model::protocol::Protocol;
use crate::model::service::Service;
use crate::model::shorter::TooLong;
use crate::report::{steps, words};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// The column in which sentences begin.
const INDENT: usize = 12;
/// The document that explains the clauses.
const PROTOCOL: &str = include_str!("../../../docs/protocol.md");

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A case such as framing.header-split, or a clause such as P4
    #[arg(value_name = "CASE|CLAUSE")]
    what: String,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let cases = catalogue::cases();
    let clause = Clause::ALL.into_iter().find(|clause| {
        let name = clause.to_string();
        name.eq_ignore_ascii_case(&args.what)
    });
    let text = match clause {
        Some(clause) => explain_clause(clause, &cases),
        None => explain_case(&args.what, &cases)?,
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn explain_clause(clause: Clause, cases: &[Arc<Case>]) -> String {
    let mut text = format!("{BOLD}{clause}{BOLD:#} {}\n\n", clause.rule());
    let heading = format!("\n### {clause}\n");
    let section = PROTOCOL.split_once(&heading).map(|(_, behind)| behind).unwrap_or_default();
    let end = section.find("\n##").unwrap_or(section.len());
    let _ = writeln!(text, "{}\n", section[..end].trim());
    let covers = |case: &&Arc<Case>| case.clauses.contains(&clause);
    let mut rows: Vec<(String, String)> = Vec::new();
    for case in cases.iter().filter(covers) {
        let role = format!("{} {}", case.role, case.level);
        match rows.last_mut().filter(|(id, _)| id == case.id.as_str()) {
            Some((_, roles)) => *roles = format!("{roles}, {role}"),
            None => rows.push((case.id.to_string(), role)),
        }
    }
    let _ = writeln!(text, "{BOLD}cases that cover it{BOLD:#}");
    for (id, roles) in rows {
        let _ = writeln!(text, "  {id:<32} {DIM}{roles}{DIM:#}");
    }
    text
}

fn explain_case(id: &str, cases: &[Arc<Case>]) -> Result<String, Failure> {
    let in_roles: Vec<&Arc<Case>> = cases.iter().filter(|case| case.id.as_str() == id).collect();
    let Some(first) = in_roles.first() else { return Err(unknown(id, cases)) };
    let mut text = format!("{BOLD}{id}{BOLD:#}\n");
    fact(&mut text, "catches", &first.catches);
    let mut clauses: Vec<Clause> = in_roles.iter().flat_map(|case| case.clauses.clone()).collect();
    clauses.sort_unstable();
    clauses.dedup();
    for clause in clauses {
        fact(&mut text, &clause.to_string(), clause.rule());
    }
    for case in in_roles {
        let level = match case.level_with_limit {
            Some(limited) => {
                format!("{}; {limited} for a peer that declares max_frame", case.level)
            }
            None => case.level.to_string(),
        };
        let _ = writeln!(text, "\n{BOLD}as a test of a {}{BOLD:#}  ({level})", case.role);
        for (number, line) in (1..).zip(steps::lines(&case.steps, case.role)) {
            for (at, line) in words::wrapped(&line, words::width() - 6).iter().enumerate() {
                let number = if at == 0 { format!("{number}.") } else { String::new() };
                let _ = writeln!(text, "  {number:<3} {line}");
            }
        }
        if let Some(less) = asked_with_less(case) {
            fact(&mut text, "max_frame", &less);
        }
        for (reason, names) in not_asked(case) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let line = format!("{}, since {reason}", words::list(&names, words::width() / 2));
            fact(&mut text, "not in", &line);
        }
    }
    let _ = writeln!(text, "\n{DIM}interop run --case {id}{DIM:#}");
    Ok(text)
}

/// What becomes of it where a peer declares less than its longest message; nothing where hardly any does.
fn asked_with_less(case: &Case) -> Option<String> {
    const SMALL: u64 = 1024;
    let longest = case.longest_message();
    let less = match case.too_long {
        None => "a peer that declares less is not asked it",
        Some(TooLong::LeftOut) => "of a peer that declares less the others are asked",
        Some(TooLong::Shortened) => "for a peer that declares less they are as long as it says",
        Some(TooLong::Split { .. }) => {
            "for a peer that declares less there are more of them, as long as it says"
        }
    };
    (longest >= SMALL).then(|| format!("messages have up to {longest} bytes; {less}"))
}

fn fact(text: &mut String, name: &str, sentence: &str) {
    for (at, line) in words::wrapped(sentence, words::width() - INDENT).iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        let _ = writeln!(text, "  {name:<9} {line}");
    }
}

/// The framings, spoken with the first service that goes with them, and the services, spoken in the first such
/// framing, whose peers are not asked this case, by the reason. Every pair of both would say the same again.
fn not_asked(case: &Arc<Case>) -> BTreeMap<String, Vec<String>> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ask = |name: String, framing: Framing, service| {
        // Of a peer that promises nothing.
        if let Err(reason) = case.as_asked(&Protocol::new(framing, service), None) {
            reasons.entry(reason.to_string()).or_default().push(name);
        }
    };
    let framings: Vec<Framing> = Framing::names().filter_map(|name| name.parse().ok()).collect();
    for &framing in &framings {
        let service = Service::ALL.into_iter().find(|service| service.goes_with(framing));
        ask(framing.to_string(), framing, service.unwrap_or_default());
    }
    for service in Service::ALL.into_iter().filter(|service| *service != Service::default()) {
        let framing = framings.iter().find(|framing| service.goes_with(**framing));
        ask(service.to_string(), framing.copied().unwrap_or_default(), service);
    }
    reasons
}

fn unknown(id: &str, cases: &[Arc<Case>]) -> Failure {
    let in_group = |case: &&Arc<Case>| case.id.as_str().split('.').next() == Some(id);
    let mut group: Vec<&str> = cases.iter().filter(in_group).map(|it| it.id.as_str()).collect();
    group.dedup();
    let (framing, service) = id.split_once('/').unwrap_or((id, id));
    let is_framing = Framing::names().any(|name| name == framing);
    let is_service = Service::ALL.iter().any(|it| it.name() == service);
    let hint = if !group.is_empty() {
        format!("it is a group, of {}", group.join(", "))
    } else if is_framing {
        "it is a framing, and `interop list framings` says what is asked in it".to_owned()
    } else if is_service {
        "it is a service, and `interop list services` tells of it".to_owned()
    } else {
        let slip = id.parse().ok().and_then(|pattern: Pattern| pattern.slip(cases));
        slip.unwrap_or_else(|| {
            let all =
                "`interop list cases` shows all cases, `interop list requirements` all clauses";
            all.to_owned()
        })
    };
    Failure::usage(format!("`{id}` is no case and no clause: {hint}"))
}
