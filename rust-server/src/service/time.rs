//! `time`: the answer to any message is the time.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{Answers, Next, Service};
use crate::framing::FrameError;

/// Answers each message by the seconds since 1970-01-01 UTC: four bytes, unsigned, big-endian. They
/// begin again at 0 in the year 2106.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time;

impl Service for Time {
    fn answer(&mut self, _message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        // A clock that was set before 1970 is taken for 1970.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        answers.send(&(since_1970.as_secs() as u32).to_be_bytes())?;
        Ok(Next::Continue)
    }
}
