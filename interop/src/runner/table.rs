//! What all players of a unit share: the cases that are still to be played, what is known of the peers by
//! now, and the way to whoever listens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::capture::Captures;
use crate::limits::{self, Patience};
use crate::model::case::Case;
use crate::model::diagnosis::{Witness, is_seen};
use crate::model::names::{Level, Role};
use crate::model::outcome::{Blame, Outcome};
use crate::model::protocol::Transport;
use crate::model::transcript::Transcript;
use crate::peer::start::StartError;
use crate::stage::Heard;
use crate::stage::scene::Slowness;

use super::event::CaseResult;
use super::plan::Unit;
use super::player::Look;
use super::run::{Context, Teller};

/// The case of one message in one piece. It is the first of a run.
pub(super) const PLAIN: &str = "framing.single";

/// Whether a case is about messages and cuts alone: what a peer does right there tells of what it does wrong
/// elsewhere.
pub(super) fn is_telling(case: &Case) -> bool {
    ["framing.", "payload."].iter().any(|group| case.id.as_str().starts_with(group))
}

/// Where the players of a unit meet.
pub(super) struct Table<'a> {
    pub unit: &'a Unit,
    /// Where captures are written to, if any are.
    pub captures: Option<&'a Arc<Captures>>,
    teller: &'a Teller,
    /// How much longer than usual is waited, by the user's wish.
    timeout_scale: f64,
    shared: Mutex<Shared>,
    changed: Notify,
}

#[derive(Default)]
struct Shared {
    /// The next case is in front.
    queue: VecDeque<usize>,
    /// No more cases will come.
    closed: bool,
    /// A case whose result has to wait until those of all that were played together with it are known.
    suspect: Option<usize>,
    /// The others.
    accomplices: Vec<usize>,
    /// The result of the suspect.
    kept: Option<CaseResult>,
    /// One of the others was not as it should be.
    other_is_wrong: bool,
    /// The levels of the failures that were confirmed.
    confirmed: Vec<Level>,
    /// How slow the peers are by nature.
    slowest: Slowness,
    /// How long servers took to come up, in all.
    started: Duration,
    /// What a server that answers nothing would answer to, once it has been asked.
    dialect: Option<Heard>,
    /// Failures that are looked at again behind other cases.
    deferred: Vec<(usize, Look)>,
    /// Cases in which the peer was right, and how many bytes they hold.
    witnesses: (Vec<Arc<Witness>>, usize),
    /// The peer was right in a case in which it had to say something.
    alive: bool,
    /// A server did not answer its first message.
    answers_nothing: bool,
    /// It is silent even when one message comes in one piece: how others come explains nothing.
    mute: bool,
    /// The server ends when its first client leaves.
    dies_of_a_greeting: bool,
}

