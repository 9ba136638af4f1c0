//! The client programs of a case: how they start, connect, are fed, and are told of.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::act::Actor;
use super::cast::ClientCast;
use super::datagrams::Datagrams;
use super::link::{DatagramLink, Link, StreamLink};
use super::raw::{DatagramEnd, RawEnd, StreamEnd};
use super::scene::Scene;
use crate::limits::{self, Patience};
use crate::model::protocol::{Transport, frame};
use crate::model::transcript::{Act, Channel, Conn, Exit, Sight};
use crate::peer::HOST;
use crate::peer::client::{ClientEvent, RunningClient};
use crate::peer::port::Lease;
use crate::peer::process::{Launch, wait_exit};
use crate::peer::start::{Milestone, StartError};

/// A client that was started, and has sent nothing yet.
pub(super) struct Newcomer {
    launch: Launch,
    socket: Arc<Datagrams>,
}

impl Actor<'_> {
    pub(super) async fn feed(&mut self, conn: Conn, messages: &[Bytes]) -> Result<(), StartError> {
        self.client(conn).await?;
        if self.cast.protocol.transport == Transport::Tcp {
            return self.feed_at_once(conn, messages).await;
        }
        for message in messages {
            if !self.scene.is_this_ones_turn(conn).await {
                break;
            }
            self.feed_at_once(conn, std::slice::from_ref(message)).await?;
        }
        Ok(())
    }

    async fn feed_at_once(&mut self, conn: Conn, messages: &[Bytes]) -> Result<(), StartError> {
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
        self.hear(conn).await
    }

    /// Sees to it that a client runs and, where it connects, is connected, and that its greeting has been answered.
    pub(super) async fn client(&mut self, conn: Conn) -> Result<(), StartError> {
        if self.clients.contains_key(&conn) {
            return Ok(());
        }
        let Some(cast) = &self.cast.client else {
            return Ok(());
        };
        match self.cast.protocol.transport {
            _ if self.cast.is_direct() => self.let_meet(conn, cast).await?,
            Transport::Tcp => self.accept(conn, cast).await?,
            Transport::Udp => self.await_datagrams(conn, cast).await?,
        }
        self.greeted(conn).await
    }

    /// Starts a client that finds the server by itself.
    async fn let_meet(&mut self, conn: Conn, cast: &ClientCast<'_>) -> Result<(), StartError> {
        let port = self.server().map_or(0, |server| server.address.port());
        // Its deliveries may be told before we come to say so.
        self.scene.saw(Sight::Connected { conn });
        self.start_client(conn, cast, &(cast.launch)(port)).await.map(drop)
    }

    /// Starts a client, and waits until it has connected.
    async fn accept(&mut self, conn: Conn, cast: &ClientCast<'_>) -> Result<(), StartError> {
        if self.listener.is_none() {
            let buffer = self.holds_back.then_some(limits::SMALL_BUFFER);
            self.listener = Some(listen(cast.port.unwrap_or(0), buffer).await?);
        }
        let port = self.listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let port = port.map_or(0, |address| address.port());
        let launch = (cast.launch)(port);
        let mut exit = self.start_client(conn, cast, &launch).await?;
        let Some(listener) = &self.listener else { return Ok(()) };
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
            Ok((stream, _)) => self.connected(conn, stream).await,
            Err(e) => Err(StartError::Harness(format!("cannot accept: {e}"))),
        }
    }

    /// Starts a client with a port of its own to send to. It does not, until it is told a message.
    async fn await_datagrams(
        &mut self,
        conn: Conn,
        cast: &ClientCast<'_>,
    ) -> Result<(), StartError> {
        let socket = bound(cast.port.unwrap_or(0), Datagrams::on).await?;
        let socket = Arc::new(socket);
        let launch = (cast.launch)(socket.port());
        self.scene.saw(Sight::Connected { conn });
        let scene = self.scene.clone();
        match self.server() {
            Some(server) => {
                let link = DatagramLink::new(socket.clone(), server.address, conn, scene).await;
                let link = link.map_err(|e| {
                    StartError::Harness(format!("no way to {}: {e}", server.address))
                })?;
                self.links.insert(conn, Link::Datagram(link));
            }
            None => {
                let end = DatagramEnd::new(socket.clone(), Channel::Requests(conn), scene);
                self.raw.insert(conn, RawEnd::Datagram(end));
            }
        }
        self.start_client(conn, cast, &launch).await?;
        self.newcomers.insert(conn, Newcomer { launch, socket });
        Ok(())
    }

    /// A client of datagrams has come up once it has sent one. One that says before that it cannot play is not
    /// judged; what else it does instead is.
    async fn hear(&mut self, conn: Conn) -> Result<(), StartError> {
        let Some(Newcomer { launch, socket }) = self.newcomers.remove(&conn) else { return Ok(()) };
        let Some(mut exit) = self.clients.get(&conn).map(RunningClient::watch_end) else {
            return Ok(());
        };
        let heard_or_gone = async {
            tokio::select! {
                biased;
                () = socket.heard() => None,
                exit = wait_exit(&mut exit) => exit,
            }
        };
        let patience = Patience { silent: self.cast.start, ..self.scene.patience() };
        match self.scene.within(patience, heard_or_gone).await.flatten() {
            Some(exit) if cannot_play(exit) => {
                Err(self.gone_before_it_connected(conn, &launch, exit))
            }
            _ => Ok(()),
        }
    }

    /// Starts a client program; whoever holds what is returned sees its end.
    async fn start_client(
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
    pub(super) async fn refuse(&mut self, conn: Conn) -> Result<(), StartError> {
        let Some(cast) = &self.cast.client else { return Ok(()) };
        let lease = match cast.port {
            Some(_) => None, // it is ours already, and we do not listen
            None => Some(Lease::free()?),
        };
        let port = lease.as_ref().map(Lease::port).or(cast.port).unwrap_or(0);
        let launch = (cast.launch)(port);
        self.scene.did(Act::Unserved { conn });
        let mut exit = self.start_client(conn, cast, &launch).await?;
        if self.cast.protocol.transport == Transport::Udp
            && let Some(client) = self.clients.get(&conn)
        {
            // Only who sends something can learn that nobody is there.
            client.feed(&[self.cast.protocol.message(&"is anybody there?".into())]).await;
        }
        let patience = self.scene.patience().scaled(limits::GIVE_UP);
        match self.scene.within(patience, wait_exit(&mut exit)).await {
            None => self.scene.give_up(Some(conn), "the client to give up".to_owned()),
            Some(Some(exit)) if cannot_play(exit) => {
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

    async fn connected(&mut self, conn: Conn, stream: TcpStream) -> Result<(), StartError> {
        let requests = Channel::Requests(conn);
        let scene = self.scene.clone();
        match self.server() {
            Some(server) => match StreamLink::new(stream, server.address, conn, scene).await {
                Ok(link) => drop(self.links.insert(conn, Link::Stream(link))),
                Err((side, error)) => self.refused(side, &error)?,
            },
            None => match StreamEnd::new(stream, requests, scene) {
                Ok(end) => drop(self.raw.insert(conn, RawEnd::Stream(end))),
                Err(error) => self.refused(requests, &error)?,
            },
        }
        Ok(())
    }

    /// What a client sends by itself is answered like the rest, before anything is asked of it.
    async fn greeted(&mut self, conn: Conn) -> Result<(), StartError> {
        let greeting =
            self.cast.client.as_ref().map_or(&[][..], |client| client.contract.greeting());
        if greeting.is_empty() {
            return Ok(());
        }
        self.hear(conn).await?;
        let protocol = self.cast.protocol;
        let answers: Vec<Bytes> = greeting
            .iter()
            .filter_map(|text| protocol.answer(&Bytes::copy_from_slice(text.as_bytes())))
            .map(|answer| frame(protocol.written_as(), &answer))
            .collect();
        self.scene.settle(&self.scope).await;
        if let Some(end) = self.raw.get_mut(&conn).filter(|_| !answers.is_empty()) {
            end.deliver(answers.concat().into()).await;
            self.scene.settle(&self.scope).await;
        }
        Ok(())
    }
}

/// Whether a program says so that it does not support this, or was not found.
const fn cannot_play(exit: Exit) -> bool {
    matches!(exit, Exit::Code(77 | 126 | 127))
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
                listening = scene.saw_bytes(Channel::Delivered(conn), &bytes);
            }
            ClientEvent::Delivered(_) => {}
            ClientEvent::Exited(exit) => scene.saw(Sight::ClientExited { conn, exit }),
        }
    }
}

/// Listens on a port that is ours.
async fn listen(port: u16, buffer: Option<u32>) -> Result<TcpListener, StartError> {
    let bind = |port| {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?; // what is accepted has it too
        }
        socket.bind((HOST, port).into())?;
        socket.listen(BACKLOG)
    };
    bound(port, bind).await
}

/// Binds a port that is ours. A process that is just being started elsewhere may still hold a copy of the socket
/// that was there before, between its fork and its exec, so "in use" is asked again.
async fn bound<T>(port: u16, bind: impl Fn(u16) -> io::Result<T>) -> Result<T, StartError> {
    let deadline = Instant::now() + limits::REBIND;
    loop {
        match bind(port) {
            Ok(bound) => return Ok(bound),
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
