//! The sending half of a client.

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::ClientError;
use crate::framing::{Framing, MaxFrame};
use crate::limits;

/// Sends messages. Dropping it half-closes the connection, behind what was sent.
#[derive(Debug)]
pub struct Sender {
    write: OwnedWriteHalf,
    framing: Framing,
    max: MaxFrame,
    /// Frames, the first perhaps in part, that are not yet written.
    output: BytesMut,
}

impl Sender {
    pub(super) fn new(write: OwnedWriteHalf, framing: Framing, max: MaxFrame) -> Self {
        Self { write, framing, max, output: BytesMut::new() }
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
        self.encode(message)?;
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
        self.encode(message)?;
        match self.output.len() < limits::SEND_BUFFER {
            true => Ok(()),
            false => self.flush().await,
        }
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// [`ClientError::Transport`].
    ///
    /// # Cancel safety
    /// Cancelled, the rest waits for the next call.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        let grown = self.output.len() > 2 * limits::SEND_BUFFER;
        while self.output.has_remaining() {
            let written = self.write.write_buf(&mut self.output).await;
            if written.map_err(ClientError::Transport)? == 0 {
                return Err(ClientError::Transport(std::io::ErrorKind::WriteZero.into()));
            }
        }
        if grown {
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

    fn encode(&mut self, message: &[u8]) -> Result<(), ClientError> {
        self.framing.encode(message, self.max, &mut self.output).map_err(ClientError::Unsendable)
    }
}
