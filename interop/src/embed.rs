//! The harness in somebody's own `cargo test`.
//!
//! A tour:
//!
//! - [`Check::server_at`] plays the cases against a server that listens already, most of all one that runs in the test
//!   itself; nothing is started for it.
//! - [`Check::peer`] plays them against a program with a `peer.toml`, as a server, as a client, or both.
//! - [`Check::cases`], [`Check::protocol`] and [`Check::max_frame`] say what is asked of it.
//! - [`Check::play`] plays, in the runtime of an `async` test, and [`Check::run`] in one of its own.
//! - [`Played::assert_passes`] fails the test with the report that a terminal would show;
//!   [`Played::results`](Played#structfield.results) has all that is known of each case.
//! - [`ServerPeer`] is the other way round: a server program of a peer, for one's own client to talk to.
//!
//! ```
//! use interop::embed::Check;
//! use rust_server::server::{Config, Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind(Config::default().listen("127.0.0.1:0".parse()?)).await?;
//! let address = server.local_addr();
//! tokio::spawn(server.serve_until(std::future::pending()));
//!
//! let check = Check::server_at(address).cases("framing.single")?;
//! check.play().await.assert_passes();
//! # Ok(())
//! # }
//! ```
//!
//! A test that is killed may leave the programs of [`Check::peer`] and [`ServerPeer`] behind; the command `interop`
//! never does.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_server::framing::MaxFrame;
use tokio_util::sync::CancellationToken;

use crate::catalogue;
use crate::limits;
use crate::model::names::{PeerName, Role};
use crate::model::outcome::Outcome;
use crate::model::pattern::Pattern;
use crate::model::protocol::Protocol;
use crate::peer::build;
use crate::peer::manifest::{Manifest, ManifestError, ServerSide, Start};
use crate::peer::registry::{Peer, Registry};
use crate::peer::standing::Standing;
use crate::peer::start::StartError;
use crate::report::human;
use crate::report::record::Record;
use crate::runner::{self, CaseResult, Event, Options, Plan, Selection, Summary};

/// What stands for `{interop}` in a command: peers that are built into the program need it on PATH.
const INTEROP: &str = "interop";

/// What is to be played with one peer.
#[derive(Debug, Clone)]
pub struct Check {
    peer: Peer,
    cases: Vec<Pattern>,
    timeout_scale: f64,
}

/// What became of it.
#[derive(Debug)]
pub struct Played {
    /// One for each case and role, in the order of a report.
    pub results: Vec<CaseResult>,
    /// How many came to what.
    pub summary: Summary,
}

/// A server program of a peer, for one's own client. It ends when it is dropped, more orderly by
/// [`end`](ServerPeer::end).
#[derive(Debug)]
pub struct ServerPeer(Standing);

impl Check {
    /// A server of `u32be/echo` that listens already.
    #[must_use]
    pub fn server_at(address: SocketAddr) -> Self {
        let side = ServerSide {
            start: Start::Running(address),
            ready: None,
            port: None,
            protocols: vec![Protocol::default()],
            max_frame: None,
            idle_timeout: None,
            env: BTreeMap::new(),
            known: Vec::new(),
        };
        let name: PeerName = "server".parse().expect("this is a name");
        let manifest = Manifest {
            name,
            language: String::new(),
            summary: String::new(),
            requires: Vec::new(),
            install: BTreeMap::new(),
            build: Vec::new(),
            server: Some(side),
            client: None,
        };
        // It starts nothing, so it does not matter where.
        Self::of(Peer::new(PathBuf::new(), manifest))
    }

    /// A program, by the folder with its `peer.toml`.
    ///
    /// # Errors
    /// When the `peer.toml` cannot be read or is refused.
    pub fn peer(folder: impl AsRef<Path>) -> Result<Self, ManifestError> {
        Ok(Self::of(Peer::load(folder.as_ref())?))
    }

    const fn of(peer: Peer) -> Self {
        Self { peer, cases: Vec::new(), timeout_scale: 1.0 }
    }

