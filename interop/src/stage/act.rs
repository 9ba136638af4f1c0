//! Acts a case out, step by step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::cast::{Cast, ClientCast, Standing};
use super::link::Link;
use super::own::OwnServer;
use super::raw::{RawEnd, bytes_of, connect};
use super::scene::{Scene, Slowness};
use crate::limits::{self, Patience};
use crate::model::case::{Case, Step, Write};
use crate::model::ledger::Scope;
use crate::model::names::{Clause, Role};
use crate::model::protocol::frame;
use crate::model::transcript::{Act, Channel, ChannelEnd, Conn, Exit, Sight, Transcript};
use crate::peer::HOST;
use crate::peer::client::{ClientEvent, RunningClient};
use crate::peer::port::Lease;
use crate::peer::process::{Launch, wait_exit};
use crate::peer::start::{Milestone, StartError};
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
    let mut actor = Actor::new(case, &cast, scene.clone());
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
    actor.wait_for_a_crash(case).await;
    scene.linger().await;
    // What the peers do because we leave is no part of it.
    let transcript = scene.transcript();
    let slowest = scene.slowest();
    let tails = actor.leave().await;
    result.map(|()| Acted { transcript, slowest, tails })
}

/// Who does what a case says: its raw ends, its links, and the programs that it has started.
pub(super) struct Actor<'a> {
    role: Role,
    pub(super) cast: &'a Cast<'a>,
    pub(super) scene: Arc<Scene>,
    /// The conversations that are this actor's business: a lane has one of its own.
    scope: Scope,
    /// The case holds peers back, for which our buffers have to be small.
    holds_back: bool,
    listener: Option<TcpListener>,
    raw: BTreeMap<Conn, RawEnd>,
    pub(super) clients: BTreeMap<Conn, RunningClient>,
    links: BTreeMap<Conn, Link>,
    pub(super) own: Option<OwnServer>,
    /// What the program under test used when it was last measured.
    pub(super) measured: Option<Vitals>,
    /// What it used when it was last seen after that.
    pub(super) last_seen: Option<Vitals>,
    watchers: Vec<JoinHandle<()>>,
}

