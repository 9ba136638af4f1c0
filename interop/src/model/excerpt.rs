//! The bytes around the first wrong one: what was due, what came, and where they part.

use std::fmt::Write as _;

/// How many bytes are shown before the first wrong byte.
const BEFORE: usize = 4;
/// How many bytes are shown from the first wrong byte on.
const AFTER: usize = 8;

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

    /// `.. 00 00 00[05]68 65 ..  |...he|`: hexadecimal with the byte at `offset` in brackets, then the
    /// printable bytes.
    #[must_use]
    pub fn hex(&self, offset: usize) -> String {
        let mut line = if self.start > 0 { "..".to_owned() } else { "  ".to_owned() };
        let marked = offset.checked_sub(self.start);
        for (at, byte) in self.bytes.iter().enumerate() {
            let before = match marked {
                Some(marked) if at == marked => '[',
                Some(marked) if at == marked + 1 => ']',
                _ => ' ',
            };
            let _ = write!(line, "{before}{byte:02x}");
        }
        line.push_str(match marked {
            Some(marked) if marked == self.bytes.len() => "[]",
            Some(marked) if marked + 1 == self.bytes.len() => "]",
            _ => " ",
        });
        if self.more {
            line.push_str(" ..");
        }
        line.push_str("  |");
        line.extend(self.bytes.iter().map(|&b| if b.is_ascii_graphic() { b as char } else { '.' }));
        line.push('|');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    #[test]
    fn an_excerpt_shows_the_bytes_around_the_first_wrong_one_and_marks_it() {
        let expected: Vec<u8> = (0x30..0x70).collect();
        let mut got = expected[..40].to_vec();
        got[20] = 0;
        let excerpt = Excerpt::around(20, &expected, &got);
        let line = excerpt.expected.hex(excerpt.offset);
        assert!(line.starts_with(".. 40 41 42 43[44]45 46"), "{line}");
        assert!(line.ends_with("..  |@ABCDEFGHIJK|"), "{line}");
        assert!(excerpt.got.hex(20).contains("43[00]45"));
    }

    #[test]
    fn the_place_where_bytes_are_missing_is_marked_too() {
        let excerpt = Excerpt::around(2, b"abcd", b"ab");
        assert!(excerpt.expected.hex(2).contains("62[63]64"), "{}", excerpt.expected.hex(2));
        assert!(excerpt.got.hex(2).contains("61 62[]"), "{}", excerpt.got.hex(2));
        assert!(Excerpt::around(0, b"ab", b"").got.hex(0).contains("[]"));
    }
}
