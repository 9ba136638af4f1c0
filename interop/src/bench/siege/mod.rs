//! A server under siege: what honest clients see of it while ten thousand others are idle and a hundred break the
//! rules, beside what they see of it when they are alone.
//!
//! [`besieger`] is the process of the idle and the [`hostile`], which come from several [`sources`]. The honest
//! who are busy are the load generator that every bench has, so the quiet case and the siege are measured by the
//! same. [`results`] is what it comes to, [`soak`] the same for long, [`growth`] whether memory grew meanwhile.

pub mod besieger;
pub mod growth;
pub mod hostile;
pub mod results;
pub mod soak;
pub mod sources;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::cell::Cell;
use super::compare::Round;
use super::idle::greet;
use super::rounds::{Contestant, Plan, RoundError, listen, said};
use crate::limits;
use crate::peer::family::Family;
use crate::peer::process::{Launch, Lines, Process, Tail};
use crate::peer::vitals::{Vitals, forget_peaks};
use besieger::{Besieged, STANDS};

/// Idle connections that one siege may have: what two processes with some ten thousand descriptors each bear.
pub const MOST_IDLE: usize = 20_000;
/// Hostile clients.
pub const MOST_HOSTILE: usize = 1000;
/// Descriptors that each process needs besides its connections.
const SPARE: usize = 256;
/// The largest message of a server that promises no limit: what the contract asks of it.
const LIMIT: u32 = 16 * 1024 * 1024;

/// How long a server may keep descriptors of connections that are closed, counted from when one became free. Longer than
/// any drains a connection that it has refused.
const RETURN: Duration = Duration::from_secs(10);
/// Between two looks at them.
const LOOK: Duration = Duration::from_millis(50);

/// Who is there at once.
#[derive(Debug, Clone, Copy)]
pub struct Force {
    /// Honest clients that are idle.
    pub idle: usize,
    /// Honest clients that are busy, and with what.
    pub busy: Cell,
    /// Clients that break the rules.
    pub hostile: usize,
}

impl Force {
    /// All connections at once.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.idle + self.busy.connections + self.hostile
    }

    /// Descriptors that the server needs for it, or either of the others.
    #[must_use]
    pub const fn descriptors(&self) -> usize {
        self.connections() + SPARE
    }
}

/// A siege that did not come about, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum SiegeError {
    /// It could not be laid, since the server does not hold so many, or the machine does not.
    #[error("{server} cannot be besieged: {why}")]
    Cannot {
        /// Which server.
        server: String,
        /// What the besiegers said of it.
        why: String,
    },
    /// The process of the besiegers did not do.
    #[error("cannot run the besiegers: {0}")]
    Besiegers(String),
    /// A round could not be measured.
    #[error(transparent)]
    Round(#[from] RoundError),
}

impl SiegeError {
    /// Whether it says nothing of the server.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Besiegers(_) | Self::Round(RoundError::Generator(_)))
    }
}

/// A server and what its sieges came to so far.
#[derive(Debug)]
pub struct Course {
    /// The server.
    pub contestant: Contestant,
    /// What it used before anybody came; it had served one client.
    pub before: Vitals,
    /// What it used when all were gone.
    pub after: Vitals,
    /// The most memory that it had, in bytes.
    pub peak: u64,
    /// Rounds in which the busy were alone.
    pub quiet: Vec<Round>,
    /// Rounds under siege.
    pub siege: Vec<Round>,
    /// What became of the idle and the hostile in all sieges.
    pub besieged: Besieged,
    /// Why there are no more rounds of it.
    pub broken: Option<SiegeError>,
}

/// The idle and the hostile around one server.
struct Besiegers {
    process: Process,
    stdin: ChildStdin,
    lines: Lines<ChildStdout>,
    complaints: Tail,
    listener: JoinHandle<()>,
}

impl Besiegers {
    /// Returns when all of them are there.
    async fn lay(server: &Contestant, force: Force, plan: &Plan) -> Result<Self, SiegeError> {
        let broken = |e: std::io::Error| SiegeError::Besiegers(e.to_string());
        let limit = server.max_frame().and_then(|most| u32::try_from(most.get()).ok());
        let argv: Vec<OsString> = vec![
            plan.interop.clone().into(),
            "besiege".into(),
            server.address().to_string().into(),
            force.idle.to_string().into(),
            force.hostile.to_string().into(),
            limit.unwrap_or(LIMIT).to_string().into(),
        ];
        let argv = plan.bound(plan.cores.map(|cores| cores.for_a_third()), argv);
        let launch = Launch { argv, folder: server.folder().to_owned(), env: BTreeMap::new() };
        let (process, pipes) = Process::start(&launch).await.map_err(broken)?;
        let complaints = Tail::default();
        let listener = tokio::spawn(listen(pipes.stderr, complaints.clone()));
        let lines = Lines::of(pipes.stdout);
        let stdin = pipes.stdin;
        let mut besiegers = Self { process, stdin, lines, complaints, listener };
        // Each of the idle may take as long as a program takes to start; but they connect side by side.
        match timeout(limits::START * 3, besiegers.lines.next()).await {
            Ok(Some(line)) if line == STANDS => Ok(besiegers),
            Ok(_) => {
                besiegers.process.stop(limits::FAREWELL).await;
                let _ = timeout(limits::DRAIN, besiegers.listener).await;
                let why = said(&besiegers.complaints);
                Err(SiegeError::Cannot { server: server.name(), why })
            }
            Err(_) => {
                let why = "it did not take all of them within a minute".to_owned();
                Err(SiegeError::Cannot { server: server.name(), why })
            }
        }
    }

