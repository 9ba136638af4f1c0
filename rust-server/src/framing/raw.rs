//! No framing: the framing `raw`. Used through [`super::Framing`].

use bytes::{BufMut, BytesMut};

use super::{FrameError, MaxFrame, Parse};
use crate::limits;

/// All bytes of one direction are one message, which its FIN completes; no bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Raw;

impl Raw {
    /// 0: nothing stands before the message.
    pub const fn header_len(self) -> usize {
        0
    }

    /// The largest message, in bytes: nothing but memory bounds it.
    pub const fn largest_body(self) -> u64 {
        limits::LARGEST_BODY
    }

    /// See [`super::Framing::can_carry`].
    pub(super) fn check(self, body: &[u8], max: MaxFrame) -> Result<(), FrameError> {
        max.admit(body.len() as u64, self.largest_body())?;
        match body.is_empty() {
            true => Err(FrameError::Empty),
            false => Ok(()),
        }
    }

    /// See [`super::Framing::encode`].
    pub(super) fn encode(
        self,
        body: &[u8],
        max: MaxFrame,
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        self.check(body, max)?;
        out.put_slice(body);
        Ok(())
    }

    /// See [`super::Framing::parse`]. Never a whole frame: only the end of the stream completes it.
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        let limit = max.of(self.largest_body());
        match src.len() as u64 > limit {
            true => Err(FrameError::TooLong { got: limit + 1, limit }),
            false => Ok(Parse::Incomplete { wanted: src.len() + 1 }),
        }
    }

    /// See [`super::Framing::finish`]. Never: the end is where a message ends.
    pub(super) fn truncated(self, _left: &[u8]) -> Option<FrameError> {
        None
    }
}
