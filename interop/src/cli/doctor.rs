//! `interop doctor`: what the peers need, what of it is here, and how to get the rest.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::Style;
use serde::Serialize;

use super::exit::Failure;
use super::output::{self, Format};
use super::run::registry;
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::peer::package::{Command, Manager};
use crate::peer::registry::Registry;
use crate::peer::spawn;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Install what is missing, by this machine's package manager; each command is shown before it runs
    #[arg(long, conflicts_with = "format")]
    install: bool,
    /// Peer folders (globs allowed) instead of those of the nearest interop.toml
    #[arg(long = "peers", value_name = "DIR", num_args = 1..)]
    folders: Vec<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One program that a peer needs.
#[derive(Debug, Serialize)]
struct Need {
    peer: String,
    program: String,
    path: Option<PathBuf>,
    /// The packages that bring it, by this machine's package manager.
    packages: Vec<String>,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let manager = Manager::detect();
    let needs = look(&registry(&args.folders)?, manager);
    let complete = needs.iter().all(|need| need.path.is_some());
    match args.format {
        Format::Json => output::print_json(&needs)?,
        Format::Human => output::print(&table(&needs))?,
    }
    if complete {
        return Ok(ExitCode::SUCCESS);
    }
    let plan = plan(&needs, manager)?;
    if !args.install {
        let commands: Vec<String> = plan.iter().map(|command| format!("\n    {command}")).collect();
        return verdict(
            false,
            &format!("get it by `interop doctor --install`, or by:{}", commands.concat()),
        );
    }
    for command in &plan {
        run(command)?;
    }
    let after = look(&registry(&args.folders)?, manager);
    output::print(&format!("\n{}", table(&after)))?;
    verdict(after.iter().all(|need| need.path.is_some()), "installed, and still not on PATH")
}

fn verdict(complete: bool, otherwise: &str) -> Result<ExitCode, Failure> {
    match complete {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::environment(format!("something is missing; {otherwise}"))),
    }
}

fn look(registry: &Registry, manager: Option<Manager>) -> Vec<Need> {
    let mut needs = Vec::new();
    for peer in registry.peers() {
        let packages = manager.and_then(|manager| peer.package(manager));
        let packages = packages.map(|package| package.names().to_vec()).unwrap_or_default();
        for program in &peer.manifest.requires {
            needs.push(Need {
                peer: peer.name().to_string(),
                program: program.clone(),
                path: peer.find(program),
                packages: packages.clone(),
            });
        }
    }
    needs
}

fn table(needs: &[Need]) -> String {
    let bold = Style::new().bold();
    let mut text = String::new();
    for Need { peer, program, path, packages } in needs {
        let (colour, found) = match path {
            Some(path) => (Outcome::Pass, format!("ok       {}", path.display())),
            None if packages.is_empty() => (Outcome::Fail, "missing".to_owned()),
            None => (Outcome::Fail, format!("missing  in package {}", packages.join(" "))),
        };
        let colour = crate::report::style(colour, Level::Must);
        let _ = writeln!(text, "{bold}{peer:<18}{bold:#} {program:<10} {colour}{found}{colour:#}");
    }
    text
}

/// The commands that bring what is missing.
fn plan(needs: &[Need], manager: Option<Manager>) -> Result<Vec<Command>, Failure> {
    let missing: Vec<&Need> = needs.iter().filter(|need| need.path.is_none()).collect();
    let programs: BTreeSet<&str> = missing.iter().map(|need| need.program.as_str()).collect();
    let programs = programs.into_iter().collect::<Vec<_>>().join(", ");
    let Some(manager) = manager else {
        return Err(Failure::environment(format!(
            "missing: {programs}; no package manager that we know is on PATH (we know {}): install it by hand",
            Manager::names().join(", ")
        )));
    };
    let unknown: BTreeSet<&str> = missing
        .iter()
        .filter(|need| need.packages.is_empty())
        .map(|need| need.program.as_str())
        .collect();
    if !unknown.is_empty() {
        return Err(Failure::environment(format!(
            "no peer.toml says which package of {} brings {}: install it by hand",
            manager.name(),
            unknown.into_iter().collect::<Vec<_>>().join(", ")
        )));
    }
    let packages: BTreeSet<&str> =
        missing.iter().flat_map(|need| &need.packages).map(String::as_str).collect();
    let install = manager.install(&packages.into_iter().collect::<Vec<_>>());
    Ok(manager.refresh().into_iter().chain([install]).collect())
}

fn run(command: &Command) -> Result<(), Failure> {
    output::print(&format!("\n$ {command}\n"))?;
    let status = spawn::in_foreground(&command.argv())
        .map_err(|e| Failure::environment(format!("cannot run `{command}`: {e}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::environment(format!("`{command}` failed: {status}")))
}
