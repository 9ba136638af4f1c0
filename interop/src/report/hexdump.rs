//! A window on a stream as lines of hexadecimal, with offsets, header and body told apart, and the first
//! wrong byte marked.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};

use crate::model::excerpt::{Part, Window};

/// How many bytes stand on a line: with name, offset and text it fits 80 columns.
const ON_A_LINE: usize = 12;

/// The lines of a window. A header stands between `|`, and the byte at `offset` between brackets.
#[must_use]
pub fn lines(window: &Window, offset: usize) -> String {
    let mut text = String::new();
    let whole = window.bytes.len();
    let starts = (0..whole.max(1)).step_by(ON_A_LINE);
    for start in starts {
        let end = (start + ON_A_LINE).min(whole);
        line(&mut text, window, start..end, offset, end == whole);
    }
    text
}

fn line(
    text: &mut String,
    window: &Window,
    range: std::ops::Range<usize>,
    offset: usize,
    last: bool,
) {
    let header = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Cyan)));
    let wrong = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold();
    let marked = offset.checked_sub(window.start);
    let _ = write!(text, "{:>8}  ", window.start + range.start);
    let (mut width, mut readable) = (0, String::new());
    for at in range.clone() {
        let (byte, part) = (window.bytes[at], window.parts[at]);
        let style = match part {
            _ if marked == Some(at) => wrong,
            Part::FrameStart | Part::Header => header,
            Part::Body => Style::new(),
        };
        let before = at.checked_sub(1).filter(|_| at > range.start);
        let _ = write!(text, "{}{style}{byte:02x}{style:#}", between(window, marked, before, at));
        width += 3;
        readable.push(if byte.is_ascii_graphic() { char::from(byte) } else { '.' });
    }
    // Behind the last byte: it was the marked one, or the marked one is missing.
    let end = match marked {
        Some(marked) if last && marked == range.end => "[]",
        Some(marked) if range.contains(&marked) && marked + 1 == range.end => "]",
        _ if last && window.parts.last().is_some_and(|part| *part != Part::Body) => "|",
        _ => "",
    };
    let more = if last && window.more { " .." } else { "" };
    let behind = format!("{end}{more}");
    let room = (ON_A_LINE * 3 + 4).saturating_sub(width);
    let _ = writeln!(text, "{behind:<room$} {readable}");
}

/// What stands between a byte and the one before it on the line.
fn between(window: &Window, marked: Option<usize>, before: Option<usize>, at: usize) -> char {
    let body = |at: usize| window.parts[at] == Part::Body;
    let starts = window.parts[at] == Part::FrameStart;
    let ends = at > 0 && body(at) && !body(at - 1);
    match marked {
        Some(marked) if marked == at => '[',
        Some(marked) if before == Some(marked) => ']',
        _ if starts || ends => '|',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::model::excerpt::Excerpt;
    use crate::model::protocol::frame;
    use rust_server::framing::Framing;

    fn plain(expected: &[u8], got: &[u8]) -> [String; 2] {
        let offset = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
        let excerpt = Excerpt::around(Framing::DEFAULT, offset, expected, got);
        [excerpt.expected, excerpt.got]
            .map(|window| anstream::adapter::strip_str(&lines(&window, offset)).to_string())
    }

    #[test]
    fn header_body_and_the_first_wrong_byte_are_marked() {
        let due = [frame(Framing::DEFAULT, b"hello"), frame(Framing::DEFAULT, b"x")].concat();
        let mut got = due.clone();
        got[6] = b'L';
        let [expected, got] = plain(&due, &got);
        assert_eq!(
            expected.lines().next().unwrap().trim_end(),
            "       0  |00 00 00 05|68 65[6c]6c 6f|00 00 00     ....hello..."
        );
        assert!(got.contains("65[4c]6c"), "{got}");
        assert!(expected.lines().nth(1).unwrap().contains("      12   01|78"), "{expected}");
    }

    #[test]
    fn the_place_where_bytes_are_missing_is_marked_too() {
        let due = frame(Framing::DEFAULT, b"hello");
        let [expected, got] = plain(&due, &due[..4]);
        assert!(expected.contains("05[68]65"), "{expected}");
        assert!(got.contains("00 05[]"), "{got}");
        assert!(plain(&due, b"")[1].contains("[]"));
        let [_, got] = plain(&[7; 24], &[7; 12]);
        assert!(got.contains("[]"), "{got}");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let due: Vec<u8> = (0..=255).collect();
        let mut seen = due.clone();
        seen[150] = 0;
        for text in plain(&due, &seen) {
            assert!(text.lines().all(|line| line.len() + 14 <= 80), "{text}");
            assert!(text.lines().count() <= 4, "{text}");
        }
    }
}
