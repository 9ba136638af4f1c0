//! `count`: the answer to a message is how long it is, and the connection ends.

use bytes::Bytes;

use super::{Answers, Next, Service};
use crate::framing::FrameError;

/// Answers a message by `you messagge is N bytes`, N in decimal, and ends the connection: one message
/// each. The spelling is the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count;

impl Service for Count {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        answers.send(format!("you messagge is {} bytes", message.len()).as_bytes())?;
        Ok(Next::End)
    }
}
