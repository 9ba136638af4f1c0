//! The largest body that is accepted or sent. Given to every framing function, read by `--max-frame`
//! and by the `max_frame` key of a `peer.toml`.

use std::fmt;
use std::str::FromStr;

use bytesize::ByteSize;
use thiserror::Error;

use super::FrameError;
use crate::limits;

/// The largest body of a frame, in bytes, without its header. 0 lets only empty messages through.
///
/// Read from text such as `16 MiB`, `16MiB`, `64 kB` or `1048576`, and shown in that form without
/// losing a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxFrame(u64);

impl MaxFrame {
    /// 16 MiB.
    pub const DEFAULT: Self = Self(limits::DEFAULT_MAX_FRAME);

    /// A limit of so many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The limit of a framing that can carry `largest` bytes: whichever is less.
    pub(super) fn of(self, largest: u64) -> u64 {
        self.0.min(largest)
    }

    /// Refuses a body that is longer than this, or than the `largest` that the framing can carry.
    pub(super) fn admit(self, body_len: u64, largest: u64) -> Result<(), FrameError> {
        let limit = self.of(largest);
        match body_len > limit {
            true => Err(FrameError::TooLong { got: body_len, limit }),
            false => Ok(()),
        }
    }
}

impl Default for MaxFrame {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a size: {0:?} (expected bytes, such as 1048576, or a unit, such as \"16 MiB\")")]
pub struct ParseMaxFrameError(String);

impl FromStr for MaxFrame {
    type Err = ParseMaxFrameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<ByteSize>() {
            Ok(size) => Ok(Self(size.as_u64())),
            Err(_) => Err(ParseMaxFrameError(text.to_owned())),
        }
    }
}

impl fmt::Display for MaxFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        for (bytes, unit) in UNITS {
            if self.0 >= bytes && self.0.is_multiple_of(bytes) {
                return write!(f, "{} {unit}", self.0 / bytes);
            }
        }
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units_and_spaces() {
        for text in ["16 MiB", "16MiB", "16777216", "16777216 B", " 16 MiB "] {
            assert_eq!(text.parse(), Ok(MaxFrame::DEFAULT), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back_to_the_byte() {
        for bytes in [0, 1, 1023, 1024, 1025, 1 << 20, 5 << 30, u64::MAX] {
            let max = MaxFrame::new(bytes);
            assert_eq!(max.to_string().parse(), Ok(max));
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in ["", "many", "-1", "16 parsecs"] {
            let refused = text.parse::<MaxFrame>().expect_err(text);
            assert!(refused.to_string().contains("16 MiB"), "{refused}");
        }
    }
}
