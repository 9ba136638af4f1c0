//! Sockets for datagrams: ours with a server, and ours for a client, who is known once it has sent something.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::model::protocol::{NOTATION, frame};
use crate::model::transcript::{Channel, ChannelEnd};
use crate::peer::HOST;

use super::scene::Scene;

/// More than any datagram has, so that none is cut short.
const LONGEST: usize = 64 * 1024;

/// A socket, and whom it talks to.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    other: Other,
}

/// Who is at the other end.
#[derive(Debug)]
enum Other {
    /// The server that the socket is connected to.
    Server,
    /// The client who last sent something.
    Client(watch::Sender<Option<SocketAddr>>),
}

impl Datagrams {
    /// As a client of this server.
    ///
    /// # Errors
    /// When there is no way to it. Whether anybody is there shows only when something was sent.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(server).await?;
        Ok(Self { socket, other: Other::Server })
    }

    /// As a server on this port, for one client.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn on(port: u16) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((HOST, port))?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self { socket, other: Other::Client(watch::Sender::new(None)) })
    }

    /// Our port.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// Waits until the other end has sent something; for ever, where that is a server. Cancel safe.
    pub async fn heard(&self) {
        match &self.other {
            Other::Client(address) => {
                drop(address.subscribe().wait_for(Option::is_some).await);
            }
            Other::Server => std::future::pending().await,
        }
    }

    /// The next datagram. Cancel safe.
    ///
    /// # Errors
    /// When the system says that nobody is at the other end.
    pub async fn receive(&self) -> io::Result<Bytes> {
        loop {
            self.socket.readable().await?;
            let mut room = vec![0; LONGEST];
            match self.socket.try_recv_from(&mut room) {
                Ok((len, from)) => {
                    if let Other::Client(address) = &self.other {
                        address.send_replace(Some(from));
                    }
                    return Ok(Bytes::copy_from_slice(&room[..len]));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Sends a datagram to the other end.
    ///
    /// # Errors
    /// When nobody is there, or nobody is known yet.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let sent = match &self.other {
            Other::Server => self.socket.send(datagram).await,
            Other::Client(address) => {
                let client = *address.borrow();
                let client = client.ok_or(io::ErrorKind::NotConnected)?;
                self.socket.send_to(datagram, client).await
            }
        };
        sent.map(drop)
    }
}

impl Scene {
    /// A datagram came. `false` when there is no use in reading on.
    pub(super) fn saw_datagram(&self, channel: Channel, datagram: &[u8]) -> bool {
        self.saw_bytes(channel, frame(NOTATION, datagram))
    }

    /// A socket for datagrams failed, through which `channel` comes.
    pub(super) fn saw_failure(&self, channel: Channel, error: &io::Error) {
        let end = match error.kind() {
            io::ErrorKind::ConnectionRefused => ChannelEnd::Refused,
            _ => ChannelEnd::Reset,
        };
        self.saw_end(channel, end);
    }
}
