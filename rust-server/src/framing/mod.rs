//! How messages are laid on a byte stream: pure functions over byte buffers, no I/O.
//!
//! The server, the client and the harness all speak through [`Framing`], which is chosen by name.
//! Each framing is one file beside this one, all of one shape: what it is, `header_len`, `encode`,
//! `parse`, `truncated`. Everything else is built on these four and is the same for all.
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

mod codec;
mod error;
mod length_prefix;
mod max_frame;
mod name;
mod parse;

use bytes::{Buf, Bytes, BytesMut};

pub use codec::{CodecError, FrameCodec};
pub use error::FrameError;
pub use length_prefix::{ByteOrder, Counts, Header, LengthPrefix, Width};
pub use max_frame::{MaxFrame, ParseMaxFrameError};
pub use name::UnknownFraming;
pub use parse::Parse;

use crate::limits;

/// One way of laying messages on a byte stream. Parsed from and shown as its name ([`Framing::names`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// A length, then that many bytes.
    LengthPrefix(LengthPrefix),
}

impl Framing {
    /// The framing that is meant when none is named (P1).
    pub const DEFAULT: Self = Self::LengthPrefix(LengthPrefix::U32BE);

    /// The bytes before the body that say how long it is; 0 for a framing that has none.
    pub const fn header_len(self) -> usize {
        match self {
            Self::LengthPrefix(prefix) => prefix.header_len(),
        }
    }

    /// Appends `body` as one frame to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the body is longer than `max` or than the header can say; `out`
    /// is untouched then.
    pub fn encode(self, body: &[u8], max: MaxFrame, out: &mut BytesMut) -> Result<(), FrameError> {
        match self {
            Self::LengthPrefix(prefix) => prefix.encode(body, max, out),
        }
    }

    /// Looks for a whole frame at the start of `src`, without touching or copying anything. The
    /// bytes say the same however they were cut on their way (P4).
    ///
    /// # Errors
    /// Any [`FrameError`] but the truncated ones, from the header alone (P9). The stream is of no
    /// further use: asked again, the answer is the same.
    pub fn parse(self, src: &[u8], max: MaxFrame) -> Result<Parse, FrameError> {
        match self {
            Self::LengthPrefix(prefix) => prefix.parse(src, max),
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
        match self.parse(src, max)? {
            Parse::Frame { body, len } => {
                let mut frame = src.split_to(len);
                frame.truncate(body.end);
                frame.advance(body.start);
                Ok(Some(frame.freeze()))
            }
            Parse::Incomplete { wanted } => {
                let missing = wanted.saturating_sub(src.len());
                src.reserve(missing.min(limits::RESERVE_STEP));
                Ok(None)
            }
        }
    }

    /// As [`Framing::decode`], for a stream that has ended: call it until it gives `None`, which
    /// then means a clean end (P7).
    ///
    /// # Errors
    /// As [`Framing::parse`], and [`FrameError::TruncatedHeader`] or [`FrameError::TruncatedBody`]
    /// when the stream ended inside a frame (P8).
    pub fn finish(self, src: &mut BytesMut, max: MaxFrame) -> Result<Option<Bytes>, FrameError> {
        match self.decode(src, max)? {
            Some(message) => Ok(Some(message)),
            None => match self.truncated(src) {
                Some(error) => Err(error),
                None => Ok(None),
            },
        }
    }

    /// What is wrong with a stream that ends with `left`, an incomplete frame; `None` when it ends
    /// at a boundary.
    fn truncated(self, left: &[u8]) -> Option<FrameError> {
        match self {
            Self::LengthPrefix(prefix) => prefix.truncated(left),
        }
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self::DEFAULT
    }
}
