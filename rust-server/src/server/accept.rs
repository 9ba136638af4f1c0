//! The accept loop: takes clients while there is room, survives what accepting can fail with, and ends
//! the connections when the server is to stop. Called by `Server::serve_until`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;
use tracing::Instrument;

use super::config::Config;
use super::connection::Connection;
use super::register::{Order, Register};
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
    let register = Register::new();
    // Without anybody to serve for, if this future is dropped.
    let _cut_off = CutOff(&register);
    let served = async {
        let grace = config.grace.get();
        accept_until(stop, listener, config, service, &register).await;
        end_all(&register, grace, cut).await;
    };
    tokio::select! {
        () = served => {}
        () = register.keep_time() => {}
    }
}

/// Accepts clients, and has each served by a task of its own, until `stop` completes.
async fn accept_until<S: Service>(
    stop: impl Future<Output = ()>,
    listener: TcpListener,
    config: Config,
    service: S,
    register: &Arc<Register>,
) {
    let config = Arc::new(config);
    let mut pause = Pause::default();
    tokio::pin!(stop);
    loop {
        let has_room = register.len() < config.max_connections.get();
        tokio::select! {
            biased;
            () = &mut stop => return,
            accepted = accept(&listener, pause.until), if has_room => match accepted {
                Ok((stream, peer)) => {
                    pause = Pause::default();
                    // Small answers leave at once (P5); a failure costs time only.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    let span = tracing::info_span!("connection", %peer);
                    let entry = register.enter();
                    let served = Connection::new(stream, service.clone(), config.clone(), entry).run();
                    // A span that nobody hears of would still have its room in each task.
                    match span.is_disabled() {
                        true => drop(tokio::spawn(served)),
                        false => drop(tokio::spawn(served.instrument(span))),
                    }
                }
                Err(error) if lost_client(&error) => {
                    tracing::debug!(%error, "a client left before it was accepted");
                }
                Err(error) => {
                    pause.lengthen();
                    tracing::warn!(%error, pause = ?pause.length, "cannot accept");
                }
            },
            () = register.left(), if !has_room => {}
        }
    }
}

/// Lets the connections finish within the grace time (P12), then cuts them off; completes when there are
/// none.
async fn end_all(register: &Register, grace: Duration, cut: impl Future<Output = ()>) {
    tracing::debug!(connections = register.len(), "stopping");
    register.give(Order::Stop);
    let stages = async {
        let grace_time = async {
            tokio::time::sleep(grace / 4 * 3).await;
            register.give(Order::LastCall);
            tokio::time::sleep(grace / 4).await;
        };
        tokio::select! {
            () = grace_time => {}
            () = cut => {}
        }
        tracing::info!("the grace time is over");
        register.give(Order::Cut);
        std::future::pending::<()>().await;
    };
    let all_ended = async {
        while register.len() > 0 {
            register.left().await;
        }
    };
    tokio::select! {
        () = all_ended => {}
        () = stages => {}
    }
}

/// Ends all connections when it is dropped.
struct CutOff<'a>(&'a Register);

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        self.0.give(Order::Cut);
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
