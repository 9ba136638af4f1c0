//! What a server answers to a message. The server asks a [`Service`] once for each message; each
//! service is one file beside this one, and [`BuiltIn`] chooses among them by name.

mod ack;
mod answers;
mod built_in;
mod count;
mod echo;
mod exec;
mod mnet;
mod pending;
mod time;
mod upper;

use bytes::Bytes;

pub use ack::Ack;
pub use answers::Answers;
pub use built_in::{BuiltIn, UnknownService, Unsuited};
pub use count::Count;
pub use echo::Echo;
pub use exec::{AllowedProgram, Exec, ParseAllowedProgramError};
pub use mnet::MnetCommands;
pub use pending::Pending;
pub use time::Time;
pub use upper::Upper;

use crate::ascii;
use crate::framing::FrameError;

/// Answers messages. Each connection has a clone of its own, made when it begins, so a service may
/// keep state between the messages of one connection and cannot mix those of two (P6). Of datagrams
/// each has its own.
pub trait Service: Clone + Send + 'static {
    /// Answers one `message` by handing any number of messages to `answers`, mostly one. They are
    /// sent in that order, before those of the next message (P3).
    ///
    /// It must not block, since other connections share the thread: what takes time is
    /// [`Next::Wait`]. If it panics, its connection ends after the answers to the messages before.
    ///
    /// # Errors
    /// The answer cannot be framed. The connection ends then, after the answers before it.
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError>;

    /// Whether every message is answered by itself and nothing else, and the connection goes on. Then
    /// what came is what is sent: where the framing lets it
    /// ([`Framing::has_one_form`](crate::framing::Framing::has_one_form)), a server sends whole
    /// runs of frames back from where it read them, without asking [`answer`](Service::answer).
    ///
    /// Asked once for each connection; no, unless a service says otherwise.
    fn answers_alike(&self) -> bool {
        false
    }
}

/// What becomes of the connection after a message was answered. Datagrams know no connection: nothing
/// ends, and each is answered or not.
#[derive(Debug)]
pub enum Next {
    /// It goes on.
    Continue,
    /// It goes on when this answer is there. Until then nothing more is read or answered; others are
    /// served meanwhile (P6).
    Wait(Pending),
    /// It ends as soon as the answers are sent; whatever else the client sent is not looked at.
    End,
}

/// Whether a text asks for the end of the connection: `EXIT` in any case, with white space around it.
fn is_exit(text: &str) -> bool {
    let text = text.as_bytes();
    text[ascii::trimmed(text)].eq_ignore_ascii_case(b"EXIT")
}
