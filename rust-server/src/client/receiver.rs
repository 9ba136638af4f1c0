//! The receiving half of a client.

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

use super::ClientError;
use crate::framing::{Framing, MaxFrame};
use crate::limits;

/// Receives messages.
#[derive(Debug)]
pub struct Receiver {
    read: OwnedReadHalf,
    framing: Framing,
    max: MaxFrame,
    input: BytesMut,
    ended: bool,
    bytes_received: u64,
}

impl Receiver {
    pub(super) fn new(read: OwnedReadHalf, framing: Framing, max: MaxFrame) -> Self {
        Self { read, framing, max, input: BytesMut::new(), ended: false, bytes_received: 0 }
    }

    /// Waits for a message; `None` when the server has ended its stream at a frame boundary.
    ///
    /// # Errors
    /// [`ClientError::Protocol`], also when the stream ends inside a frame (P13), and
    /// [`ClientError::Transport`]. Messages that came before are given first.
    ///
    /// # Cancel safety
    /// Cancelled, nothing is lost: the next call goes on.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            if let Some(message) = self.received()? {
                return Ok(Some(message));
            }
            if self.ended {
                return Ok(None);
            }
            self.input.reserve(limits::READ_STEP);
            let read = self.read.read_buf(&mut self.input).await;
            match read.map_err(ClientError::Transport)? {
                0 => self.ended = true,
                got => self.bytes_received += got as u64,
            }
        }
    }

    /// A message that has come already, without waiting.
    ///
    /// # Errors
    /// [`ClientError::Protocol`].
    pub fn received(&mut self) -> Result<Option<Bytes>, ClientError> {
        let message = match self.ended {
            false => self.framing.decode(&mut self.input, self.max),
            true => self.framing.finish(&mut self.input, self.max),
        };
        message.map_err(ClientError::Protocol)
    }

    /// Bytes that have come on this connection, headers included: whether it makes progress.
    pub fn bytes_received(&self) -> u64 {
        self.bytes_received
    }
}
