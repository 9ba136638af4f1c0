//! Declared deviations: which results they explain, and which of them are none any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::case::Case;
use crate::model::names::{PeerName, Role};
use crate::model::outcome::{Blame, Outcome};
use crate::peer::manifest::Known;
use crate::peer::registry::{Peer, Registry};

use super::event::{CaseResult, Stale};
use super::plan::{Plan, Unit};

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
        let takes_part = |unit: &&Unit| match section {
            Role::Client => unit.client_name() == Some(peer),
            _ => unit.server_name() == Some(peer),
        };
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
            true => passes_now(known, section, peer, all, &units, results)
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

/// Only a run of every case that the pattern matches, on the peer by itself, can say that none deviates.
fn passes_now(
    known: &Known,
    section: Role,
    peer: &PeerName,
    all: &[Arc<Case>],
    units: &[&Unit],
    results: &[CaseResult],
) -> bool {
    let own = || units.iter().filter(|unit| unit.role() == section);
    let matching = |case: &&Arc<Case>| case.role == section && known.pattern.matches(case);
    let planned = |case: &Arc<Case>| {
        own().any(|unit| unit.cases.iter().any(|(planned, _)| planned.id == case.id))
    };
    if !all.iter().filter(matching).all(planned) {
        return false;
    }
    let mut outcomes = BTreeSet::new();
    for result in results.iter().filter(|result| result.role == section) {
        let name = match section {
            Role::Client => result.client.as_ref(),
            _ => result.server.as_ref(),
        };
        let matched = all.iter().any(|case| case.id == result.case && known.pattern.matches(case));
        if name == Some(peer) && matched {
            outcomes.insert(result.outcome);
        }
    }
    outcomes == BTreeSet::from([Outcome::Pass])
}
