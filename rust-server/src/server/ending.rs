//! How connections end: the orders that end all of them, one sterner than the other, and the manners
//! of closing one. Used by `accept` (gives the orders) and `connection` (obeys them).

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::ready;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::buffers;
use crate::limits;

/// How far the end of the server has come. Each order goes beyond those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Serve: the end is not near.
    Serve,
    /// Answer what has come, finish the frame that has begun, then end.
    Stop,
    /// Most of the grace time is over: read no more, write the answers that are due, end. Without it
    /// a client that never pauses would be served to the last moment and cut inside an answer.
    LastCall,
    /// The grace time is over: end now, whatever is unsent.
    Cut,
}

/// The order that holds, as a connection hears of it.
#[derive(Debug, Clone)]
pub(super) struct Orders(watch::Receiver<Order>);

impl Orders {
    /// Whoever gives the orders, and what those who obey them listen to.
    pub(super) fn new() -> (watch::Sender<Order>, Self) {
        let (sender, receiver) = watch::channel(Order::Serve);
        (sender, Self(receiver))
    }

    /// The order that holds.
    pub(super) fn get(&self) -> Order {
        *self.0.borrow()
    }

    /// Takes note of the order that holds.
    pub(super) fn take(&mut self) -> Order {
        *self.0.borrow_and_update()
    }

    /// Whether there is one that was not taken note of. Costs next to nothing.
    pub(super) fn is_new(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }

    /// Completes when there is one that was not taken note of, and takes note of it. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        // Without anybody to give orders the server itself is gone, and the connection about to be.
        let _ = self.0.changed().await;
    }

    /// Completes when this order holds, or a sterner one. Cancel-safe.
    pub(super) async fn reach(&mut self, order: Order) {
        let _ = self.0.wait_for(|now| *now >= order).await;
    }
}

/// Ends a connection whose client may still be sending: no more answers, then the late input is
/// thrown away for a bounded while. Closing at once would make the kernel answer it by a reset,
/// which destroys the last answers before the client has read them (P9).
pub(super) async fn close_after_drain(mut stream: TcpStream, mut orders: Orders) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let stopping = orders.get() >= Order::Stop;
    let drain = async {
        match stopping {
            true => drain_until_silent(&mut stream).await,
            false => drain_a_while(&mut stream).await,
        }
    };
    tokio::select! {
        () = drain => {}
        () = orders.reach(Order::Cut) => {}
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
