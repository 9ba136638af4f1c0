//! A block of fixed size, padded with NUL: the framing `fixed-1024`. Used through [`super::Framing`].

use bytes::{BufMut, BytesMut};

use super::{FrameError, MaxFrame, Parse};

/// A frame is 1024 bytes: the message, and as many NULs behind it as it takes. The NULs at the end are
/// taken off on receipt; a block of nothing else is the empty message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fixed1024;

const NUL: u8 = 0;

impl Fixed1024 {
    /// Bytes of every frame.
    pub const LEN: usize = 1024;

    /// 0: nothing stands before the message.
    pub const fn header_len(self) -> usize {
        0
    }

    /// The largest message, in bytes: one without padding.
    pub const fn largest_body(self) -> u64 {
        Self::LEN as u64
    }

    /// See [`super::Framing::can_carry`].
    pub(super) fn check(self, body: &[u8], max: MaxFrame) -> Result<(), FrameError> {
        max.admit(body.len() as u64, self.largest_body())?;
        match body.last() {
            Some(&NUL) => Err(FrameError::EndsInNul),
            _ => Ok(()),
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
        out.reserve(Self::LEN);
        out.put_slice(body);
        out.put_bytes(NUL, Self::LEN - body.len());
        Ok(())
    }

    /// See [`super::Framing::parse`].
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        let len = Self::LEN;
        let Some(block) = src.get(..len) else {
            return Ok(Parse::Incomplete { wanted: len });
        };
        let body_len = block.iter().rposition(|byte| *byte != NUL).map_or(0, |last| last + 1);
        max.admit(body_len as u64, self.largest_body())?;
        Ok(Parse::Frame { body: 0..body_len, len })
    }

    /// See [`super::Framing::finish`].
    pub(super) fn truncated(self, left: &[u8]) -> Option<FrameError> {
        let (got, wanted) = (left.len() as u64, Self::LEN as u64);
        (got > 0).then_some(FrameError::TruncatedBody { got, wanted })
    }
}
