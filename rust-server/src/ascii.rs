//! White space as the protocol means it: six bytes of ASCII, whatever the language or the locale calls
//! white space. Used by the framing `line` and by services that read text.

use std::ops::Range;

/// Tab, line feed, vertical tab, form feed, carriage return, space. Unlike
/// [`u8::is_ascii_whitespace`], which lacks the vertical tab.
pub(crate) const fn is_white_space(byte: &u8) -> bool {
    matches!(byte, 0x09..=0x0d | b' ')
}

/// Where `text` lies without the white space at both ends; empty when there is nothing else.
pub(crate) fn trimmed(text: &[u8]) -> Range<usize> {
    let is_kept = |byte: &u8| !is_white_space(byte);
    let start = text.iter().position(is_kept).unwrap_or(text.len());
    let end = text.iter().rposition(is_kept).map_or(start, |last| last + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_six_kinds_are_trimmed_and_what_lies_between_is_kept() {
        let text = b"\t\n\x0b\x0c\r a \x0b b\xc2\xa0 \r\x0c\x0b\n\t";
        assert_eq!(&text[trimmed(text)], b"a \x0b b\xc2\xa0");
    }

    #[test]
    fn blank_text_has_nothing_left() {
        for text in [&b""[..], b" ", b"\r\n"] {
            assert!(trimmed(text).is_empty(), "{text:?}");
        }
    }
}