impl<'a> Table<'a> {
    pub fn new(unit: &'a Unit, context: &'a Context, teller: &'a Teller) -> Self {
        Self {
            unit,
            captures: context.captures.as_ref(),
            teller,
            timeout_scale: context.timeout_scale,
            shared: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Puts cases on the table.
    pub fn put(&self, cases: impl IntoIterator<Item = usize>) {
        self.lock().queue.extend(cases);
        self.changed.notify_waiters();
    }

    /// No more cases will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// The next case to play; `None` when there is none and none will come. Cancel safe.
    pub async fn next(&self) -> Option<usize> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut shared = self.lock();
                match shared.queue.pop_front() {
                    Some(at) => return Some(at),
                    None if shared.closed => return None,
                    None => {}
                }
            }
            changed.await;
        }
    }

    /// The same for who has others beside it: what waits is left to them, as long as there is anything else.
    pub async fn next_quick(&self) -> Option<usize> {
        let quick = |at: &usize| !self.unit.cases[*at].0.is_played_apart();
        let first = {
            let mut shared = self.lock();
            let at = shared.queue.iter().position(quick);
            at.and_then(|at| shared.queue.remove(at))
        };
        match first {
            Some(at) => Some(at),
            None => self.next().await,
        }
    }

    /// Puts a failure behind the other cases, a few of them, as long as any are left of those that tell most of a
    /// peer; it comes back where none are.
    pub fn defer(&self, at: usize, look: Look) -> Option<Look> {
        let mut shared = self.lock();
        let telling = shared.queue.iter().any(|at| is_telling(&self.unit.cases[*at].0));
        if !telling || shared.deferred.len() >= limits::SURE || !is_telling(&self.unit.cases[at].0)
        {
            return Some(look);
        }
        shared.deferred.push((at, look));
        let behind = |other: &usize| is_telling(&self.unit.cases[*other].0);
        let place = shared.queue.iter().rposition(behind).map_or(0, |last| last + 1);
        shared.queue.insert(place, at);
        None
    }

    /// The first look at a case, where it was deferred.
    pub fn take_deferred(&self, at: usize) -> Option<Look> {
        let mut shared = self.lock();
        let place = shared.deferred.iter().position(|(deferred, _)| *deferred == at)?;
        Some(shared.deferred.remove(place).1)
    }

    /// Whoever has begun a case could not play it: it is somebody else's turn.
    pub fn put_back(&self, at: usize) {
        self.lock().queue.push_back(at);
        self.changed.notify_waiters();
    }

    /// Takes all cases back that nobody has begun.
    pub fn clear(&self) -> Vec<usize> {
        self.lock().queue.drain(..).collect()
    }

    /// The result of this case is kept until those of the others, with which it was played, are known.
    pub fn suspect(&self, at: usize, others: &[usize]) {
        let mut shared = self.lock();
        shared.suspect = Some(at);
        shared.accomplices = others.to_vec();
    }

    /// The result of the suspect, and whether all others were as they should be.
    pub fn take_kept(&self) -> Option<(CaseResult, bool)> {
        let mut shared = self.lock();
        let kept = shared.kept.take();
        kept.map(|result| (result, !shared.other_is_wrong))
    }

    /// A case has come to something, and nothing can change that any more.
    pub async fn tell(&self, result: CaseResult) {
        let result = {
            let mut shared = self.lock();
            let is = |at: &usize| self.unit.cases[*at].0.id == result.case;
            if shared.suspect.as_ref().is_some_and(is) {
                shared.suspect = None;
                shared.kept = Some(result);
                return;
            }
            let wrong = result.outcome != Outcome::Pass && shared.accomplices.iter().any(is);
            shared.other_is_wrong |= wrong;
            result
        };
        self.teller.case(result).await;
    }

    /// None of these cases could be played, for one reason.
    pub async fn tell_all(&self, cases: impl IntoIterator<Item = usize>, end: &End) {
        for at in cases {
            let (case, level) = &self.unit.cases[at];
            let mut result = CaseResult::blank(self.unit, case, *level);
            end.mark(&mut result);
            self.tell(result).await;
        }
    }

    /// A failure was confirmed.
    pub fn confirm(&self, level: Level) {
        self.lock().confirmed.push(level);
    }

    /// Whether the peers have been seen to fail so often that one look says enough: in cases that bind at least
    /// as much, for many a right peer has habits that others only warn of.
    pub fn is_sure(&self, level: Level) -> bool {
        let shared = self.lock();
        let confirmed = shared.confirmed.iter().filter(|confirmed| **confirmed <= level);
        confirmed.count() >= limits::SURE
    }

    /// The peers were so slow, and did what was due.
    pub fn waited(&self, slowest: Slowness) {
        let mut shared = self.lock();
        shared.slowest = shared.slowest.max(slowest);
    }

    /// A server took so long to come up.
    pub fn add_start(&self, took: Duration) {
        self.lock().started += took;
    }

    /// How long servers took to come up, in all.
    pub fn started(&self) -> Duration {
        self.lock().started
    }

    /// How patient a look is with these peers, which may be slow by nature.
    pub fn patience(&self, base: Patience) -> Patience {
        let shared = self.lock();
        let Slowness { waited, slept } = shared.slowest;
        let most = limits::PATIENCE.scaled(limits::SLOWEST);
        let silent = base.silent.max((waited * limits::SLOWER).min(most.silent));
        let asleep = base.asleep.max((slept * limits::SLOWER).min(most.asleep));
        Patience { silent, asleep }.scaled(self.timeout_scale)
    }

    /// The peers were right in a case: what they did there says which mistakes they do not make.
    pub fn saw_it_right(&self, transcript: &Transcript) {
        let Some(witness) = Witness::of(transcript) else { return };
        let mut shared = self.lock();
        let (witnesses, bytes) = &mut shared.witnesses;
        if witnesses.len() < limits::WITNESSES && *bytes + witness.bytes() <= limits::TESTIMONIES {
            *bytes += witness.bytes();
            witnesses.push(Arc::new(witness));
        }
    }

    /// The cases in which they were.
    pub fn witnesses(&self) -> Vec<Arc<Witness>> {
        self.lock().witnesses.0.clone()
    }

    /// Whether servers answer their first message as far as is known: one that did not is not asked again.
    pub fn answers(&self) -> bool {
        !self.lock().answers_nothing
    }

    /// Whether a server is asked a first message before its cases.
    pub fn greets(&self) -> bool {
        !self.lock().dies_of_a_greeting
    }

    /// Whether it is from here on.
    pub fn greet(&self, greet: bool) {
        self.lock().dies_of_a_greeting = !greet;
    }

    /// A server did not answer its first message.
    pub fn saw_it_mute(&self) {
        self.lock().answers_nothing = true;
    }

    /// The peer was right, and had to say something for it.
    pub fn heard_it_speak(&self) {
        self.lock().alive = true;
    }

    pub fn has_heard_it_speak(&self) -> bool {
        self.lock().alive
    }

    /// Who says nothing may do so for other reasons than the way in which this came: whether a server would
    /// answer to another framing is asked once.
    pub async fn diagnose_silence(
        &self,
        result: &mut CaseResult,
        ask: impl Future<Output = Heard>,
    ) {
        if result.outcome == Outcome::Pass || !result.fell_silent() {
            return;
        }
        let known = {
            let mut shared = self.lock();
            shared.mute |= result.case.as_str() == PLAIN;
            shared.dialect.clone()
        };
        let heard = match (result.blame, known) {
            (Some(Blame::Server), Some(heard)) => heard,
            (Some(Blame::Server), None) if result.got_nothing() => {
                let heard = ask.await;
                self.lock().dialect = Some(heard.clone());
                heard
            }
            (Some(Blame::Server), None) => Heard::Rightly,
            _ => Heard::Nothing,
        };
        if result.diagnosis.as_deref().is_some_and(is_seen) {
            return;
        }
        let shared = self.lock();
        match heard {
            Heard::As(difference) => result.diagnosis = Some(difference),
            // It was asked before, by somebody else.
            Heard::Nothing if !shared.answers_nothing && result.waits_for_a_datagram() => {
                result.diagnosis = Some("only the client that came first is answered".to_owned());
            }
            _ if shared.mute => result.diagnosis = None,
            // A datagram comes in one way alone.
            _ if result.transport == Transport::Udp => {}
            Heard::Nothing if !shared.alive && result.got_nothing() => result.diagnosis = None,
            Heard::Rightly | Heard::Nothing => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why cases could not be played.
pub(super) struct End {
    outcome: Outcome,
    blame: Blame,
    summary: String,
}

impl End {
    /// A peer that is not here.
    pub fn skipped(reason: String) -> Self {
        Self { outcome: Outcome::Skipped, blame: Blame::Environment, summary: reason }
    }

    /// What a peer says of itself leaves no room for it.
    pub fn unsupported(role: Role, since: String) -> Self {
        let blame = match role {
            Role::Server => Blame::Server,
            Role::Client => Blame::Client,
            Role::Pairing => Blame::Undecided,
        };
        Self { outcome: Outcome::Unsupported, blame, summary: since }
    }

    /// A program in this role did not come up.
    pub fn of(error: &StartError, role: Blame) -> Self {
        Self { outcome: error.outcome(), blame: error.blame(role), summary: error.to_string() }
    }

    /// What it makes of a result.
    pub fn mark(&self, result: &mut CaseResult) {
        result.outcome = self.outcome;
        result.blame = Some(self.blame);
        result.summary.clone_from(&self.summary);
    }
}
