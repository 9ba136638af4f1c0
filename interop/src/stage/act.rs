//! Acts a case out, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::cast::{Cast, Standing};
use super::clients::Newcomer;
use super::datagrams;
use super::link::Link;
use super::own::OwnServer;
use super::raw::{RawEnd, StreamEnd};
use super::scene::{Scene, Slowness};
use crate::limits::{self, Patience};
use crate::model::case::{Case, Step};
use crate::model::ledger::Scope;
use crate::model::names::{Clause, Role};
use crate::model::protocol::Transport;
use crate::model::transcript::{Act, Conn, Sight, Transcript};
use crate::peer::client::RunningClient;
use crate::peer::process::wait_exit;
use crate::peer::start::StartError;
use crate::peer::vitals::Vitals;

/// What came of acting a case out.
#[derive(Debug)]
pub struct Acted {
    /// Everything that was done and seen.
    pub transcript: Transcript,
    /// How slow the programs were by nature.
    pub slowest: Slowness,
    /// The last lines of output of the programs that the case started.
    pub tails: Tails,
}

/// The last lines of output of the programs that a case started.
#[derive(Debug, Default)]
pub struct Tails {
    /// Of its clients.
    pub client: Vec<String>,
    /// Of its own server.
    pub server: Vec<String>,
}

/// Acts a case out.
///
/// # Errors
/// When a program cannot be started, says that it does not support this, or we cannot listen. Everything else
/// that goes wrong is seen, and stands in the transcript.
pub async fn act(case: &Case, cast: Cast<'_>, patience: Patience) -> Result<Acted, StartError> {
    let scene = Arc::new(Scene::new(cast.setting(case), &case.clauses, patience));
    let mut actor = Actor::new(&cast, scene.clone(), case.role, Scope::All);
    actor.holds_back = case.all_steps().any(|step| matches!(step, Step::StopReading { .. }));
    if let Some(standing) = cast.standing() {
        actor.watch_server(standing);
    }
    let result = match timeout(limits::CASE, actor.play(&case.steps)).await {
        Ok(result) => result,
        Err(_) => {
            scene.saw(Sight::OutOfTime);
            Ok(())
        }
    };
    if cast.protocol.transport == Transport::Udp {
        scene.hear_out().await;
    }
    actor.wait_for_a_crash(case).await;
    scene.linger().await;
    actor.look_on().await;
    // What the peers do because we leave is no part of it.
    let transcript = scene.transcript();
    let slowest = scene.slowest();
    let tails = actor.leave().await;
    result.map(|()| Acted { transcript, slowest, tails })
}

/// Who does what a case says: its raw ends, its links, and the programs that it has started.
pub(super) struct Actor<'a> {
    pub(super) role: Role,
    pub(super) cast: &'a Cast<'a>,
    pub(super) scene: Arc<Scene>,
    /// The conversations that are this actor's business: a lane has one of its own.
    pub(super) scope: Scope,
    /// The case holds peers back, for which our buffers have to be small.
    pub(super) holds_back: bool,
    pub(super) listener: Option<TcpListener>,
    pub(super) raw: BTreeMap<Conn, RawEnd>,
    pub(super) clients: BTreeMap<Conn, RunningClient>,
    pub(super) links: BTreeMap<Conn, Link>,
    /// Clients of which no datagram has come yet.
    pub(super) newcomers: BTreeMap<Conn, Newcomer>,
    pub(super) own: Option<OwnServer>,
    /// What the program under test used when it was last measured.
    pub(super) measured: Option<Vitals>,
    /// What it used when it was last seen after that.
    pub(super) last_seen: Option<Vitals>,
    pub(super) watchers: Vec<JoinHandle<()>>,
}

impl<'a> Actor<'a> {
    fn new(cast: &'a Cast<'a>, scene: Arc<Scene>, role: Role, scope: Scope) -> Self {
        Self {
            role,
            cast,
            scene,
            scope,
            holds_back: false,
            listener: None,
            raw: BTreeMap::new(),
            clients: BTreeMap::new(),
            links: BTreeMap::new(),
            newcomers: BTreeMap::new(),
            own: None,
            measured: None,
            last_seen: None,
            watchers: Vec::new(),
        }
    }

