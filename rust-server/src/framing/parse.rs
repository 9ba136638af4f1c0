//! What a look at the front of a byte stream finds. Made by each framing's `parse`, used by
//! [`super::Framing::decode`] and by readers that keep the bytes where they are.

use std::ops::Range;

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
