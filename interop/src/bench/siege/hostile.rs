//! The hostile: clients that break the rules as long as the siege lasts. What the server does to them is its own
//! affair; they only see to it that they are always there.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::sources::Sources;
use crate::limits;

/// Between two acts of one of them. So they are no flood, in which the machine would be measured.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes of the body that a half frame claims, and those that come.
const CLAIMED: u32 = 4096;
const SENT: usize = 2048;
/// How long one that claims too much waits for the server to end the connection.
const CLAIM: Duration = Duration::from_secs(1);
/// Between two bytes that a slow reader reads.
const SIP: Duration = Duration::from_millis(100);
/// Bytes of a slow reader's messages.
const GULP: usize = 16 * 1024;
/// Bytes that the kernel keeps for a slow reader, about.
const RECEIVE_BUFFER: u32 = 4096;

/// In which way one of them is hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It sends half a header, or half a body, and then nothing.
    HalfFrame,
    /// It sends messages as long as they are taken, and reads a byte of the answers now and then.
    SlowReader,
    /// It claims 4 GiB - 1, or just what the server takes, and sends little of it.
    Claim,
    /// It sends half a frame and resets the connection.
    Reset,
}

/// How often each was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acts {
    /// Frames that were left unfinished.
    pub half_frames: u64,
    /// Connections over which answers are read byte by byte.
    pub slow_readers: u64,
    /// Lengths that were claimed.
    pub claims: u64,
    /// Connections that were reset.
    pub resets: u64,
}

impl Add for Acts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            half_frames: self.half_frames + other.half_frames,
            slow_readers: self.slow_readers + other.slow_readers,
            claims: self.claims + other.claims,
            resets: self.resets + other.resets,
        }
    }
}

/// What all of them share.
#[derive(Debug)]
pub struct Hostile {
    /// The server.
    pub server: SocketAddr,
    /// The largest message that it takes.
    pub limit: u32,
    /// Where they come from.
    pub sources: Sources,
    /// How often each was done.
    pub acts: Cell<Acts>,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::HalfFrame, Self::SlowReader, Self::Claim, Self::Reset];

    /// Is hostile for ever; `begun` is called when the first act is done.
    pub async fn go_on(self, shared: &Hostile, begun: impl FnOnce()) {
        let mut begun = Some(begun);
        for turn in 0_u32.. {
            // What fails here is tried again: a server may refuse the hostile, and the siege goes on.
            let done = || {
                if let Some(begun) = begun.take() {
                    begun();
                }
            };
            let _ = self.act(turn, shared, done).await;
            sleep(PAUSE).await;
        }
    }

    async fn act(self, turn: u32, shared: &Hostile, done: impl FnOnce()) -> io::Result<()> {
        let buffer = (self == Self::SlowReader).then_some(RECEIVE_BUFFER);
        let mut stream = shared.sources.connect(shared.server, buffer, limits::START).await?;
        let done = |count: fn(&mut Acts) -> &mut u64| {
            let mut acts = shared.acts.get();
            *count(&mut acts) += 1;
            shared.acts.set(acts);
            done();
        };
        let is_even = turn.is_multiple_of(2);
        match self {
            Self::HalfFrame => {
                match is_even {
                    true => stream.write_all(&begun_frame(CLAIMED, SENT)).await?,
                    false => stream.write_all(&CLAIMED.to_be_bytes()[..2]).await?,
                }
                done(|acts| &mut acts.half_frames);
                read_to_the_end(&mut stream).await
            }
            Self::SlowReader => {
                stream.write_all(&begun_frame(GULP as u32, GULP)).await?;
                done(|acts| &mut acts.slow_readers);
                sip(stream).await
            }
            Self::Claim => {
                let claim = if is_even { u32::MAX } else { shared.limit - 1 };
                stream.write_all(&begun_frame(claim, SENT)).await?;
                done(|acts| &mut acts.claims);
                timeout(CLAIM, read_to_the_end(&mut stream)).await.unwrap_or(Ok(()))
            }
            Self::Reset => {
                stream.write_all(&begun_frame(CLAIMED, SENT)).await?;
                stream.set_zero_linger()?;
                drop(stream);
                done(|acts| &mut acts.resets);
                Ok(())
            }
        }
    }
}

/// A header that claims so much, and so much of the body.
fn begun_frame(claimed: u32, sent: usize) -> Vec<u8> {
    let mut frame = claimed.to_be_bytes().to_vec();
    frame.resize(frame.len() + sent, b'h');
    frame
}

async fn read_to_the_end(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Sends whole messages as long as the server takes them, and reads a byte of its answers now and then.
async fn sip(mut stream: TcpStream) -> io::Result<()> {
    let frame = begun_frame(GULP as u32, GULP);
    let (mut read, mut write) = stream.split();
    let sending = async {
        loop {
            write.write_all(&frame).await?;
        }
    };
    let sipping = async {
        loop {
            if read.read(&mut [0]).await? == 0 {
                return Ok(());
            }
            sleep(SIP).await;
        }
    };
    tokio::select! {
        failed = sending => failed,
        ended = sipping => ended,
    }
}
