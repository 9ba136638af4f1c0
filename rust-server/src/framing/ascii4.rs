//! A length in four decimal digits, then that many bytes: the framing `ascii4`. Used through
//! [`super::Framing`].

use bytes::BytesMut;

use super::{FrameError, Header, MaxFrame, Parse, headed};

/// A frame is the number of body bytes as four ASCII digits, with leading zeros, then the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ascii4;

impl Ascii4 {
    /// 4: the digits.
    pub const fn header_len(self) -> usize {
        4
    }

    /// The largest body, in bytes: what four digits can say.
    pub const fn largest_body(self) -> u64 {
        9999
    }

    /// The digits of a body of `body_len` bytes.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when four digits cannot say it.
    pub fn header(self, body_len: u64) -> Result<Header, FrameError> {
        MaxFrame::new(u64::MAX).admit(body_len, self.largest_body())?;
        Ok(Header::of(&[1000, 100, 10, 1].map(|place| b'0' + (body_len / place % 10) as u8)))
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
        let digits = self.header(body.len() as u64)?;
        headed::encode(&digits, body, out);
        Ok(())
    }

    /// See [`super::Framing::parse`].
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        let header_len = self.header_len();
        let header = &src[..src.len().min(header_len)];
        // Before the header is whole: what is wrong already will not become right (P9).
        let body_len = read(header)?;
        if header.len() < header_len {
            return Ok(Parse::Incomplete { wanted: header_len });
        }
        max.admit(body_len, self.largest_body())?;
        Ok(headed::parse(src, header_len, body_len))
    }

    /// See [`super::Framing::finish`].
    pub(super) fn truncated(self, left: &[u8]) -> Option<FrameError> {
        headed::truncated(left, self.header_len(), read)
    }
}

/// The number that these digits say.
fn read(digits: &[u8]) -> Result<u64, FrameError> {
    digits.iter().enumerate().try_fold(0, |number, (at, byte)| match byte {
        b'0'..=b'9' => Ok(number * 10 + u64::from(byte - b'0')),
        _ => Err(FrameError::NotADigit { at, got: *byte }),
    })
}
