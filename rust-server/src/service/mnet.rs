//! `mnet`: commands that ask for a reply are answered by their own body. Only for the framings `mnet`
//! and `mnet-le`, which say in which order the bytes of a command stand.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Answers, Next, Service};
use crate::framing::{FrameError, Framing};

/// Answers REQUEST and PARAM, if a reply is wanted, by INFORM with the same body. INFORM is not
/// answered; EXIT, and any other command, end the connection without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MnetCommands;

impl MnetCommands {
    /// The command that brings something, an answer among others.
    pub const INFORM: u32 = 1;
    /// The command that asks for something.
    pub const REQUEST: u32 = 2;
    /// The command that sets something.
    pub const PARAM: u32 = 3;
    /// The command that ends the connection.
    pub const EXIT: u32 = 4;
}

impl Service for MnetCommands {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        let Framing::Mnet(mnet) = answers.framing() else { return Ok(Next::End) };
        let number = |bytes: &[u8; 4]| mnet.order.number(*bytes);
        // Each message of the framing has both numbers; the rest is the body.
        let Some((command, rest)) = message.split_first_chunk() else { return Ok(Next::End) };
        let Some((reply_wanted, body)) = rest.split_first_chunk() else { return Ok(Next::End) };
        match number(command) {
            Self::INFORM => Ok(Next::Continue),
            Self::REQUEST | Self::PARAM => {
                if number(reply_wanted) != 0 {
                    let mut inform = BytesMut::with_capacity(message.len());
                    inform.put_slice(&mnet.order.to_bytes(Self::INFORM));
                    inform.put_slice(&mnet.order.to_bytes(0));
                    inform.put_slice(body);
                    answers.send(&inform)?;
                }
                Ok(Next::Continue)
            }
            _ => Ok(Next::End),
        }
    }
}
