//! `interop check`: one side only, of a program that may have no `peer.toml` yet.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use regex::Regex;
use rust_server::framing::{Framing, MaxFrame};

use super::exit::Failure;
use super::names::named;
use super::session::{self, SessionArgs, nothing_selected};
use super::utf8;
use crate::catalogue;
use crate::model::names::Role;
use crate::model::protocol::Protocol;
use crate::model::service::Service;
use crate::model::transcript::Stop;
use crate::peer::command::Template;
use crate::peer::manifest::{ClientSide, Contract, Manifest, ServerSide, Start};
use crate::peer::registry::{Peer, Registry};
use crate::runner::again::Again;
use crate::runner::{Plan, Selection};

const AFTER_HELP: &str = "\
Examples:
  interop check ./my-peer
  interop check server --addr 127.0.0.1:9000
  interop check server -- ./my-server --port {port}
  interop check client -- ./my-client {host} {port}

In a command, {host} and {port} stand for where to listen or to connect.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    described: Described,
    #[command(flatten)]
    session: SessionArgs,
}

/// The program that is checked.
#[derive(Debug, clap::Args)]
struct Described {
    /// A peer's folder, or the word `server` or `client`
    #[arg(value_name = "PEER|server|client")]
    target: PathBuf,
    /// The address of a server that runs already
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "command")]
    addr: Option<String>,
    /// A pattern of the line by which a server says that it is ready; a group named `port` may say where
    #[arg(long, value_name = "REGEX", conflicts_with = "addr")]
    ready: Option<Regex>,
    /// The port that the program hard-codes
    #[arg(long, value_name = "PORT", conflicts_with = "addr", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The limit that the program promises to enforce
    #[arg(long, value_name = "SIZE")]
    max_frame: Option<MaxFrame>,
    /// How messages are laid on the stream [default: u32be]
    #[arg(long, value_name = "FRAMING", hide_possible_values = true,
        value_parser = named::<Framing>(Framing::names().collect()))]
    framing: Option<Framing>,
    /// What a server answers [default: echo]
    #[arg(long, value_name = "SERVICE", hide_possible_values = true,
        value_parser = named::<Service>(Service::ALL.map(Service::name).to_vec()))]
    service: Option<Service>,
    /// How a client takes messages and gives them back [default: frames]
    #[arg(long, value_enum)]
    contract: Option<ContractArg>,
    /// Contract lines: a pattern that finds a received message in a line of output; group 1 is its text
    #[arg(long, value_name = "REGEX", required_if_eq("contract", "lines"))]
    received: Option<Regex>,
    /// Contract lines: what the client sends by itself
    #[arg(long, value_name = "TEXT")]
    greeting: Vec<String>,
    /// Contract lines: how the client is stopped [default: eof]
    #[arg(long, value_enum)]
    stop: Option<StopArg>,
    /// The command that starts the program
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ContractArg {
    /// 4-byte big-endian length and body on stdin and stdout
    Frames,
    /// A line of text is a message
    Lines,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StopArg {
    /// Its stdin ends
    Eof,
    /// It is interrupted
    Interrupt,
}

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let Args { session, described } = args;
    let peer = described.peer()?;
    let registry = Registry::of_one(peer);
    let cases = catalogue::seeded(session.play.seed);
    let selection = Selection {
        cases: session.cases.clone(),
        levels: session.levels.clone(),
        protocols: session.protocols.clone(),
        roles: vec![Role::Server, Role::Client],
        ..Selection::default()
    };
    if let Some(slip) = selection.unspoken_protocol(&registry) {
        return Err(Failure::usage(slip));
    }
    if let Some(slip) = selection.unmatched_case(&cases) {
        return Err(Failure::nothing_selected(slip));
    }
    let plan = Plan::new(&registry, &cases, &selection);
    if plan.cases() == 0 {
        return Err(nothing_selected("this peer is to play none of these cases", &plan));
    }
    let typed = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let again = Again::check(super::program(), typed.skip_while(|word| word != "check").skip(1));
    session::play(plan, &registry, &cases, &session, again, None)
}

impl Described {
    fn peer(self) -> Result<Peer, Failure> {
        let is = |word: &str| self.target == Path::new(word);
        let (side, addressed, commanded) =
            (is("server") || is("client"), self.addr.is_some(), !self.command.is_empty());
        let described = side && (addressed || commanded);
        let misplaced = self.misplaced(described && is("server"), described && is("client"));
        if let Some(flag) = misplaced {
            let says =
                if described { "this side has no such thing" } else { "its peer.toml says it" };
            return Err(Failure::usage(format!(
                "{flag} does not go with `check {}`: {says}",
                self.target.display()
            )));
        }
        if described {
            return match is("server") {
                true => self.server(),
                false => self.client(),
            };
        }
        if addressed || commanded {
            return Err(Failure::usage(
                "--addr and a command go with the word `server` or `client`",
            ));
        }
        if side && !self.target.is_dir() {
            return Err(Failure::usage(format!(
                "`check {0}` needs a command behind `--`{1}",
                self.target.display(),
                if is("server") { ", or --addr HOST:PORT" } else { "" }
            )));
        }
        Peer::load(&self.target).map_err(Failure::usage)
    }

