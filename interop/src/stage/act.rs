//! Acts a case out, step by step.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rust_server::framing::MaxFrame;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::link::Link;
use super::raw::{RawEnd, bytes_of, connect};
use super::scene::Scene;
use crate::limits;
use crate::model::case::{Case, Step, Write};
use crate::model::names::{Clause, Role};
use crate::model::protocol::Protocol;
use crate::model::transcript::{
    Act, Channel, ChannelEnd, Conn, Exit, Setting, Sight, Transcript, Wire,
};
use crate::peer::HOST;
use crate::peer::client::{ClientEvent, RunningClient};
use crate::peer::manifest::Contract;
use crate::peer::process::{Launch, wait_exit};
use crate::peer::start::{Milestone, StartError};

/// Who plays in a case beside the harness.
#[derive(Debug)]
pub struct Cast<'a> {
    /// What they speak.
    pub protocol: Protocol,
    /// The server under test.
    pub server: Option<ServerCast>,
    /// The client under test.
    pub client: Option<ClientCast<'a>>,
    /// How long a client may take to connect.
    pub start: Duration,
}

/// A server that accepts.
#[derive(Debug)]
pub struct ServerCast {
    /// Where.
    pub address: SocketAddr,
    /// The limit that it promises to enforce.
    pub max_frame: Option<MaxFrame>,
    /// Tells of its end; `None` for a server that is not ours.
    pub exit: Option<watch::Receiver<Option<Exit>>>,
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

/// What came of acting a case out.
#[derive(Debug)]
pub struct Acted {
    /// Everything that was done and seen.
    pub transcript: Transcript,
    /// The last lines of output of each client program.
    pub client_tail: Vec<String>,
}

/// Acts a case out. Nothing may be idle for longer than `patience` while something is due of it.
///
/// # Errors
/// When a client program cannot be started, says that it does not support this, or we cannot listen.
/// Everything else that goes wrong is seen, and stands in the transcript.
pub async fn act(case: &Case, cast: Cast<'_>, patience: Duration) -> Result<Acted, StartError> {
    let scene = Arc::new(Scene::new(setting(case, &cast), &case.clauses, patience));
    let mut actor = Actor::new(case, cast, scene.clone()).await?;
    let result = match timeout(limits::CASE, actor.play(&case.steps)).await {
        Ok(result) => result,
        Err(_) => {
            let waiting_for = format!("the case to end, for {} s in all", limits::CASE.as_secs());
            scene.saw(Sight::Stalled { waiting_for });
            Ok(())
        }
    };
    actor.wait_for_a_crash(case).await;
    scene.linger().await;
    // What the peers do because we leave is no part of it.
    let transcript = scene.transcript();
    let client_tail = actor.leave().await;
    result.map(|()| Acted { transcript, client_tail })
}

fn setting(case: &Case, cast: &Cast<'_>) -> Setting {
    let contract = cast.client.as_ref().map_or(&Contract::Frames, |client| client.contract);
    let text = |text: &String| Bytes::copy_from_slice(text.as_bytes());
    let (greeting, stop) = (contract.greeting().iter().map(text).collect(), contract.stop());
    let max_frame = match case.role {
        Role::Server | Role::Pairing => cast.server.as_ref().and_then(|server| server.max_frame),
        Role::Client => cast.client.as_ref().and_then(|client| client.max_frame),
    };
    let wire = if cast.is_direct() { Wire::Unseen } else { Wire::Seen };
    Setting { role: case.role, protocol: cast.protocol, max_frame, greeting, stop, wire }
}

impl Cast<'_> {
    /// Both programs hard-code the same port: the link has nowhere to stand.
    fn is_direct(&self) -> bool {
        let server = self.server.as_ref().map(|server| server.address.port());
        server.is_some() && server == self.client.as_ref().and_then(|client| client.port)
    }
}

struct Actor<'a> {
    role: Role,
    cast: Cast<'a>,
    scene: Arc<Scene>,
    listener: Option<TcpListener>,
    raw: BTreeMap<Conn, RawEnd>,
    clients: BTreeMap<Conn, RunningClient>,
    links: BTreeMap<Conn, Link>,
    watchers: Vec<JoinHandle<()>>,
}

impl<'a> Actor<'a> {
    async fn new(case: &Case, cast: Cast<'a>, scene: Arc<Scene>) -> Result<Self, StartError> {
        let mut watchers = Vec::new();
        if let Some(mut exit) = cast.server.as_ref().and_then(|server| server.exit.clone()) {
            let scene = scene.clone();
            watchers.push(tokio::spawn(async move {
                if let Some(exit) = wait_exit(&mut exit).await {
                    scene.saw(Sight::ServerExited { exit });
                }
            }));
        }
        let listener = match &cast.client {
            Some(client) if !cast.is_direct() => Some(listen(client.port.unwrap_or(0)).await?),
            _ => None,
        };
        Ok(Self {
            role: case.role,
            cast,
            scene,
            listener,
            raw: BTreeMap::new(),
            clients: BTreeMap::new(),
            links: BTreeMap::new(),
            watchers,
        })
    }

