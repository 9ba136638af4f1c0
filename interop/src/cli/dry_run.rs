//! `--dry-run`: what would be played.

use std::fmt::Write as _;
use std::process::ExitCode;

use anstyle::Style;
use serde::Serialize;

use super::exit::Failure;
use super::output;
use crate::model::names::{CaseId, Level, PeerName, Role};
use crate::report::form::Form;
use crate::report::words;
use crate::runner::plan::Unsupported;
use crate::runner::{Plan, Unit};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// A case that would be played, with the keys that its result would have.
#[derive(Serialize)]
struct Planned<'a> {
    case: &'a CaseId,
    level: Level,
    role: Role,
    server: Option<&'a PeerName>,
    client: Option<&'a PeerName>,
    framing: String,
    service: String,
    /// Why it would not be played although it is told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsupported: Option<String>,
}

/// Says it, in text for people or as a list in JSON.
pub fn show(plan: &Plan, format: Form) -> Result<ExitCode, Failure> {
    match format {
        Form::Human => output::print(&text(plan))?,
        Form::Json => {
            output::print_json(&plan.units.iter().flat_map(planned).collect::<Vec<_>>())?;
        }
        other => {
            return Err(Failure::usage(format!(
                "--dry-run says what would be played as human or json, not as {other}"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn planned(unit: &Unit) -> impl Iterator<Item = Planned<'_>> {
    let played = unit.cases.iter().map(|(case, level)| (case, level, None));
    let others = unit.unsupported.iter().map(|it| (&it.case, &it.level, Some(&it.since)));
    played.chain(others).map(|(case, level, unsupported)| Planned {
        case: &case.id,
        level: *level,
        role: unit.role(),
        server: unit.server_name(),
        client: unit.client_name(),
        framing: unit.protocol.framing.to_string(),
        service: unit.protocol.service.to_string(),
        unsupported: unsupported.cloned(),
    })
}

fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for unit in &plan.units {
        let who = crate::report::pair(unit.server_name(), unit.client_name());
        let count = words::counted(unit.cases.len(), "case");
        let _ = writeln!(text, "{BOLD}{who}{BOLD:#}  {}  {count}", unit.protocol);
        if let Some(missing) = unit.unavailable() {
            let _ = writeln!(text, "  {DIM}would be skipped: {missing}{DIM:#}");
        }
        let ids: Vec<&str> = unit.cases.iter().map(|(case, _)| case.id.as_str()).collect();
        for line in words::wrapped(&ids.join(" "), words::width() - 2) {
            let _ = writeln!(text, "  {line}");
        }
        for Unsupported { case, since, .. } in &unit.unsupported {
            let _ = writeln!(text, "  {DIM}would not be played: {}, since {since}{DIM:#}", case.id);
        }
    }

    let played: usize = plan.units.iter().map(|unit| unit.cases.len()).sum();
    let _ = writeln!(text, "\n{} would be played", words::counted(played, "case"));
    text
}
