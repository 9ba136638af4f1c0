//! Addresses, durations and counts as newtypes that are read from text and checked once. The command
//! line parses them, the server and the client are configured with them.

mod address;
mod timeout;

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use thiserror::Error;

pub use address::{Address, ParseAddressError};
pub use timeout::{Grace, ParseDurationError, Timeout};

use crate::limits;

/// How many connections a server serves at once, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxConnections(NonZeroUsize);

impl MaxConnections {
    /// [`limits::DEFAULT_MAX_CONNECTIONS`].
    pub const DEFAULT: Self = match NonZeroUsize::new(limits::DEFAULT_MAX_CONNECTIONS) {
        Some(count) => Self(count),
        None => Self(NonZeroUsize::MIN),
    };

    /// So many connections.
    pub const fn new(count: NonZeroUsize) -> Self {
        Self(count)
    }

    /// Connections.
    pub const fn get(self) -> usize {
        self.0.get()
    }
}

/// Text that is no number of connections.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a number of connections: {0:?} (expected 1 or more)")]
pub struct ParseMaxConnectionsError(String);

impl FromStr for MaxConnections {
    type Err = ParseMaxConnectionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| ParseMaxConnectionsError(text.to_owned()))
    }
}

impl fmt::Display for MaxConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many threads serve connections, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// One.
    pub const DEFAULT: Self = Self(NonZeroUsize::MIN);

    /// So many threads.
    pub const fn new(count: NonZeroUsize) -> Self {
        Self(count)
    }

    /// Threads.
    pub const fn get(self) -> usize {
        self.0.get()
    }
}

/// Text that is no number of threads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a number of threads: {text:?} (expected 1 to {most})", most = limits::MOST_THREADS)]
pub struct ParseThreadsError {
    text: String,
}

impl FromStr for Threads {
    type Err = ParseThreadsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<NonZeroUsize>() {
            Ok(count) if count.get() <= limits::MOST_THREADS => Ok(Self(count)),
            _ => Err(ParseThreadsError { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
