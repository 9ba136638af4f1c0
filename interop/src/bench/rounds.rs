//! Starts the servers and drives them in turn: A B C, B C A. Each server stands for the whole run, and is
//! idle while another has its round.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rust_server::framing::MaxFrame;
use tokio::time::{sleep, timeout};

use super::cell::Cell;
use super::compare::Round;
use super::cores::Cores;
use super::idle::Held;
use super::load::{MEASURED, MEASURING, Measured, OnFault, PATIENCE};
use super::machine::Glance;
use crate::limits;
use crate::model::protocol::Protocol;
use crate::model::transcript::Exit;
use crate::peer::affinity;
use crate::peer::family::Family;
use crate::peer::process::{Launch, Lines, Process, Tail};
use crate::peer::registry::Peer;
use crate::peer::standing::Standing;
use crate::peer::start::StartError;
use crate::peer::vitals::{self, Demand, Vitals};

/// How a bench is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The loads.
    pub cells: Vec<Cell>,
    /// How often each server has its turn under each.
    pub rounds: usize,
    /// How long a round measures.
    pub time: Duration,
    /// How long it runs before.
    pub warm_up: Duration,
    /// What the generator does about messages that come to nothing.
    pub on_fault: OnFault,
    /// The cores of the servers and of the generator; the system chooses without.
    pub cores: Option<Cores>,
    /// This harness, which is also the generator.
    pub interop: PathBuf,
}

impl Plan {
    /// A command, bound to a core where there is one.
    pub(super) fn bound(&self, core: Option<usize>, argv: Vec<OsString>) -> Vec<OsString> {
        let Some(core) = core else { return argv };
        let pinned = [self.interop.clone().into(), "pinned".into(), core.to_string().into()];
        pinned.into_iter().chain(argv).collect()
    }

    fn core_of_server(&self) -> Option<usize> {
        self.cores.map(|cores| cores.server)
    }
}

/// A server that is being measured.
#[derive(Debug)]
pub struct Contestant {
    peer: Arc<Peer>,
    server: Standing,
}

/// A round that could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The generator could not be run.
    #[error("cannot run the load generator: {0}")]
    Generator(String),
    /// It did not get to the end.
    #[error("{server} under {cell}: {why}")]
    Failed {
        /// Which server.
        server: String,
        /// Under which load.
        cell: Cell,
        /// What the generator said of it.
        why: String,
    },
}

impl Contestant {
    /// Builds and starts the server of a peer.
    ///
    /// # Errors
    /// When that fails.
    pub async fn start(peer: Arc<Peer>, plan: &Plan) -> Result<Self, StartError> {
        let bound = |argv| plan.bound(plan.core_of_server(), argv);
        let started = Standing::start(&peer, Protocol::default(), &plan.interop, bound);
        let server = started.await?;
        Ok(Self { peer, server })
    }

