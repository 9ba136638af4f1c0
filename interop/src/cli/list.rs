//! `interop list`: what there is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anstyle::Style;
use clap::ValueEnum;
use rust_server::framing::Framing;
use serde::Serialize;

use super::exit::Failure;
use super::output::{self, Format};
use super::run::registry;
use crate::catalogue;
use crate::model::names::{Clause, Level, Role};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to list
    #[arg(value_enum)]
    what: What,
    /// Peer folders (globs allowed) instead of those of the nearest interop.toml
    #[arg(long = "peers", value_name = "DIR", num_args = 1..)]
    folders: Vec<String>,
    /// The form of the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The programs that can be tested
    Peers,
    /// The tests, and the mistake that each catches
    Cases,
    /// The clauses of the protocol, and the cases that cover each
    Requirements,
    /// The ways in which messages can be laid on a stream
    Framings,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    match args.what {
        What::Peers => show(args.format, &peers(&args.folders)?),
        What::Cases => show(args.format, &cases()),
        What::Requirements => show(args.format, &requirements()),
        What::Framings => show(args.format, &framings()),
    }
}

/// A row that is shown to people or written as JSON.
trait Row: Serialize {
    fn line(&self, text: &mut String);
}

fn show<R: Row>(format: Format, rows: &[R]) -> Result<ExitCode, Failure> {
    match format {
        Format::Json => output::print_json(&rows)?,
        Format::Human => {
            let mut text = String::new();
            rows.iter().for_each(|row| row.line(&mut text));
            output::print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

#[derive(Serialize)]
struct PeerRow {
    name: String,
    language: String,
    summary: String,
    roles: Vec<Role>,
    protocols: Vec<String>,
    folder: String,
    available: bool,
    missing: Option<String>,
}

fn peers(folders: &[String]) -> Result<Vec<PeerRow>, Failure> {
    let registry = registry(folders)?;
    let row = |peer: &std::sync::Arc<crate::peer::registry::Peer>| {
        let manifest = &peer.manifest;
        let server = manifest.server.as_ref();
        let client = manifest.client.as_ref();
        let spoken = server.into_iter().flat_map(|side| &side.protocols);
        let spoken = spoken.chain(client.into_iter().flat_map(|side| &side.protocols));
        let mut protocols: Vec<String> = spoken.map(ToString::to_string).collect();
        protocols.dedup();
        let roles = [(server.is_some(), Role::Server), (client.is_some(), Role::Client)];
        let missing = peer.unavailable();
        PeerRow {
            name: manifest.name.to_string(),
            language: manifest.language.clone(),
            summary: manifest.summary.clone(),
            roles: roles.into_iter().filter(|(plays, _)| *plays).map(|(_, role)| role).collect(),
            protocols,
            folder: peer.folder.display().to_string(),
            available: missing.is_none(),
            missing,
        }
    };
    Ok(registry.peers().map(row).collect())
}

impl Row for PeerRow {
    fn line(&self, text: &mut String) {
        let roles: Vec<String> = self.roles.iter().map(ToString::to_string).collect();
        let Self { name, language, summary, .. } = self;
        let _ = writeln!(
            text,
            "{BOLD}{name:<18}{BOLD:#} {:<14} {:<10} {language}: {summary}",
            roles.join(", "),
            self.protocols.join(", ")
        );
        if let Some(missing) = &self.missing {
            let _ = writeln!(text, "{:<18} {DIM}cannot run here: {missing}{DIM:#}", "");
        }
    }
}

#[derive(Serialize)]
struct CaseRow {
    case: String,
    level: Level,
    /// For a peer that declares `max_frame`, where that differs.
    level_with_limit: Option<Level>,
    roles: Vec<Role>,
    requirement: Vec<Clause>,
    catches: String,
}

fn cases() -> Vec<CaseRow> {
    let mut rows: Vec<CaseRow> = Vec::new();
    for case in catalogue::cases() {
        let same = |row: &&mut CaseRow| {
            row.case == case.id.as_str()
                && row.level == case.level
                && row.requirement == case.clauses
        };
        match rows.last_mut().filter(same) {
            Some(row) => row.roles.push(case.role),
            None => rows.push(CaseRow {
                case: case.id.to_string(),
                level: case.level,
                level_with_limit: case.level_with_limit,
                roles: vec![case.role],
                requirement: case.clauses.clone(),
                catches: case.catches.clone(),
            }),
        }
    }
    rows
}

impl Row for CaseRow {
    fn line(&self, text: &mut String) {
        let roles: String = [(Role::Server, 'S'), (Role::Client, 'C'), (Role::Pairing, 'P')]
            .iter()
            .map(|(role, letter)| if self.roles.contains(role) { *letter } else { '.' })
            .collect();
        let clauses: Vec<String> = self.requirement.iter().map(ToString::to_string).collect();
        let Self { case, level, catches, .. } = self;
        let _ = writeln!(
            text,
            "{BOLD}{case:<32}{BOLD:#} {roles} {level:<6} {:<12} {catches}",
            clauses.join(" ")
        );
    }
}

#[derive(Serialize)]
struct RequirementRow {
    requirement: Clause,
    rule: &'static str,
    cases: Vec<String>,
}

fn requirements() -> Vec<RequirementRow> {
    let mut covered: BTreeMap<Clause, Vec<String>> = BTreeMap::new();
    for row in cases() {
        for clause in &row.requirement {
            let cases = covered.entry(*clause).or_default();
            if cases.last() != Some(&row.case) {
                cases.push(row.case.clone());
            }
        }
    }
    let row = |requirement: Clause| RequirementRow {
        requirement,
        rule: requirement.rule(),
        cases: covered.remove(&requirement).unwrap_or_default(),
    };
    Clause::ALL.into_iter().map(row).collect()
}

impl Row for RequirementRow {
    fn line(&self, text: &mut String) {
        let Self { requirement, rule, cases } = self;
        let cases = if cases.is_empty() { "no case yet".to_owned() } else { cases.join(", ") };
        let _ = writeln!(text, "{BOLD}{requirement}{BOLD:#}  {rule}\n     {DIM}{cases}{DIM:#}");
    }
}

#[derive(Serialize)]
struct FramingRow {
    framing: &'static str,
    default: bool,
}

fn framings() -> Vec<FramingRow> {
    let default = Framing::DEFAULT.to_string();
    Framing::names().map(|framing| FramingRow { framing, default: framing == default }).collect()
}

impl Row for FramingRow {
    fn line(&self, text: &mut String) {
        let note = if self.default { "  (the default)" } else { "" };
        let _ = writeln!(text, "{BOLD}{}{BOLD:#}{DIM}{note}{DIM:#}", self.framing);
    }
}
