//! What can go wrong for a client, told apart by who is at fault.

use std::io;

use thiserror::Error;

use crate::framing::FrameError;
use crate::settings::Address;

/// A client's failure.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is no connection: nobody listens or answers, the host is unknown, the network is down. A
    /// datagram that nobody was there to receive is told so too.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where it was to connect.
        address: Address,
        /// Why it cannot.
        source: io::Error,
    },
    /// The connection failed: the server reset it, or the network did.
    #[error("the connection was lost: {0}")]
    Transport(#[source] io::Error),
    /// The server broke the protocol: what it sent is no frame, one over the limit, or ends inside
    /// a frame (P8, P13).
    #[error("the server broke the protocol: {0}")]
    Protocol(#[source] FrameError),
    /// The caller asked for what cannot be sent: a message over the limit, or one that the framing
    /// cannot carry. Nothing of it was sent.
    #[error("cannot be sent: {0}")]
    Unsendable(#[source] FrameError),
    /// The server closed the connection at a frame boundary with answers due.
    #[error("the server closed the connection with {outstanding} answers due")]
    Ended {
        /// Messages sent and not answered; at least 1.
        outstanding: u64,
    },
    /// The server did not answer a heartbeat as the service `ack` does: it hangs, or is not of that
    /// service.
    #[error("the server does not answer PING by PONG: {0}")]
    Heartbeat(&'static str),
}
