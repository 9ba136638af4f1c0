//! A client of framed messages, for the program `rust-client` and for tests of servers.
//!
//! [`Client`] sends and receives over one connection; [`Client::split`] parts it into a [`Sender`] and
//! a [`Receiver`] for two tasks. [`DatagramClient`] does so over UDP. The example is in
//! [`crate::server`].

mod config;
mod datagram;
mod error;
mod pipeline;
mod receiver;
mod retry;
mod sender;

use std::io;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

pub use config::Config;
pub use datagram::DatagramClient;
pub use error::ClientError;
pub use receiver::Receiver;
pub use retry::Retry;
pub use sender::Sender;

use crate::framing::{Framing, MaxFrame};
use crate::limits;
use crate::service::Ack;
use crate::settings::{Address, Timeout};

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    receiver: Receiver,
}

impl Client {
    /// Connects with the default framing and limit.
    ///
    /// # Errors
    /// [`ClientError::Connect`].
    ///
    /// # Cancel safety
    /// Cancelled, no connection is left.
    pub async fn connect(address: &Address) -> Result<Self, ClientError> {
        Config::default().connect(address).await
    }

    /// Connects with a framing of a stream, and a limit that holds in both directions.
    ///
    /// # Errors
    /// [`ClientError::Connect`], after [`limits::CONNECT_TIME`] at the latest; also for datagrams, which
    /// are for [`DatagramClient`].
    ///
    /// # Cancel safety
    /// Cancelled, no connection is left.
    pub async fn connect_with(
        address: &Address,
        framing: Framing,
        max: MaxFrame,
    ) -> Result<Self, ClientError> {
        Config::default().framing(framing).max_frame(max).connect(address).await
    }

    fn from_stream(stream: TcpStream, framing: Framing, max: MaxFrame) -> Self {
        let (read, write) = stream.into_split();
        Self {
            sender: Sender::new(write, framing, max),
            receiver: Receiver::new(read, framing, max),
        }
    }

    /// Parts the client into its two directions, for two tasks that send and receive at once.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// See [`Sender::send`].
    pub async fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        self.sender.send(message).await
    }

    /// See [`Receiver::receive`].
    pub async fn receive(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.receiver.receive().await
    }

    /// Sends one message and waits for its answer. With the framing `raw`, where the end of the stream
    /// completes a message, none comes before [`finish`](Client::finish): send, finish, receive there.
    ///
    /// # Errors
    /// Any [`ClientError`] but `Connect`; [`ClientError::Ended`] when the server closes instead.
    ///
    /// # Cancel safety
    /// None: cancelled, the answer is still due and would be taken for that of the next call. Drop
    /// the client then.
    pub async fn call(&mut self, message: &[u8]) -> Result<Bytes, ClientError> {
        self.sender.send(message).await?;
        match self.receiver.receive().await? {
            Some(answer) => Ok(answer),
            None => Err(ClientError::Ended { outstanding: 1 }),
        }
    }

    /// Sends all messages and gives their answers, one each, in order. Up to
    /// [`crate::limits::PIPELINE_DEPTH`] messages are on their way at once, and answers are read
    /// while messages are written, so that neither side's full buffers stop the other.
    ///
    /// # Errors
    /// Any [`ClientError`] but `Connect`; answers that came before are lost. With
    /// [`ClientError::Unsendable`] nothing behind that message is sent, and nothing is due: the client
    /// can be used further.
    ///
    /// # Cancel safety
    /// None, as [`Client::call`].
    pub async fn call_all<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Bytes>, ClientError> {
        pipeline::call_all(&mut self.sender, &mut self.receiver, messages).await
    }

    /// See [`Sender::finish`].
    pub async fn finish(&mut self) -> Result<(), ClientError> {
        self.sender.finish().await
    }

    /// Asks a server of the service `ack` for a sign of life: `PING`, which is answered by `PONG`. No
    /// other answer may be due.
    ///
    /// # Errors
    /// [`ClientError::Heartbeat`] when another answer comes, or none within `patience`; and those of
    /// [`Client::call`].
    ///
    /// # Cancel safety
    /// None, as [`Client::call`].
    pub async fn ping(&mut self, patience: Timeout) -> Result<(), ClientError> {
        let answer = tokio::select! {
            biased;
            answer = self.call(Ack::PING.as_bytes()) => answer?,
            () = patience.since(Instant::now()) => return Err(ClientError::Heartbeat("nothing came")),
        };
        match &answer[..] == Ack::PONG.as_bytes() {
            true => Ok(()),
            false => Err(ClientError::Heartbeat("something else came")),
        }
    }

    /// Ends the connection in order: sends what waits, half-closes, reads and drops what still comes
    /// until the server closes too, then closes. So the kernel has no reason for a reset, which could
    /// destroy the last messages on their way to the server.
    ///
    /// # Errors
    /// [`ClientError::Transport`], by time-out when the server has not closed within
    /// [`limits::CLOSE_TIME`]; [`ClientError::Protocol`] when it ends inside a frame.
    ///
    /// # Cancel safety
    /// Cancelled, the connection is closed at once.
    pub async fn close(mut self) -> Result<(), ClientError> {
        let closed = async {
            self.finish().await?;
            while self.receive().await?.is_some() {}
            Ok(())
        };
        let too_late = |_| ClientError::Transport(io::ErrorKind::TimedOut.into());
        timeout(limits::CLOSE_TIME, closed).await.map_err(too_late)?
    }
}
