//! What a look at the front of a byte stream finds. Made by each framing's `parse`, used by
//! [`super::Framing::decode`] and by readers that keep the bytes where they are.

use std::ops::Range;

use super::FrameError;

/// The front of a byte stream, seen as a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parse {
    /// A whole frame.
    Frame {
        /// Where the body lies, as offsets from the start of the stream.
        body: Range<usize>,
        /// Bytes of the whole frame, header included: the next frame begins behind them.
        len: usize,
    },
    /// Bytes that carry no message, such as a blank line: the next frame begins behind them.
    Blank {
        /// How many; at least 1.
        len: usize,
    },
    /// The start of a frame, or nothing.
    Incomplete {
        /// Bytes that the frame will have at least, those already there included. It grows when the
        /// header is complete, and is a claim of the sender: nothing to reserve by.
        wanted: usize,
    },
}

/// The whole frames at the front of a byte stream, seen as one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Bytes of all of them; 0 when there is none.
    pub len: usize,
    /// How many bytes the frame that begins behind them will have at least, as
    /// [`Parse::Incomplete`] says it; or what is wrong there.
    pub behind: Result<usize, FrameError>,
}

impl Run {
    /// Looks for frames until one is not whole, each by `parse`.
    pub(super) fn of(src: &[u8], parse: impl Fn(&[u8]) -> Result<Parse, FrameError>) -> Self {
        let mut at = 0;
        loop {
            match parse(&src[at..]) {
                Ok(Parse::Frame { len, .. } | Parse::Blank { len }) => at += len,
                Ok(Parse::Incomplete { wanted }) => return Self { len: at, behind: Ok(wanted) },
                Err(error) => return Self { len: at, behind: Err(error) },
            }
        }
    }
}
