//! Why a figure cannot be trusted.

use std::fmt;

use serde::{Serialize, Serializer};

/// A reason not to trust all figures of a server under a load, with how bad it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// The rounds of a figure differ, by this share of their median.
    Apart(&'static str, f64),
    /// The generator sent what was due so much too late, in microseconds, at the 99th percentile.
    Behind(f64),
    /// The server answered so many messages a second of those that it was sent.
    Saturated {
        /// So many,
        answered: f64,
        /// of these.
        sent: usize,
    },
    /// So many messages had no answer when the generator gave up.
    Unanswered(u64),
    /// The generator could do no more.
    Exhausted,
    /// The host took this share of the processors.
    Stolen(f64),
    /// Other programs took so much of a processor.
    Others(f64),
    /// Those who besieged the server took so much of the generator's processor.
    Besiegers(f64),
    /// The processors ran at different speeds, in megahertz.
    Frequencies(f64, f64),
    /// The server left the core it was given.
    Elsewhere,
}

impl Doubt {
    /// Whether it is the same reason, however bad.
    #[must_use]
    pub fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Apart(one, _), Self::Apart(other, _)) => one == other,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other),
        }
    }

    /// How bad it is, beside others of its kind.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::Apart(_, share)
            | Self::Stolen(share)
            | Self::Others(share)
            | Self::Besiegers(share) => share,
            Self::Behind(microseconds) => microseconds,
            Self::Saturated { answered, sent } => 1.0 - answered / sent as f64,
            Self::Unanswered(messages) => messages as f64,
            Self::Frequencies(slowest, fastest) => fastest / slowest,
            Self::Exhausted | Self::Elsewhere => 0.0,
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart(figure, share) => {
                write!(f, "{figure}: the rounds lie {:.0} % apart", share * 100.0)
            }
            Self::Behind(microseconds) => write!(
                f,
                "the generator fell behind: it sent one message in a hundred {microseconds:.0} us late or more, \
                 which is in the latencies"
            ),
            Self::Saturated { answered, sent } => write!(
                f,
                "the server was saturated: it answered {answered:.0} of {sent} messages a second, so the longer it \
                 lasts the longer they wait"
            ),
            Self::Unanswered(messages) => write!(
                f,
                "{messages} messages had no answer at the end: they would have waited longer than is told"
            ),
            Self::Exhausted => f.write_str(
                "the generator was at work all the time: messages a second are its own limit",
            ),
            Self::Stolen(share) => {
                write!(f, "the host took up to {:.0} % of the processors in a round", share * 100.0)
            }
            Self::Others(share) => {
                let percent = share * 100.0;
                write!(f, "other programs took up to {percent:.0} % of a processor in a round")
            }
            Self::Besiegers(share) => write!(
                f,
                "the besiegers took up to {:.0} % of the generator's processor, which is in the latencies",
                share * 100.0
            ),
            Self::Frequencies(slowest, fastest) => {
                write!(f, "the processors ran at {slowest:.0} to {fastest:.0} MHz")
            }
            Self::Elsewhere => {
                f.write_str("the server ran on other cores than the one it was given")
            }
        }
    }
}

impl Serialize for Doubt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
