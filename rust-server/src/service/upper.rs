//! `upper`: the answer to a text is the text in capitals.

use bytes::Bytes;

use super::{Answers, Next, Service, is_exit};
use crate::framing::FrameError;

/// Answers each message, which is UTF-8, by its upper case as Unicode maps it, whatever the locale:
/// `straße` becomes `STRASSE`. `EXIT`, and what is no UTF-8, end the connection without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upper;

impl Service for Upper {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        match str::from_utf8(&message) {
            Ok(text) if !is_exit(text) => {
                answers.send(text.to_uppercase().as_bytes())?;
                Ok(Next::Continue)
            }
            Ok(_) | Err(_) => Ok(Next::End),
        }
    }
}
