//! A length, then that many bytes: the framing of P1 and its relatives. Used through
//! [`super::Framing`], which shares its shape with every other framing.

use std::ops::Deref;

use bytes::BytesMut;

use super::{FrameError, MaxFrame, Parse, Run, headed};
use crate::limits;

/// A frame is a length followed by the body. The length is unsigned, of one of four widths, in one
/// of two byte orders, and counts the body alone or the header with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LengthPrefix {
    /// Bytes of the length.
    pub width: Width,
    /// Which of them comes first.
    pub order: ByteOrder,
    /// What it counts.
    pub counts: Counts,
}

/// How many bytes the length has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// 1 byte: bodies up to 255 bytes.
    One,
    /// 2 bytes: bodies up to 64 KiB - 1.
    Two,
    /// 4 bytes: bodies up to 4 GiB - 1.
    Four,
    /// 8 bytes.
    Eight,
}

/// Which end of the length comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Most significant byte first, the network's order.
    Big,
    /// Least significant byte first.
    Little,
}

/// What the length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// The body alone.
    Body,
    /// The header and the body.
    HeaderAndBody,
}

/// An encoded header: up to 8 bytes, read as a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; 8],
    len: usize,
}

impl Header {
    /// That of a framing without one.
    pub(super) const NONE: Self = Self { bytes: [0; 8], len: 0 };

    /// A header of these bytes, 8 of them at most.
    pub(super) fn of(header: &[u8]) -> Self {
        let mut bytes = [0; 8];
        bytes[..header.len()].copy_from_slice(header);
        Self { bytes, len: header.len() }
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl ByteOrder {
    /// The four bytes of a number in this order.
    pub const fn to_bytes(self, number: u32) -> [u8; 4] {
        match self {
            Self::Big => number.to_be_bytes(),
            Self::Little => number.to_le_bytes(),
        }
    }

    /// The number that four bytes in this order say.
    pub const fn number(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }
}

impl Width {
    const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

impl LengthPrefix {
    /// The framing of P1: 4 bytes, big-endian, counting the body alone.
    pub const U32BE: Self =
        Self { width: Width::Four, order: ByteOrder::Big, counts: Counts::Body };

    /// Bytes of the header, which is nothing but the length: 1, 2, 4 or 8.
    pub const fn header_len(self) -> usize {
        self.width.bytes()
    }

    /// The largest body that this framing can carry here, in bytes: what the width can say and the
    /// address space can hold.
    pub const fn largest_body(self) -> u64 {
        let sayable = u64::MAX >> (64 - 8 * self.width.bytes());
        let sayable = sayable - self.counted_header();
        if sayable < limits::LARGEST_BODY { sayable } else { limits::LARGEST_BODY }
    }

    /// The header of a body of `body_len` bytes.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the length cannot be said.
    pub fn header(self, body_len: u64) -> Result<Header, FrameError> {
        MaxFrame::new(u64::MAX).admit(body_len, self.largest_body())?;
        let length = body_len + self.counted_header();
        Ok(match self.order {
            ByteOrder::Big => Header::of(&length.to_be_bytes()[8 - self.header_len()..]),
            ByteOrder::Little => Header::of(&length.to_le_bytes()[..self.header_len()]),
        })
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
        let header = self.header(body.len() as u64)?;
        headed::encode(&header, body, out);
        Ok(())
    }

    /// See [`super::Framing::parse`].
    pub(super) fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        let header_len = self.header_len();
        let Some(header) = src.get(..header_len) else {
            return Ok(Parse::Incomplete { wanted: header_len });
        };
        let length = self.read(header);
        let Some(body_len) = length.checked_sub(self.counted_header()) else {
            return Err(FrameError::HeaderTooSmall { got: length, wanted: header_len });
        };
        // P9: the header alone decides. Behind this line the length is one that memory can hold.
        max.admit(body_len, self.largest_body())?;
        Ok(headed::parse(src, header_len, body_len))
    }

    /// See [`super::Framing::run`].
    pub(super) fn run(self, src: &[u8], max: MaxFrame) -> Run {
        let mut at = 0;
        // The width that is used most, with all that is the same for each frame taken out of the loop. What is not a
        // whole frame of this width is looked at below.
        if self.width == Width::Four {
            let (counted, most) = (self.counted_header(), max.get().min(self.largest_body()));
            while let Some(header) = src[at..].first_chunk() {
                let body_len = u64::from(self.order.number(*header)).wrapping_sub(counted);
                let left = (src.len() - at - header.len()) as u64;
                if body_len > most || body_len > left {
                    break;
                }
                at += header.len() + body_len as usize;
            }
        }
        let Run { len, behind } = Run::of(&src[at..], |src| self.parse(src, max));
        Run { len: at + len, behind }
    }

    /// See [`super::Framing::finish`].
    pub(super) fn truncated(self, left: &[u8]) -> Option<FrameError> {
        headed::truncated(left, self.header_len(), |header| {
            Ok(self.read(header).saturating_sub(self.counted_header()))
        })
    }

    /// The length that a whole header says.
    pub(super) fn read(self, header: &[u8]) -> u64 {
        // The width that is used most, in one load.
        if let Ok(header) = <[u8; 4]>::try_from(header) {
            return self.order.number(header).into();
        }
        let add = |length: u64, byte: &u8| (length << 8) | u64::from(*byte);
        match self.order {
            ByteOrder::Big => header.iter().fold(0, add),
            ByteOrder::Little => header.iter().rev().fold(0, add),
        }
    }

    /// Bytes of the header that the length counts.
    const fn counted_header(self) -> u64 {
        match self.counts {
            Counts::Body => 0,
            Counts::HeaderAndBody => self.header_len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_counted_header_leaves_room_for_itself() {
        let counted = LengthPrefix {
            width: Width::One,
            order: ByteOrder::Big,
            counts: Counts::HeaderAndBody,
        };
        assert_eq!(counted.largest_body(), 254);
        assert_eq!(counted.header(254).as_deref(), Ok(&[255][..]));
        assert_eq!(counted.header(255), Err(FrameError::TooLong { got: 255, limit: 254 }));
    }

    #[test]
    fn a_length_beyond_the_address_space_is_too_long_whatever_the_limit() {
        let prefix = LengthPrefix { width: Width::Eight, ..LengthPrefix::U32BE };
        let refused = prefix.parse(&[0xff; 8], MaxFrame::new(u64::MAX));
        assert!(matches!(refused, Err(FrameError::TooLong { got: u64::MAX, .. })), "{refused:?}");
    }

    #[test]
    fn each_byte_order_puts_its_end_first() {
        let little = LengthPrefix { order: ByteOrder::Little, ..LengthPrefix::U32BE };
        assert_eq!(LengthPrefix::U32BE.header(0x0102_0304).as_deref(), Ok(&[1, 2, 3, 4][..]));
        assert_eq!(little.header(0x0102_0304).as_deref(), Ok(&[4, 3, 2, 1][..]));
    }
}
