//! How messages are laid on a byte stream: pure functions over byte buffers, no I/O.
//!
//! The server, the client and the harness all speak through [`Framing`], which is chosen by name.
//! Each framing is one file beside this one, all of one shape: what it is, `header_len`,
//! `largest_body`, `check`, `encode`, `parse`, `truncated`. Everything else is built on these and is
//! the same for all.
//!
//! ```
//! use bytes::BytesMut;
//! use rust_server::framing::{Framing, MaxFrame};
//!
//! let framing: Framing = "u32be".parse()?;
//! let mut stream = BytesMut::new();
//! framing.encode(b"hello", MaxFrame::DEFAULT, &mut stream)?;
//! assert_eq!(&stream[..], b"\0\0\0\x05hello");
//!
//! let message = framing.decode(&mut stream, MaxFrame::DEFAULT)?;
//! assert_eq!(message.as_deref(), Some(&b"hello"[..]));
//! assert_eq!(framing.finish(&mut stream, MaxFrame::DEFAULT)?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ascii4;
mod codec;
mod datagram;
mod error;
mod fixed;
mod headed;
mod length_prefix;
mod line;
mod max_frame;
mod mnet;
mod name;
mod parse;
mod raw;

use bytes::{Buf, Bytes, BytesMut};

pub use ascii4::Ascii4;
pub use codec::{CodecError, FrameCodec};
pub use datagram::Datagram;
pub use error::FrameError;
pub use fixed::Fixed1024;
pub use length_prefix::{ByteOrder, Counts, Header, LengthPrefix, Width};
pub use line::Line;
pub use max_frame::{MaxFrame, ParseMaxFrameError};
pub use mnet::Mnet;
pub use name::UnknownFraming;
pub use parse::{Parse, Run};
pub use raw::Raw;

use crate::limits;

/// One way of laying messages on a byte stream, or in datagrams. Parsed from and shown as its name
/// ([`Framing::names`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// A length, then that many bytes.
    LengthPrefix(LengthPrefix),
    /// A line of text.
    Line(Line),
    /// 1024 bytes, padded.
    Fixed1024(Fixed1024),
    /// A length in decimal digits, then that many bytes.
    Ascii4(Ascii4),
    /// Size, command, reply wanted, then the body.
    Mnet(Mnet),
    /// All bytes of one direction.
    Raw(Raw),
    /// A UDP datagram.
    Datagram(Datagram),
}

/// The same expression for each framing: they have one shape.
macro_rules! each {
    ($framing:expr, $one:ident => $value:expr) => {
        match $framing {
            Framing::LengthPrefix($one) => $value,
            Framing::Line($one) => $value,
            Framing::Fixed1024($one) => $value,
            Framing::Ascii4($one) => $value,
            Framing::Mnet($one) => $value,
            Framing::Raw($one) => $value,
            Framing::Datagram($one) => $value,
        }
    };
}

impl Framing {
    /// The framing that is meant when none is named (P1).
    pub const DEFAULT: Self = Self::LengthPrefix(LengthPrefix::U32BE);

    /// The bytes before the message that say how long it is; 0 for a framing that has none.
    pub const fn header_len(self) -> usize {
        each!(self, framing => framing.header_len())
    }

    /// The largest body that this framing can carry, in bytes, counted as the limit counts it: the
    /// whole message, but for `mnet` without the eight bytes that every message begins with.
    pub const fn largest_body(self) -> u64 {
        each!(self, framing => framing.largest_body())
    }

    /// The limit on whole messages where `max` is that on bodies: the same, but for `mnet`, whose limit does
    /// not count the eight bytes that every message begins with.
    pub const fn longest_message(self, max: MaxFrame) -> MaxFrame {
        match self {
            Self::Mnet(_) => MaxFrame::new(max.get().saturating_add(Mnet::COMMAND_LEN as u64)),
            _ => max,
        }
    }

    /// The bytes before a message with a body of `body_len` bytes, counted as the limit counts it; none
    /// for a framing without a header. For those who claim what they do not send.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the length cannot be said.
    pub fn header(self, body_len: u64) -> Result<Header, FrameError> {
        match self {
            Self::LengthPrefix(prefix) => prefix.header(body_len),
            Self::Ascii4(ascii4) => ascii4.header(body_len),
            Self::Mnet(mnet) => mnet.header(body_len),
            Self::Line(_) | Self::Fixed1024(_) | Self::Raw(_) | Self::Datagram(_) => {
                Ok(Header::NONE)
            }
        }
    }

