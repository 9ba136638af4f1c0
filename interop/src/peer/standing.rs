//! The server of a peer that stands for as long as somebody uses it: a bench, or somebody's own tests.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use super::build;
use super::command::Values;
use super::manifest::Start;
use super::port::Lease;
use super::process::Launch;
use super::program::{Port, ServerProgram};
use super::registry::Peer;
use super::server::RunningServer;
use super::start::StartError;
use crate::limits;
use crate::model::protocol::Protocol;

/// A server program that accepts connections.
#[derive(Debug)]
pub struct Standing {
    server: RunningServer,
    _port: Option<Lease>,
}

impl Standing {
    /// Builds and starts the server of a peer; `wrapped` makes of its command the one that is run.
    ///
    /// # Errors
    /// When the peer has no server that could be started, or that fails.
    pub async fn start(
        peer: &Peer,
        protocol: Protocol,
        interop: &Path,
        wrapped: impl Fn(Vec<OsString>) -> Vec<OsString> + Send + Sync,
    ) -> Result<Self, StartError> {
        let no_server = || StartError::Harness(format!("{} has no server to start", peer.name()));
        let side = peer.manifest.server.as_ref().ok_or_else(no_server)?;
        let Start::Command(command) = &side.start else { return Err(no_server()) };
        let values = |port, out| Values { port, out, protocol, interop: interop.to_owned() };
        let cache = build::cache_dir();
        let built = build::prepare(&peer.manifest, &peer.folder, &cache, |out| values(0, out));
        let out = built.await?;
        let port = match side.port {
            Some(port) => Port::HardCoded(port),
            None if side.reports_its_port() => Port::Reported,
            None => Port::Chosen,
        };
        let program = ServerProgram {
            transport: protocol.transport,
            launch: Box::new(|port| Launch {
                argv: wrapped(command.fill(&values(port, out.clone()))),
                folder: peer.folder.clone(),
                env: side.env.clone(),
            }),
            ready: side.ready.as_ref(),
            port,
            within: limits::START,
        };
        let (server, _port) = program.start_patiently().await?;
        drop(program);
        Ok(Self { server, _port })
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &RunningServer {
        &self.server
    }

    /// Where it accepts.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Ends it.
    pub async fn end(self) {
        self.server.dismiss().await;
    }
}