impl<'a> Actor<'a> {
    fn new(case: &Case, cast: &'a Cast<'a>, scene: Arc<Scene>) -> Self {
        let stops_reading = |step: &Step| matches!(step, Step::StopReading { .. });
        Self {
            role: case.role,
            cast,
            scene,
            scope: Scope::All,
            holds_back: case.all_steps().any(stops_reading),
            listener: None,
            raw: BTreeMap::new(),
            clients: BTreeMap::new(),
            links: BTreeMap::new(),
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
        Self {
            role: self.role,
            cast: self.cast,
            scene: self.scene.clone(),
            scope: Scope::Lane(conns),
            holds_back: self.holds_back,
            listener: None,
            raw,
            clients: BTreeMap::new(),
            links: BTreeMap::new(),
            own: None,
            measured: None,
            last_seen: None,
            watchers: Vec::new(),
        }
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
                let messages: Vec<Bytes> = messages.iter().map(|body| body.bytes()).collect();
                self.feed(*conn, &messages).await?;
            }
            Step::Recut { conn, cut } => {
                self.client(*conn).await?;
                if let Some(link) = self.links.get(conn) {
                    link.recut(cut.clone());
                }
            }
            Step::Write(write) => self.write(write).await?,
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
            Step::Abort { conn } => match self.raw.remove(conn) {
                Some(end) => end.abort().await,
                None => self.connect_and_abort(*conn).await?,
            },
            Step::Lanes(lanes) => self.side_by_side(lanes).await?,
            Step::StopReading { conn } => {
                self.client(*conn).await?;
                if let Some(end) = self.raw_end(*conn).await? {
                    end.stop_reading().await;
                }
            }
            Step::ReadOn { conn } => {
                if let Some(end) = self.raw.get_mut(conn) {
                    end.read_on().await;
                }
            }
            Step::Press { conn, body, at_most, bounded } => {
                let frame = frame(self.cast.protocol.framing, &body.bytes());
                if let Some(end) = self.raw_end(*conn).await? {
                    end.press(&frame, *at_most, *bounded).await;
                }
            }
            Step::Drip { write, ms } => self.drip(write, Duration::from_millis(*ms)).await?,
            Step::CountSegments { conn } => {
                if let Some(end) = self.raw.get(conn) {
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

    async fn feed(&mut self, conn: Conn, messages: &[Bytes]) -> Result<(), StartError> {
        self.client(conn).await?;
        for message in messages {
            self.scene.did(Act::Fed { conn, message: message.clone() });
        }
        let Some(client) = self.clients.get(&conn) else {
            return Ok(());
        };
        if self.scene.in_time(client.feed(messages)).await.is_none() {
            let waiting_for = "the client to read its stdin".to_owned();
            self.scene.give_up(Some(conn), waiting_for);
        }
        Ok(())
    }

    async fn write(&mut self, write: &Write) -> Result<(), StartError> {
        let bytes = bytes_of(&write.parts, self.cast.protocol.framing);
        let Some(end) = self.raw_end(write.conn).await? else { return Ok(()) };
        for fragment in write.cut.fragments(bytes.len()) {
            end.deliver(bytes.slice(fragment)).await;
        }
        Ok(())
    }

    /// Its fragments, each some time after the one before.
    async fn drip(&mut self, write: &Write, pause: Duration) -> Result<(), StartError> {
        let bytes = bytes_of(&write.parts, self.cast.protocol.framing);
        let Some(end) = self.raw_end(write.conn).await? else { return Ok(()) };
        for fragment in write.cut.fragments(bytes.len()) {
            end.deliver(bytes.slice(fragment)).await;
            sleep(pause).await;
        }
        Ok(())
    }

    /// The fragments of several connections, each connection's own in order, in a seeded order of all.
    async fn mixed(&mut self, writes: &[Write], seed: u64) -> Result<(), StartError> {
        let framing = self.cast.protocol.framing;
        let mut queues: Vec<(Conn, VecDeque<Bytes>)> = Vec::new();
        for write in writes {
            let bytes = bytes_of(&write.parts, framing);
            let fragments = write.cut.fragments(bytes.len());
            queues.push((write.conn, fragments.into_iter().map(|f| bytes.slice(f)).collect()));
        }
        let mut rng = fastrand::Rng::with_seed(seed);
        while !queues.is_empty() {
            let at = rng.usize(..queues.len());
            let (conn, fragments) = &mut queues[at];
            match (fragments.pop_front(), *conn) {
                (Some(fragment), conn) => {
                    if let Some(end) = self.raw_end(conn).await? {
                        end.deliver(fragment).await;
                    }
                }
                (None, _) => drop(queues.swap_remove(at)),
            }
        }
        Ok(())
    }

    /// The raw end of a connection. As a client it connects when it is first needed; as a server it was
    /// made when the client connected.
    async fn raw_end(&mut self, conn: Conn) -> Result<Option<&mut RawEnd>, StartError> {
        if self.role == Role::Server
            && !self.raw.contains_key(&conn)
            && let Some(address) = self.server().map(|server| server.address)
        {
            let channel = Channel::Answers(conn);
            let buffer = self.holds_back.then_some(limits::SMALL_BUFFER);
            let end = connect(address, buffer, &self.scene)
                .await
                .and_then(|stream| RawEnd::new(stream, channel, self.scene.clone()));
            match end {
                Ok(end) => drop(self.raw.insert(conn, end)),
                Err(error) => self.refused(channel, &error)?,
            }
        }
        Ok(self.raw.get_mut(&conn))
    }

    /// A client that is gone before it is accepted.
    async fn connect_and_abort(&mut self, conn: Conn) -> Result<(), StartError> {
        let Some(server) = self.server() else { return Ok(()) };
        let connected = timeout(limits::START, TcpStream::connect(server.address)).await;
        match connected.map_err(io::Error::from).flatten() {
            Ok(stream) => {
                self.scene.did(Act::Aborted { conn });
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                Ok(())
            }
            Err(error) => self.refused(Channel::Answers(conn), &error),
        }
    }

    /// A connection that could not be made is the other end's fault only where the other end said no.
    fn refused(&self, channel: Channel, error: &io::Error) -> Result<(), StartError> {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput,
            NotConnected, TimedOut,
        };
        match error.kind() {
            ConnectionRefused | ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected
            | InvalidInput | TimedOut => {
                self.scene.saw_end(channel, ChannelEnd::Refused);
                Ok(())
            }
            _ => Err(StartError::Harness(format!("cannot connect: {error}"))),
        }
    }

    /// Sees to it that a client runs and is connected, and that its greeting has been answered.
    async fn client(&mut self, conn: Conn) -> Result<(), StartError> {
        if self.clients.contains_key(&conn) {
            return Ok(());
        }
        let Some(cast) = &self.cast.client else {
            return Ok(());
        };
        if self.listener.is_none() && !self.cast.is_direct() {
            let buffer = self.holds_back.then_some(limits::SMALL_BUFFER);
            self.listener = Some(listen(cast.port.unwrap_or(0), buffer).await?);
        }
        let port = match (&self.listener, self.server()) {
            (Some(listener), _) => listener.local_addr().map_or(0, |address| address.port()),
            (None, Some(server)) => server.address.port(),
            (None, None) => 0,
        };
        let launch = (cast.launch)(port);
        if self.listener.is_none() {
            // Its deliveries may be told before we come to say so.
            self.scene.saw(Sight::Connected { conn });
        }
        let mut exit = self.start_client(conn, cast, &launch).await?;
        if let Some(listener) = &self.listener {
            let accepted = tokio::select! {
                biased;
                accepted = listener.accept() => accepted,
                Some(exit) = wait_exit(&mut exit) => {
                    return Err(self.gone_before_it_connected(conn, &launch, exit));
                }
                () = sleep(self.cast.start) => {
                    return Err(self.never_connected(conn, &launch, port));
                }
            };
            match accepted {
                Ok((stream, _)) => self.connected(conn, stream).await?,
                Err(e) => return Err(StartError::Harness(format!("cannot accept: {e}"))),
            }
        }
        self.greeted(conn).await;
        Ok(())
    }

    /// Starts a client program; whoever holds what is returned sees its end.
    pub(super) async fn start_client(
        &mut self,
        conn: Conn,
        cast: &ClientCast<'_>,
        launch: &Launch,
    ) -> Result<watch::Receiver<Option<Exit>>, StartError> {
        let (events, inbox) = mpsc::channel(EVENTS);
        let started = RunningClient::start(launch, cast.contract, events).await;
        let client = started.map_err(|e| StartError::cannot_run(launch, &e))?;
        let exit = client.watch_end();
        self.scene.watch(client.family().clone());
        self.watchers.push(tokio::spawn(forward(inbox, conn, self.scene.clone())));
        self.clients.insert(conn, client);
        Ok(exit)
    }

    /// Starts a client where nobody listens, and waits until it gives up.
    async fn refuse(&mut self, conn: Conn) -> Result<(), StartError> {
        let Some(cast) = &self.cast.client else { return Ok(()) };
        let lease = match cast.port {
            Some(_) => None, // it is ours already, and we do not listen
            None => Some(Lease::free()?),
        };
        let port = lease.as_ref().map(Lease::port).or(cast.port).unwrap_or(0);
        let launch = (cast.launch)(port);
        self.scene.did(Act::Unserved { conn });
        let mut exit = self.start_client(conn, cast, &launch).await?;
        let patience = self.scene.patience().scaled(limits::GIVE_UP);
        match self.scene.within(patience, wait_exit(&mut exit)).await {
            None => self.scene.give_up(Some(conn), "the client to give up".to_owned()),
            Some(Some(exit @ Exit::Code(77 | 126 | 127))) => {
                return Err(self.gone_before_it_connected(conn, &launch, exit));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// A client that ends before it connects has not come up: nothing of it can be judged.
    fn gone_before_it_connected(&self, conn: Conn, launch: &Launch, exit: Exit) -> StartError {
        let tail = self.clients.get(&conn).map(RunningClient::tail).unwrap_or_default();
        StartError::exited(launch.command_line(), Milestone::Connected, exit, tail)
    }

    fn never_connected(&self, conn: Conn, launch: &Launch, port: u16) -> StartError {
        StartError::NeverReady {
            command: launch.command_line(),
            waited: self.cast.start,
            waited_for: format!("a connection to port {port}"),
            output: self.clients.get(&conn).map(RunningClient::tail).unwrap_or_default(),
        }
    }

    /// Waits until the peer has read what was written on every connection.
    pub(super) async fn have_all_read(&mut self) {
        for end in self.raw.values_mut() {
            end.have_read().await;
        }
    }

    async fn connected(&mut self, conn: Conn, stream: TcpStream) -> Result<(), StartError> {
        let requests = Channel::Requests(conn);
        let scene = self.scene.clone();
        match self.server() {
            Some(server) => match Link::new(stream, server.address, conn, scene).await {
                Ok(link) => drop(self.links.insert(conn, link)),
                Err((side, error)) => self.refused(side, &error)?,
            },
            None => match RawEnd::new(stream, requests, scene) {
                Ok(end) => drop(self.raw.insert(conn, end)),
                Err(error) => self.refused(requests, &error)?,
            },
        }
        Ok(())
    }

    /// What a client sends by itself is answered like the rest, before anything is asked of it.
    async fn greeted(&mut self, conn: Conn) {
        let greeting =
            self.cast.client.as_ref().map_or(&[][..], |client| client.contract.greeting());
        if greeting.is_empty() {
            return;
        }
        let framing = self.cast.protocol.framing;
        let service = self.cast.protocol.service;
        let answers: Vec<Bytes> = greeting
            .iter()
            .map(|text| service.answer(&Bytes::copy_from_slice(text.as_bytes())))
            .map(|answer| frame(framing, &answer))
            .collect();
        self.scene.settle(&self.scope).await;
        if let Some(end) = self.raw.get_mut(&conn) {
            end.deliver(answers.concat().into()).await;
            self.scene.settle(&self.scope).await;
        }
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

/// How many clients may wait for us to accept them.
const BACKLOG: u32 = 128;

/// How many things that a client did may wait to be written down.
const EVENTS: usize = 64;

async fn forward(mut events: mpsc::Receiver<ClientEvent>, conn: Conn, scene: Arc<Scene>) {
    let mut listening = true;
    while let Some(event) = events.recv().await {
        match event {
            ClientEvent::Delivered(bytes) if listening => {
                listening = scene.saw_bytes(Channel::Delivered(conn), bytes);
            }
            ClientEvent::Delivered(_) => {}
            ClientEvent::Exited(exit) => scene.saw(Sight::ClientExited { conn, exit }),
        }
    }
}

/// Listens on a port that is ours. A process that is just being started elsewhere may still hold a copy of
/// the listener that stood there before, between its fork and its exec, so "in use" is asked again.
async fn listen(port: u16, buffer: Option<u32>) -> Result<TcpListener, StartError> {
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?; // what is accepted has it too
        }
        socket.bind((HOST, port).into())?;
        socket.listen(BACKLOG)
    };
    let deadline = Instant::now() + limits::REBIND;
    loop {
        match bind() {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(limits::REBIND_PAUSE).await;
            }
            Err(e) => {
                let message = format!("cannot listen on {HOST}:{port} for the client: {e}");
                return Err(StartError::Port(message));
            }
        }
    }
}
