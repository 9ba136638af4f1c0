//! The raw end: the harness itself as a client or a server, byte by byte or datagram by datagram.

mod datagram;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::scene::Scene;
use crate::model::case::Part;
use crate::model::protocol::{Protocol, Transport};
use crate::model::transcript::Channel;

pub use datagram::DatagramEnd;
pub(super) use stream::Room;
pub use stream::StreamEnd;
use stream::connect;

/// Our end of one conversation with a peer.
#[derive(Debug)]
pub enum RawEnd {
    /// Of a connection.
    Stream(StreamEnd),
    /// Of nothing but datagrams.
    Datagram(DatagramEnd),
}

impl RawEnd {
    /// As a client of a server, whose answers are written down as of `channel`. The receive buffer of a stream,
    /// in bytes, is the system's choice where none is given.
    ///
    /// # Errors
    /// When the server does not accept.
    pub async fn connect(
        server: SocketAddr,
        transport: Transport,
        channel: Channel,
        buffer: Option<u32>,
        scene: &Arc<Scene>,
    ) -> io::Result<Self> {
        match transport {
            Transport::Tcp => {
                let stream = connect(server, buffer, scene).await?;
                StreamEnd::new(stream, channel, scene.clone()).map(Self::Stream)
            }
            Transport::Udp => {
                DatagramEnd::connect(server, channel, scene.clone()).await.map(Self::Datagram)
            }
        }
    }

    /// The end of a stream, for what only a stream can do. No case asks datagrams for that.
    pub fn stream(&mut self) -> Option<&mut StreamEnd> {
        match self {
            Self::Stream(end) => Some(end),
            Self::Datagram(_) => None,
        }
    }

    /// Delivers one fragment. When the peer takes no more, it is written down all the same: a peer does not get
    /// out of what is due by leaving.
    pub async fn deliver(&mut self, fragment: Bytes) {
        match self {
            Self::Stream(end) => end.deliver(fragment).await,
            Self::Datagram(end) => end.deliver(fragment).await,
        }
    }

    /// Waits until the peer has read what was written, where that can be known.
    pub async fn have_read(&mut self) {
        if let Self::Stream(end) = self {
            end.have_read().await;
        }
    }

    /// Whether nothing more can come of it. Of datagrams that is never known.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Stream(end) => end.is_over(),
            Self::Datagram(_) => false,
        }
    }

    /// Ends our direction, where there is one to end.
    pub fn finish(&mut self) {
        if let Self::Stream(end) = self {
            end.finish();
        }
    }

    /// Resets the connection, where there is one.
    pub async fn abort(self) {
        if let Self::Stream(end) = self {
            end.abort().await;
        }
    }

    /// Closes the connection as a program does that ends, where there is one.
    pub async fn leave(self) {
        if let Self::Stream(end) = self {
            end.leave().await;
        }
    }

    /// Closes with good manners; without waiting for the other end's, where there is no `drain`.
    pub async fn close(self, drain: bool) {
        if let Self::Stream(end) = self {
            end.close(drain).await;
        }
    }
}

/// The bytes that parts put on the wire.
#[must_use]
pub fn bytes_of(parts: &[Part], protocol: &Protocol) -> Bytes {
    let mut stream = BytesMut::new();
    for part in parts {
        match part {
            Part::Frame(body) => stream.extend_from_slice(&protocol.frame(body)),
            Part::Head { body, keep } => {
                let frame = protocol.frame(body);
                stream.extend_from_slice(&frame[..(*keep).min(frame.len())]);
            }
            Part::Tail { body, skip } => {
                let frame = protocol.frame(body);
                stream.extend_from_slice(&frame[(*skip).min(frame.len())..]);
            }
            Part::Claim(len) => {
                stream
                    .extend(protocol.framing.header(*len).iter().flat_map(|header| header.iter()));
            }
            Part::ClaimOver(_) => {} // filled in before a case is played
            Part::Raw(body) => stream.extend_from_slice(&body.bytes()),
        }
    }
    stream.freeze()
}