    async fn play(&mut self, steps: &[Step]) -> Result<(), StartError> {
        for step in steps {
            self.take(step).await?;
            if self.scene.is_decided() {
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
                self.scene.settle().await;
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
        }
        Ok(())
    }

    async fn feed(&mut self, conn: Conn, messages: &[Bytes]) -> Result<(), StartError> {
        self.client(conn).await?;
        for message in messages {
            self.scene.did(Act::Fed { conn, message: message.clone() });
        }
        let Some(client) = self.clients.get(&conn) else {
            return Ok(());
        };
        if timeout(self.scene.patience(), client.feed(messages)).await.is_err() {
            let waiting_for = "the client to read its stdin".to_owned();
            self.scene.saw(Sight::Stalled { waiting_for });
        }
        Ok(())
    }

    async fn write(&mut self, write: &Write) -> Result<(), StartError> {
        let bytes = bytes_of(&write.parts, self.cast.protocol.framing);
        let Some(end) = self.raw_end(write.conn).await? else { return Ok(()) };
        for fragment in write.cut.fragments(bytes.len()) {
            if !end.deliver(bytes.slice(fragment)).await {
                break;
            }
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
            let goes_on = match (fragments.pop_front(), *conn) {
                (Some(fragment), conn) => match self.raw_end(conn).await? {
                    Some(end) => end.deliver(fragment).await,
                    None => false,
                },
                (None, _) => false,
            };
            if !goes_on {
                queues.swap_remove(at);
            }
        }
        Ok(())
    }

    /// The raw end of a connection. As a client it connects when it is first needed; as a server it was
    /// made when the client connected.
    async fn raw_end(&mut self, conn: Conn) -> Result<Option<&mut RawEnd>, StartError> {
        if self.role == Role::Server
            && !self.raw.contains_key(&conn)
            && let Some(server) = &self.cast.server
        {
            let channel = Channel::Answers(conn);
            let end = connect(server.address)
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
        let Some(server) = &self.cast.server else { return Ok(()) };
        match TcpStream::connect(server.address).await {
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
        let port = match (&self.listener, &self.cast.server) {
            (Some(listener), _) => listener.local_addr().map_or(0, |address| address.port()),
            (None, Some(server)) => server.address.port(),
            (None, None) => 0,
        };
        let launch = (cast.launch)(port);
        let (events, inbox) = mpsc::channel(EVENTS);
        let started = RunningClient::start(&launch, cast.contract, events).await;
        let client = started.map_err(|e| StartError::cannot_run(&launch, &e))?;
        let mut exit = client.watch_end();
        self.watchers.push(tokio::spawn(forward(inbox, conn, self.scene.clone())));
        self.clients.insert(conn, client);
        if let Some(listener) = &self.listener {
            let accepted = tokio::select! {
                biased;
                Ok((stream, _)) = listener.accept() => Some(stream),
                Some(exit) = wait_exit(&mut exit) => {
                    return Err(self.gone_before_it_connected(conn, &launch, exit));
                }
                () = sleep(self.cast.start) => {
                    let waiting_for = "the client to connect".to_owned();
                    self.scene.saw(Sight::Stalled { waiting_for });
                    None
                }
            };
            match accepted {
                Some(stream) => self.connected(conn, stream).await?,
                None => return Ok(()),
            }
        } else {
            self.scene.saw(Sight::Connected { conn });
        }
        self.greeted(conn).await;
        Ok(())
    }

    /// A client that ends before it connects has not come up: nothing of it can be judged.
    fn gone_before_it_connected(&self, conn: Conn, launch: &Launch, exit: Exit) -> StartError {
        let tail = self.clients.get(&conn).map(RunningClient::tail).unwrap_or_default();
        StartError::exited(launch.command_line(), Milestone::Connected, exit, tail)
    }

    async fn connected(&mut self, conn: Conn, stream: TcpStream) -> Result<(), StartError> {
        let requests = Channel::Requests(conn);
        let scene = self.scene.clone();
        match &self.cast.server {
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
            .map(|answer| crate::model::protocol::frame(framing, &answer))
            .collect();
        self.scene.settle().await;
        if let Some(end) = self.raw.get_mut(&conn) {
            end.deliver(answers.concat().into()).await;
            self.scene.settle().await;
        }
    }

    /// Ends everything in good order, and returns the clients' last words.
    async fn leave(mut self) -> Vec<String> {
        let ends = std::mem::take(&mut self.raw).into_values().map(|end| tokio::spawn(end.close()));
        let links =
            std::mem::take(&mut self.links).into_values().map(|link| tokio::spawn(link.close()));
        for closing in ends.chain(links).collect::<Vec<_>>() {
            let _ = closing.await;
        }
        let mut tail = Vec::new();
        for client in std::mem::take(&mut self.clients).into_values() {
            tail.extend(client.tail());
            client.stop().await;
        }
        for watcher in &self.watchers {
            watcher.abort();
        }
        tail
    }

    /// A program that dies closes its connections a moment before its end is known, and may do so where a
    /// connection was to end anyway.
    async fn wait_for_a_crash(&self, case: &Case) {
        let hostile = [Clause::P8, Clause::P9, Clause::P11];
        let hostile = case.clauses.iter().any(|clause| hostile.contains(clause));
        let exit = self.cast.server.as_ref().and_then(|server| server.exit.clone());
        if let Some(mut exit) = exit.filter(|_| hostile || self.scene.is_broken())
            && let Ok(Some(exit)) = timeout(limits::CRASH, wait_exit(&mut exit)).await
        {
            // Whoever watches it may not have come to write it down.
            self.scene.saw(Sight::ServerExited { exit });
        }
    }
}

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
async fn listen(port: u16) -> Result<TcpListener, StartError> {
    let deadline = Instant::now() + limits::REBIND;
    loop {
        match TcpListener::bind((HOST, port)).await {
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
