//! A header of three numbers, then a body: the framings `mnet` and `mnet-le`. Used through
//! [`super::Framing`].

use bytes::BytesMut;

use super::{ByteOrder, Counts, FrameError, Header, LengthPrefix, MaxFrame, Parse, Width, headed};

/// A frame is three unsigned 4-byte numbers (the size of the body, a command, whether a reply is
/// wanted) and the body. The message is all behind the size: eight bytes and the body. The limit counts
/// the body alone, as the size does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mnet {
    /// Which byte of each number comes first.
    pub order: ByteOrder,
}

impl Mnet {
    /// Bytes that every message begins with: the command and whether a reply is wanted.
    pub const COMMAND_LEN: usize = 8;

    /// 4: the size. Command and reply wanted belong to the message.
    pub const fn header_len(self) -> usize {
        self.size().header_len()
    }

    /// The largest body, in bytes, without the eight that every message begins with.
    pub const fn largest_body(self) -> u64 {
        self.size().largest_body()
    }

    /// The size field of a frame whose body has `body_len` bytes.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the size cannot be said.
    pub fn header(self, body_len: u64) -> Result<Header, FrameError> {
        self.size().header(body_len)
    }

    /// See [`super::Framing::can_carry`].
    pub(super) fn check(self, message: &[u8], max: MaxFrame) -> Result<(), FrameError> {
        let (got, wanted) = (message.len(), Self::COMMAND_LEN);
        match got.checked_sub(wanted) {
            Some(body_len) => max.admit(body_len as u64, self.largest_body()),
            None => Err(FrameError::TooShort { got, wanted }),
        }
    }

    /// See [`super::Framing::encode`].
    pub(super) fn encode(
        self,
        message: &[u8],
        max: MaxFrame,
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        self.check(message, max)?;
        let size = self.header((message.len() - Self::COMMAND_LEN) as u64)?;
        headed::encode(&size, message, out);
        Ok(())
    }

    /// See [`super::Framing::parse`].
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        let header_len = self.header_len();
        let Some(header) = src.get(..header_len) else {
            return Ok(Parse::Incomplete { wanted: header_len });
        };
        let size = self.size().read(header);
        // P9: the size alone decides; the command is not waited for.
        max.admit(size, self.largest_body())?;
        Ok(headed::parse(src, header_len, Self::COMMAND_LEN as u64 + size))
    }

    /// See [`super::Framing::finish`].
    pub(super) fn truncated(self, left: &[u8]) -> Option<FrameError> {
        headed::truncated(left, self.header_len(), |header| {
            Ok(Self::COMMAND_LEN as u64 + self.size().read(header))
        })
    }

    /// The size field.
    const fn size(self) -> LengthPrefix {
        LengthPrefix { width: Width::Four, order: self.order, counts: Counts::Body }
    }
}
