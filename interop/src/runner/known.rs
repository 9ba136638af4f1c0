//! Declared deviations: which results they explain, and which of them are none any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::case::Case;
use crate::model::names::{PeerName, Role};
use crate::model::outcome::{Blame, Outcome};
use crate::model::protocol::Protocol;
use crate::peer::manifest::Known;
use crate::peer::registry::{Peer, Registry};

use super::event::{CaseResult, Stale};
use super::plan::{Plan, Unit};
use super::select::Selection;

/// The reason why this case's failure is known, by the manifest of a peer that may be to blame for it.
#[must_use]
pub fn reason(unit: &Unit, case: &Case, blame: Blame) -> Option<String> {
    let server = server_known(unit.server.as_deref()).filter(|_| blame != Blame::Client);
    let client = client_known(unit.client.as_deref()).filter(|_| blame != Blame::Server);
    let declared = server.into_iter().chain(client).flatten();
    declared.clone().find(|known| known.pattern.matches(case)).map(|known| known.reason.clone())
}

fn server_known(peer: Option<&Peer>) -> Option<&[Known]> {
    peer?.manifest.server.as_ref().map(|side| &side.known[..])
}

fn client_known(peer: Option<&Peer>) -> Option<&[Known]> {
    peer?.manifest.client.as_ref().map(|side| &side.known[..])
}

/// The declared deviations of the peers that were run which match no case at all, or whose every case
/// was run and passed.
#[must_use]
pub fn stale(
    registry: &Registry,
    all: &[Arc<Case>],
    plan: &Plan,
    results: &[CaseResult],
) -> Vec<Stale> {
    let mut stale = Vec::new();
    for (section, peer, known) in declared(registry) {
        let takes_part = |unit: &&Unit| name_in(unit, section) == Some(peer);
        let units: Vec<&Unit> = plan.units.iter().filter(takes_part).collect();
        if units.is_empty() {
            continue;
        }
        let can_match = |case: &&Arc<Case>| case.role == section || case.role == Role::Pairing;
        let problem = match all.iter().filter(can_match).any(|case| known.pattern.matches(case)) {
            false => {
                let meant =
                    known.pattern.slip(all).map_or_else(String::new, |it| format!(": {it}"));
                Some(format!("matches no case and no clause{meant}"))
            }
            true => passes_now(known, section, peer, registry, all, &units, results)
                .then(|| "every case that it matches passes now: take it out".to_owned()),
        };
        if let Some(problem) = problem {
            stale.push(Stale {
                peer: peer.clone(),
                section,
                pattern: known.pattern.to_string(),
                problem,
            });
        }
    }
    stale
}

fn declared(registry: &Registry) -> impl Iterator<Item = (Role, &PeerName, &Known)> {
    registry.peers().flat_map(|peer| {
        let server =
            server_known(Some(peer)).unwrap_or_default().iter().map(|known| (Role::Server, known));
        let client =
            client_known(Some(peer)).unwrap_or_default().iter().map(|known| (Role::Client, known));
        server.chain(client).map(|(section, known)| (section, peer.name(), known))
    })
}

/// Only a run of every case that the pattern matches, on the peer by itself and in all that it speaks, can say that
/// none deviates: not a part of one, nor one that plays again what failed.
fn passes_now(
    known: &Known,
    section: Role,
    peer: &PeerName,
    registry: &Registry,
    all: &[Arc<Case>],
    units: &[&Unit],
    results: &[CaseResult],
) -> bool {
    let mut outcomes = BTreeSet::new();
    for result in results.iter().filter(|result| result.role == section) {
        let name = match section {
            Role::Client => result.client.as_ref(),
            _ => result.server.as_ref(),
        };
        if name == Some(peer)
            && known.pattern.matches_names(result.case.as_str(), &result.requirement)
        {
            outcomes.insert(result.outcome);
        }
    }
    // What was not asked says nothing.
    outcomes.remove(&Outcome::Unsupported);
    if outcomes != BTreeSet::from([Outcome::Pass]) {
        return false;
    }
    let own = || units.iter().filter(|unit| unit.role() == section);
    let planned = |protocol: Protocol, case: &Case| {
        own().any(|unit| {
            unit.protocol == protocol && unit.cases.iter().any(|(it, _)| it.id == case.id)
        })
    };
    let whole = Plan::new(registry, all, &Selection::of_role(section));
    whole.units.iter().filter(|unit| name_in(unit, section) == Some(peer)).all(|unit| {
        let mut matching = unit.cases.iter().filter(|(case, _)| known.pattern.matches(case));
        matching.all(|(case, _)| planned(unit.protocol, case))
    })
}

fn name_in(unit: &Unit, section: Role) -> Option<&PeerName> {
    match section {
        Role::Client => unit.client_name(),
        Role::Server | Role::Pairing => unit.server_name(),
    }
}
