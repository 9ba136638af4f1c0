//! The services that come with the program, by name, as `--service` says them.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;

use super::{Ack, Answers, Count, Echo, Exec, MnetCommands, Next, Service, Time, Upper};
use crate::framing::{FrameError, Framing};

/// A service chosen by name.
#[derive(Debug, Clone)]
pub enum BuiltIn {
    /// `echo`.
    Echo(Echo),
    /// `ack`.
    Ack(Ack),
    /// `upper`.
    Upper(Upper),
    /// `count`.
    Count(Count),
    /// `mnet`.
    Mnet(MnetCommands),
    /// `exec`; by its name alone it allows no program.
    Exec(Exec),
    /// `time`.
    Time(Time),
}

impl BuiltIn {
    /// The names of all services, the default first.
    pub const NAMES: &'static [&'static str] =
        &["echo", "ack", "upper", "count", "mnet", "exec", "time"];

    /// Whether all that this service answers can be carried by a framing, and makes sense there.
    ///
    /// # Errors
    /// Why not.
    pub fn suits(&self, framing: Framing) -> Result<(), Unsuited> {
        let why = match (self, framing) {
            (Self::Mnet(_), Framing::Mnet(_)) | (Self::Echo(_), _) => return Ok(()),
            (Self::Mnet(_), _) => "it answers messages of the framings mnet and mnet-le",
            (_, Framing::Mnet(_)) => {
                "its answers do not begin with a command, as they have to there"
            }
            (Self::Time(_), Framing::Line(_) | Framing::Fixed1024(_)) => {
                "its answer is any four bytes, which cannot all be carried"
            }
            (Self::Exec(_), Framing::Line(_)) => "its answers have many lines",
            (Self::Exec(_), Framing::Datagram(_)) => {
                "no connection would end there to end the program"
            }
            _ => return Ok(()),
        };
        Err(Unsuited { service: self.to_string(), framing, why })
    }
}

/// A service and a framing that make no sense together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("service {service} does not go with framing {framing}: {why}")]
pub struct Unsuited {
    service: String,
    framing: Framing,
    why: &'static str,
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
            Self::Ack(service) => service.answer(message, answers),
            Self::Upper(service) => service.answer(message, answers),
            Self::Count(service) => service.answer(message, answers),
            Self::Mnet(service) => service.answer(message, answers),
            Self::Exec(service) => service.answer(message, answers),
            Self::Time(service) => service.answer(message, answers),
        }
    }

    fn answers_alike(&self) -> bool {
        match self {
            Self::Echo(service) => service.answers_alike(),
            Self::Ack(service) => service.answers_alike(),
            Self::Upper(service) => service.answers_alike(),
            Self::Count(service) => service.answers_alike(),
            Self::Mnet(service) => service.answers_alike(),
            Self::Exec(service) => service.answers_alike(),
            Self::Time(service) => service.answers_alike(),
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
            "ack" => Ok(Self::Ack(Ack)),
            "upper" => Ok(Self::Upper(Upper)),
            "count" => Ok(Self::Count(Count)),
            "mnet" => Ok(Self::Mnet(MnetCommands)),
            "exec" => Ok(Self::Exec(Exec::allowing([]))),
            "time" => Ok(Self::Time(Time)),
            _ => Err(UnknownService(name.to_owned())),
        }
    }
}

impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Echo(_) => "echo",
            Self::Ack(_) => "ack",
            Self::Upper(_) => "upper",
            Self::Count(_) => "count",
            Self::Mnet(_) => "mnet",
            Self::Exec(_) => "exec",
            Self::Time(_) => "time",
        })
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
