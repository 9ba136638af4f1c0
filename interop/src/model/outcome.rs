//! What a case came to: outcome, blame, evidence. The vocabulary of every report.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::excerpt::Excerpt;
use super::names::{Clause, Level};
use super::sweep::Ruler;
use super::transcript::Channel;

/// What a case came to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All was as the clauses say.
    Pass,
    /// Something was not.
    Fail,
    /// Something was not, and the peer's manifest says so, with a reason.
    Known,
    /// The peer is not available here.
    Skipped,
    /// The peer said that it does not do this: by exit status 77, or by a `max_frame` that leaves no room for it.
    Unsupported,
    /// The case could not be played: the harness or its environment, or a peer that does not start.
    Error,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Known => "known",
            Self::Skipped => "skipped",
            Self::Unsupported => "unsupported",
            Self::Error => "error",
        })
    }
}

/// Whose fault it is. It never changes the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The client peer.
    Client,
    /// The server peer.
    Server,
    /// The harness itself.
    Harness,
    /// The machine: a missing program, a taken port.
    Environment,
    /// The evidence does not say.
    Undecided,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Harness => "harness",
            Self::Environment => "environment",
            Self::Undecided => "undecided",
        })
    }
}

/// How the connection under test ended: an observation, which some clauses judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Close {
    /// An orderly end, at a message boundary.
    Fin,
    /// An orderly end in the middle of a frame.
    FinInsideFrame,
    /// A reset.
    Reset,
    /// It did not end, and nothing more came.
    Stall,
    /// The process returned.
    Exit,
    /// A signal ended the process.
    Signal,
}

/// Something that a clause does not allow.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The clause.
    pub clause: Clause,
    /// Whose fault.
    pub blame: Blame,
    /// What was seen and what was due, in one sentence.
    pub summary: String,
    /// The mistake behind it, where the bytes betray one.
    pub diagnosis: Option<String>,
    /// The bytes around the first wrong one.
    pub excerpt: Option<Excerpt>,
    /// In a sweep, where it goes wrong and where it does not.
    pub ruler: Option<Ruler>,
    /// How much it binds, where that is not the level of the case.
    pub weight: Weight,
    /// Where it was seen, where it was in what somebody sent.
    pub channel: Option<Channel>,
}

/// How much a finding binds, beside the case that found it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// As much as the case does.
    #[default]
    OfCase,
    /// It binds whatever the level of the case: a server that dies, or accepts no more.
    Binds,
    /// It only warns: lateness, reserved addresses.
    Warns,
    /// It is only worth telling.
    Informs,
}

impl Weight {
    /// The level of a finding in a case of this level.
    #[must_use]
    pub fn of(self, case: Level) -> Level {
        match self {
            Self::OfCase => case,
            Self::Binds => Level::Must,
            Self::Warns => case.max(Level::Should),
            Self::Informs => Level::Info,
        }
    }
}

impl Finding {
    /// A finding without bytes to show.
    #[must_use]
    pub const fn new(clause: Clause, blame: Blame, summary: String) -> Self {
        Self {
            clause,
            blame,
            summary,
            diagnosis: None,
            excerpt: None,
            ruler: None,
            weight: Weight::OfCase,
            channel: None,
        }
    }

    /// Where the first wrong byte is, or one that did not come: in what was sent, and at which offset.
    #[must_use]
    pub fn place(&self) -> Option<(Channel, usize)> {
        self.channel.zip(self.excerpt.as_ref().map(|excerpt| excerpt.offset))
    }

    /// The same, with a weight of its own.
    #[must_use]
    pub fn weighing(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }
}

/// The oracle's word on one case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The first thing that was wrong; `None` is a pass.
    pub finding: Option<Finding>,
    /// How the connection ended, where it did.
    pub close: Option<Close>,
    /// Whether something was waited for in vain.
    pub stalled: bool,
    /// What is worth telling although it is right.
    pub note: Option<String>,
    /// Whether the cuts are known to have reached the peer as planned.
    pub confirmed: bool,
}
