//! The bytes around the first wrong one: what was due, what came, and where they part.

use std::fmt::Write as _;

use rust_server::framing::{Framing, MaxFrame, Parse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many bytes of each stream are shown.
const SHOWN: usize = 32;
/// How many bytes are shown before the first wrong byte, where the frame that holds it begins too far before.
const BEFORE: usize = 12;

/// A window on two streams that should have been the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// Offset of the first wrong byte, from the start of the stream.
    pub offset: usize,
    /// What was due around it.
    pub expected: Window,
    /// What came.
    pub got: Window,
}

/// A few bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WindowText", into = "WindowText")]
#[schemars(with = "WindowText")]
pub struct Window {
    /// Offset of the first byte shown.
    pub start: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What each of them is to the framing, as far as the stream can be followed.
    pub parts: Vec<Part>,
    /// Whether the stream goes on behind them.
    pub more: bool,
}

/// A [`Window`] as it stands in a document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WindowText {
    /// Offset of the first byte shown.
    start: usize,
    /// The bytes, in hexadecimal.
    hex: String,
    /// Where frames begin, counted from `start`.
    frames: Vec<usize>,
    /// A letter for each byte: `h` for one of a header, `b` for one of a body.
    parts: String,
    /// Whether the stream goes on behind them.
    more: bool,
}

impl From<Window> for WindowText {
    fn from(window: Window) -> Self {
        let Window { start, bytes, parts, more } = window;
        let mut hex = String::with_capacity(bytes.len() * 2);
        for byte in &bytes {
            let _ = write!(hex, "{byte:02x}");
        }
        let starts = parts.iter().enumerate().filter(|(_, part)| **part == Part::FrameStart);
        let frames = starts.map(|(at, _)| at).collect();
        let letter = |part: &Part| if *part == Part::Body { 'b' } else { 'h' };
        Self { start, hex, frames, parts: parts.iter().map(letter).collect(), more }
    }
}

impl TryFrom<WindowText> for Window {
    type Error = String;

    fn try_from(text: WindowText) -> Result<Self, String> {
        let WindowText { start, hex, frames, parts, more } = text;
        let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
        let bytes = bytes.ok_or_else(|| format!("`{hex}` is not hexadecimal"))?;
        let part = |(at, letter)| match letter {
            'h' if frames.contains(&at) => Part::FrameStart,
            'h' => Part::Header,
            _ => Part::Body,
        };
        let parts: Vec<Part> = parts.chars().enumerate().map(part).collect();
        if parts.len() != bytes.len() {
            return Err(format!("{} parts for {} bytes", parts.len(), bytes.len()));
        }
        Ok(Self { start, bytes, parts, more })
    }
}

/// What a byte is to the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first byte of a header.
    FrameStart,
    /// Another byte of a header.
    Header,
    /// A byte of a body.
    Body,
}

impl Excerpt {
    /// Looks at both streams around `offset`, from the beginning of a frame where one is near.
    #[must_use]
    pub fn around(framing: Framing, offset: usize, expected: &[u8], got: &[u8]) -> Self {
        let frame = frame_start(framing, expected, offset);
        let start = if offset - frame <= BEFORE { frame } else { offset - BEFORE };
        let window = |stream| Window::of(framing, stream, start);
        Self { offset, expected: window(expected), got: window(got) }
    }
}

impl Window {
    fn of(framing: Framing, stream: &[u8], start: usize) -> Self {
        let start = start.min(stream.len());
        let end = start.saturating_add(SHOWN).min(stream.len());
        let parts = parts(framing, stream, start, end);
        Self { start, bytes: stream[start..end].to_vec(), parts, more: end < stream.len() }
    }
}

/// Where the last frame begins that begins at `offset` or before.
fn frame_start(framing: Framing, stream: &[u8], offset: usize) -> usize {
    frames(framing, stream).take_while(|start| *start <= offset).last().unwrap_or(0)
}

/// Where the frames begin, up to the last, which may be incomplete.
fn frames(framing: Framing, stream: &[u8]) -> impl Iterator<Item = usize> {
    let next = move |start: &usize| {
        let rest = stream.get(*start..)?;
        match framing.parse(rest, MaxFrame::new(u64::MAX)) {
            Ok(Parse::Frame { len, .. } | Parse::Blank { len }) => Some(start + len),
            _ => None,
        }
    };
    std::iter::successors(Some(0), next)
}

fn parts(framing: Framing, stream: &[u8], start: usize, end: usize) -> Vec<Part> {
    let mut parts = vec![Part::Body; end - start];
    for frame in frames(framing, stream).take_while(|frame| *frame < end) {
        for at in frame.max(start)..(frame + framing.header_len()).clamp(start, end) {
            parts[at - start] = if at == frame { Part::FrameStart } else { Part::Header };
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(bodies: &[&str]) -> Vec<u8> {
        let frame = |body: &&str| crate::model::protocol::frame(Framing::DEFAULT, body.as_bytes());
        bodies.iter().flat_map(frame).collect()
    }

    #[test]
    fn an_excerpt_begins_with_the_frame_of_the_first_wrong_byte_when_that_is_near() {
        let stream = framed(&["hello", "world"]);
        let excerpt = Excerpt::around(Framing::DEFAULT, 14, &stream, &stream[..14]);
        assert_eq!(excerpt.expected.start, 9);
        assert_eq!(excerpt.expected.bytes, framed(&["world"]));
        assert_eq!(excerpt.got.bytes, stream[9..14]);
        let far = Excerpt::around(Framing::DEFAULT, 104, &[7; 200], &[7; 104]);
        assert_eq!((far.expected.start, far.expected.more), (104 - BEFORE, true));
    }

    #[test]
    fn header_and_body_are_told_apart() {
        use Part::{Body, FrameStart, Header};
        let stream = framed(&["a", "b"]);
        let excerpt = Excerpt::around(Framing::DEFAULT, 4, &stream, b"");
        let once = [FrameStart, Header, Header, Header, Body];
        assert_eq!(excerpt.expected.parts, [once, once].concat());
        assert_eq!(excerpt.got.parts, []);
    }
}
