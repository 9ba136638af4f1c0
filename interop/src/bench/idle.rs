//! What a connection takes of a server's memory while it says nothing: one that never said anything, and one over
//! which a large message has gone. Whoever keeps buffers for each connection has many of them.
//!
//! It is the memory of the server's processes; what the kernel keeps for a socket is the same for all.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rust_server::framing::{Framing, MaxFrame};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::rounds::Contestant;
use crate::limits;

/// Bytes of the message that has gone over a connection: more than most buffers begin with.
pub const MESSAGE: usize = 64 * 1024;
/// Between two looks at the memory.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes a connection by which two looks may differ when the server has come to rest.
const REST: u64 = 16;
/// How often is looked until it is taken as it is.
const LOOKS: usize = 30;

/// What a server has of memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// That it shares with nobody: what the machine would have more without it.
    pub private: u64,
    /// That is in the machine's memory, shared or not.
    pub resident: u64,
}

/// What one connection takes of a server's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Of what it shares with nobody.
    pub private: f64,
    /// Of all that is in the machine's memory.
    pub resident: f64,
}

/// What an idle connection takes, of so many.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Idle {
    /// The server.
    pub server: String,
    /// How many stood at once.
    pub connections: usize,
    /// One over which nothing has gone.
    pub fresh: Share,
    /// One over which a message of [`MESSAGE`] bytes has gone, and come back.
    pub after_a_message: Share,
}

impl Held {
    fn more_than(self, before: Self, connections: usize) -> Share {
        let share = |now: u64, before: u64| (now as f64 - before as f64) / connections as f64;
        Share {
            private: share(self.private, before.private),
            resident: share(self.resident, before.resident),
        }
    }
}

impl Idle {
    /// Opens connections to a server and looks at its memory. One that has been under load keeps what it had
    /// then, so it is best asked first.
    ///
    /// # Errors
    /// When a connection cannot be made, ends, or answers wrongly.
    pub async fn of(server: &Contestant, connections: usize) -> io::Result<Self> {
        let at_rest = || at_rest(server, connections);
        let before = at_rest().await;
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(in_time(TcpStream::connect(server.address())).await?);
        }
        let fresh = at_rest().await;
        let mut frame = bytes::BytesMut::new();
        let body = vec![b'm'; MESSAGE];
        let encoded = Framing::DEFAULT.encode(&body, MaxFrame::new(MESSAGE as u64), &mut frame);
        encoded.map_err(io::Error::other)?;
        for stream in &mut streams {
            in_time(exchange(stream, &frame)).await?;
        }
        let after = at_rest().await;
        Ok(Self {
            server: server.name(),
            connections,
            fresh: fresh.more_than(before, connections),
            after_a_message: after.more_than(before, connections),
        })
    }
}

/// Connects, and has one message answered.
///
/// # Errors
/// When the connection cannot be made, ends, or the answer is another.
pub async fn greet(server: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = in_time(TcpStream::connect(server)).await?;
    in_time(exchange(&mut stream, b"\0\0\0\x05hello")).await?;
    Ok(stream)
}

async fn exchange(stream: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let mut answer = vec![0; frame.len()];
    let (mut read, mut write) = stream.split();
    tokio::try_join!(write.write_all(frame), read.read_exact(&mut answer))?;
    match answer == frame {
        true => Ok(()),
        false => Err(io::Error::other("an answer is not what was sent")),
    }
}

/// The memory of a server that has done what it does with its connections.
async fn at_rest(server: &Contestant, connections: usize) -> Held {
    let mut last = server.held();
    for _ in 0..LOOKS {
        sleep(PAUSE).await;
        let now = server.held();
        let rests = now.private.abs_diff(last.private) <= REST * connections as u64;
        last = now;
        if rests {
            break;
        }
    }
    last
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limits::START, what).await.map_err(io::Error::from).flatten()
}
