//! `ack`: a message is acknowledged by itself behind a few words; `PING` is answered by `PONG`.

use bytes::Bytes;

use super::{Answers, Next, Service};
use crate::framing::FrameError;

/// Answers each message by the words "server received" in Chinese, a colon, a space and the message.
/// `PING` is the heartbeat of clients, and answered by `PONG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack;

impl Ack {
    /// What stands before the message in an answer: 17 bytes of UTF-8.
    pub const WORDS: &'static str = "服务器收到: ";

    /// The message of a heartbeat.
    pub const PING: &'static str = "PING";

    /// Its answer.
    pub const PONG: &'static str = "PONG";
}

impl Service for Ack {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        match &message[..] == Self::PING.as_bytes() {
            true => answers.send(Self::PONG.as_bytes())?,
            false => answers.send(&[Self::WORDS.as_bytes(), &message].concat())?,
        }
        Ok(Next::Continue)
    }
}
