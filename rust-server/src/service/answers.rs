//! Where a service puts its answers: the connection's output, framed as the connection is.

use bytes::BytesMut;

use crate::framing::{FrameError, Framing, MaxFrame};

/// The answers to one message. The server writes those to messages that came together together.
#[derive(Debug)]
pub struct Answers<'a> {
    framing: Framing,
    max: MaxFrame,
    out: &'a mut BytesMut,
    any: bool,
}

impl<'a> Answers<'a> {
    /// Answers that are appended to `out` as frames.
    pub fn new(framing: Framing, max: MaxFrame, out: &'a mut BytesMut) -> Self {
        Self { framing, max, out, any: false }
    }

    /// Answers `body`, as one message.
    ///
    /// # Errors
    /// As [`Framing::encode`], when a client would not accept it; and [`FrameError::SecondMessage`]
    /// where one message is answered by one at most: in datagrams, and where the end of the stream
    /// ends the answer. Nothing is sent then.
    pub fn send(&mut self, body: &[u8]) -> Result<(), FrameError> {
        if self.any && (self.framing.is_datagram() || self.framing.ends_with_stream()) {
            return Err(FrameError::SecondMessage);
        }
        self.framing.encode(body, self.max, self.out)?;
        self.any = true;
        Ok(())
    }

    /// How messages are laid on the stream.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether there is an answer, be it empty.
    pub(crate) fn any(&self) -> bool {
        self.any
    }
}
