//! What cases share that are played one after the other: build products, ports, and the server while it
//! stands.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::limits::{self, Patience};
use crate::model::case::Case;
use crate::model::protocol::{Protocol, Transport};
use crate::model::transcript::Exit;
use crate::peer::build::{self, BuildError};
use crate::peer::command::Values;
use crate::peer::manifest::Start;
use crate::peer::port::{self, Lease, PortError};
use crate::peer::process::{Launch, wait_exit};
use crate::peer::program::{Port, ServerProgram};
use crate::peer::registry::Peer;
use crate::peer::server::RunningServer;
use crate::peer::start::StartError;
use crate::stage::{Acted, Cast, ClientCast, Heard, ServerCast, Standing, act, dialect};

use super::plan::Unit;
use super::run::Context;

/// Where a unit plays.
pub(super) struct House<'a> {
    unit: &'a Unit,
    context: &'a Context,
    server_out: PathBuf,
    client_out: PathBuf,
    server: Option<Server>,
}

enum Server {
    Ours { server: RunningServer, _port: Option<Lease> },
    Elsewhere(SocketAddr),
}

/// The ports that a unit's programs hard-code: its own for as long as it plays.
pub(super) async fn hard_coded_ports(unit: &Unit) -> Result<Vec<Lease>, PortError> {
    let mut leases = Vec::new();
    for port in hard_coded(unit) {
        leases.push(Lease::fixed(port, unit.protocol.transport).await?);
    }
    Ok(leases)
}

/// Always in the same order, so that two units cannot wait for each other.
fn hard_coded(unit: &Unit) -> BTreeSet<u16> {
    let server = unit.server_side().and_then(|side| side.port);
    let client = unit.client_side().and_then(|side| side.port);
    server.into_iter().chain(client).collect()
}

impl<'a> House<'a> {
    /// Builds what has to be built.
    pub async fn open(unit: &'a Unit, context: &'a Context) -> Result<Self, BuildError> {
        let build = async |peer: &Option<Arc<Peer>>| match peer {
            Some(peer) => context.built(peer).await,
            None => Ok(PathBuf::new()),
        };
        let server_out = build(&unit.server).await?;
        let client_out = build(&unit.client).await?;
        Ok(Self { unit, context, server_out, client_out, server: None })
    }

    /// Another one for the same unit, with a server of its own; `None` where its programs can only run once
    /// at a time, or the server is not ours to start.
    pub fn one_more(&self) -> Option<Self> {
        let elsewhere = self.unit.server_side().is_some() && self.program().is_none();
        (hard_coded(self.unit).is_empty() && !elsewhere).then(|| Self {
            unit: self.unit,
            context: self.context,
            server_out: self.server_out.clone(),
            client_out: self.client_out.clone(),
            server: None,
        })
    }

    /// Sees to it that what the case needs stands: a server, or nothing on the port that it starts its own on.
    ///
    /// Returns whether a server was started for that.
    pub async fn prepare(&mut self, case: &Case) -> Result<bool, StartError> {
        if case.has_own_server() {
            if !hard_coded(self.unit).is_empty() {
                self.take_down().await;
            }
            return Ok(false);
        }
        if self.server_exit().is_some() {
            self.take_down().await;
        }
        let Some(side) = self.unit.server_side().filter(|_| self.server.is_none()) else {
            return Ok(false);
        };
        if let Start::Running(address) = side.start {
            self.server = Some(reached(address, self.unit.protocol).await?);
            return Ok(true);
        }
        let started = match self.program() {
            Some(program) => Some(program.start_patiently().await?),
            None => None,
        };
        if let Some((server, port)) = started {
            // One that says too early that it is ready fails the case that is about that, and no other.
            let port_listens =
                port::listening(server.address().port(), self.unit.protocol.transport);
            let _ = timeout(limits::START, port_listens).await;
            self.server = Some(Server::Ours { server, _port: port });
        }
        Ok(true)
    }

    /// Asks the server that stands for one answer, as long as a program may need that has just been started;
    /// returns how long it took.
    pub async fn warm_up(&self) -> Option<Duration> {
        let address = self.standing()?.address;
        let protocol = self.unit.protocol;
        let begun = Instant::now();
        let answered = dialect::is_answered(address, protocol.framing, protocol);
        tokio::pin!(answered);
        let answered = match timeout(limits::DIALECT, &mut answered).await {
            Ok(answered) => answered,
            // Most that are silent wait for the rest of what they take for a long message.
            Err(_) if matches!(self.dialect().await, Heard::As(_)) => return None,
            Err(_) => timeout(limits::WARM_UP, answered).await.ok()?,
        };
        matches!(answered, Ok(true)).then(|| begun.elapsed())
    }

