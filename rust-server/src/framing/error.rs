//! What can be wrong with a stream of frames. Returned by every framing; the server closes on it, the
//! client reports it, the harness compares it.

use thiserror::Error;

/// The sender broke the framing, or was asked to. Numbers are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The stream ended inside a header (P8): the sender went away, or is not speaking this framing.
    #[error("the stream ended inside a header: {got} of {wanted} bytes")]
    TruncatedHeader {
        /// Bytes of the header that came; at least 1, since 0 is a clean end.
        got: usize,
        /// Bytes that a header has.
        wanted: usize,
    },
    /// The stream ended inside a body (P8): the sender went away, or announced more than it sent.
    #[error("the stream ended inside a message: {got} of {wanted} bytes")]
    TruncatedBody {
        /// Bytes of the body that came; may be 0.
        got: u64,
        /// Bytes that the header announced.
        wanted: u64,
    },
    /// The stream ended inside a line (P8): what came is not blank, and has no line feed.
    #[error("the stream ended inside a line: {got} bytes without a line feed")]
    TruncatedLine {
        /// Bytes behind the last line feed, white space included; at least 1.
        got: u64,
    },
    /// A body longer than the limit (P9), whether announced by a header or handed to the encoder. In
    /// a header it is often another protocol, or the wrong byte order. Where no header announces it,
    /// `got` is one more than `limit`, however much has come.
    #[error("a message of {got} bytes is longer than the limit of {limit}")]
    TooLong {
        /// Bytes of the body.
        got: u64,
        /// The most that it may have: the [`super::MaxFrame`], or what the header can say if less.
        limit: u64,
    },
    /// A length that counts the header too says less than the header itself has: the sender does
    /// not count it, or is not speaking this framing.
    #[error("a length of {got} is less than the {wanted} bytes of the header that it counts")]
    HeaderTooSmall {
        /// The length that the header says.
        got: u64,
        /// Bytes that a header has.
        wanted: usize,
    },
    /// A byte of a header of decimal digits is none: the sender is not speaking this framing.
    #[error("byte {at} of a header is {got:#04x}, which is no decimal digit")]
    NotADigit {
        /// Which byte of the header, from 0.
        at: usize,
        /// The byte.
        got: u8,
    },
    /// A message handed to the encoder lacks what each message of this framing begins with.
    #[error("a message of {got} bytes is shorter than the {wanted} that each begins with")]
    TooShort {
        /// Bytes of the message.
        got: usize,
        /// Bytes that each message begins with.
        wanted: usize,
    },
    /// An empty message handed to an encoder that cannot tell it from no message at all.
    #[error("an empty message cannot be told from none")]
    Empty,
    /// A message handed to the encoder would arrive as two lines.
    #[error("a message with a line feed, at byte {at}, would be two lines")]
    HoldsLineFeed {
        /// The offset of the first line feed in the message.
        at: usize,
    },
    /// A message handed to the encoder begins or ends with ASCII white space, which would be lost.
    #[error("a message that begins or ends with white space would lose it")]
    OuterWhiteSpace,
    /// A message handed to the encoder ends in NUL, which would be taken for padding.
    #[error("a message that ends in NUL would lose it to the padding")]
    EndsInNul,
    /// A second message where each direction, or each datagram, carries one.
    #[error("a second message cannot be sent: this framing carries one each way")]
    SecondMessage,
}
