//! Where a service puts its answers: the connection's output, framed as the connection is.

use bytes::BytesMut;

use crate::framing::{FrameError, Framing, MaxFrame};

/// The answers to the messages that came together. The server writes them together.
#[derive(Debug)]
pub struct Answers<'a> {
    framing: Framing,
    max: MaxFrame,
    out: &'a mut BytesMut,
}

impl<'a> Answers<'a> {
    /// Answers that are appended to `out` as frames.
    pub fn new(framing: Framing, max: MaxFrame, out: &'a mut BytesMut) -> Self {
        Self { framing, max, out }
    }

    /// Answers `body`, as one message.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when it is longer than a client would accept; nothing is sent then.
    pub fn send(&mut self, body: &[u8]) -> Result<(), FrameError> {
        self.framing.encode(body, self.max, self.out)
    }
}
