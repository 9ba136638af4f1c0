//! A message, then a line feed: the framing `line`. Used through [`super::Framing`].

use bytes::{BufMut, BytesMut};
use memchr::memchr;

use super::{FrameError, MaxFrame, Parse};
use crate::{ascii, limits};

/// A frame is the message, then LF. White space around a message (tab, LF, vertical tab, form feed, CR,
/// space) is taken off on receipt, and a line of nothing else carries no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line;

const LF: u8 = b'\n';

impl Line {
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
        if body.is_empty() {
            return Err(FrameError::Empty);
        }
        if ascii::trimmed(body).len() < body.len() {
            return Err(FrameError::OuterWhiteSpace);
        }
        match memchr(LF, body) {
            Some(at) => Err(FrameError::HoldsLineFeed { at }),
            None => Ok(()),
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
        out.reserve(body.len() + 1);
        out.put_slice(body);
        out.put_u8(LF);
        Ok(())
    }

    /// See [`super::Framing::parse`]. An unfinished line is searched again from its start with each
    /// read, at most the limit of bytes: no state is worth the little that `memchr` takes.
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        let limit = max.of(self.largest_body());
        let searched = &src[..src.len().min(limit as usize + 1)];
        match memchr(LF, searched) {
            Some(end) => {
                let (body, len) = (ascii::trimmed(&src[..end]), end + 1);
                match body.is_empty() {
                    true => Ok(Parse::Blank { len }),
                    false => Ok(Parse::Frame { body, len }),
                }
            }
            // P9: a line that is too long already is not waited for to its end.
            None if src.len() as u64 > limit => Err(FrameError::TooLong { got: limit + 1, limit }),
            None => Ok(Parse::Incomplete { wanted: src.len() + 1 }),
        }
    }

    /// See [`super::Framing::finish`]. White space behind the last line is a clean end.
    pub(super) fn truncated(self, left: &[u8]) -> Option<FrameError> {
        match ascii::trimmed(left).is_empty() {
            true => None,
            false => Some(FrameError::TruncatedLine { got: left.len() as u64 }),
        }
    }
}
