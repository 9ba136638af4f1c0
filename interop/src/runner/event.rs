//! What a run tells: the only door between running and showing.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::case::Case;
use crate::model::dialogue::Dialogue;
use crate::model::excerpt::Excerpt;
use crate::model::names::{CaseId, Clause, Level, PeerName, Role};
use crate::model::outcome::{Blame, Close, Finding, Outcome};
use crate::model::protocol::{Protocol, Transport, as_text, from_text};
use crate::model::service::Service;
use crate::model::sweep::Ruler;

use super::clock::UnitTimes;
use super::plan::Unit;
use super::shard::Shard;

/// Something that happened in a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// The run begins.
    Planned {
        /// How many cases will be told of.
        cases: usize,
        /// Same seed, same run.
        seed: u64,
        /// Which part of a run it is, where it is one.
        shard: Option<Shard>,
    },
    /// A unit has its seat: its programs are built if need be, and its cases are played.
    UnitStarted {
        /// The server peer.
        server: Option<PeerName>,
        /// The client peer.
        client: Option<PeerName>,
        /// What they speak.
        protocol: Protocol,
    },
    /// A case has come to something.
    CaseFinished(Box<CaseResult>),
    /// A unit has played all its cases, and its programs are gone. Not told of one that did not begin.
    UnitFinished(Box<UnitTimes>),
    /// The run is over.
    Finished(Summary),
}

/// What one case came to. As JSON it is one element of `results`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// The case.
    pub case: CaseId,
    /// The mistake that it catches.
    #[serde(default)]
    pub catches: String,
    /// The clauses that it covers.
    pub requirement: Vec<Clause>,
    /// How much it binds this peer.
    pub level: Level,
    /// Who was under test.
    pub role: Role,
    /// The server peer.
    pub server: Option<PeerName>,
    /// The client peer.
    pub client: Option<PeerName>,
    /// The framing spoken.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    #[schemars(with = "String")]
    pub framing: rust_server::framing::Framing,
    /// The service spoken.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    #[schemars(with = "String")]
    pub service: Service,
    /// The transport.
    pub transport: Transport,
    /// What it came to.
    pub outcome: Outcome,
    /// Whose fault it is; `None` for a pass.
    pub blame: Option<Blame>,
    /// One sentence; for a pass only where something is worth telling.
    pub summary: String,
    /// The mistake behind it, where the bytes betray one.
    pub diagnosis: Option<String>,
    /// It failed in some of its runs, and not in all.
    pub flaky: bool,
    /// How the connection ended.
    pub close: Option<Close>,
    /// Whether the cuts are known to have reached the peer as planned.
    pub confirmed: bool,
    /// How long it took, in microseconds.
    #[serde(with = "crate::model::micros")]
    #[schemars(with = "u64")]
    pub duration_us: Duration,
    /// The file with what went over the wire, where captures were asked for: in the folder that was named for
    /// them, so relative to the same working directory unless that was not.
    pub evidence: Option<String>,
    /// Why a known deviation is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// In a sweep, where it goes wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub ruler: Option<Ruler>,
    /// The bytes around the first wrong one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excerpt: Option<Excerpt>,
    /// The last lines of output of the peer that is to blame.
    #[serde(rename = "output", skip_serializing_if = "Vec::is_empty", default)]
    pub tail: Vec<String>,
    /// The conversation in which it was found, where something was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dialogue: Option<Dialogue>,
    /// The command that shows it again, for a shell in the same working directory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub again: Option<String>,
}

/// A declared deviation that is none, or none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stale {
    /// Whose manifest.
    pub peer: PeerName,
    /// In which section: `server` or `client`.
    pub section: Role,
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a run came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Cases by outcome.
    pub pass: usize,
    /// Failed, whatever the level.
    pub fail: usize,
    /// Of those, the ones that bind.
    pub fail_must: usize,
    /// Of those, the ones that only warn.
    pub fail_should: usize,
    /// Declared deviations that deviate.
    pub known: usize,
    /// Not played: the peer is not here.
    pub skipped: usize,
    /// Not played: the peer does not do this.
    pub unsupported: usize,
    /// Not played, or not judged: harness, environment, or a peer that does not start.
    pub error: usize,
    /// Declared deviations that have to be taken out of a manifest.
    pub stale: Vec<Stale>,
    /// The run was ended at its first failure, as was wished, so cases are missing.
    #[serde(default)]
    pub stopped: bool,
    /// The run was interrupted, so cases are missing.
    pub interrupted: bool,
    /// How long it all took.
    #[serde(rename = "duration_us", with = "crate::model::micros")]
    #[schemars(with = "u64")]
    pub duration: Duration,
}

