//! A server of framed messages, for the program `rust-server` and for embedding in tests.
//!
//! [`Server::bind`] opens the listener, [`Server::serve_until`] serves until told to stop. One task
//! accepts (`accept`), one serves each connection (`connection`), `ending` is how both end. The framing
//! `datagram` is served over UDP instead (`datagram`).
//!
//! ```
//! use rust_server::client::Client;
//! use rust_server::server::{Config, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::default().listen("127.0.0.1:0".parse()?);
//! let server = Server::bind(config).await?;
//! let address = server.local_addr();
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let serving = tokio::spawn(server.serve_until(async { stopped.await.unwrap_or(()) }));
//!
//! let mut client = Client::connect(&address.into()).await?;
//! assert_eq!(client.call(b"hello").await?, "hello");
//! client.finish().await?;
//! assert_eq!(client.receive().await?, None);
//!
//! let _ = stop.send(());
//! serving.await?;
//! # Ok(())
//! # }
//! ```

mod accept;
mod buffers;
mod config;
mod connection;
mod datagram;
mod ending;
mod register;

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::{TcpListener, UdpSocket};

pub use config::Config;

use crate::service::{BuiltIn, Service};
use crate::settings::Address;

/// A server that has its port: clients can connect, and are served from
/// [`serve_until`](Server::serve_until) on.
#[derive(Debug)]
pub struct Server<S = BuiltIn> {
    listener: Listener,
    local_addr: SocketAddr,
    config: Config,
    service: S,
}

/// Where clients come from.
#[derive(Debug)]
enum Listener {
    Stream(TcpListener),
    Datagram(UdpSocket),
}

/// The listener could not be opened.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// Where it was to listen.
    pub address: Address,
    /// Why it cannot: the port is taken (P12), the host is unknown or not ours, no permission.
    pub source: io::Error,
}

impl Server<BuiltIn> {
    /// Opens the listener of a server of the `echo` service.
    ///
    /// # Errors
    /// As [`Server::bind_service`].
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        Self::bind_service(config, BuiltIn::default()).await
    }
}

impl<S: Service> Server<S> {
    /// Opens the listener of a server of any service. The port can be bound again at once after an
    /// earlier server's end (P12).
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind_service(config: Config, service: S) -> Result<Self, BindError> {
        let failed = |source| BindError { address: config.listen.clone(), source };
        let address = config.listen.as_str();
        let (listener, local_addr) = if config.framing.is_datagram() {
            let socket = UdpSocket::bind(address).await.map_err(failed)?;
            let local_addr = socket.local_addr();
            (Listener::Datagram(socket), local_addr)
        } else {
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let local_addr = listener.local_addr();
            (Listener::Stream(listener), local_addr)
        };
        let local_addr = local_addr.map_err(failed)?;
        Ok(Self { listener, local_addr, config, service })
    }
}

impl<S> Server<S> {
    /// Where it listens; the port that the system chose, when the configuration said 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl<S: Service> Server<S> {
    /// Serves clients until `shutdown` completes, then stops accepting, lets the connections finish
    /// whole frames within the grace time of the configuration, and returns when none is left (P12).
    ///
    /// Dropping the future ends everything at once, without grace.
    pub async fn serve_until(self, shutdown: impl Future<Output = ()>) {
        self.serve_until_cut(shutdown, std::future::pending()).await;
    }

    /// As [`Server::serve_until`], with a way to end the grace time early: once `shutdown` has
    /// completed, `cut` ends it, and connections with unsent answers are reset.
    pub async fn serve_until_cut(
        self,
        shutdown: impl Future<Output = ()>,
        cut: impl Future<Output = ()>,
    ) {
        let (config, service) = (self.config, self.service);
        match self.listener {
            Listener::Stream(listener) => {
                accept::serve(listener, config, service, shutdown, cut).await;
            }
            // Nothing that has begun outlives the order to stop.
            Listener::Datagram(socket) => {
                datagram::serve(socket, config, service, shutdown).await;
            }
        }
    }
}
