//! The bytes that an application sends: written out, or made from a rule so that a case stays small.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The body of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// UTF-8 text.
    Text(String),
    /// Any bytes, written out.
    Bytes(Vec<u8>),
    /// One byte over and over.
    Repeat {
        /// The byte.
        byte: u8,
        /// How many of it, in bytes.
        len: usize,
    },
    /// Printable ASCII that repeats at no usual buffer size, so that a lost or doubled piece shows.
    Letters {
        /// Same seed, same letters.
        seed: u64,
        /// In bytes.
        len: usize,
    },
    /// Bytes of any value from a seeded generator.
    Random {
        /// Same seed, same bytes.
        seed: u64,
        /// In bytes.
        len: usize,
    },
    /// A message as it is on the wire, for what a service does with some messages and not with others.
    Message(Vec<u8>),
    /// One byte longer than the framing can carry.
    TooLong,
    /// An `mnet` message, whose integers are in the framing's own byte order.
    Command {
        /// What is asked: the first field of the message.
        command: u32,
        /// Whether a reply is wanted: the second.
        wanted: u32,
        /// What stands behind them.
        body: Vec<u8>,
    },
    /// As long as the peer's limit; see [`Case::for_limit`](super::case::Case::for_limit).
    AtLimit,
}

/// Characters that many programs take for the end of a line, beside the line feed.
const LINE_ENDS: [char; 2] = ['\u{2028}', '\u{2029}'];

/// Nobody is made to read longer lines, in bytes.
const LONGEST_LINE: usize = 1024 * 1024;

impl Body {
    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Bytes(bytes) | Self::Message(bytes) | Self::Command { body: bytes, .. } => {
                Bytes::copy_from_slice(bytes)
            }
            Self::Repeat { byte, len } => Bytes::from(vec![*byte; *len]),
            Self::Letters { seed, len } => {
                let mut rng = fastrand::Rng::with_seed(*seed);
                (0..*len).map(|_| rng.alphanumeric() as u8).collect()
            }
            Self::Random { seed, len } => {
                let mut bytes = vec![0; *len];
                fastrand::Rng::with_seed(*seed).fill(&mut bytes);
                Bytes::from(bytes)
            }
            Self::TooLong | Self::AtLimit => Bytes::new(),
        }
    }

    /// How many bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) | Self::Message(bytes) | Self::Command { body: bytes, .. } => {
                bytes.len()
            }
            Self::Repeat { len, .. } | Self::Letters { len, .. } | Self::Random { len, .. } => *len,
            Self::TooLong | Self::AtLimit => 0,
        }
    }

    /// The same by the same rule where it is long, but shorter, and by how many bytes.
    pub(super) fn shortened(&self) -> (Self, u64) {
        const ENOUGH: usize = 64;
        let mut short = self.clone();
        match &mut short {
            Self::Repeat { len, .. } | Self::Letters { len, .. } | Self::Random { len, .. } => {
                *len = ENOUGH.min(*len);
            }
            _ => {}
        }
        let spared = self.len() - short.len();
        (short, spared as u64)
    }

    /// Becomes as long as the peer's limit, where that is its rule.
    pub(super) fn fill_in(&mut self, limit: u64) {
        if *self == Self::AtLimit {
            *self =
                Self::Letters { seed: limit, len: usize::try_from(limit).unwrap_or(usize::MAX) };
        }
    }

    /// Other bytes, where they are random.
    pub(super) const fn reseed(&mut self, by: u64) {
        if let Self::Letters { seed, .. } | Self::Random { seed, .. } = self {
            *seed = seed.wrapping_add(by);
        }
    }

    /// Whether it is the empty message.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a line of text can carry it: UTF-8, not empty, nothing that could end the line early.
    ///
    /// What a line cannot carry is not asked of a client of contract `lines`.
    #[must_use]
    pub fn fits_a_line(&self) -> bool {
        let plain = |c: char| !c.is_control() && !LINE_ENDS.contains(&c);
        match self {
            Self::Text(text) => !text.is_empty() && text.chars().all(plain),
            Self::Bytes(bytes) | Self::Message(bytes) => {
                let text = std::str::from_utf8(bytes);
                text.is_ok_and(|text| !text.is_empty() && text.chars().all(plain))
            }
            Self::Repeat { byte, len } => *len > 0 && byte.is_ascii() && plain((*byte).into()),
            Self::Letters { len, .. } => (1..=LONGEST_LINE).contains(len),
            Self::TooLong => true,
            Self::Random { .. } | Self::Command { .. } | Self::AtLimit => false,
        }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Body;

    #[test]
    fn a_seeded_body_is_the_same_each_time_and_differs_by_seed() {
        let body = |seed| Body::Random { seed, len: 64 }.bytes();
        assert_eq!(body(1), body(1));
        assert_ne!(body(1), body(2));
    }

    #[test]
    fn only_plain_text_fits_a_line() {
        assert!(Body::from("你好 🎉").fits_a_line());
        assert!(Body::Letters { seed: 1, len: 100 }.fits_a_line());
        for unfit in ["", "two\nlines", "bell\u{7}", "next\u{85}line", "sep\u{2028}arator"] {
            assert!(!Body::from(unfit).fits_a_line(), "{unfit:?}");
        }
        assert!(!Body::Bytes(vec![0xff]).fits_a_line());
    }
}
