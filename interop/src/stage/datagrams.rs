//! Sockets for datagrams: ours with a server, and ours for a client, who is known once it has sent something.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::model::ledger::Scope;
use crate::model::protocol::{NOTATION, frame};
use crate::model::transcript::{Channel, ChannelEnd, Conn, Sight};
use crate::peer::HOST;

use super::scene::Scene;

/// More than any datagram has, so that none is cut short.
const LONGEST: usize = 64 * 1024;

/// A socket, and whom it talks to.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    other: Other,
    /// The other end has not been told of since it is known, or since it moved.
    is_new: AtomicBool,
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
        Ok(Self { socket, other: Other::Server, is_new: AtomicBool::new(true) })
    }

    /// As a server on this port, for one client.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn on(port: u16) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((HOST, port))?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let other = Other::Client(watch::Sender::new(None));
        Ok(Self { socket, other, is_new: AtomicBool::new(false) })
    }

    /// Our port.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// The other end's address and ours, where they have not been asked for since they are known.
    fn new_addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        let other = match &self.other {
            Other::Server => self.socket.peer_addr().ok(),
            Other::Client(address) => *address.borrow(),
        };
        let addresses = other.zip(self.socket.local_addr().ok());
        addresses.filter(|_| self.is_new.swap(false, Relaxed))
    }

    /// Where the client has sent from last; nowhere yet, or we are the client.
    pub fn client(&self) -> Option<SocketAddr> {
        match &self.other {
            Other::Client(address) => *address.borrow(),
            Other::Server => None,
        }
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
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_error()
                && let Some(error) = self.error()
            {
                return Err(error);
            }
            let mut room = vec![0; LONGEST];
            match self.socket.try_recv_from(&mut room) {
                Ok((len, from)) => {
                    if let Other::Client(address) = &self.other {
                        let before = address.send_replace(Some(from));
                        self.is_new.fetch_or(before != Some(from), Relaxed);
                    }
                    return Ok(Bytes::copy_from_slice(&room[..len]));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// What the system says of something that was sent, once.
    fn error(&self) -> Option<io::Error> {
        let error = || self.socket.take_error()?.ok_or_else(|| io::ErrorKind::WouldBlock.into());
        self.socket.try_io(Interest::ERROR, error).ok()
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

/// Sends a datagram from a port where nobody takes the answer: the system tells the server so. The socket is connected
/// to somebody else from the beginning, so no answer can come sooner.
///
/// # Errors
/// When it cannot be sent.
pub(super) async fn ask_in_passing(server: SocketAddr, message: &[u8]) -> io::Result<()> {
    let somebody_else = SocketAddr::new(server.ip(), if server.port() == 9 { 10 } else { 9 });
    let Datagrams { socket, .. } = Datagrams::to(somebody_else).await?;
    socket.send_to(message, server).await?;
    Ok(()) // and when the socket is closed by then, nobody takes it either
}

impl Scene {
    /// Datagrams may overtake each other, and more than a buffer holds are lost. So the next one of a conversation
    /// waits until all that is due in it has come; `false` when that does not come.
    pub(super) async fn is_this_ones_turn(&self, conn: Conn) -> bool {
        let scope = Scope::Lane(BTreeSet::from([conn]));
        self.settle(&scope).await;
        !self.is_decided(&scope)
    }

    /// Tells where `channel` comes from, which comes through this socket, once that is known or has changed.
    pub(super) fn locate(&self, channel: Channel, socket: &Datagrams) {
        if let Some((program, us)) = socket.new_addresses() {
            self.saw(Sight::Located { channel, program, us });
        }
    }

    /// A datagram came through this socket. `false` when there is no use in reading on.
    pub(super) fn saw_datagram(
        &self,
        channel: Channel,
        socket: &Datagrams,
        datagram: &[u8],
    ) -> bool {
        self.locate(channel, socket);
        self.saw_bytes(channel, &frame(NOTATION, datagram))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Longer than any test may take.
    const HANG: Duration = Duration::from_secs(60);

    async fn received(socket: &Datagrams) -> io::Result<Bytes> {
        timeout(HANG, socket.receive()).await.expect("something comes")
    }

    fn at(server: &Datagrams) -> SocketAddr {
        (HOST, server.port()).into()
    }

    #[tokio::test]
    async fn a_client_is_answered_where_it_sent_from_last() {
        let server = Datagrams::on(0).unwrap();
        assert_eq!(server.send(b"to whom?").await.unwrap_err().kind(), io::ErrorKind::NotConnected);
        for message in [&b"from here"[..], b"", &[7; 65_507]] {
            let client = Datagrams::to(at(&server)).await.unwrap();
            client.send(message).await.unwrap();
            assert_eq!(received(&server).await.unwrap(), message);
            server.send(b"answer").await.unwrap();
            assert_eq!(received(&client).await.unwrap(), &b"answer"[..]);
        }
    }

    #[tokio::test]
    async fn a_client_is_heard_once_it_has_sent_something() {
        let server = Datagrams::on(0).unwrap();
        assert!(timeout(Duration::ZERO, server.heard()).await.is_err());
        let client = Datagrams::to(at(&server)).await.unwrap();
        client.send(b"hello").await.unwrap();
        received(&server).await.unwrap();
        timeout(HANG, server.heard()).await.expect("it was heard");
    }

    #[tokio::test]
    async fn an_answer_to_who_asked_in_passing_is_refused() {
        let server = UdpSocket::bind((HOST, 0)).await.unwrap();
        ask_in_passing(server.local_addr().unwrap(), b"by the way").await.unwrap();
        let (_, asker) = server.recv_from(&mut [0; 64]).await.unwrap();
        let answers = Datagrams::to(asker).await.unwrap();
        answers.send(b"answer").await.unwrap();
        let error = received(&answers).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn that_nobody_is_there_is_learnt_without_another_datagram() {
        let server = Datagrams::on(0).unwrap();
        let client = Datagrams::to(at(&server)).await.unwrap();
        drop(server);
        client.send(b"anybody?").await.unwrap();
        let error = received(&client).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        // The error was told, and nothing is left of it.
        assert!(timeout(Duration::from_millis(50), client.receive()).await.is_err());
    }
}