    /// The peer's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.peer.name().to_string()
    }

    /// The peer's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.peer.folder
    }

    /// Where its server accepts.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its server, and all that it started.
    #[must_use]
    pub const fn family(&self) -> &Family {
        self.server.program().family()
    }

    /// The largest message that its server promises to take, if it does.
    #[must_use]
    pub fn max_frame(&self) -> Option<MaxFrame> {
        self.peer.manifest.server.as_ref().and_then(|side| side.max_frame)
    }

    /// How its server ended by itself, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.server.program().exit()
    }

    /// What its server uses; nothing where the system does not tell.
    #[must_use]
    pub fn used(&self) -> Vitals {
        Vitals::of(self.family()).unwrap_or_default()
    }

    /// What its server has of memory; nothing where the system does not tell.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            private: vitals::private_memory(self.family()).unwrap_or_default(),
            resident: self.used().resident,
        }
    }

    /// Ends the server.
    pub async fn end(self) {
        self.server.end().await;
    }

    /// One round.
    ///
    /// # Errors
    /// When the server fails, answers wrongly, or its generator cannot be run.
    pub async fn round(&self, cell: Cell, plan: &Plan) -> Result<Round, RoundError> {
        self.round_beside(None, cell, plan).await
    }

    /// One round, in which others besiege the server: their processor time is told apart where they run on the
    /// cores of server and generator.
    ///
    /// # Errors
    /// As [`Contestant::round`].
    pub async fn round_beside(
        &self,
        besiegers: Option<&Family>,
        cell: Cell,
        plan: &Plan,
    ) -> Result<Round, RoundError> {
        let is_elsewhere = plan.cores.is_some_and(|cores| cores.for_a_third() != cores.generator);
        let besiegers = besiegers.filter(|_| !is_elsewhere);
        let besiegers = || besiegers.and_then(Demand::of).unwrap_or_default();
        let server = || Demand::of(self.family()).unwrap_or_default();
        let failed = |why: String| RoundError::Failed { server: self.name(), cell, why };
        let before = self.held().resident;
        let (generator, pipes) = Process::start(&self.generator(cell, plan))
            .await
            .map_err(|e| RoundError::Generator(e.to_string()))?;
        let complaints = Tail::default();
        let listener = tokio::spawn(listen(pipes.stderr, complaints.clone()));
        let mut lines = Lines::of(pipes.stdout);
        let within = plan.warm_up + plan.time + PATIENCE + limits::START;
        let cores = plan.cores.map(|cores| vec![cores.server, cores.generator]).unwrap_or_default();
        let told = timeout(within, async {
            while lines.next().await? != MEASURING {}
            let (processor, at_work) = (server(), besiegers());
            let glance = Glance::at(&cores);
            // Now all connections stand; when the figures come they may be gone.
            let used = self.used();
            while lines.next().await? != MEASURED {}
            let processor = server().ran_since(&processor).as_secs_f64();
            let at_work = besiegers().ran_since(&at_work).as_secs_f64();
            let meanwhile = Glance::at(&cores).since(&glance);
            let in_place =
                plan.core_of_server().is_none_or(|core| affinity::is_bound(self.family(), core));
            Some((processor, at_work, used, meanwhile, in_place, lines.next().await?))
        });
        let told = told.await.map_err(|_| failed("nothing comes of it".to_owned()))?;
        generator.stop(limits::FAREWELL).await;
        let _ = timeout(limits::DRAIN, listener).await;
        let Some((processor, besiegers, used, meanwhile, in_place, measured)) = told else {
            return Err(failed(said(&complaints)));
        };
        let measured: Measured =
            serde_json::from_str(&measured).map_err(|e| RoundError::Generator(e.to_string()))?;
        let memory = used.resident as f64 - before as f64;
        Ok(Round { measured, processor, memory, meanwhile, besiegers, in_place, used })
    }

    fn generator(&self, cell: Cell, plan: &Plan) -> Launch {
        let mut argv = vec![
            plan.interop.clone().into_os_string(),
            "load".into(),
            self.server.address().to_string().into(),
            cell.to_string().into(),
            OsString::from(format!("{}ms", plan.warm_up.as_millis())),
            OsString::from(format!("{}ms", plan.time.as_millis())),
        ];
        let core = plan.cores.map(|cores| cores.generator);
        argv.extend(core.map(|_| "--alone".into()));
        argv.extend((plan.on_fault == OnFault::Count).then(|| "--count-faults".into()));
        let argv = plan.bound(core, argv);
        Launch { argv, folder: self.peer.folder.clone(), env: BTreeMap::new() }
    }
}

/// All rounds of one load, interleaved: a list for each contestant, in their order.
///
/// # Errors
/// The first round that could not be measured.
pub async fn interleaved(
    contestants: &[Contestant],
    cell: Cell,
    plan: &Plan,
) -> Result<Vec<Vec<Round>>, RoundError> {
    let mut all = vec![Vec::new(); contestants.len()];
    for round in 0..plan.rounds {
        // Another begins each time: whoever always came behind the same one would meet what that one left.
        for turn in 0..contestants.len() {
            let who = (round + turn) % contestants.len();
            all[who].push(contestants[who].round(cell, plan).await?);
            // The server notices that its clients are gone before another is measured.
            sleep(limits::FAREWELL / 10).await;
        }
    }
    Ok(all)
}

/// What a process of ours complained of, in a line.
pub(super) fn said(complaints: &Tail) -> String {
    complaints.lines().join("; ").replace("error: ", "")
}

pub(super) async fn listen(stderr: tokio::process::ChildStderr, complaints: Tail) {
    let mut lines = Lines::of(stderr);
    while let Some(line) = lines.next().await {
        complaints.push(&line);
    }
}
