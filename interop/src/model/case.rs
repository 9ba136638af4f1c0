//! A case: one test as pure data. What the harness does, the clauses it covers, the role it tests.
//!
//! The catalogue writes cases, the plan pairs them with peers, the stage acts them out. No case
//! carries its own expected bytes: those are the [ledger](super::ledger)'s to know.

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::cut::Cut;
use super::names::{CaseId, Clause, Level, Role};
use super::transcript::{Conn, Stop};

/// One test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Its name; the same name in several roles is the same idea.
    pub id: CaseId,
    /// The mistake that it catches, in a few words.
    pub catches: String,
    /// The clauses that it covers.
    pub clauses: Vec<Clause>,
    /// How much it binds.
    pub level: Level,
    /// How much it binds a peer that declares `max_frame`, where that differs.
    pub level_with_limit: Option<Level>,
    /// Who is tested.
    pub role: Role,
    /// What the harness does, step by step.
    pub steps: Vec<Step>,
}

/// Something that the harness does, or waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Gives messages to a client program, which starts at its first one.
    Feed {
        /// Which client.
        conn: Conn,
        /// What it is told to send.
        messages: Vec<Body>,
    },
    /// Pairing: from here on the link cuts both directions of a connection so.
    Recut {
        /// Which connection.
        conn: Conn,
        /// Offsets count from here.
        cut: Cut,
    },
    /// Writes as the raw end; the connection is opened at the first write.
    Write(Write),
    /// Writes on several connections, their fragments mixed in a seeded order.
    Mixed {
        /// One for each connection.
        writes: Vec<Write>,
        /// Same seed, same order.
        seed: u64,
    },
    /// Waits until everything that is due has come.
    Settle,
    /// Tells the client program that there is no more to send.
    EndInput {
        /// Which client.
        conn: Conn,
    },
    /// Ends the raw end's direction (FIN).
    Finish {
        /// Which connection.
        conn: Conn,
    },
    /// Resets the connection (RST).
    Abort {
        /// Which connection.
        conn: Conn,
    },
}

/// How the conversation of client 0 with the raw end ends well: its input does, then the connection.
pub const GOOD_END_OF_CLIENT: [Step; 4] =
    [Step::EndInput { conn: 0 }, Step::Settle, Step::Finish { conn: 0 }, Step::Settle];

/// How the conversation of client 0 with a server ends well.
pub const GOOD_END_OF_PAIRING: [Step; 2] = [Step::EndInput { conn: 0 }, Step::Settle];

/// What one write puts on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Where.
    pub conn: Conn,
    /// What, one after the other.
    pub parts: Vec<Part>,
    /// In which fragments.
    pub cut: Cut,
}

/// A piece of what is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A frame with this body.
    Frame(Body),
    /// The first so many bytes of the frame with this body.
    Head {
        /// The body that the header announces.
        body: Body,
        /// How much of the frame, header included, in bytes.
        keep: usize,
    },
    /// The rest of the frame with this body.
    Tail {
        /// The body that the header announced.
        body: Body,
        /// How much of the frame was written before, in bytes.
        skip: usize,
    },
    /// A header that claims a body of this many bytes, alone.
    Claim(u64),
    /// Bytes that are not of the framing's making.
    Raw(Vec<u8>),
}

impl Case {
    /// Whether a client that is stopped so and takes `messages` in this form can be asked this case.
    ///
    /// An interrupted client never half-closes; a line cannot carry everything.
    #[must_use]
    pub fn suits_lines(&self, stop: Stop) -> bool {
        let fits = |body: &Body| body.fits_a_line();
        let every_message_fits = self.steps.iter().all(|step| match step {
            Step::Feed { messages, .. } => messages.iter().all(fits),
            _ => true,
        });
        every_message_fits && (stop == Stop::EndOfInput || !self.needs_half_close())
    }

    /// The longest message that a peer is asked to take, in bytes.
    #[must_use]
    pub fn longest_message(&self) -> u64 {
        let bodies = self.steps.iter().flat_map(Step::bodies);
        bodies.map(|body| body.len() as u64).max().unwrap_or(0)
    }

    /// The longest body that a header alone claims, in bytes.
    #[must_use]
    pub fn largest_claim(&self) -> u64 {
        let claim = |part: &Part| match part {
            Part::Claim(claim) => Some(*claim),
            _ => None,
        };
        let parts = self.steps.iter().flat_map(Step::writes).flat_map(|write| &write.parts);
        parts.filter_map(claim).max().unwrap_or(0)
    }

    /// Whether messages are due after the client's input has ended.
    fn needs_half_close(&self) -> bool {
        let ended = self.steps.iter().position(|step| matches!(step, Step::EndInput { .. }));
        ended.is_some_and(|at| match self.role {
            Role::Server => false,
            Role::Client => self.steps[at..]
                .iter()
                .any(|step| matches!(step, Step::Write(_) | Step::Mixed { .. })),
            Role::Pairing => at > 0 && self.steps[at - 1] != Step::Settle,
        })
    }
}

impl Step {
    fn writes(&self) -> &[Write] {
        match self {
            Self::Write(write) => std::slice::from_ref(write),
            Self::Mixed { writes, .. } => writes,
            _ => &[],
        }
    }

    /// The messages that pass between the peers because of it.
    fn bodies(&self) -> impl Iterator<Item = &Body> {
        let fed: &[Body] = match self {
            Self::Feed { messages, .. } => messages,
            _ => &[],
        };
        let written = self.writes().iter().flat_map(|write| &write.parts).filter_map(Part::body);
        fed.iter().chain(written)
    }
}

impl Part {
    const fn body(&self) -> Option<&Body> {
        match self {
            Self::Frame(body) | Self::Head { body, .. } | Self::Tail { body, .. } => Some(body),
            Self::Claim(_) | Self::Raw(_) => None,
        }
    }
}
