//! How a client connects: how often it tries, how long, and with which options. Filled by the command
//! line or by hand.

use std::io;

use tokio::net::TcpStream;

use super::{Client, ClientError, Retry};
use crate::framing::{Framing, MaxFrame};
use crate::limits;
use crate::settings::{Address, Timeout};

/// The knobs of a client. [`Config::default`] is what [`Client::connect`] does; each method changes one
/// of them. Small messages leave at once in any case (TCP_NODELAY).
#[derive(Debug, Clone)]
pub struct Config {
    framing: Framing,
    max_frame: MaxFrame,
    connect_timeout: Timeout,
    retry: Retry,
    keep_alive: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            framing: Framing::DEFAULT,
            max_frame: MaxFrame::DEFAULT,
            connect_timeout: Timeout::after(limits::CONNECT_TIME),
            retry: Retry::NEVER,
            keep_alive: false,
        }
    }
}

impl Config {
    /// How messages are laid on the stream. For datagrams there is [`super::DatagramClient`].
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The largest message that is sent or received.
    pub fn max_frame(mut self, max: MaxFrame) -> Self {
        self.max_frame = max;
        self
    }

    /// How long each try to connect may take; [`limits::CONNECT_TIME`] by default.
    pub fn connect_timeout(mut self, timeout: Timeout) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Whether, and how, a failed connect is tried again; not by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Has the system probe a connection that is idle for long (SO_KEEPALIVE), so that a server whose
    /// machine is gone is noticed; how long is the system's choice, often two hours.
    pub fn keep_alive(mut self) -> Self {
        self.keep_alive = true;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`ClientError::Connect`], that of the last try; at once for the framing `datagram`.
    ///
    /// # Cancel safety
    /// Cancelled, no connection is left.
    pub async fn connect(&self, address: &Address) -> Result<Client, ClientError> {
        let failed = |source| ClientError::Connect { address: address.clone(), source };
        if self.framing.is_datagram() {
            let error = io::Error::new(io::ErrorKind::Unsupported, "datagrams are no stream");
            return Err(failed(error));
        }
        let stream = self.retry.run(|| self.connect_once(address)).await.map_err(failed)?;
        Ok(Client::from_stream(stream, self.framing, self.max_frame))
    }

    async fn connect_once(&self, address: &Address) -> io::Result<TcpStream> {
        let stream = tokio::select! {
            biased;
            connected = TcpStream::connect(address.as_str()) => connected?,
            () = self.connect_timeout.since(tokio::time::Instant::now()) => {
                return Err(io::ErrorKind::TimedOut.into());
            }
        };
        stream.set_nodelay(true)?;
        if self.keep_alive {
            rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        }
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn small_messages_leave_at_once_and_connections_are_probed_where_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").into();
        for (config, probed) in [(Config::default(), false), (Config::default().keep_alive(), true)]
        {
            let stream = config.connect_once(&address).await.expect("a connection");
            assert!(stream.nodelay().expect("TCP_NODELAY"));
            let keep_alive = rustix::net::sockopt::socket_keepalive(&stream);
            assert_eq!(keep_alive.expect("SO_KEEPALIVE"), probed);
        }
    }
}
