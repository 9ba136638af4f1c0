//! One UDP datagram is one message: the framing `datagram`. Used through [`super::Framing`].

use bytes::{BufMut, BytesMut};

use super::{FrameError, MaxFrame, Parse};
use crate::limits;

/// A frame is a datagram, and the message is all of it; the empty datagram is the empty message. There
/// is no stream: what is encoded is sent by itself, and what is parsed is what was received by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Datagram;

impl Datagram {
    /// 0: nothing stands before the message.
    pub const fn header_len(self) -> usize {
        0
    }

    /// The largest message, in bytes: [`limits::LARGEST_DATAGRAM`].
    pub const fn largest_body(self) -> u64 {
        limits::LARGEST_DATAGRAM
    }

    /// See [`super::Framing::can_carry`].
    pub(super) fn check(self, body: &[u8], max: MaxFrame) -> Result<(), FrameError> {
        max.admit(body.len() as u64, self.largest_body())
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

    /// See [`super::Framing::parse`]. Nothing is taken for no datagram, so that whoever takes messages
    /// until there is none comes to an end; a receiver knows an empty datagram without this.
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        self.check(src, max)?;
        match src.len() {
            0 => Ok(Parse::Incomplete { wanted: 1 }),
            len => Ok(Parse::Frame { body: 0..len, len }),
        }
    }

    /// See [`super::Framing::finish`]. Never: a datagram comes whole or not at all.
    pub(super) fn truncated(self, _left: &[u8]) -> Option<FrameError> {
        None
    }
}
