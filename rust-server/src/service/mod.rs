//! What a server answers to a message. The server asks a [`Service`] once for each message; each
//! service is one file beside this one, and [`BuiltIn`] chooses among them by name.

mod answers;
mod built_in;
mod echo;

use bytes::Bytes;

pub use answers::Answers;
pub use built_in::{BuiltIn, UnknownService};
pub use echo::Echo;

use crate::framing::FrameError;

/// Answers messages. Each connection has a clone of its own, made when it begins, so a service may
/// keep state between the messages of one connection and cannot mix those of two (P6).
pub trait Service: Clone + Send + 'static {
    /// Answers one `message` by handing any number of messages to `answers`, mostly one. They are
    /// sent in that order, before those of the next message (P3).
    ///
    /// It must not block: other connections share the thread. If it panics, its connection ends after
    /// the answers to the messages before.
    ///
    /// # Errors
    /// The answer cannot be framed. The connection ends then, after the answers before it.
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError>;
}

/// What becomes of the connection after a message was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Continue,
    /// It ends as soon as the answers are sent; whatever else the client sent is not looked at.
    End,
}
