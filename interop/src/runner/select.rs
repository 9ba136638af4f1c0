//! What a user selects of all that could be run.

use std::sync::Arc;

use crate::model::alike;
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
    /// Everything in one role.
    #[must_use]
    pub fn of_role(role: Role) -> Self {
        Self { roles: vec![role], ..Self::default() }
    }

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
        let spoken: Vec<&str> = spoken.iter().map(String::as_str).collect();
        Some(format!(
            "--protocol `{wrong}` names nothing that a peer speaks: {}",
            alike::one_of(wrong.as_str(), &spoken)
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
            Some(format!(
                "{what} `{wrong}` names no peer: {}",
                alike::one_of(wrong.as_str(), &names)
            ))
        })
    }

    /// A pattern that matches no case, in words.
    #[must_use]
    pub fn unmatched_case(&self, cases: &[Arc<Case>]) -> Option<String> {
        let wrong =
            self.cases.iter().find(|pattern| !cases.iter().any(|case| pattern.matches(case)))?;
        let meant = wrong.slip(cases).map_or_else(String::new, |meant| meant + " ");
        Some(format!("--case `{wrong}` matches no case: {meant}`interop list cases` shows all"))
    }
}

fn any(patterns: &[glob::Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}
