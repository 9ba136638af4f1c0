//! `interop selftest`: the mutants against the catalogue. What would be caught, and by which case.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::exit::Failure;
use super::names::one_of;
use super::output::{self, Format};
use super::session::{self, How, Part, PlayArgs, nothing_selected};
use super::sinks::Sinks;
use crate::catalogue;
use crate::model::alike;
use crate::model::case::Case;
use crate::model::names::Role;
use crate::model::pattern::Pattern;
use crate::peer::mutants::{FOLDER, Mutants, ROLES};
use crate::peer::project::Project;
use crate::report::Reporter;
use crate::report::progress::Progress;
use crate::report::selftest::{self, Document, Look};
use crate::runner::kill_matrix::{Asked, KillMatrix};
use crate::runner::shard::Deal;
use crate::runner::{CaseResult, Event, Plan, Selection};

const AFTER_HELP: &str = "\
A mutant is a correct program that makes one mistake when the environment variable MUTANT names it.
Each plays all cases of its roles; those that mutants.toml lists for it have to fail, and the
program without a mistake has to pass. A case that finds no mutant has to be excused in [unkilled].";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Only these mutants: a switch, or a glob such as 'length-*'
    #[arg(value_name = "MUTANTS")]
    switches: Vec<glob::Pattern>,
    /// The list of mutants, or its folder [default: peers/mutants beside the nearest interop.toml]
    #[arg(long, value_name = "PATH")]
    mutants: Option<PathBuf>,
    /// Only these cases: an id, a group, a glob such as 'framing.*', or a clause such as P9
    #[arg(long = "case", value_name = "PATTERN")]
    cases: Vec<Pattern>,
    /// Only this: servers, or clients
    #[arg(long = "role", value_name = "ROLE", value_parser = one_of(ROLES))]
    roles: Vec<Role>,
    /// Only the Kth of N equal parts of the mutants; auto asks the environment which, as for `interop run`
    #[arg(long, value_name = "K/N|auto")]
    shard: Option<Part>,
    /// Play each mutant against the cases that have to find it, and no others
    #[arg(long)]
    listed: bool,
    /// Show the whole grid too: mutants down, cases across
    #[arg(long)]
    matrix: bool,
    #[command(flatten)]
    play: PlayArgs,
    /// The form of the result on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let all = catalogue::seeded(args.play.seed);
    let mutants = args.mutants(&all)?;
    let selection = args.selection();
    if let Some(slip) = selection.unmatched_case(&all) {
        return Err(Failure::nothing_selected(slip));
    }
    let registry = mutants.registry();
    let mut plan = Plan::new(&registry, &all, &selection);
    if args.listed {
        plan.retain(|unit, case| {
            let program = unit.server_name().or_else(|| unit.client_name());
            program.is_some_and(|program| mutants.is_measured_by(program, case))
        });
    }
    if plan.cases() == 0 {
        return Err(nothing_selected("no mutant is to play any of these cases", &plan));
    }

    let mut results = Results::default();
    let mut sinks = Sinks::default();
    sinks.stderr(Box::new(Progress::counting("kills")));
    sinks.listener(Box::new(&mut results));
    let summary = session::perform(plan, &registry, &all, &args.play, How::default(), sinks)?;

    let asked_for = |case: &&Arc<Case>| selection.takes_case(case, case.level);
    let cases: Vec<Arc<Case>> = all.iter().filter(asked_for).cloned().collect();
    let asked =
        Asked { roles: &selection.roles, cases: &cases, everything: args.asks_for_everything() };
    let matrix = KillMatrix::judge(&mutants, asked, &results.0, &summary);
    match args.format {
        Format::Json => output::print_json(&Document::new(&matrix, &summary))?,
        Format::Human => output::print(&selftest::text(&matrix, &summary, &args.look()))?,
    }
    Ok(ExitCode::from(matrix.exit_code(&summary)))
}

impl Args {
    /// The mutants that were asked for.
    fn mutants(&self, cases: &[Arc<Case>]) -> Result<Mutants, Failure> {
        let path = match &self.mutants {
            Some(path) => path.clone(),
            None => {
                let here = std::env::current_dir().map_err(|e| {
                    Failure::environment(format!("the working directory is gone: {e}"))
                })?;
                Project::root(&here).map_err(Failure::usage)?.join(FOLDER)
            }
        };
        let mut mutants = Mutants::load(&path, cases).map_err(Failure::usage)?;
        let unknown = |pattern: &&glob::Pattern| {
            !mutants.mutants.iter().any(|mutant| pattern.matches(mutant.switch.as_str()))
        };
        if let Some(pattern) = self.switches.iter().find(unknown) {
            let switches = mutants.mutants.iter().map(|mutant| mutant.switch.as_str());
            let meant = alike::did_you_mean(pattern.as_str(), switches);
            return Err(Failure::usage(format!(
                "`{pattern}` names no mutant: {}{} lists them",
                meant.map_or_else(String::new, |meant| meant + " "),
                path.display()
            )));
        }
        let shard = self.shard.map(Part::shard).transpose()?;
        let mut deal = shard.map(|shard| (Deal::among(shard), shard));
        mutants.keep(|mutant| {
            let named = |pattern: &glob::Pattern| pattern.matches(mutant.switch.as_str());
            let taken = self.switches.is_empty() || self.switches.iter().any(named);
            // What a mutant costs is above all what its program costs to start.
            let base = || mutant.base.clone();
            taken && deal.as_mut().is_none_or(|(deal, shard)| deal.falls_to(*shard, base()))
        });
        Ok(mutants)
    }

    fn selection(&self) -> Selection {
        let roles = if self.roles.is_empty() { ROLES.to_vec() } else { self.roles.clone() };
        Selection { roles, cases: self.cases.clone(), ..Selection::default() }
    }

    const fn asks_for_everything(&self) -> bool {
        self.switches.is_empty()
            && self.cases.is_empty()
            && self.roles.is_empty()
            && self.shard.is_none()
            && !self.listed
    }

    fn look(&self) -> Look {
        let mut again = vec![super::program(), "selftest".to_owned()];
        if let Some(path) = &self.mutants {
            again.extend(["--mutants".to_owned(), path.display().to_string()]);
        }
        Look::of_environment(self.matrix, again)
    }
}

/// Keeps what a run tells: it is judged when it is over.
#[derive(Debug, Default)]
struct Results(Vec<CaseResult>);

impl Reporter for &mut Results {
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        if let Event::CaseFinished(result) = event {
            self.0.push((**result).clone());
        }
        Ok(())
    }
}