    /// Whether messages travel as UDP datagrams, not on a TCP stream.
    pub const fn is_datagram(self) -> bool {
        matches!(self, Self::Datagram(_))
    }

    /// Whether the end of the stream is what completes a message, so that each direction of a
    /// connection carries one at most.
    pub const fn ends_with_stream(self) -> bool {
        matches!(self, Self::Raw(_))
    }

    /// Whether a message has one form on the stream: the frame in which it came is then, byte for byte,
    /// the frame in which it would be sent. Not so where white space is taken off, nor where the end of the
    /// stream is part of the frame.
    pub const fn has_one_form(self) -> bool {
        match self {
            Self::LengthPrefix(_) | Self::Fixed1024(_) | Self::Ascii4(_) | Self::Mnet(_) => true,
            Self::Line(_) | Self::Raw(_) | Self::Datagram(_) => false,
        }
    }

    /// Whether [`encode`](Framing::encode) takes this message: it would arrive as it is.
    ///
    /// # Errors
    /// As [`Framing::encode`].
    pub fn can_carry(self, message: &[u8], max: MaxFrame) -> Result<(), FrameError> {
        each!(self, framing => framing.check(message, max))
    }

    /// Appends `message` as one frame to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when its body is longer than `max` or than the framing can carry, and
    /// one of the errors from [`FrameError::TooShort`] on when it could not arrive as it is. `out` is
    /// untouched then. That a direction carries only one message is for the sender to heed.
    pub fn encode(
        self,
        message: &[u8],
        max: MaxFrame,
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        each!(self, framing => framing.encode(message, max, out))
    }

    /// Looks for a whole frame at the start of `src`, without touching or copying anything. The
    /// bytes say the same however they were cut on their way (P4).
    ///
    /// # Errors
    /// Any [`FrameError`] of a decoder but the truncated ones, as soon as the bytes show it, mostly
    /// from the header alone (P9). The stream is of no further use: asked again, the answer is the
    /// same.
    pub fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        each!(self, framing => framing.parse(src, max))
    }

    /// Looks for all whole frames at the start of `src`, without touching or copying anything: what
    /// [`parse`](Framing::parse) finds, asked again behind each frame, at a few nanoseconds a frame.
    pub fn run(self, src: &[u8], max: MaxFrame) -> Run {
        match self {
            Self::LengthPrefix(framing) => framing.run(src, max),
            _ => each!(self, framing => Run::of(src, |src| framing.parse(src, max))),
        }
    }

    /// Takes one message off the front of `src`, or `None` when more bytes are needed (P5). The
    /// body is not copied: it shares `src`'s memory. For a message that is still incomplete, room is
    /// made for at most as much again as has come and [`limits::RESERVE_STEP`] bytes, whatever length
    /// is announced (P9).
    ///
    /// # Errors
    /// As [`Framing::parse`].
    pub fn decode(self, src: &mut BytesMut, max: MaxFrame) -> Result<Option<Bytes>, FrameError> {
        loop {
            match self.parse(src, max)? {
                Parse::Frame { body, len } => {
                    let mut frame = src.split_to(len);
                    frame.truncate(body.end);
                    frame.advance(body.start);
                    return Ok(Some(frame.freeze()));
                }
                Parse::Blank { len } => src.advance(len),
                Parse::Incomplete { wanted } => {
                    let missing = wanted.saturating_sub(src.len());
                    src.reserve(missing.min(limits::RESERVE_STEP));
                    return Ok(None);
                }
            }
        }
    }

    /// As [`Framing::decode`], for a stream that has ended: call it until it gives `None`, which
    /// then means a clean end (P7).
    ///
    /// # Errors
    /// As [`Framing::parse`], and [`FrameError::TruncatedHeader`], [`FrameError::TruncatedBody`] or
    /// [`FrameError::TruncatedLine`] when the stream ended inside a frame (P8).
    pub fn finish(self, src: &mut BytesMut, max: MaxFrame) -> Result<Option<Bytes>, FrameError> {
        match self.decode(src, max)? {
            Some(message) => Ok(Some(message)),
            None if self.ends_with_stream() && !src.is_empty() => Ok(Some(src.split().freeze())),
            None => match self.truncated(src) {
                Some(error) => Err(error),
                None => Ok(None),
            },
        }
    }

    /// What is wrong with a stream that ends with `left`, an incomplete frame; `None` when it ends
    /// at a boundary.
    fn truncated(self, left: &[u8]) -> Option<FrameError> {
        each!(self, framing => framing.truncated(left))
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self::DEFAULT
    }
}
