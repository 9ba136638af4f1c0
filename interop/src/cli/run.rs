//! `interop run`: every pairing, and every peer on its own.

use std::process::ExitCode;

use clap::ValueHint;

use super::exit::Failure;
use super::names::one_of;
use super::rerun::{Memory, Rerun, everything};
use super::session::{self, Part, SessionArgs, nothing_selected};
use super::settings;
use crate::catalogue;
use crate::model::names::Role;
use crate::peer::registry::{Registry, RegistryError};
use crate::runner::again::Again;
use crate::runner::{Plan, Selection};

const AFTER_HELP: &str = "\
Each option is a setting, which the environment and the nearest interop.toml can say too: --start-timeout is \
INTEROP_START_TIMEOUT in the one and start_timeout in the other. Lists are written with commas in the environment. \
--strict=false takes back what one of them says. `interop config` shows what holds, and who says so.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Only these peers, in whatever role: a name, or a glob such as 'py*'
    #[arg(value_name = "PEERS")]
    peers: Vec<glob::Pattern>,
    /// Only results with one of these servers
    #[arg(long = "server", value_name = "PEER", value_delimiter = ',')]
    servers: Vec<glob::Pattern>,
    /// Only results with one of these clients
    #[arg(long = "client", value_name = "PEER", value_delimiter = ',')]
    clients: Vec<glob::Pattern>,
    /// Only this: a server or a client on its own, or pairings
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',',
        value_parser = one_of([Role::Server, Role::Client, Role::Pairing]))]
    roles: Vec<Role>,
    /// Only the Kth of N equal parts of the run; auto asks the environment which, as Kubernetes, GitLab, Buildkite
    /// and CircleCI set it
    #[arg(long, value_name = "K/N|auto")]
    shard: Option<Part>,
    /// Only what was not as expected: `failed`, when it was last played here; or in the run of a JSON document
    #[arg(long, value_name = "failed|FILE.json")]
    rerun: Option<Rerun>,
    #[command(flatten)]
    session: SessionArgs,
    /// Peer folders (globs allowed) instead of those of the nearest interop.toml
    #[arg(long = "peers", value_name = "DIR", num_args = 1.., value_hint = ValueHint::DirPath)]
    folders: Vec<String>,
}

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let Args { peers, servers, clients, roles, shard, rerun, session, folders } = args;
    let registry = registry(&folders)?;
    let cases = catalogue::seeded(session.play.seed);
    let selection = Selection {
        peers,
        servers,
        clients,
        roles,
        cases: session.cases.clone(),
        levels: session.levels.clone(),
        protocols: session.protocols.clone(),
    };
    if let Some(slip) = selection.unknown_peer(&registry) {
        return Err(Failure::usage(slip));
    }
    if let Some(slip) = selection.unspoken_protocol(&registry) {
        return Err(Failure::usage(slip));
    }
    if let Some(slip) = selection.unmatched_case(&cases) {
        return Err(Failure::nothing_selected(slip));
    }
    let mut plan = Plan::new(&registry, &cases, &selection);
    let mut memory = Memory::new(&folders);
    if let Some(rerun) = rerun {
        memory.narrow(&mut plan, &rerun, &everything(&registry, &cases))?;
    }
    if let Some(part) = shard {
        plan.keep(part.shard()?);
    }
    if plan.cases() == 0 {
        return Err(nothing_selected("no peer is to play any of these cases", &plan));
    }
    let again = Again::run(super::program(), session.play.seed, folders);
    session::play(plan, &registry, &cases, &session, again, Some(memory))
}

/// The peers of the project, or of the folders that were named.
pub fn registry(folders: &[String]) -> Result<Registry, Failure> {
    let here = std::env::current_dir()
        .map_err(|e| Failure::environment(format!("the working directory is gone: {e}")))?;
    let registry = match (folders, settings::project()?) {
        ([], Some(project)) => Registry::of_project(&project),
        ([], None) => Err(RegistryError::NoProject(here)),
        (folders, _) => Registry::of_folders(&here, folders),
    };
    registry.map_err(Failure::usage)
}
