//! The client programs of a case: how they start, connect, are fed, and are told of.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::act::Actor;
use super::cast::ClientCast;
use super::link::Link;
use super::raw::RawEnd;
use super::scene::Scene;
use crate::limits;
use crate::model::protocol::frame;
use crate::model::transcript::{Act, Channel, Conn, Exit, Sight};
use crate::peer::HOST;
use crate::peer::client::{ClientEvent, RunningClient};
use crate::peer::port::Lease;
use crate::peer::process::{Launch, wait_exit};
use crate::peer::start::{Milestone, StartError};

impl Actor<'_> {
    pub(super) async fn feed(&mut self, conn: Conn, messages: &[Bytes]) -> Result<(), StartError> {
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

    /// Sees to it that a client runs and is connected, and that its greeting has been answered.
    pub(super) async fn client(&mut self, conn: Conn) -> Result<(), StartError> {
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
        let protocol = self.cast.protocol;
        let answers: Vec<Bytes> = greeting
            .iter()
            .filter_map(|text| protocol.answer(&Bytes::copy_from_slice(text.as_bytes())))
            .map(|answer| frame(protocol.written_as(), &answer))
            .collect();
        self.scene.settle(&self.scope).await;
        if let Some(end) = self.raw.get_mut(&conn) {
            end.deliver(answers.concat().into()).await;
            self.scene.settle(&self.scope).await;
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
