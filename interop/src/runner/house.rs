//! What a unit's cases share: build products, ports, and the server while it stands.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::limits;
use crate::model::case::Case;
use crate::model::transcript::Exit;
use crate::peer::build::{self, BuildError};
use crate::peer::command::{Template, Values};
use crate::peer::manifest::{ServerSide, Start};
use crate::peer::port::{self, Lease, PortError};
use crate::peer::process::{Launch, wait_exit};
use crate::peer::registry::Peer;
use crate::peer::server::RunningServer;
use crate::peer::start::StartError;
use crate::stage::{Acted, Cast, ClientCast, Heard, ServerCast, act, dialect};

use super::plan::Unit;
use super::run::Context;

/// Where a unit plays.
pub(super) struct House<'a> {
    unit: &'a Unit,
    context: &'a Context,
    server_out: PathBuf,
    client_out: PathBuf,
    _ports: Vec<Lease>,
    server: Option<Standing>,
}

enum Standing {
    Program { server: RunningServer, _port: Option<Lease> },
    Elsewhere(SocketAddr),
}

/// The ports that a unit's programs hard-code: its own for as long as it plays.
pub(super) async fn hard_coded_ports(unit: &Unit) -> Result<Vec<Lease>, PortError> {
    let server = unit.server_side().and_then(|side| side.port);
    let client = unit.client_side().and_then(|side| side.port);
    // Always in the same order, so that two units cannot wait for each other.
    let wanted: BTreeSet<u16> = server.into_iter().chain(client).collect();
    let mut leases = Vec::new();
    for port in wanted {
        leases.push(Lease::fixed(port).await?);
    }
    Ok(leases)
}

impl<'a> House<'a> {
    /// Builds what has to be built.
    pub async fn open(
        unit: &'a Unit,
        context: &'a Context,
        ports: Vec<Lease>,
    ) -> Result<Self, BuildError> {
        let build = async |peer: &Option<Arc<Peer>>| match peer {
            Some(peer) => context.built(peer).await,
            None => Ok(PathBuf::new()),
        };
        let server_out = build(&unit.server).await?;
        let client_out = build(&unit.client).await?;
        Ok(Self { unit, context, server_out, client_out, _ports: ports, server: None })
    }

    /// Sees to it that the server stands, where there is one.
    pub async fn stand_up(&mut self) -> Result<(), StartError> {
        let died = |standing: &Standing| matches!(standing, Standing::Program { server, .. } if server.exit().is_some());
        if self.server.as_ref().is_some_and(died) {
            self.take_down().await;
        }
        let Some(side) = self.unit.server_side().filter(|_| self.server.is_none()) else {
            return Ok(());
        };
        self.server = Some(match &side.start {
            Start::Running(address) => reached(*address).await?,
            Start::Command(command) => self.start_on_a_free_port(side, command).await?,
        });
        Ok(())
    }

    /// A hard-coded port is ours by now, and may still seem taken: for a moment, while a process that is being
    /// started elsewhere holds a copy of our own listener; for longer, where the program does not set
    /// SO_REUSEADDR and connections of its predecessor are in TIME_WAIT. The latter is a fault of its own, which
    /// is not judged here.
    async fn start_on_a_free_port(
        &self,
        side: &ServerSide,
        command: &Template,
    ) -> Result<Standing, StartError> {
        let first = self.start(side, command).await;
        let (Err(StartError::Exited { .. }), Some(port)) = (&first, side.port) else {
            return first;
        };
        sleep(limits::REBIND_PAUSE).await;
        match self.start(side, command).await {
            Err(StartError::Exited { .. }) if port::is_in_time_wait(port) => {
                port::outwait(port).await;
                self.start(side, command).await
            }
            second => second,
        }
    }

    async fn start(&self, side: &ServerSide, command: &Template) -> Result<Standing, StartError> {
        let chosen = match side.port {
            None if !side.reports_its_port() => Some(Lease::free()?),
            _ => None,
        };
        let port = side.port.or_else(|| chosen.as_ref().map(Lease::port)).unwrap_or(0);
        let launch = Launch {
            argv: command.fill(&self.values(port, &self.server_out)),
            folder: self.unit.server.as_ref().map(|peer| peer.folder.clone()).unwrap_or_default(),
            env: side.env.clone(),
        };
        let server =
            RunningServer::start(&launch, side.ready.as_ref(), port, self.context.start).await?;
        Ok(Standing::Program { server, _port: chosen })
    }

