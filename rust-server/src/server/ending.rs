//! How connections end: the signals that end all of them, one sterner than the other, and the manners
//! of closing one. Used by `accept` (gives the signals) and `connection` (obeys them).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::limits;

/// The end of the server, as its connections see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shutdown {
    /// Answer what has come, finish the frame that has begun, then end.
    pub(super) stop: CancellationToken,
    /// Most of the grace time is over: read no more, write the answers that are due, end. Without it
    /// a client that never pauses would be served to the last moment and cut inside an answer.
    pub(super) last_call: CancellationToken,
    /// The grace time is over: end now, whatever is unsent.
    pub(super) cut: CancellationToken,
}

/// Ends a connection whose client may still be sending: no more answers, then the late input is
/// thrown away for a bounded while. Closing at once would make the kernel answer it by a reset,
/// which destroys the last answers before the client has read them (P9).
pub(super) async fn close_after_drain(mut stream: TcpStream, shutdown: &Shutdown) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let drain = async {
        match shutdown.stop.is_cancelled() {
            true => drain_until_silent(&mut stream).await,
            false => drain_a_while(&mut stream).await,
        }
    };
    tokio::select! {
        () = drain => {}
        () = shutdown.cut.cancelled() => {}
    }
}

/// Reads until the client ends the connection, or has sent more, or taken longer, than a client that
/// broke the rules can ask for.
async fn drain_a_while(stream: &mut TcpStream) {
    let drained = async {
        let mut scrap = [0; 4096];
        let mut left = limits::DRAIN_BYTES;
        while let Ok(got @ 1..) = stream.read(&mut scrap).await {
            left = left.saturating_sub(got as u64);
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(limits::DRAIN_TIME, drained).await;
}

/// Reads until the client ends the connection or falls silent: it has done nothing wrong, and may be
/// pipelining while the answers that are due are still on their way. The grace time is the bound.
async fn drain_until_silent(stream: &mut TcpStream) {
    let mut scrap = [0; 4096];
    while let Ok(Ok(1..)) = timeout(limits::DRAIN_SILENCE, stream.read(&mut scrap)).await {}
}

/// Ends a connection by a reset, because part of an answer is sent and the rest never will be: a FIN
/// inside a frame would look like an orderly end (P12).
pub(super) fn abort(stream: TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "the connection is closed instead of reset");
    }
}
