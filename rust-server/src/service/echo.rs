//! `echo`: the answer to a message is the message (P3).

use bytes::Bytes;

use super::{Answers, Next, Service};
use crate::framing::FrameError;

/// Answers each message by the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Echo;

impl Service for Echo {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        answers.send(&message)?;
        Ok(Next::Continue)
    }

    fn answers_alike(&self) -> bool {
        true
    }
}
