//! Service over UDP: one datagram is one message, and its answer one datagram to where it came from, by
//! the same socket. Called by `Server::serve_until`.
//!
//! One after the other, without a queue of our own: what comes faster than it is answered is dropped by
//! the kernel, as datagrams may be.

use std::io;
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};

use bytes::{Bytes, BytesMut};
use tokio::net::UdpSocket;

use super::config::Config;
use crate::limits;
use crate::service::{Answers, Next, Service};

/// Answers datagrams until `stop` completes.
pub(super) async fn serve<S: Service>(
    socket: UdpSocket,
    config: Config,
    service: S,
    stop: impl Future<Output = ()>,
) {
    // One byte more than any message, so that one that is too long is not taken for one that fits.
    let mut buffer = vec![0; limits::LARGEST_DATAGRAM as usize + 1];
    let serving = async move {
        loop {
            let (got, peer) = receive(&socket, &mut buffer).await;
            if let Err(error) = config.framing.can_carry(&buffer[..got], config.max_frame) {
                tracing::info!(%error, %peer, "datagram refused");
                continue;
            }
            let message = Bytes::copy_from_slice(&buffer[..got]);
            let Some(answer) = answer(service.clone(), message, &config).await else { continue };
            // Whoever asked may be gone, or cannot be reached: that is no fault of the next.
            if let Err(error) = socket.send_to(&answer, peer).await {
                tracing::debug!(%error, %peer, "answer lost");
            }
        }
    };
    tokio::select! {
        biased;
        () = stop => {}
        () = serving => {}
    }
}

/// Waits for a datagram. What receiving fails with is about an earlier datagram (an ICMP message) or
/// about want of memory, and is outlived either way (P11).
async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match socket.recv_from(buffer).await {
            Ok(received) => return received,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                tracing::debug!(%error, "an answer did not arrive");
            }
            Err(error) => {
                tracing::warn!(%error, "cannot receive");
                tokio::time::sleep(limits::ACCEPT_PAUSE_FIRST).await;
            }
        }
    }
}

/// The datagram that answers a message, if one does.
async fn answer<S: Service>(mut service: S, message: Bytes, config: &Config) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    let mut answers = Answers::new(config.framing, config.max_frame, &mut out);
    // Neither the service nor its answer is used after a panic.
    let answered = AssertUnwindSafe(|| service.answer(message, &mut answers));
    let sent = match panic::catch_unwind(answered) {
        Ok(Ok(Next::Wait(answer))) => answers.send(&answer.await),
        Ok(Ok(Next::Continue | Next::End)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            tracing::error!("datagram not answered: the service panicked");
            return None;
        }
    };
    if let Err(error) = sent {
        tracing::info!(%error, "datagram not answered");
        return None;
    }
    answers.any().then_some(out)
}
