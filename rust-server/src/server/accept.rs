//! The accept loop: takes clients while there is room, survives what accepting can fail with, and ends
//! the connections when the server is to stop. Called by `Server::serve_until`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use super::config::Config;
use super::connection::Connection;
use super::ending::{Order, Orders};
use crate::limits;
use crate::service::Service;

/// Serves until `stop` completes, then until the last connection has ended, which the end of the grace
/// time or of `cut` makes it do.
pub(super) async fn serve<S: Service>(
    listener: TcpListener,
    config: Config,
    service: S,
    stop: impl Future<Output = ()>,
    cut: impl Future<Output = ()>,
) {
    let config = Arc::new(config);
    let (order, orders) = Orders::new();
    let mut connections = JoinSet::new();
    let mut pause = Pause::default();
    tokio::pin!(stop);
    loop {
        let has_room = connections.len() < config.max_connections.get();
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => note(ended),
            accepted = accept(&listener, pause.until), if has_room => match accepted {
                Ok((stream, peer)) => {
                    pause = Pause::default();
                    // Small answers leave at once (P5); a failure costs time only.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    let span = tracing::info_span!("connection", %peer);
                    let connection =
                        Connection::new(stream, service.clone(), config.clone(), orders.clone());
                    connections.spawn(connection.run().instrument(span));
                }
                Err(error) if lost_client(&error) => {
                    tracing::debug!(%error, "a client left before it was accepted");
                }
                Err(error) => {
                    pause.lengthen();
                    tracing::warn!(%error, pause = ?pause.length, "cannot accept");
                }
            },
        }
    }
    // No new clients, while those that are here finish (P12).
    drop(listener);
    tracing::debug!(connections = connections.len(), "stopping");
    order.send_replace(Order::Stop);
    let stages = async {
        let grace = config.grace.get();
        let grace_time = async {
            tokio::time::sleep(grace / 4 * 3).await;
            order.send_replace(Order::LastCall);
            tokio::time::sleep(grace / 4).await;
        };
        tokio::select! {
            () = grace_time => {}
            () = cut => {}
        }
        tracing::info!("the grace time is over");
        order.send_replace(Order::Cut);
        std::future::pending::<()>().await;
    };
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    tokio::select! {
        () = all_ended => {}
        () = stages => {}
    }
}

/// Accepts a client, but not before `from`. Cancel-safe: no client is lost.
async fn accept(
    listener: &TcpListener,
    from: Option<Instant>,
) -> io::Result<(tokio::net::TcpStream, std::net::SocketAddr)> {
    if let Some(from) = from {
        tokio::time::sleep_until(from).await;
    }
    listener.accept().await
}

/// Whether an accept failed for the fault of that one client, so that the next can be taken at once.
fn lost_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Says so when a connection's task panicked, which ends that connection alone.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// The pause after an accept that failed for want of something: descriptors (EMFILE, ENFILE), memory
/// (ENOBUFS, ENOMEM). Trying again at once would spin; giving up would deny all later clients (P11).
#[derive(Default)]
struct Pause {
    length: Duration,
    until: Option<Instant>,
}

impl Pause {
    /// Begins a pause, twice as long as the last one.
    fn lengthen(&mut self) {
        self.length =
            (self.length * 2).clamp(limits::ACCEPT_PAUSE_FIRST, limits::ACCEPT_PAUSE_LONGEST);
        self.until = Some(Instant::now() + self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let mut pause = Pause::default();
        let mut lengths = Vec::new();
        for _ in 0..20 {
            pause.lengthen();
            lengths.push(pause.length);
        }
        assert_eq!(lengths[0], limits::ACCEPT_PAUSE_FIRST);
        assert_eq!(lengths[1], limits::ACCEPT_PAUSE_FIRST * 2);
        assert_eq!(lengths[19], limits::ACCEPT_PAUSE_LONGEST);
    }
}
