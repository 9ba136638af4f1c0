//! What a user selects of all that could be run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::case::Case;
use crate::model::names::{Level, Role};
use crate::model::pattern::Pattern;
use crate::model::protocol::Protocol;
use crate::peer::registry::Registry;

/// The selection flags. An empty list selects everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Peers, in whatever role.
    pub peers: Vec<glob::Pattern>,
    /// Servers; results without a server are left out.
    pub servers: Vec<glob::Pattern>,
    /// Clients; results without a client are left out.
    pub clients: Vec<glob::Pattern>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Cases.
    pub cases: Vec<Pattern>,
    /// Levels.
    pub levels: Vec<Level>,
    /// Protocols, as FRAMING/SERVICE.
    pub protocols: Vec<glob::Pattern>,
}

impl Selection {
    /// Whether a pairing or a one-sided unit of these peers is selected.
    #[must_use]
    pub fn takes_unit(&self, server: Option<&str>, client: Option<&str>) -> bool {
        let among = |patterns: &[glob::Pattern], name: Option<&str>| {
            patterns.is_empty() || name.is_some_and(|name| any(patterns, name))
        };
        let peers =
            [server, client].into_iter().flatten().all(|name| among(&self.peers, Some(name)));
        peers && among(&self.servers, server) && among(&self.clients, client)
    }

    /// Whether a case is selected, at the level that it has for the peer in question.
    #[must_use]
    pub fn takes_case(&self, case: &Case, level: Level) -> bool {
        if !self.roles.is_empty() && !self.roles.contains(&case.role) {
            return false;
        }
        let case_selected = self.cases.is_empty() || self.cases.iter().any(|p| p.matches(case));
        case_selected && (self.levels.is_empty() || self.levels.contains(&level))
    }

    /// Whether a protocol is selected.
    #[must_use]
    pub fn takes_protocol(&self, protocol: &Protocol) -> bool {
        self.protocols.is_empty() || any(&self.protocols, &protocol.to_string())
    }

    /// A pattern that matches no protocol that any peer speaks, in words.
    #[must_use]
    pub fn unspoken_protocol(&self, registry: &Registry) -> Option<String> {
        let mut spoken: Vec<String> = registry
            .peers()
            .flat_map(|peer| peer.manifest.protocols())
            .map(ToString::to_string)
            .collect();
        spoken.sort_unstable();
        spoken.dedup();
        let wrong = self
            .protocols
            .iter()
            .find(|pattern| !spoken.iter().any(|protocol| pattern.matches(protocol)))?;
        Some(format!(
            "--protocol `{wrong}` names nothing that a peer speaks: expected one of {}",
            spoken.join(", ")
        ))
    }

    /// A name that is no peer's, in words: most often a slip of the pen.
    #[must_use]
    pub fn unknown_peer(&self, registry: &Registry) -> Option<String> {
        let names: Vec<&str> = registry.peers().map(|peer| peer.name().as_str()).collect();
        let lists =
            [("peer", &self.peers), ("--server", &self.servers), ("--client", &self.clients)];
        lists.into_iter().find_map(|(what, patterns)| {
            let wrong =
                patterns.iter().find(|pattern| !names.iter().any(|name| pattern.matches(name)))?;
            Some(format!("{what} `{wrong}` names no peer: expected one of {}", names.join(", ")))
        })
    }

    /// A pattern that matches no case, in words.
    #[must_use]
    pub fn unmatched_case(&self, cases: &[Arc<Case>]) -> Option<String> {
        let wrong =
            self.cases.iter().find(|pattern| !cases.iter().any(|case| pattern.matches(case)))?;
        Some(format!("--case `{wrong}` matches no case: `interop list cases` shows all"))
    }
}

fn any(patterns: &[glob::Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

/// One of N equal parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Whether the case with this number in the plan is in this part.
    #[must_use]
    pub const fn takes(self, number: usize) -> bool {
        number % self.count == self.index
    }

    /// Which part it is, from 1.
    #[must_use]
    pub const fn part(self) -> usize {
        self.index + 1
    }

    /// Of how many.
    #[must_use]
    pub const fn parts(self) -> usize {
        self.count
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part(), self.parts())
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| part.parse::<usize>().ok();
        match text.split_once('/').map(|(k, n)| (number(k), number(n))) {
            Some((Some(k), Some(count))) if 1 <= k && k <= count => {
                Ok(Self { index: k - 1, count })
            }
            _ => Err("expected K/N with 1 <= K <= N, as in 2/4".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[test]
    fn the_shards_of_a_run_are_all_of_it_and_share_nothing() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| text.parse().unwrap()).to_vec();
        for number in 0..100 {
            assert_eq!(shards.iter().filter(|shard| shard.takes(number)).count(), 1);
        }
    }

    #[test]
    fn a_shard_that_cannot_be_is_refused() {
        for text in ["0/3", "4/3", "1/0", "1", "a/b", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