    /// Ends a server, where there is one of ours, that may be in a state which is nobody else's business.
    pub async fn tear_down(&mut self) {
        if let Some(Standing::Program { server, _port }) = self.server.take() {
            let mut exit = server.watch_exit();
            server.kill();
            // Its port is free once it is gone.
            let _ = timeout(limits::GRACE, wait_exit(&mut exit)).await;
        }
    }

    /// Ends the server, where there is one of ours.
    pub async fn take_down(&mut self) {
        if let Some(Standing::Program { server, _port }) = self.server.take() {
            server.stop().await;
        }
    }

    /// Acts a case out with whoever plays here.
    pub async fn act(&self, case: &Case, patience: Duration) -> Result<Acted, StartError> {
        act(case, self.cast(), patience).await
    }

    /// How the server ended by itself, if it did.
    pub fn server_exit(&self) -> Option<Exit> {
        match &self.server {
            Some(Standing::Program { server, .. }) => server.exit(),
            Some(Standing::Elsewhere(_)) | None => None,
        }
    }

    /// The same, of a server that may be about to.
    pub async fn server_exit_soon(&self) -> Option<Exit> {
        let Some(Standing::Program { server, .. }) = &self.server else { return None };
        timeout(limits::CRASH, wait_exit(&mut server.watch_exit())).await.ok().flatten()
    }

    /// What a server that answers nothing would answer to.
    pub async fn dialect(&self) -> Heard {
        let address = match &self.server {
            Some(Standing::Program { server, .. }) => server.address(),
            Some(Standing::Elsewhere(address)) => *address,
            None => return Heard::Nothing,
        };
        dialect::diagnose(address, self.unit.protocol, limits::DIALECT).await
    }

    /// The last lines of the server's output.
    pub fn server_tail(&self) -> Vec<String> {
        match &self.server {
            Some(Standing::Program { server, .. }) => server.tail(),
            Some(Standing::Elsewhere(_)) | None => Vec::new(),
        }
    }

    fn cast(&self) -> Cast<'_> {
        let server = self.server.as_ref().map(|standing| {
            let (address, exit) = match standing {
                Standing::Program { server, .. } => (server.address(), Some(server.watch_exit())),
                Standing::Elsewhere(address) => (*address, None),
            };
            let max_frame = self.unit.server_side().and_then(|side| side.max_frame);
            ServerCast { address, max_frame, exit }
        });
        let client = self.unit.client_side().map(|side| ClientCast {
            launch: Box::new(|port| Launch {
                argv: side.command.fill(&self.values(port, &self.client_out)),
                folder: self
                    .unit
                    .client
                    .as_ref()
                    .map(|peer| peer.folder.clone())
                    .unwrap_or_default(),
                env: side.env.clone(),
            }),
            contract: &side.contract,
            port: side.port,
            max_frame: side.max_frame,
        });
        Cast { protocol: self.unit.protocol, server, client, start: self.context.start }
    }

    fn values(&self, port: u16, out: &std::path::Path) -> Values {
        let interop = self.context.interop.clone();
        Values { port, out: out.to_owned(), protocol: self.unit.protocol, interop }
    }
}

/// A server that is not ours has to be there before it can be judged.
async fn reached(address: SocketAddr) -> Result<Standing, StartError> {
    let connected = timeout(limits::START, TcpStream::connect(address)).await;
    match connected.map_err(std::io::Error::from).flatten() {
        Ok(_) => Ok(Standing::Elsewhere(address)),
        Err(error) => Err(StartError::Unreachable { address, reason: error.to_string() }),
    }
}

impl Context {
    /// The build products of a peer, made at most once in a run.
    async fn built(&self, peer: &Peer) -> Result<PathBuf, BuildError> {
        let cell = self.build_cell(peer.name());
        let build = async || {
            let values = |out| Values {
                port: 0,
                out,
                protocol: crate::model::protocol::Protocol::default(),
                interop: self.interop.clone(),
            };
            build::prepare(&peer.manifest, &peer.folder, &self.cache, values).await
        };
        cell.get_or_init(build).await.clone()
    }
}
