//! What the raw ends of a case write, and how they connect for it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::act::Actor;
use super::raw::{RawEnd, bytes_of};
use crate::limits;
use crate::model::case::Write;
use crate::model::names::Role;
use crate::model::transcript::{Act, Channel, ChannelEnd, Conn};
use crate::peer::start::StartError;

impl Actor<'_> {
    /// Its fragments, each some time after the one before where there is to be a pause.
    pub(super) async fn write(
        &mut self,
        write: &Write,
        pause: Option<Duration>,
    ) -> Result<(), StartError> {
        let bytes = bytes_of(&write.parts, &self.cast.protocol);
        let Some(end) = self.raw_end(write.conn).await? else { return Ok(()) };
        for fragment in write.cut.fragments(bytes.len()) {
            end.deliver(bytes.slice(fragment)).await;
            if let Some(pause) = pause {
                sleep(pause).await;
            }
        }
        Ok(())
    }

    /// The fragments of several connections, each connection's own in order, in a seeded order of all.
    pub(super) async fn mixed(&mut self, writes: &[Write], seed: u64) -> Result<(), StartError> {
        let mut queues: Vec<(Conn, VecDeque<Bytes>)> = Vec::new();
        for write in writes {
            let bytes = bytes_of(&write.parts, &self.cast.protocol);
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
    pub(super) async fn raw_end(&mut self, conn: Conn) -> Result<Option<&mut RawEnd>, StartError> {
        if self.role == Role::Server
            && !self.raw.contains_key(&conn)
            && let Some(address) = self.server().map(|server| server.address)
        {
            let channel = Channel::Answers(conn);
            let buffer = self.holds_back.then_some(limits::SMALL_BUFFER);
            let transport = self.cast.protocol.transport;
            match RawEnd::connect(address, transport, channel, buffer, &self.scene).await {
                Ok(end) => drop(self.raw.insert(conn, end)),
                Err(error) => self.refused(channel, &error)?,
            }
        }
        Ok(self.raw.get_mut(&conn))
    }

    /// A client that is gone before it is accepted.
    pub(super) async fn connect_and_abort(&mut self, conn: Conn) -> Result<(), StartError> {
        let Some(server) = self.server() else { return Ok(()) };
        let connected = timeout(limits::START, TcpStream::connect(server.address)).await;
        match connected.map_err(io::Error::from).flatten() {
            Ok(stream) => {
                self.scene.connected(&stream, Channel::Answers(conn));
                self.scene.did(Act::Aborted { conn });
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                Ok(())
            }
            Err(error) => self.refused(Channel::Answers(conn), &error),
        }
    }

    /// A connection that could not be made is the other end's fault only where the other end said no.
    pub(super) fn refused(&self, channel: Channel, error: &io::Error) -> Result<(), StartError> {
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

    /// Waits until the peer has read what was written on every connection.
    pub(super) async fn have_all_read(&mut self) {
        for end in self.raw.values_mut() {
            end.have_read().await;
        }
    }
}
