//! The sending half of a client.

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::ClientError;
use crate::framing::{FrameError, Framing, MaxFrame};
use crate::limits;

/// Sends messages. Dropping it half-closes the connection, behind what was sent.
#[derive(Debug)]
pub struct Sender {
    write: OwnedWriteHalf,
    framing: Framing,
    max: MaxFrame,
    /// Frames, the first perhaps in part, that are not yet written.
    output: BytesMut,
    /// Whether a message was taken.
    any: bool,
}

impl Sender {
    pub(super) fn new(write: OwnedWriteHalf, framing: Framing, max: MaxFrame) -> Self {
        Self { write, framing, max, output: BytesMut::new(), any: false }
    }

    /// Sends a message at once (P13).
    ///
    /// # Errors
    /// [`ClientError::Unsendable`], after which the sender is as before; [`ClientError::Transport`].
    ///
    /// # Cancel safety
    /// Cancelled, the message is still sent whole: the next `send`, `flush` or `finish` goes on where
    /// this one stopped. Send it only once.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        self.put(message)?;
        self.flush().await
    }

    /// Sends a message together with later ones: at [`flush`](Sender::flush), or when
    /// [`limits::SEND_BUFFER`] bytes wait.
    ///
    /// # Errors
    /// As [`Sender::send`].
    ///
    /// # Cancel safety
    /// As [`Sender::send`].
    pub async fn feed(&mut self, message: &[u8]) -> Result<(), ClientError> {
        self.put(message)?;
        self.flush_if_full().await
    }

    /// Adds a message to those that wait.
    pub(crate) fn put(&mut self, message: &[u8]) -> Result<(), ClientError> {
        if self.any && self.framing.ends_with_stream() {
            return Err(ClientError::Unsendable(FrameError::SecondMessage));
        }
        let encoded = self.framing.encode(message, self.max, &mut self.output);
        encoded.map_err(ClientError::Unsendable)?;
        self.any = true;
        Ok(())
    }

    pub(super) async fn flush_if_full(&mut self) -> Result<(), ClientError> {
        match self.is_full() {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Whether so much waits that it should be sent before another message is added.
    pub(crate) fn is_full(&self) -> bool {
        self.output.len() >= limits::SEND_BUFFER
    }

    /// Bytes that wait.
    pub(crate) fn unsent(&self) -> usize {
        self.output.len()
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// [`ClientError::Transport`].
    ///
    /// # Cancel safety
    /// Cancelled, the rest waits for the next call.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        while self.unsent() > 0 {
            self.write().await?;
        }
        Ok(())
    }

    /// Sends as much of what waits as the connection takes at once, and waits until it takes any.
    /// Cancel-safe.
    pub(crate) async fn write(&mut self) -> Result<(), ClientError> {
        let written = self.write.write_buf(&mut self.output).await;
        if written.map_err(ClientError::Transport)? == 0 {
            return Err(ClientError::Transport(std::io::ErrorKind::WriteZero.into()));
        }
        if self.output.is_empty() {
            // One large message does not cost memory for the rest of the connection's life.
            self.output = BytesMut::new();
        }
        Ok(())
    }

    /// Sends what waits, then half-closes: the server sees the end of the stream, and its answers
    /// can still be received (P7, P13).
    ///
    /// # Errors
    /// [`ClientError::Transport`].
    ///
    /// # Cancel safety
    /// Cancelled, it can be called again.
    pub async fn finish(&mut self) -> Result<(), ClientError> {
        self.flush().await?;
        self.write.shutdown().await.map_err(ClientError::Transport)
    }
}
