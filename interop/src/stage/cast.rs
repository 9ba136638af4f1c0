//! Who plays in a case beside the harness.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use rust_server::framing::MaxFrame;
use tokio::sync::watch;

use crate::model::case::Case;
use crate::model::names::Role;
use crate::model::protocol::Protocol;
use crate::model::transcript::{Exit, Setting, Wire};
use crate::peer::family::Family;
use crate::peer::manifest::Contract;
use crate::peer::process::Launch;
use crate::peer::program::ServerProgram;
use crate::peer::server::RunningServer;

/// Who plays in a case beside the harness.
#[derive(Debug)]
pub struct Cast<'a> {
    /// What they speak.
    pub protocol: Protocol,
    /// The server under test.
    pub server: Option<ServerCast<'a>>,
    /// The client under test.
    pub client: Option<ClientCast<'a>>,
    /// How long a client may take to connect.
    pub start: Duration,
}

/// A server under test.
#[derive(Debug)]
pub struct ServerCast<'a> {
    /// The one that accepts already.
    pub standing: Option<Standing>,
    /// How to start one of the case's own, where it is ours to start.
    pub program: Option<ServerProgram<'a>>,
    /// The limit that it promises to enforce.
    pub max_frame: Option<MaxFrame>,
}

/// A server that accepts.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Where.
    pub address: SocketAddr,
    /// Tells of its end; `None` for a server that is not ours.
    pub exit: Option<watch::Receiver<Option<Exit>>>,
    /// Its processes; `None` for a server that is not ours.
    pub family: Option<Family>,
}

impl Standing {
    /// One of ours.
    #[must_use]
    pub fn of(server: &RunningServer) -> Self {
        Self {
            address: server.address(),
            exit: Some(server.watch_exit()),
            family: Some(server.family().clone()),
        }
    }
}

/// A client program that can be started, more than once.
pub struct ClientCast<'a> {
    /// How, when it has to connect to this port.
    pub launch: Box<dyn Fn(u16) -> Launch + Send + Sync + 'a>,
    /// How messages are given to it and taken from it.
    pub contract: &'a Contract,
    /// The port that the program hard-codes.
    pub port: Option<u16>,
    /// The limit that it promises to enforce.
    pub max_frame: Option<MaxFrame>,
}

impl std::fmt::Debug for ClientCast<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientCast").field("contract", &self.contract).finish_non_exhaustive()
    }
}

impl Cast<'_> {
    /// What the case is played with.
    pub(super) fn setting(&self, case: &Case) -> Setting {
        let contract = self.client.as_ref().map_or(&Contract::Frames, |client| client.contract);
        let text = |text: &String| Bytes::copy_from_slice(text.as_bytes());
        let (greeting, stop) = (contract.greeting().iter().map(text).collect(), contract.stop());
        let max_frame = match case.role {
            Role::Server | Role::Pairing => {
                self.server.as_ref().and_then(|server| server.max_frame)
            }
            Role::Client => self.client.as_ref().and_then(|client| client.max_frame),
        };
        let wire = if self.is_direct() { Wire::Unseen } else { Wire::Seen };
        let began = UNIX_EPOCH.elapsed().unwrap_or_default();
        Setting { role: case.role, protocol: self.protocol, max_frame, greeting, stop, wire, began }
    }

    /// Both programs hard-code the same port: the link has nowhere to stand.
    pub(super) fn is_direct(&self) -> bool {
        let server = self.standing().map(|standing| standing.address.port());
        server.is_some() && server == self.client.as_ref().and_then(|client| client.port)
    }

    pub(super) fn standing(&self) -> Option<&Standing> {
        self.server.as_ref()?.standing.as_ref()
    }
}