    fn protocol(&self) -> Protocol {
        Protocol::new(self.framing.unwrap_or_default(), self.service.unwrap_or_default())
    }

    /// A flag that describes a server's program, or a client's, where there is none to describe.
    fn misplaced(&self, server: bool, client: bool) -> Option<&'static str> {
        let of_servers = [("--ready", self.ready.is_some())];
        let of_clients = [
            ("--contract", self.contract.is_some()),
            ("--received", self.received.is_some()),
            ("--greeting", !self.greeting.is_empty()),
            ("--stop", self.stop.is_some()),
        ];
        let of_both = [
            ("--port", self.port.is_some()),
            ("--max-frame", self.max_frame.is_some()),
            ("--framing", self.framing.is_some()),
            ("--service", self.service.is_some()),
        ];
        let wrong = |flags: &[(&'static str, bool)], allowed: bool| {
            flags.iter().find(|(_, given)| *given && !allowed).map(|(flag, _)| *flag)
        };
        wrong(&of_servers, server)
            .or_else(|| wrong(&of_clients, client))
            .or_else(|| wrong(&of_both, server || client))
    }

    fn server(self) -> Result<Peer, Failure> {
        let protocols = vec![self.protocol()];
        let start = match &self.addr {
            Some(address) => Start::Running(resolve(address)?),
            None => {
                let template = Template::verbatim(utf8(self.command)?);
                Start::Command(template)
            }
        };
        let side = ServerSide {
            start,
            ready: self.ready,
            port: self.port,
            protocols,
            max_frame: self.max_frame,
            idle_timeout: None,
            env: BTreeMap::new(),
            known: Vec::new(),
        };
        if !side.learns_its_port() {
            return Err(Failure::usage(
                "the server cannot learn its port: put {port} into the command, or say --port PORT where it is \
                 hard-coded, or --ready REGEX with a group named port where it says which it chose",
            ));
        }
        peer("server", |manifest| manifest.server = Some(side))
    }

    fn client(self) -> Result<Peer, Failure> {
        if self.addr.is_some() {
            return Err(Failure::usage(
                "--addr goes with `check server`: a client is started by a command",
            ));
        }
        let protocols = vec![self.protocol()];
        let command = Template::verbatim(utf8(self.command)?);
        if self.port.is_none() && !command.mentions("port") {
            return Err(Failure::usage(
                "the client cannot learn where to connect: put {port} into the command, or say --port PORT \
                 where it is hard-coded",
            ));
        }
        let contract = match (self.contract, self.received) {
            (Some(ContractArg::Lines), Some(received)) if received.captures_len() < 2 => {
                return Err(Failure::usage(format!(
                    "--received `{received}` has no group: group 1 is the text"
                )));
            }
            (Some(ContractArg::Lines), Some(received)) => Contract::Lines {
                received,
                greeting: self.greeting,
                stop: match self.stop {
                    Some(StopArg::Interrupt) => Stop::Interrupt,
                    Some(StopArg::Eof) | None => Stop::EndOfInput,
                },
            },
            _ => Contract::Frames,
        };
        let side = ClientSide {
            command,
            contract,
            port: self.port,
            protocols,
            max_frame: self.max_frame,
            env: BTreeMap::new(),
            known: Vec::new(),
        };
        peer("client", |manifest| manifest.client = Some(side))
    }
}

/// A peer that has no `peer.toml`, in the working directory.
fn peer(name: &str, add: impl FnOnce(&mut Manifest)) -> Result<Peer, Failure> {
    let folder = std::env::current_dir()
        .map_err(|e| Failure::environment(format!("the working directory is gone: {e}")))?;
    let mut manifest = Manifest {
        name: name.parse().map_err(Failure::usage)?,
        language: String::new(),
        summary: String::new(),
        requires: Vec::new(),
        install: BTreeMap::new(),
        build: Vec::new(),
        server: None,
        client: None,
    };
    add(&mut manifest);
    Ok(Peer::new(folder, manifest))
}

fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let refuse = |why: String| Failure::usage(format!("--addr {address}: {why}"));
    let mut found = address.to_socket_addrs().map_err(|e| refuse(e.to_string()))?;
    found.next().ok_or_else(|| refuse("no such host".to_owned()))
}
