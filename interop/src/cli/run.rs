//! `interop run`: every pairing, and every peer on its own.

use std::process::ExitCode;

use super::exit::Failure;
use super::session::{self, SessionArgs};
use crate::catalogue;
use crate::model::names::Role;
use crate::peer::registry::Registry;
use crate::runner::again::Again;
use crate::runner::shard::Shard;
use crate::runner::{Plan, Selection};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these peers, in whatever role: a name, or a glob such as 'py*'
    #[arg(value_name = "PEERS")]
    peers: Vec<glob::Pattern>,
    /// Only results with one of these servers
    #[arg(long = "server", value_name = "PEER")]
    servers: Vec<glob::Pattern>,
    /// Only results with one of these clients
    #[arg(long = "client", value_name = "PEER")]
    clients: Vec<glob::Pattern>,
    /// Only this: a server or a client on its own, or pairings
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    roles: Vec<Role>,
    /// Only the Kth of N equal parts of the run; auto asks the environment which, as Kubernetes, GitLab, Buildkite
    /// and CircleCI set it
    #[arg(long, value_name = "K/N|auto", value_parser = session::shard)]
    shard: Option<Shard>,
    #[command(flatten)]
    session: SessionArgs,
    /// Peer folders (globs allowed) instead of those of the nearest interop.toml
    #[arg(long = "peers", value_name = "DIR", num_args = 1..)]
    folders: Vec<String>,
}

impl Args {
    /// What `interop` without arguments means.
    pub fn default_run() -> Self {
        Self {
            peers: Vec::new(),
            servers: Vec::new(),
            clients: Vec::new(),
            roles: Vec::new(),
            shard: None,
            session: SessionArgs::default(),
            folders: Vec::new(),
        }
    }
}

fn role(text: &str) -> Result<Role, String> {
    [Role::Server, Role::Client, Role::Pairing]
        .into_iter()
        .find(|role| role.to_string() == text)
        .ok_or_else(|| "expected server, client or pairing".to_owned())
}

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let Args { peers, servers, clients, roles, shard, session, folders } = args;
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
    if let Some(shard) = shard {
        plan.keep(shard);
    }
    if plan.cases() == 0 {
        return Err(Failure::nothing_selected(
            "nothing selected: no peer is to play any of these cases",
        ));
    }
    let again = Again::run(super::program(), session.play.seed, folders);
    session::play(plan, &registry, &cases, &session, again)
}

/// The peers of the project, or of the folders that were named.
pub fn registry(folders: &[String]) -> Result<Registry, Failure> {
    let here = std::env::current_dir()
        .map_err(|e| Failure::environment(format!("the working directory is gone: {e}")))?;
    let registry = match folders {
        [] => Registry::of_project(&here),
        folders => Registry::of_folders(&here, folders),
    };
    registry.map_err(Failure::usage)
}
