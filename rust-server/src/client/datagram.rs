//! A client over UDP: each message is a datagram of its own, and may be lost.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::{UdpSocket, lookup_host};

use super::ClientError;
use crate::framing::{Datagram, Framing, MaxFrame};
use crate::limits;
use crate::settings::Address;

/// How messages travel here.
const FRAMING: Framing = Framing::Datagram(Datagram);

const DONTWAIT: RecvFlags = RecvFlags::DONTWAIT;

/// What is waited for: a message, or the news that nobody received one (an ICMP message).
const COMES: Interest = Interest::READABLE.add(Interest::ERROR);

/// Sends messages to one server, and receives from it alone.
#[derive(Debug)]
pub struct DatagramClient {
    socket: UdpSocket,
    server: Address,
    max: MaxFrame,
}

impl DatagramClient {
    /// A client of the server at this address. Nothing is sent: whether anybody listens there is found
    /// out by the first message, if at all.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when there is no such host, or no socket.
    pub async fn connect(server: &Address, max: MaxFrame) -> Result<Self, ClientError> {
        let socket = async {
            let unknown = || io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            let address = lookup_host(server.as_str()).await?.next().ok_or_else(unknown)?;
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            Ok(socket)
        };
        match socket.await {
            Ok(socket) => Ok(Self { socket, server: server.clone(), max }),
            Err(source) => Err(ClientError::Connect { address: server.clone(), source }),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`ClientError::Unsendable`]; [`ClientError::Connect`] when nobody received an earlier one;
    /// [`ClientError::Transport`].
    ///
    /// # Cancel safety
    /// Cancelled, the message is sent or not.
    pub async fn send(&self, message: &[u8]) -> Result<(), ClientError> {
        FRAMING.can_carry(message, self.max).map_err(ClientError::Unsendable)?;
        self.socket.send(message).await.map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] when it is over the limit; [`ClientError::Connect`] when nobody
    /// received an earlier one of ours; [`ClientError::Transport`].
    ///
    /// # Cancel safety
    /// Cancelled, nothing is lost.
    pub async fn receive(&self) -> Result<Bytes, ClientError> {
        loop {
            self.socket.ready(COMES).await.map_err(|error| self.failed(error))?;
            if let Some(message) = self.received()? {
                return Ok(message);
            }
        }
    }

    /// A message that has come already, without waiting.
    ///
    /// # Errors
    /// As [`DatagramClient::receive`].
    pub fn received(&self) -> Result<Option<Bytes>, ClientError> {
        // One byte more than any message, so that one that is too long is not taken for one that fits.
        let mut buffer = vec![0; limits::LARGEST_DATAGRAM as usize + 1];
        let received = match self.socket.try_recv(&mut buffer) {
            // An error may come without a message, and is not looked for then.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket.try_io(Interest::ERROR, || {
                    let received = rustix::net::recv(&self.socket, &mut buffer[..], DONTWAIT)?;
                    Ok(received.0)
                })
            }
            received => received,
        };
        match received {
            Ok(got) => buffer.truncate(got),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        }
        FRAMING.can_carry(&buffer, self.max).map_err(ClientError::Protocol)?;
        Ok(Some(Bytes::copy_from_slice(&buffer)))
    }

    fn failed(&self, source: io::Error) -> ClientError {
        match source.kind() {
            io::ErrorKind::ConnectionRefused => {
                ClientError::Connect { address: self.server.clone(), source }
            }
            _ => ClientError::Transport(source),
        }
    }
}
