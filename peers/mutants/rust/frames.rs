//! How messages lie on a byte stream: a 4-byte unsigned big-endian length, then the body (P1).

use std::fmt;
use std::io::{self, BufReader, Read};

use crate::bugs::{self, Bug};

pub const HEADER_SIZE: usize = 4;
pub const MAX_FRAME: usize = 16 * 1024 * 1024; // what peer.toml promises

/// Why a stream gives no more messages, other than its end at a boundary.
#[derive(Debug)]
pub enum Fault {
    Truncated,
    TooLong(usize),
    Lost(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(f, "the stream ended inside a frame"),
            Self::TooLong(length) => {
                write!(f, "{length} bytes announced, the limit is {MAX_FRAME}")
            }
            Self::Lost(error) => write!(f, "{error}"),
        }
    }
}

pub fn encode(bug: Bug, body: &[u8]) -> Vec<u8> {
    [&bugs::header(bug, body), body].concat()
}

/// The next message; `None` where the stream ends at a boundary.
pub fn next(bug: Bug, input: &mut BufReader<impl Read>) -> Result<Option<Vec<u8>>, Fault> {
    let Some(header) = bugs::read_header(bug, input)? else { return Ok(None) };
    let length = bugs::length(bug, header);
    bugs::reserve(bug, length);
    if length > MAX_FRAME {
        return Err(Fault::TooLong(length));
    }
    let body = bugs::read_body(bug, input, length)?;
    Ok(Some(bugs::received(bug, body)))
}
