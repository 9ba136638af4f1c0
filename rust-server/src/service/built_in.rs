//! The services that come with the program, by name, as `--service` says them.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;

use super::{Answers, Echo, Next, Service};
use crate::framing::FrameError;

/// A service chosen by name.
#[derive(Debug, Clone)]
pub enum BuiltIn {
    /// `echo`.
    Echo(Echo),
}

impl BuiltIn {
    /// The names of all services, the default first.
    pub const NAMES: &'static [&'static str] = &["echo"];
}

impl Default for BuiltIn {
    fn default() -> Self {
        Self::Echo(Echo)
    }
}

impl Service for BuiltIn {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        match self {
            Self::Echo(service) => service.answer(message, answers),
        }
    }
}

/// A name that no service has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown service {0:?} (known: {names})", names = BuiltIn::NAMES.join(", "))]
pub struct UnknownService(String);

impl FromStr for BuiltIn {
    type Err = UnknownService;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "echo" => Ok(Self::Echo(Echo)),
            _ => Err(UnknownService(name.to_owned())),
        }
    }
}

impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo(_) => f.pad("echo"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_shown_the_same() {
        for name in BuiltIn::NAMES {
            assert_eq!(name.parse::<BuiltIn>().expect(name).to_string(), *name);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let refused = "ecko".parse::<BuiltIn>().expect_err("no such service");
        assert!(refused.to_string().contains("known: echo"), "{refused}");
    }
}
