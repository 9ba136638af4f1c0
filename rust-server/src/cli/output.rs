//! Where `rust-client` puts the answers: stdout, as lines or as frames. Written by `conversation`.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncWriteExt, Stdout, stdout};

use super::Failure;
use super::input::STDIO_FRAMING;
use crate::framing::MaxFrame;
use crate::limits;

/// Shown before each line that is typed.
const PROMPT: &[u8] = b"> ";

/// A sink of messages.
pub(super) struct Output {
    stdout: Stdout,
    form: Form,
    waiting: BytesMut,
}

/// How messages are shown.
#[derive(Clone, Copy)]
enum Form {
    /// Each on a line; bytes that are no UTF-8 are shown as U+FFFD.
    Lines { prompt: bool },
    /// Each as a frame of [`STDIO_FRAMING`].
    Frames,
}

impl Output {
    /// Lines; with a prompt behind each when somebody types.
    pub(super) fn lines(prompt: bool) -> Self {
        Self::new(Form::Lines { prompt })
    }

    pub(super) fn frames() -> Self {
        Self::new(Form::Frames)
    }

    fn new(form: Form) -> Self {
        Self { stdout: stdout(), form, waiting: BytesMut::new() }
    }

    /// Shows the prompt, if there is one.
    pub(super) async fn invite(&mut self) -> Result<(), Failure> {
        self.prompt();
        self.flush().await
    }

    /// Adds a message, which [`Output::flush`] writes.
    pub(super) fn put(&mut self, message: &[u8]) -> Result<(), Failure> {
        match self.form {
            Form::Lines { .. } => {
                let text = String::from_utf8_lossy(message);
                self.waiting.extend_from_slice(text.as_bytes());
                self.waiting.extend_from_slice(b"\n");
                self.prompt();
                Ok(())
            }
            Form::Frames => {
                // Its size was checked when it was received; here only the header limits it.
                let any_size = MaxFrame::new(u64::MAX);
                Ok(STDIO_FRAMING.encode(message, any_size, &mut self.waiting)?)
            }
        }
    }

    /// Whether another message should be added before what waits is written.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < limits::SEND_BUFFER
    }

    /// Writes what waits, through to whoever reads it.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        let written = async {
            self.stdout.write_all_buf(&mut self.waiting).await?;
            self.stdout.flush().await
        };
        written.await.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Said(format!("stdout: {error}")),
        })
    }

    fn prompt(&mut self) {
        if let Form::Lines { prompt: true } = self.form {
            self.waiting.extend_from_slice(PROMPT);
        }
    }
}
