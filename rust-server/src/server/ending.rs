//! How a connection ends: the manners of closing it. Used by `connection`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::ready;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::buffers;
use super::register::{Entry, Order};
use crate::limits;

/// Ends a connection whose client may still be sending: no more answers, then the late input is
/// thrown away for a bounded while. Closing at once would make the kernel answer it by a reset,
/// which destroys the last answers before the client has read them (P9).
pub(super) async fn close_after_drain(mut stream: TcpStream, mut entry: Entry) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let stopping = entry.hear() >= Order::Stop;
    let drain = async {
        match stopping {
            true => drain_until_silent(&mut stream).await,
            false => drain_a_while(&mut stream).await,
        }
    };
    tokio::select! {
        () = drain => {}
        () = entry.reach(Order::Cut) => {}
    }
}

/// Reads until the client ends the connection, or has sent more, or taken longer, than a client that
/// broke the rules can ask for.
async fn drain_a_while(stream: &mut TcpStream) {
    let drained = async {
        let mut left = limits::DRAIN_BYTES;
        while let Ok(got @ 1..) = drop_input(stream).await {
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
    while let Ok(Ok(1..)) = timeout(limits::DRAIN_SILENCE, drop_input(stream)).await {}
}

/// Reads and forgets; gives how many bytes, 0 at the end.
async fn drop_input(stream: &mut TcpStream) -> io::Result<usize> {
    poll_fn(|cx| {
        buffers::lend(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            Ok(read.filled().len()).into()
        })
    })
    .await
}

/// Ends a connection by a reset, because part of an answer is sent and the rest never will be: a FIN
/// inside a frame would look like an orderly end (P12).
pub(super) fn abort(stream: TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "the connection is closed instead of reset");
    }
}
