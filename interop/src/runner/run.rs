//! A whole run: its units side by side, its results in order, its summary.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::capture::Captures;
use crate::model::case::Case;
use crate::model::names::{Level, PeerName};
use crate::model::outcome::Outcome;
use crate::peer::build::BuildError;
use crate::peer::registry::Registry;

use super::again::Again;
use super::clock::UnitTimes;
use super::event::{CaseResult, Event, Summary};
use super::plan::{Plan, Unit};
use super::{known, unit};

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many units play at once.
    pub jobs: usize,
    /// Same seed, same run.
    pub seed: u64,
    /// How long a server may take until it is ready, and a client until it has connected.
    pub start: Duration,
    /// How much longer than usual is waited for what does not come.
    pub timeout_scale: f64,
    /// This harness's own executable, for the peers that are built into it.
    pub interop: PathBuf,
    /// Where build products are kept.
    pub cache: PathBuf,
    /// How one result is shown again; `None` where no command shows one.
    pub again: Option<Again>,
    /// The run ends at the first failure that binds so much, or at an error; `None`: it is played to its end.
    pub stop: Option<Level>,
    /// Where captures are written to, if any are.
    pub captures: Option<Arc<Captures>>,
}

/// What all units of a run share.
pub(super) struct Context {
    pub start: Duration,
    pub timeout_scale: f64,
    pub interop: PathBuf,
    pub cache: PathBuf,
    pub captures: Option<Arc<Captures>>,
    builds: Mutex<HashMap<PeerName, BuildCell>>,
}

type BuildCell = Arc<OnceCell<Result<PathBuf, BuildError>>>;

impl Context {
    pub fn build_cell(&self, peer: &PeerName) -> BuildCell {
        let mut builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
        builds.entry(peer.clone()).or_default().clone()
    }
}

/// The way from units to whoever listens.
#[derive(Clone)]
pub(super) struct Teller(mpsc::Sender<Event>);

impl Teller {
    pub async fn started(&self, unit: &Unit) {
        let (server, client) = (unit.server_name().cloned(), unit.client_name().cloned());
        self.tell(Event::UnitStarted { server, client, protocol: unit.protocol }).await;
    }

    pub async fn case(&self, result: CaseResult) {
        self.tell(Event::CaseFinished(Box::new(result))).await;
    }

    pub async fn unit(&self, times: UnitTimes) {
        self.tell(Event::UnitFinished(Box::new(times))).await;
    }

    async fn tell(&self, event: Event) {
        // It fails only when the run is being given up.
        let _ = self.0.send(event).await;
    }
}

/// How many events may wait for the reporters.
const EVENTS: usize = 256;

/// Plays a plan. Every event goes to `listen`, the last is [`Event::Finished`]; cancelling ends all
/// programs and the run, with what is known by then.
pub async fn run(
    plan: Plan,
    registry: &Registry,
    cases: &[Arc<Case>],
    options: Options,
    cancel: CancellationToken,
    mut listen: impl FnMut(&Event),
) -> Summary {
    let begun = Instant::now();
    listen(&Event::Planned { cases: plan.cases(), seed: options.seed, shard: plan.shard });
    let context = Arc::new(Context {
        start: options.start,
        timeout_scale: options.timeout_scale,
        interop: options.interop,
        cache: options.cache,
        captures: options.captures,
        builds: Mutex::default(),
    });
    let seats = Arc::new(Semaphore::new(options.jobs.max(1)));
    let (events, mut inbox) = mpsc::channel(EVENTS);
    let teller = Teller(events);
    let plan = Arc::new(plan);
    let mut units = JoinSet::new();
    for at in 0..plan.units.len() {
        let (plan, context) = (plan.clone(), context.clone());
        let (seats, teller, cancel) = (seats.clone(), teller.clone(), cancel.clone());
        units.spawn(async move {
            let Some(unit) = plan.units.get(at) else {
                return;
            };
            // Dropping a unit in the middle kills its programs.
            tokio::select! {
                () = unit::play(unit, &context, &seats, &teller) => {}
                () = cancel.cancelled() => {}
            }
        });
    }
    drop(teller);
    let mut summary = Summary::default();
    let mut results = Vec::new();
    while let Some(mut event) = inbox.recv().await {
        if let Event::CaseFinished(result) = &mut event {
            result.again = options.again.as_ref().map(|again| again.command(result));
        }
        listen(&event);
        if let Event::CaseFinished(result) = event {
            summary.count(&result);
            if options.stop.is_some_and(|level| stops(&result, level)) && !cancel.is_cancelled() {
                summary.stopped = true;
                cancel.cancel();
            }
            results.push(*result);
        }
    }
    // A unit that panicked told of nothing: its cases are missing, and that is an error.
    while units.join_next().await.is_some() {}
    summary.interrupted = cancel.is_cancelled() && !summary.stopped;
    if !cancel.is_cancelled() {
        summary.error += plan.cases().saturating_sub(summary.total());
        summary.stale = known::stale(registry, cases, &plan, &results);
    }
    summary.duration = begun.elapsed();
    listen(&Event::Finished(summary.clone()));
    summary
}

/// Whether a run ends at this result that ends at failures of this level.
fn stops(result: &CaseResult, level: Level) -> bool {
    match result.outcome {
        Outcome::Fail => result.level <= level,
        outcome => outcome == Outcome::Error,
    }
}
