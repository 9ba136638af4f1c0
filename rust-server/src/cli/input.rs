//! Where `rust-client` takes its messages from: arguments, lines or frames. Read by `conversation`.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, Stdin, stdin};

use super::Failure;
use crate::framing::{FrameError, Framing, MaxFrame};
use crate::limits;

/// The frames on stdin and stdout, whatever the framing to the server is.
pub(super) const STDIO_FRAMING: Framing = Framing::DEFAULT;

/// A source of messages.
pub(super) enum Input {
    /// From the command line.
    Arguments(VecDeque<String>),
    /// From stdin.
    Stdin {
        stdin: Stdin,
        form: Form,
        max: MaxFrame,
        buffer: BytesMut,
        ended: bool,
        searched: usize,
    },
}

/// How messages are told apart on stdin.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Each is a line; the last may lack its newline.
    Lines,
    /// Each is a frame of [`STDIO_FRAMING`].
    Frames,
}

impl Input {
    pub(super) fn arguments(messages: Vec<String>) -> Self {
        Self::Arguments(messages.into())
    }

    pub(super) fn lines(max: MaxFrame) -> Self {
        Self::stdin(Form::Lines, max)
    }

    pub(super) fn frames(max: MaxFrame) -> Self {
        Self::stdin(Form::Frames, max)
    }

    fn stdin(form: Form, max: MaxFrame) -> Self {
        let buffer = BytesMut::new();
        Self::Stdin { stdin: stdin(), form, max, buffer, ended: false, searched: 0 }
    }

    /// The next message that is there already, without waiting.
    pub(super) fn ready(&mut self) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::Arguments(messages) => Ok(messages.pop_front().map(Bytes::from)),
            Self::Stdin { form, max, buffer, ended, searched, .. } => {
                let message = match (form, ended) {
                    (Form::Lines, ended) => line(buffer, searched, *max, *ended),
                    (Form::Frames, false) => STDIO_FRAMING.decode(buffer, *max),
                    (Form::Frames, true) => STDIO_FRAMING.finish(buffer, *max),
                };
                message.map_err(|error| Failure::Said(format!("stdin: {error}")))
            }
        }
    }

    /// Whether there will be no more than what is [`ready`](Input::ready).
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Arguments(_) => true,
            Self::Stdin { ended, .. } => *ended,
        }
    }

    /// Waits for more input, or for its end.
    pub(super) async fn more(&mut self) -> Result<(), Failure> {
        let Self::Stdin { stdin, buffer, ended, .. } = self else {
            return Ok(());
        };
        buffer.reserve(limits::READ_STEP);
        match stdin.read_buf(buffer).await {
            Ok(got) => *ended = got == 0,
            Err(error) => return Err(Failure::Said(format!("stdin: {error}"))),
        }
        Ok(())
    }
}

/// Takes one line off `buffer`, without its end (LF or CRLF). The first `searched` bytes are known to
/// have no LF.
fn line(
    buffer: &mut BytesMut,
    searched: &mut usize,
    max: MaxFrame,
    ended: bool,
) -> Result<Option<Bytes>, FrameError> {
    let found = buffer[*searched..].iter().position(|byte| *byte == b'\n');
    let line = match found.map(|at| *searched + at) {
        Some(at) => {
            let mut line = buffer.split_to(at);
            buffer.advance(1);
            if line.last() == Some(&b'\r') {
                line.truncate(at - 1);
            }
            line
        }
        None if ended && !buffer.is_empty() => buffer.split(),
        // A line that is too long already is not waited for to the end, and not kept.
        None if buffer.len() as u64 > max.get().saturating_add(1) => buffer.split(),
        None => {
            *searched = buffer.len();
            return Ok(None);
        }
    };
    *searched = 0;
    if line.len() as u64 > max.get() {
        return Err(FrameError::TooLong { got: line.len() as u64, limit: max.get() });
    }
    Ok(Some(line.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(text: &str, max: u64) -> (Vec<String>, Option<FrameError>) {
        let mut buffer = BytesMut::from(text);
        let mut searched = 0;
        let mut lines = Vec::new();
        loop {
            match line(&mut buffer, &mut searched, MaxFrame::new(max), true) {
                Ok(Some(line)) => lines.push(String::from_utf8_lossy(&line).into_owned()),
                Ok(None) => return (lines, None),
                Err(error) => return (lines, Some(error)),
            }
        }
    }

    #[test]
    fn each_line_is_a_message_without_its_end() {
        let (lines, error) = lines_of("one\r\n\ntwo words\nlast", 100);
        assert_eq!(lines, ["one", "", "two words", "last"]);
        assert_eq!(error, None);
    }

    #[test]
    fn a_carriage_return_belongs_to_the_end_of_a_line_only() {
        let (lines, _) = lines_of("a\rb\r\r\nlast\r", 100);
        assert_eq!(lines, ["a\rb\r", "last\r"]);
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_searched_once_and_found_whole() {
        let (mut buffer, mut searched) = (BytesMut::new(), 0);
        for piece in ["on", "e\r"] {
            buffer.extend_from_slice(piece.as_bytes());
            assert_eq!(line(&mut buffer, &mut searched, MaxFrame::DEFAULT, false), Ok(None));
            assert_eq!(searched, buffer.len());
        }
        buffer.extend_from_slice(b"\n\ntwo");
        for whole in ["one", ""] {
            let found = line(&mut buffer, &mut searched, MaxFrame::DEFAULT, false);
            assert_eq!(found, Ok(Some(whole.into())));
        }
        assert_eq!(line(&mut buffer, &mut searched, MaxFrame::DEFAULT, false), Ok(None));
        assert_eq!(
            line(&mut buffer, &mut searched, MaxFrame::DEFAULT, true),
            Ok(Some("two".into()))
        );
    }

    #[test]
    fn a_line_over_the_limit_is_refused() {
        let (lines, error) = lines_of("abc\nabcd\n", 3);
        assert_eq!(lines, ["abc"]);
        assert_eq!(error, Some(FrameError::TooLong { got: 4, limit: 3 }));
    }
}