    /// How the server is started, where it is ours to start.
    fn program(&self) -> Option<ServerProgram<'_>> {
        let side = self.unit.server_side()?;
        let Start::Command(command) = &side.start else { return None };
        let port = match side.port {
            Some(port) => Port::HardCoded(port),
            None if side.reports_its_port() => Port::Reported,
            None => Port::Chosen,
        };
        let folder = folder_of(self.unit.server.as_deref());
        Some(ServerProgram {
            launch: Box::new(move |port| Launch {
                argv: command.fill(&self.values(port, &self.server_out)),
                folder: folder.clone(),
                env: side.env.clone(),
            }),
            ready: side.ready.as_ref(),
            port,
            transport: self.unit.protocol.transport,
            within: self.context.start,
        })
    }

    /// Ends a server, where there is one of ours, that may be in a state which is nobody else's business.
    pub async fn tear_down(&mut self) {
        if let Some(Server::Ours { server, _port }) = self.server.take() {
            let mut exit = server.watch_exit();
            server.kill();
            // Its port is free once it is gone.
            let _ = timeout(limits::GRACE, wait_exit(&mut exit)).await;
        }
    }

    /// Ends the server, where there is one of ours.
    pub async fn take_down(&mut self) {
        if let Some(Server::Ours { server, _port }) = self.server.take() {
            server.dismiss().await;
        }
    }

    /// Acts a case out with whoever plays here.
    pub async fn act(&self, case: &Case, patience: Patience) -> Result<Acted, StartError> {
        act(case, self.cast(), patience).await
    }

    /// How the server ended by itself, if it did.
    pub fn server_exit(&self) -> Option<Exit> {
        self.ours()?.exit()
    }

    /// The same, of a server that may be about to.
    pub async fn server_exit_soon(&self) -> Option<Exit> {
        let mut exit = self.ours()?.watch_exit();
        timeout(limits::CRASH_LATE, wait_exit(&mut exit)).await.ok().flatten()
    }

    /// What a server that answers nothing would answer to.
    pub async fn dialect(&self) -> Heard {
        let Some(address) = self.standing().map(|standing| standing.address) else {
            return Heard::Nothing;
        };
        dialect::diagnose(address, self.unit.protocol, limits::DIALECT).await
    }

    /// The last lines of the server's output.
    pub fn server_tail(&self) -> Vec<String> {
        self.ours().map(RunningServer::tail).unwrap_or_default()
    }

    fn ours(&self) -> Option<&RunningServer> {
        match self.server.as_ref()? {
            Server::Ours { server, .. } => Some(server),
            Server::Elsewhere(_) => None,
        }
    }

    fn standing(&self) -> Option<Standing> {
        Some(match self.server.as_ref()? {
            Server::Ours { server, .. } => Standing::of(server),
            Server::Elsewhere(address) => Standing { address: *address, exit: None, family: None },
        })
    }

    fn cast(&self) -> Cast<'_> {
        let server = self.unit.server_side().map(|side| ServerCast {
            standing: self.standing(),
            program: self.program(),
            max_frame: side.max_frame,
        });
        let folder = folder_of(self.unit.client.as_deref());
        let client = self.unit.client_side().map(|side| ClientCast {
            launch: Box::new(move |port| Launch {
                argv: side.command.fill(&self.values(port, &self.client_out)),
                folder: folder.clone(),
                env: side.env.clone(),
            }),
            contract: &side.contract,
            port: side.port,
            max_frame: side.max_frame,
        });
        Cast { protocol: self.unit.protocol, server, client, start: self.context.start }
    }

    fn values(&self, port: u16, out: &Path) -> Values {
        let interop = self.context.interop.clone();
        Values { port, out: out.to_owned(), protocol: self.unit.protocol, interop }
    }
}

fn folder_of(peer: Option<&Peer>) -> PathBuf {
    peer.map(|peer| peer.folder.clone()).unwrap_or_default()
}

/// A server that is not ours has to be there before it can be judged.
async fn reached(address: SocketAddr, protocol: Protocol) -> Result<Server, StartError> {
    let reached = match protocol.transport {
        Transport::Tcp => {
            let connected = timeout(limits::START, TcpStream::connect(address)).await;
            connected.map_err(std::io::Error::from).flatten().map(drop)
        }
        // Only who is sent something can be missed, and one that says nothing is judged by its cases.
        Transport::Udp => {
            let asked = dialect::is_answered(address, protocol.framing, protocol);
            timeout(limits::DIALECT, asked).await.unwrap_or(Ok(false)).map(drop)
        }
    };
    match reached {
        Ok(()) => Ok(Server::Elsewhere(address)),
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
                protocol: Protocol::default(),
                interop: self.interop.clone(),
            };
            build::prepare(&peer.manifest, &peer.folder, &self.cache, values).await
        };
        cell.get_or_init(build).await.clone()
    }
}
