//! `interop list`: what there is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anstyle::Style;
use clap::ValueEnum;
use rust_server::framing::{Framing, MaxFrame};
use serde::Serialize;

use super::exit::Failure;
use super::output::{self, Format};
use super::run::registry;
use crate::catalogue;
use crate::model::case::Case;
use crate::model::names::{CaseId, Clause, Level, Role};
use crate::model::protocol::Protocol;
use crate::model::service::Service;
use crate::report::words;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to list
    #[arg(value_enum)]
    what: What,
    /// Peer folders (globs allowed) instead of those of the nearest interop.toml
    #[arg(long = "peers", value_name = "DIR", num_args = 1..)]
    folders: Vec<String>,
    /// With framings: what a peer is asked that declares this as its max_frame, as in '64 KiB'
    #[arg(long, value_name = "SIZE")]
    max_frame: Option<MaxFrame>,
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
    /// The clauses of the protocol, and the cases that cover each, by role and level
    Requirements,
    /// The ways in which messages can be laid on a stream, and the cases that each has room for
    Framings,
    /// What servers can be asked to answer, and the framings that each goes with
    Services,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    if args.max_frame.is_some() && !matches!(args.what, What::Framings) {
        return Err(Failure::usage("--max-frame goes with `list framings`"));
    }
    match args.what {
        What::Peers => show(args.format, &peers(&args.folders)?),
        What::Cases => show(args.format, &cases()),
        What::Requirements => show(args.format, &requirements()),
        What::Framings => show(args.format, &framings(args.max_frame)),
        What::Services => show(args.format, &services()),
    }
}

/// A row that is shown to people or written as JSON.
trait Row: Serialize {
    fn line(&self, text: &mut String);

    /// What a reader of the whole list has to know.
    fn legend(_rows: &[Self]) -> Option<&'static str>
    where
        Self: Sized,
    {
        None
    }
}

