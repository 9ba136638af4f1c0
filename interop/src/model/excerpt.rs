//! The bytes around the first wrong one: what was due, what came, and where they part.

use std::fmt::Write as _;

/// How many bytes are shown before the first wrong byte.
const BEFORE: usize = 8;
/// How many bytes are shown from the first wrong byte on.
const AFTER: usize = 16;

/// A window on two streams that should have been the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Offset of the first wrong byte, from the start of the stream.
    pub offset: usize,
    /// What was due around it.
    pub expected: Window,
    /// What came.
    pub got: Window,
}

/// A few bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Offset of the first byte shown.
    pub start: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the stream goes on behind them.
    pub more: bool,
}

impl Excerpt {
    /// Looks at both streams around `offset`.
    #[must_use]
    pub fn around(offset: usize, expected: &[u8], got: &[u8]) -> Self {
        Self { offset, expected: Window::of(expected, offset), got: Window::of(got, offset) }
    }
}

impl Window {
    fn of(stream: &[u8], offset: usize) -> Self {
        let start = offset.saturating_sub(BEFORE).min(stream.len());
        let end = offset.saturating_add(AFTER).min(stream.len());
        Self { start, bytes: stream[start..end].to_vec(), more: end < stream.len() }
    }

    /// `00 00 00 05 68 65 …  ....he`: hexadecimal, then the printable bytes.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut line = if self.start > 0 { "… ".to_owned() } else { String::new() };
        for byte in &self.bytes {
            let _ = write!(line, "{byte:02x} ");
        }
        if self.bytes.is_empty() {
            line.push_str("(nothing) ");
        }
        if self.more {
            line.push_str("… ");
        }
        line.push_str(" |");
        line.extend(self.bytes.iter().map(|&b| if b.is_ascii_graphic() { b as char } else { '.' }));
        line.push('|');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    #[test]
    fn an_excerpt_shows_the_bytes_before_and_after_the_first_wrong_one() {
        let expected: Vec<u8> = (0..64).collect();
        let got = &expected[..20];
        let excerpt = Excerpt::around(20, &expected, got);
        assert_eq!(excerpt.expected.start, 12);
        assert_eq!(excerpt.expected.bytes.len(), 24);
        assert!(excerpt.expected.more && !excerpt.got.more);
        assert!(excerpt.got.hex().starts_with("… 0c 0d"), "{}", excerpt.got.hex());
    }

    #[test]
    fn nothing_at_all_is_said_in_words() {
        assert_eq!(Excerpt::around(0, b"\0", b"").got.hex(), "(nothing)  ||");
    }
}
