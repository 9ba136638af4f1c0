//! One load: how many connections, messages of which size, and what makes the next one be sent.

use std::fmt;
use std::str::FromStr;

use rust_server::framing::MaxFrame;
use serde::{Serialize, Serializer};

/// Connections that one cell may have: what a generator's descriptors allow for.
pub const MOST_CONNECTIONS: usize = 10_000;
/// Messages on their way on one connection.
pub const MOST_DEPTH: usize = 1024;
/// Messages a second: more than one generator sends.
pub const MOST_RATE: usize = 1_000_000;
/// Bytes of a body.
const LARGEST_SIZE: usize = 16 * 1024 * 1024;
/// Bytes that all connections together may have on their way: what either side may have to hold.
const MOST_ON_THE_WAY: usize = 1024 * 1024 * 1024;

/// A load, written `CONNECTIONS:SIZE:DEPTH`, as in `64:1KiB:16`, or `CONNECTIONS:SIZE:RATE/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Connections, all open for the whole cell.
    pub connections: usize,
    /// Bytes of each message's body.
    pub size: usize,
    /// When messages are sent.
    pub pace: Pace,
}

/// When a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// When an answer has come, a closed loop: so many messages are on their way on each connection.
    Depth(usize),
    /// When its time has come, an open loop: so many a second over all connections, whatever the server does.
    Rate(usize),
}

/// Text that is no load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// Not three parts, or one of them is no number.
    #[error(
        "not a load: {0:?} (expected CONNECTIONS:SIZE:DEPTH, such as 64:1KiB:16, or CONNECTIONS:SIZE:RATE/s)"
    )]
    Form(String),
    /// A part is out of its bounds.
    #[error("{what} is {got} (expected {expected})")]
    Bounds {
        /// Which part.
        what: &'static str,
        /// What it is.
        got: usize,
        /// What it may be.
        expected: String,
    },
}

impl Cell {
    /// The loads that show most in little time: short messages one by one, pipelined, a kibibyte
    /// pipelined, and large ones.
    pub const QUICK: [Self; 4] = [
        Self { connections: 64, size: 16, pace: Pace::Depth(1) },
        Self { connections: 64, size: 64, pace: Pace::Depth(32) },
        Self { connections: 64, size: 1024, pace: Pace::Depth(16) },
        Self { connections: 16, size: 64 * 1024, pace: Pace::Depth(4) },
    ];

    /// Those, and the ends of the scale: one connection, a thousand, and a mebibyte.
    pub const FULL: [Self; 7] = [
        Self::QUICK[0],
        Self::QUICK[1],
        Self::QUICK[2],
        Self::QUICK[3],
        Self { connections: 1, size: 16, pace: Pace::Depth(1) },
        Self { connections: 1000, size: 64, pace: Pace::Depth(1) },
        Self { connections: 4, size: 1024 * 1024, pace: Pace::Depth(2) },
    ];

    /// A load within all bounds.
    ///
    /// # Errors
    /// [`CellError::Bounds`].
    pub fn new(connections: usize, size: usize, pace: Pace) -> Result<Self, CellError> {
        let within = |what, got: usize, least: usize, most: usize| match (least..=most)
            .contains(&got)
        {
            true => Ok(()),
            false => Err(CellError::Bounds { what, got, expected: format!("{least} to {most}") }),
        };
        within("the number of connections", connections, 1, MOST_CONNECTIONS)?;
        within("the size in bytes", size, 0, LARGEST_SIZE)?;
        match pace {
            Pace::Rate(rate) => within("the rate", rate, 1, MOST_RATE)?,
            Pace::Depth(depth) => {
                within("the depth", depth, 1, MOST_DEPTH)?;
                let on_the_way = connections * size * depth;
                within("the number of bytes on their way at once", on_the_way, 0, MOST_ON_THE_WAY)?;
            }
        }
        Ok(Self { connections, size, pace })
    }
}

impl FromStr for Cell {
    type Err = CellError;

    fn from_str(text: &str) -> Result<Self, CellError> {
        let form = || CellError::Form(text.to_owned());
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or_else(form);
        let connections = part()?.parse().map_err(|_| form())?;
        let size = part()?.parse::<MaxFrame>().map_err(|_| form())?.get();
        let pace = part()?;
        let number = |text: &str| text.parse().map_err(|_| form());
        let pace = match pace.strip_suffix("/s") {
            Some(rate) => Pace::Rate(number(rate)?),
            None => Pace::Depth(number(pace)?),
        };
        Self::new(connections, usize::try_from(size).unwrap_or(usize::MAX), pace)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = MaxFrame::new(self.size as u64).to_string().replace(' ', "");
        write!(f, "{}:{size}:", self.connections)?;
        match self.pace {
            Pace::Depth(depth) => write!(f, "{depth}"),
            Pace::Rate(rate) => write!(f, "{rate}/s"),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_read_back_as_it_is_shown() {
        let open = Cell { connections: 64, size: 1024, pace: Pace::Rate(20_000) };
        for cell in Cell::FULL.into_iter().chain([open]) {
            assert_eq!(cell.to_string().parse(), Ok(cell));
        }
        let closed = Cell { connections: 64, size: 1024, pace: Pace::Depth(16) };
        assert_eq!("64:1KiB:16".parse(), Ok(closed));
        assert_eq!("64:1KiB:20000/s".parse(), Ok(open));
    }

    #[test]
    fn what_is_no_load_is_refused_and_so_is_one_that_no_machine_bears() {
        for text in ["", "64", "64:1KiB", "a:1:1", "1:1:b", "1:1:1:1", "1:1:/s", "1:1:9/m"] {
            assert!(matches!(text.parse::<Cell>(), Err(CellError::Form(_))), "{text}");
        }
        for text in
            ["0:1:1", "10001:1:1", "1:1:0", "1:17MiB:1", "1:1:1025", "1000:16MiB:1024", "1:1:0/s"]
        {
            assert!(matches!(text.parse::<Cell>(), Err(CellError::Bounds { .. })), "{text}");
        }
    }
}