    /// Only these cases too: an id, a group, a glob such as `framing.*`, or a clause such as `P9`. All, if it is never
    /// said.
    ///
    /// # Errors
    /// When that is no pattern, or matches no case; says what may have been meant.
    pub fn cases(mut self, pattern: &str) -> Result<Self, String> {
        let pattern: Pattern = pattern.parse()?;
        let alone = Selection { cases: vec![pattern.clone()], ..Selection::default() };
        if let Some(slip) = alone.unmatched_case(&catalogue::cases()) {
            return Err(slip);
        }
        self.cases.push(pattern);
        Ok(self)
    }

    /// What is spoken, instead of what was known.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        if let Some(side) = &mut self.peer.manifest.server {
            side.protocols = vec![protocol];
        }
        if let Some(side) = &mut self.peer.manifest.client {
            side.protocols = vec![protocol];
        }
        self
    }

    /// The limit that is promised, which is then asked for.
    #[must_use]
    pub const fn max_frame(mut self, max: MaxFrame) -> Self {
        if let Some(side) = &mut self.peer.manifest.server {
            side.max_frame = Some(max);
        }
        if let Some(side) = &mut self.peer.manifest.client {
            side.max_frame = Some(max);
        }
        self
    }

    /// How much longer than usual is waited for what does not come.
    #[must_use]
    pub const fn timeout_scale(mut self, factor: f64) -> Self {
        self.timeout_scale = factor;
        self
    }

    /// Plays the cases. A server in the same runtime needs a thread besides the test's own: say
    /// `#[tokio::test(flavor = "multi_thread")]`.
    pub async fn play(self) -> Played {
        let cases = catalogue::cases();
        let selection = Selection {
            cases: self.cases,
            roles: vec![Role::Server, Role::Client],
            ..Selection::default()
        };
        let registry = Registry::of_one(self.peer);
        let plan = Plan::new(&registry, &cases, &selection);
        let options = Options {
            jobs: 2,
            seed: catalogue::SEED,
            start: limits::START,
            timeout_scale: self.timeout_scale,
            interop: INTEROP.into(),
            cache: build::cache_dir(),
            again: None,
            stop: None,
            captures: None,
        };
        let mut results = Vec::new();
        let listen = |event: &Event| {
            if let Event::CaseFinished(result) = event {
                results.push((**result).clone());
            }
        };
        let never = CancellationToken::new();
        let summary = runner::run(plan, &registry, &cases, options, never, listen).await;
        Played { results, summary }
    }

    /// The same from where there is no runtime.
    ///
    /// # Errors
    /// When none can be started.
    pub fn run(self) -> io::Result<Played> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(runtime.block_on(self.play()))
    }
}

impl Played {
    /// What is not as it should be, cases that only warn among it.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        let is_wrong = |it: &&CaseResult| matches!(it.outcome, Outcome::Fail | Outcome::Error);
        self.results.iter().filter(is_wrong)
    }

    /// The report that a terminal would show, without colours.
    #[must_use]
    pub fn report(&self) -> String {
        let mut record = Record::default();
        record.results.clone_from(&self.results);
        record.summary = self.summary.clone();
        let mut text = Vec::new();
        // Memory takes all that is written.
        let _ = human::write(&record, &mut text);
        anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string()
    }

    /// # Panics
    /// When something that binds fails, could not be played, or nothing was; says what, and shows the report.
    pub fn assert_passes(&self) {
        let code = self.summary.exit_code(false);
        assert!(code == 0, "not as expected:\n\n{}", self.report());
    }
}

impl ServerPeer {
    /// Builds and starts the server of a peer, by the folder with its `peer.toml`.
    ///
    /// # Errors
    /// When the `peer.toml` is refused, or the server does not come up.
    pub async fn start(
        folder: impl AsRef<Path>,
        protocol: Protocol,
    ) -> Result<Self, ServerPeerError> {
        let peer = Arc::new(Peer::load(folder.as_ref())?);
        Ok(Self(Standing::start(&peer, protocol, Path::new(INTEROP), |argv| argv).await?))
    }

    /// Where it accepts.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Ends it.
    pub async fn end(self) {
        self.0.end().await;
    }
}

/// Why a server of a peer does not stand.
#[derive(Debug, thiserror::Error)]
pub enum ServerPeerError {
    /// Its `peer.toml` was refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It did not come up.
    #[error(transparent)]
    Start(#[from] StartError),
}
