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
    /// A body longer than the limit (P9), whether announced by a header or handed to the encoder. In
    /// a header it is often another protocol, or the wrong byte order.
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
}