impl Summary {
    /// Counts a result in.
    pub fn count(&mut self, result: &CaseResult) {
        match result.outcome {
            Outcome::Pass => self.pass += 1,
            Outcome::Known => self.known += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Unsupported => self.unsupported += 1,
            Outcome::Error => self.error += 1,
            Outcome::Fail => {
                self.fail += 1;
                match result.level {
                    Level::Must => self.fail_must += 1,
                    Level::Should => self.fail_should += 1,
                    Level::Info => {}
                }
            }
        }
    }

    /// How many cases were told of.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.pass + self.fail + self.known + self.skipped + self.unsupported + self.error
    }

    /// The process's exit status, as the public contract numbers them.
    #[must_use]
    pub fn exit_code(&self, strict: bool) -> u8 {
        let failed =
            self.fail_must > 0 || (strict && self.fail_should > 0) || !self.stale.is_empty();
        let played = self.pass + self.fail + self.known;
        match self {
            _ if self.interrupted => 130,
            _ if failed => 1,
            _ if self.error > 0 => 3,
            _ if self.total() == 0 => 4,
            _ if played == 0 => 77,
            _ => 0,
        }
    }
}

impl CaseResult {
    /// A pass, so far, of a case that these peers play.
    pub(super) fn blank(unit: &Unit, case: &Case, level: Level) -> Self {
        Self {
            case: case.id.clone(),
            catches: case.catches.clone(),
            requirement: case.clauses.clone(),
            level,
            role: case.role,
            server: unit.server_name().cloned(),
            client: unit.client_name().cloned(),
            framing: unit.protocol.framing,
            service: unit.protocol.service,
            transport: unit.protocol.transport,
            outcome: Outcome::Pass,
            blame: None,
            summary: String::new(),
            diagnosis: None,
            flaky: false,
            close: None,
            confirmed: false,
            duration_us: Duration::ZERO,
            evidence: None,
            reason: None,
            ruler: None,
            excerpt: None,
            tail: Vec::new(),
            dialogue: None,
            again: None,
        }
    }

    /// Whether what was found is that nothing came where something was due.
    pub(super) fn got_nothing(&self) -> bool {
        let nothing = |excerpt: &Excerpt| excerpt.offset == 0 && excerpt.got.bytes.is_empty();
        self.excerpt.as_ref().is_some_and(nothing)
    }

    /// The same, of a server of datagrams.
    pub(super) fn waits_for_a_datagram(&self) -> bool {
        let server = self.blame == Some(Blame::Server);
        server && self.transport == Transport::Udp && self.got_nothing()
    }

    /// Whether what was found is that nothing wrong came, and then nothing more.
    pub(super) fn fell_silent(&self) -> bool {
        let silent = |excerpt: &Excerpt| {
            !excerpt.got.more && excerpt.got.start + excerpt.got.bytes.len() == excerpt.offset
        };
        self.excerpt.as_ref().is_some_and(silent)
    }

    /// Something was found in it; a reason makes it a known deviation.
    pub(super) fn accuse(&mut self, finding: Finding, reason: Option<String>) {
        self.outcome = if reason.is_some() { Outcome::Known } else { Outcome::Fail };
        self.reason = reason;
        self.blame = Some(finding.blame);
        self.summary = format!("{}: {}", finding.clause, finding.summary);
        self.diagnosis = finding.diagnosis;
        self.level = finding.weight.of(self.level);
        self.ruler = finding.ruler;
        self.excerpt = finding.excerpt;
    }

    /// The protocol that was spoken.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        Protocol { framing: self.framing, service: self.service, transport: self.transport }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_follows_the_worst_that_happened() {
        let base = Summary { pass: 3, ..Summary::default() };
        let code = |summary: Summary| summary.exit_code(false);
        assert_eq!(code(base.clone()), 0);
        assert_eq!(code(Summary { fail: 1, fail_must: 1, error: 1, ..base.clone() }), 1);
        assert_eq!(code(Summary { fail: 1, fail_should: 1, ..base.clone() }), 0);
        assert_eq!(Summary { fail: 1, fail_should: 1, ..base.clone() }.exit_code(true), 1);
        assert_eq!(code(Summary { error: 1, ..base.clone() }), 3);
        assert_eq!(code(Summary::default()), 4);
        assert_eq!(code(Summary { skipped: 2, ..Summary::default() }), 77);
        assert_eq!(code(Summary { skipped: 2, ..base.clone() }), 0);
        assert_eq!(code(Summary { interrupted: true, fail_must: 1, ..base }), 130);
    }
}