fn show<R: Row>(format: Format, rows: &[R]) -> Result<ExitCode, Failure> {
    match format {
        Format::Json => output::print_json(&rows)?,
        Format::Human => {
            let mut text = String::new();
            rows.iter().for_each(|row| row.line(&mut text));
            if let Some(legend) = R::legend(rows) {
                let _ = writeln!(text, "\n{DIM}{legend}{DIM:#}");
            }
            output::print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Behind what binds some peers more than others.
const MORE: &str = "*";
const MORE_LEGEND: &str = "* a must for a peer that declares max_frame";
const ROLES: [(Role, char); 3] = [(Role::Server, 'S'), (Role::Client, 'C'), (Role::Pairing, 'P')];

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
    let row = |peer: &Arc<crate::peer::registry::Peer>| {
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
    case: CaseId,
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
            row.case == case.id && row.level == case.level && row.requirement == case.clauses
        };
        match rows.last_mut().filter(same) {
            Some(row) => row.roles.push(case.role),
            None => rows.push(CaseRow {
                case: case.id.clone(),
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
        let sign = |&(role, letter)| if self.roles.contains(&role) { letter } else { '.' };
        let roles: String = ROLES.iter().map(sign).collect();
        let clauses: Vec<String> = self.requirement.iter().map(ToString::to_string).collect();
        let level = self.level.to_string() + more(self.level_with_limit);
        let Self { case, catches, .. } = self;
        let _ = writeln!(
            text,
            "{BOLD}{case:<38}{BOLD:#} {roles} {level:<7} {:<11} {catches}",
            clauses.join(" ")
        );
    }

    fn legend(_rows: &[Self]) -> Option<&'static str> {
        Some("S server, C client, P pairing; * a must for a peer that declares max_frame")
    }
}

fn more(level_with_limit: Option<Level>) -> &'static str {
    level_with_limit.map_or("", |_| MORE)
}

#[derive(Serialize)]
struct RequirementRow {
    requirement: Clause,
    rule: &'static str,
    /// Where it is explained.
    document: String,
    cases: Vec<CaseId>,
    coverage: Vec<Coverage>,
}

/// A case that covers a clause, in one role.
#[derive(Serialize)]
struct Coverage {
    case: CaseId,
    role: Role,
    level: Level,
    level_with_limit: Option<Level>,
}

fn requirements() -> Vec<RequirementRow> {
    let catalogue = catalogue::cases();
    let row = |requirement: Clause| {
        let covers = |case: &&Arc<Case>| case.clauses.contains(&requirement);
        let coverage: Vec<Coverage> = catalogue.iter().filter(covers).map(Coverage::of).collect();
        let mut cases: Vec<CaseId> = coverage.iter().map(|covers| covers.case.clone()).collect();
        cases.dedup();
        let document = format!("docs/protocol.md#{}", requirement.to_string().to_lowercase());
        RequirementRow { requirement, rule: requirement.rule(), document, cases, coverage }
    };
    Clause::ALL.into_iter().map(row).collect()
}

impl Coverage {
    fn of(case: &Arc<Case>) -> Self {
        let Case { id, role, level, level_with_limit, .. } = &**case;
        Self { case: id.clone(), role: *role, level: *level, level_with_limit: *level_with_limit }
    }
}

impl Row for RequirementRow {
    fn line(&self, text: &mut String) {
        let Self { rule, document, coverage, .. } = self;
        let name = self.requirement.to_string();
        let _ = writeln!(text, "{BOLD}{name:<3}{BOLD:#} {rule}\n    {DIM}{document}{DIM:#}");
        if coverage.is_empty() {
            let _ = writeln!(text, "    no case yet");
        }
        for (role, _) in ROLES {
            let mut name = role.to_string();
            for level in [Level::Must, Level::Should, Level::Info] {
                let of = coverage.iter().filter(|case| (case.role, case.level) == (role, level));
                let cases: Vec<String> =
                    of.map(|it| it.case.to_string() + more(it.level_with_limit)).collect();
                let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
                let mut level = level.to_string();
                let mut rest = &cases[..];
                while !rest.is_empty() {
                    let (line, next) = rest.split_at(words::fitting(rest, words::width() - INDENT));
                    let comma = if next.is_empty() { "" } else { "," };
                    let _ = writeln!(text, "    {name:<8} {level:<7} {}{comma}", line.join(", "));
                    (name, level, rest) = (String::new(), String::new(), next);
                }
            }
        }
        text.push('\n');
    }

    fn legend(_rows: &[Self]) -> Option<&'static str> {
        Some(MORE_LEGEND)
    }
}

/// What stands before the cases of a clause, and a comma behind, in columns.
const INDENT: usize = 4 + 8 + 1 + 7 + 1 + 1;

#[derive(Serialize)]
struct FramingRow {
    framing: &'static str,
    default: bool,
    services: Vec<Spoken>,
}

/// A framing with a service: what a peer is asked that speaks the two, and promises the limit in question or none.
#[derive(Serialize)]
struct Spoken {
    service: &'static str,
    /// How many cases, each role for itself.
    asked: usize,
    /// Of how many.
    of: usize,
    not_asked: Vec<NotAsked>,
}

/// Cases that a protocol has no room for.
#[derive(Serialize)]
struct NotAsked {
    since: String,
    cases: Vec<CaseId>,
}

fn framings(promised: Option<MaxFrame>) -> Vec<FramingRow> {
    let catalogue = catalogue::cases();
    let parsed = |name: &'static str| Some((name, name.parse::<Framing>().ok()?));
    let row = |(name, framing): (&'static str, Framing)| {
        let services = Service::ALL.into_iter().filter(|service| service.goes_with(framing));
        let spoken = |service| Spoken::of(Protocol::new(framing, service), promised, &catalogue);
        FramingRow {
            framing: name,
            default: framing == Framing::DEFAULT,
            services: services.map(spoken).collect(),
        }
    };
    Framing::names().filter_map(parsed).map(row).collect()
}

impl Spoken {
    fn of(protocol: Protocol, promised: Option<MaxFrame>, catalogue: &[Arc<Case>]) -> Self {
        let mut reasons: BTreeMap<String, Vec<CaseId>> = BTreeMap::new();
        let mut asked = 0;
        for case in catalogue {
            match case.as_asked(&protocol, promised) {
                Ok(_) => asked += 1,
                Err(since) => reasons.entry(since.to_string()).or_default().push(case.id.clone()),
            }
        }
        let mut not_asked: Vec<NotAsked> =
            reasons.into_iter().map(|(since, cases)| NotAsked { since, cases }).collect();
        not_asked.iter_mut().for_each(|group| group.cases.dedup());
        // What keeps most away comes first.
        not_asked.sort_by_key(|group| Reverse(group.cases.len()));
        Self { service: protocol.service.name(), asked, of: catalogue.len(), not_asked }
    }
}

impl Row for FramingRow {
    fn line(&self, text: &mut String) {
        let note = if self.default { "  (the default)" } else { "" };
        let _ = writeln!(text, "{BOLD}{}{BOLD:#}{DIM}{note}{DIM:#}", self.framing);
        for Spoken { service, asked, of, not_asked } in &self.services {
            let _ = writeln!(text, "    {service:<6} {asked} of {of} cases");
            for NotAsked { since, cases } in not_asked {
                let cases: Vec<&str> = cases.iter().map(CaseId::as_str).collect();
                let room = words::width().saturating_sub(MARGIN + since.len() + 2);
                let cases = words::list(&cases, room);
                let _ = writeln!(text, "{:MARGIN$}{DIM}{since}: {cases}{DIM:#}", "");
            }
        }
    }

    fn legend(_rows: &[Self]) -> Option<&'static str> {
        Some(
            "for a peer without max_frame, unless --max-frame names one; below, why the others are not asked, and which",
        )
    }
}

/// What stands before the reason for which cases are not asked, in columns.
const MARGIN: usize = 4 + 6 + 1;

#[derive(Serialize)]
struct ServiceRow {
    service: &'static str,
    default: bool,
    framings: Vec<&'static str>,
}

fn services() -> Vec<ServiceRow> {
    let row = |service: Service| ServiceRow {
        service: service.name(),
        default: service == Service::default(),
        framings: Framing::names()
            .filter(|name| name.parse().is_ok_and(|framing| service.goes_with(framing)))
            .collect(),
    };
    Service::ALL.into_iter().map(row).collect()
}

impl Row for ServiceRow {
    fn line(&self, text: &mut String) {
        let note = if self.default { "  (the default)" } else { "" };
        let _ = writeln!(text, "{BOLD}{}{BOLD:#}{DIM}{note}{DIM:#}", self.service);
        let mut rest = &self.framings[..];
        while !rest.is_empty() {
            let (line, next) = rest.split_at(words::fitting(rest, words::width() - 5));
            let comma = if next.is_empty() { "" } else { "," };
            let _ = writeln!(text, "    {}{comma}", line.join(", "));
            rest = next;
        }
    }
}
