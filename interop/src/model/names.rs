//! The small words that everything else is said in: case ids, peer names, clauses, roles, levels.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A case's name: a group and a slug, `framing.header-split`. Ids are never reused for another meaning.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct CaseId(String);

impl CaseId {
    /// Names a case. Ids are written in the catalogue alone, so a malformed one is a bug of ours.
    #[must_use]
    pub fn new(id: &str) -> Self {
        debug_assert!(id.split('.').count() == 2, "a case id has a group and a slug: {id}");
        Self(id.to_owned())
    }

    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A peer's unique name: `[a-z0-9-]+`, from its `peer.toml`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PeerName(String);

impl PeerName {
    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<PeerName> for String {
    fn from(name: PeerName) -> Self {
        name.0
    }
}

impl TryFrom<String> for PeerName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl FromStr for PeerName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(legal) {
            return Err(format!(
                "`{name}` is not a peer name: expected one or more of a-z, 0-9 and -"
            ));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A clause of the protocol, as `docs/protocol.md` numbers them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[expect(missing_docs, reason = "the numbers are the names; `Clause::rule` has the words")]
pub enum Clause {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    P8,
    P9,
    P10,
    P11,
    P12,
    P13,
}

impl Clause {
    /// Every clause, in the order of the document.
    pub const ALL: [Self; 13] = [
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        Self::P5,
        Self::P6,
        Self::P7,
        Self::P8,
        Self::P9,
        Self::P10,
        Self::P11,
        Self::P12,
        Self::P13,
    ];

    /// The rule in one sentence, word for word as in `docs/protocol.md`.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::P1 => {
                "A frame is a 4-byte unsigned big-endian length followed by exactly that many body bytes."
            }
            Self::P2 => {
                "Any length from 0 to the limit is valid. The body is opaque bytes; text peers put UTF-8 in it; the length counts bytes."
            }
            Self::P3 => {
                "The service's answer to each message is sent once, in order, on the same connection. Echo answers the same bytes."
            }
            Self::P4 => {
                "TCP segment boundaries carry no meaning: any cut and any coalescing of the stream gives the same messages."
            }
            Self::P5 => {
                "An incomplete message is answered by nothing; a complete one is answered without waiting for further bytes."
            }
            Self::P6 => {
                "Connections are independent: no shared parse state, no head-of-line blocking, no answer to the wrong client."
            }
            Self::P7 => {
                "FIN at a message boundary: all due answers are still delivered, then the server closes."
            }
            Self::P8 => {
                "FIN inside a frame: due answers are delivered, the truncated message is answered by nothing, the connection ends."
            }
            Self::P9 => {
                "A length above the limit ends that connection alone, from the header alone: no body awaited, no memory reserved; messages before it are answered."
            }
            Self::P10 => {
                "A peer that does not read is held back, not buffered without bound; when it reads again everything arrives."
            }
            Self::P11 => {
                "RST, refused input and foreign protocols never harm the process or another connection."
            }
            Self::P12 => {
                "Lifecycle: ready only when accepting; loopback unless told otherwise; SIGTERM ends it with 0, whole frames only; the port can be bound again at once; a taken port is a loud error."
            }
            Self::P13 => {
                "A client sends what it was told, byte-exact; delivers every message it received; half-closes at the end of its input and waits for what is due; its exit code tells the truth."
            }
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What is under test: a server, a client, or both talking to each other.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A server peer; the harness plays the clients.
    Server,
    /// A client peer; the harness plays the server.
    Client,
    /// A client peer and a server peer; the harness is the link between them.
    Pairing,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Pairing => "pairing",
        })
    }
}

/// How much a case binds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A failure fails the run.
    Must,
    /// A failure warns, and fails the run under `--strict`.
    Should,
    /// A failure is only reported.
    Info,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Info => "info",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Clause;

    #[test]
    fn the_rules_are_word_for_word_those_of_the_document() {
        let document = include_str!("../../../docs/protocol.md");
        for clause in Clause::ALL {
            let row = format!("| {clause} | {} |", clause.rule());
            assert!(document.contains(&row), "docs/protocol.md lacks: {row}");
        }
    }
}