    fn family(&self) -> &Family {
        self.process.family()
    }

    /// What became of the siege so far.
    async fn ask(&mut self) -> Result<Besieged, SiegeError> {
        let asked = self.stdin.write_all(b"\n").await;
        asked.map_err(|e| SiegeError::Besiegers(e.to_string()))?;
        told(&mut self.lines, &self.complaints).await
    }

    /// Ends the siege; what became of all of it.
    async fn lift(mut self) -> Result<Besieged, SiegeError> {
        drop(self.stdin);
        let told = told(&mut self.lines, &self.complaints).await;
        self.process.stop(limits::FAREWELL).await;
        told
    }
}

async fn told(lines: &mut Lines<ChildStdout>, complaints: &Tail) -> Result<Besieged, SiegeError> {
    let line = timeout(limits::START * 2, lines.next()).await.ok().flatten();
    let besieged = line.as_deref().map(serde_json::from_str).transpose();
    let broken = |e: &str| SiegeError::Besiegers(format!("{e}; they said: {}", said(complaints)));
    besieged.map_err(|e| broken(&e.to_string()))?.ok_or_else(|| broken("nothing was told"))
}

impl Course {
    /// Of a server that serves one client first: what it opens once for all clients is none of theirs.
    ///
    /// # Errors
    /// When it does not serve one.
    pub async fn of(contestant: Contestant) -> Result<Self, SiegeError> {
        let server = contestant.name();
        let one = greet(contestant.address()).await;
        let one = one.map_err(|e| SiegeError::Cannot { server, why: e.to_string() })?;
        let serving = contestant.used().descriptors;
        drop(one);
        let before = come_down(&contestant, serving.saturating_sub(1)).await;
        forget_peaks(contestant.family());
        Ok(Self {
            contestant,
            before,
            after: before,
            peak: 0,
            quiet: Vec::new(),
            siege: Vec::new(),
            besieged: Besieged::default(),
            broken: None,
        })
    }

    /// A round with the busy alone, then one under siege.
    async fn both(&mut self, force: Force, plan: &Plan) -> Result<(), SiegeError> {
        self.alone(force, plan).await?;
        let mut besiegers = Besiegers::lay(&self.contestant, force, plan).await?;
        let measured = self.besieged_by(&mut besiegers, force, plan).await;
        let lifted = besiegers.lift().await;
        self.come_back().await;
        // What the idle saw of a server counts, even where the busy saw nothing any more.
        let lifted = lifted?;
        let Besieged { words, faults, acts } = std::mem::take(&mut self.besieged);
        self.besieged = Besieged {
            words: words + lifted.words,
            faults: faults.and(&lifted.faults),
            acts: acts + lifted.acts,
        };
        measured
    }

    /// A round with the busy alone.
    async fn alone(&mut self, force: Force, plan: &Plan) -> Result<(), SiegeError> {
        let round = self.contestant.round(force.busy, plan).await;
        self.come_back().await;
        self.quiet.push(round?);
        Ok(())
    }

    /// A round under siege.
    async fn besieged_by(
        &mut self,
        besiegers: &mut Besiegers,
        force: Force,
        plan: &Plan,
    ) -> Result<(), SiegeError> {
        let family = besiegers.family();
        let round = self.contestant.round_beside(Some(family), force.busy, plan).await?;
        self.siege.push(round);
        self.peak = self.peak.max(self.contestant.used().resident_peak);
        Ok(())
    }

    /// Waits until the server has as few descriptors as in the beginning, where it comes to that.
    async fn come_back(&mut self) {
        let few = self.before.descriptors;
        self.after = come_down(&self.contestant, few).await;
    }
}

/// What a server uses as soon as it has so few descriptors, or when they become no fewer.
async fn come_down(server: &Contestant, few: usize) -> Vitals {
    let mut used = server.used();
    let mut since = Instant::now();
    while used.descriptors > few && since.elapsed() < RETURN {
        sleep(LOOK).await;
        let now = server.used();
        if now.descriptors < used.descriptors {
            since = Instant::now();
        }
        used = now;
    }
    used
}

/// All rounds of all servers, interleaved: quiet and siege in turn, another server first each time. One whose
/// rounds fail has no more of them, and says why.
///
/// # Errors
/// When generator or besiegers cannot be run.
pub async fn interleaved(
    courses: &mut [Course],
    force: Force,
    plan: &Plan,
) -> Result<(), SiegeError> {
    for round in 0..plan.rounds {
        note!("round {} of {}", round + 1, plan.rounds);
        for turn in 0..courses.len() {
            let who = (round + turn) % courses.len();
            let course = &mut courses[who];
            if course.broken.is_some() {
                continue;
            }
            match course.both(force, plan).await {
                Ok(()) => {}
                Err(e) if e.is_ours() => return Err(e),
                Err(e) => course.broken = Some(e),
            }
        }
    }
    Ok(())
}