    /// An actor for the steps of one lane. It takes over the connections that they go on with.
    fn lane(&mut self, steps: &[Step]) -> Self {
        let conns: BTreeSet<Conn> = steps.iter().flat_map(Step::conns).collect();
        let raw = conns.iter().filter_map(|conn| self.raw.remove_entry(conn)).collect();
        let lane = Self::new(self.cast, self.scene.clone(), self.role, Scope::Lane(conns));
        Self { raw, holds_back: self.holds_back, ..lane }
    }

    async fn play(&mut self, steps: &[Step]) -> Result<(), StartError> {
        for step in steps {
            self.take(step).await?;
            if self.scene.is_decided(&self.scope) {
                break;
            }
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Result<(), StartError> {
        match step {
            Step::Feed { conn, messages } => {
                let protocol = self.cast.protocol;
                let messages: Vec<Bytes> =
                    messages.iter().map(|body| protocol.message(body)).collect();
                self.feed(*conn, &messages).await?;
            }
            Step::Recut { conn, cut } => {
                self.client(*conn).await?;
                if let Some(link) = self.links.get(conn) {
                    link.recut(cut.clone());
                }
            }
            Step::Write(write) => self.write(write, None).await?,
            Step::Mixed { writes, seed } => self.mixed(writes, *seed).await?,
            Step::Settle => {
                self.scene.settle(&self.scope).await;
                self.raw.retain(|_, end| !end.is_over());
            }
            Step::EndInput { conn } => {
                self.scene.did(Act::InputEnded { conn: *conn });
                if let Some(client) = self.clients.get_mut(conn) {
                    client.end_input().await;
                }
            }
            Step::Finish { conn } => {
                if let Some(end) = self.raw_end(*conn).await? {
                    end.finish();
                }
            }
            Step::Close { conn } => {
                if let Some(end) = self.raw.remove(conn) {
                    end.leave().await;
                }
            }
            Step::Abort { conn } => match self.raw.remove(conn) {
                Some(end) => end.abort().await,
                None => self.connect_and_abort(*conn).await?,
            },
            Step::AskInPassing { body } => {
                let message = self.cast.protocol.message(body);
                if let Some(server) = self.server().map(|server| server.address) {
                    self.scene.did(Act::AskedInPassing { message: message.clone() });
                    datagrams::ask_in_passing(server, &message).await.map_err(|e| {
                        StartError::Harness(format!("cannot send {server} a datagram: {e}"))
                    })?;
                }
            }
            Step::Intrude { conn, body } => {
                let message = self.cast.protocol.message(body);
                if let Some(RawEnd::Datagram(end)) = self.raw.get(conn) {
                    end.intrude(message).await.map_err(|e| {
                        StartError::Harness(format!("cannot send the client a datagram: {e}"))
                    })?;
                }
            }
            Step::Lanes(lanes) => self.side_by_side(lanes).await?,
            Step::StopReading { conn } => {
                self.client(*conn).await?;
                if let Some(end) = self.stream_end(*conn).await? {
                    end.stop_reading().await;
                }
            }
            Step::ReadOn { conn } => {
                if let Some(end) = self.stream_end(*conn).await? {
                    end.read_on().await;
                }
            }
            Step::Answered { conn } => {
                if let Some(end) = self.stream_end(*conn).await? {
                    end.answered().await;
                }
            }
            Step::Press { conn, bodies, at_most, bounded } => {
                let frames = bodies.iter().map(|body| self.cast.protocol.frame(body));
                let frames = Bytes::from(frames.collect::<Vec<_>>().concat());
                if let Some(end) = self.stream_end(*conn).await? {
                    end.press(&frames, *at_most, *bounded).await;
                }
            }
            Step::Soak { conn, body } => self.soak(*conn, body).await?,
            Step::Drip { write, ms } => self.write(write, Some(Duration::from_millis(*ms))).await?,
            Step::CountSegments { conn } => {
                if let Some(end) = self.stream_end(*conn).await? {
                    end.count_segments();
                }
            }
            Step::Idle { ms } => sleep(Duration::from_millis(*ms)).await,
            Step::Rest => drop(self.rest().await),
            Step::ComeToRest => self.come_to_rest().await,
            Step::StayOnLoopback => self.stay_on_loopback(),
            Step::Measure => self.measure(),
            Step::Within(budget) => self.keep_within(*budget).await,
            Step::Start => self.start_server().await?,
            Step::Listening => self.listening().await,
            Step::StartSecond => self.start_second_server().await?,
            Step::Terminate => self.terminate_server(),
            Step::Refuse { conn } => self.refuse(*conn).await?,
            Step::LookBehind => self.look_behind().await,
        }
        Ok(())
    }

    pub(super) async fn stream_end(
        &mut self,
        conn: Conn,
    ) -> Result<Option<&mut StreamEnd>, StartError> {
        Ok(self.raw_end(conn).await?.and_then(RawEnd::stream))
    }

    /// Plays lanes side by side, a bounded number at a time.
    async fn side_by_side(&mut self, lanes: &[Vec<Step>]) -> Result<(), StartError> {
        let mut waiting = lanes.iter();
        let mut playing = FuturesUnordered::new();
        let mut wrong = 0;
        loop {
            while playing.len() < limits::LANES
                && wrong < limits::WRONG_LANES
                && let Some(steps) = waiting.next()
            {
                let mut lane = self.lane(steps);
                playing.push(async move {
                    // Boxed, since a lane may have lanes.
                    let played = Box::pin(lane.play(steps)).await;
                    (lane, played)
                });
            }
            let Some((lane, played)) = playing.next().await else { return Ok(()) };
            wrong += usize::from(self.scene.is_decided(&lane.scope));
            self.raw.extend(lane.raw);
            self.raw.retain(|_, end| !end.is_over());
            played?;
        }
    }

    /// Writes down when a server ends.
    pub(super) fn watch_server(&mut self, standing: &Standing) {
        if let Some(family) = standing.family.clone() {
            self.scene.watch(family);
        }
        if let Some(mut exit) = standing.exit.clone() {
            let scene = self.scene.clone();
            self.watchers.push(tokio::spawn(async move {
                if let Some(exit) = wait_exit(&mut exit).await {
                    scene.saw(Sight::ServerExited { exit });
                }
            }));
        }
    }

    /// The server that is talked to: the case's own, or the one that stands.
    pub(super) fn server(&self) -> Option<&Standing> {
        self.own.as_ref().map(|own| &own.standing).or_else(|| self.cast.standing())
    }

    /// Ends everything in good order, and returns the programs' last words.
    async fn leave(mut self) -> Tails {
        let drain = !self.scene.is_past_manners();
        let raw = std::mem::take(&mut self.raw).into_values();
        let ends = raw.map(|end| tokio::spawn(end.close(drain)));
        let links =
            std::mem::take(&mut self.links).into_values().map(|link| tokio::spawn(link.close()));
        for closing in ends.chain(links).collect::<Vec<_>>() {
            let _ = closing.await;
        }
        let mut tails = Tails::default();
        for client in std::mem::take(&mut self.clients).into_values() {
            tails.client.extend(client.tail());
            client.stop().await;
        }
        if let Some(own) = self.own.take() {
            tails.server = own.leave().await;
        }
        for watcher in &self.watchers {
            watcher.abort();
        }
        tails
    }

    /// A program that dies closes its connections a moment before its end is known, and may do so where a
    /// connection was to end anyway. One that does nothing any more is not about to die.
    async fn wait_for_a_crash(&self, case: &Case) {
        let hostile = [Clause::P8, Clause::P9, Clause::P11];
        let hostile = case.clauses.iter().any(|clause| hostile.contains(clause));
        let exit = self.server().and_then(|server| server.exit.clone());
        if let Some(mut exit) = exit.filter(|_| hostile || self.scene.is_broken())
            && let Some(Some(exit)) = self.scene.within(limits::CRASH, wait_exit(&mut exit)).await
        {
            // Whoever watches it may not have come to write it down.
            self.scene.saw(Sight::ServerExited { exit });
        }
    }
}
