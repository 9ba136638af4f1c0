//! One mistake fails many cases, and the reader looks for the mistake: failures put together by what is behind them,
//! as far as can be told, each with the one that shows it in the fewest words.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::failure;
use crate::model::diagnosis::{alternatives, either};
use crate::model::names::{CaseId, Level, PeerName, Role};
use crate::model::outcome::{Blame, Outcome};
use crate::runner::CaseResult;

/// The failures that have one cause in one peer.
#[derive(Debug)]
pub struct Mistake<'a> {
    /// The one that shows it in the fewest words.
    pub clearest: &'a CaseResult,
    /// All others.
    pub others: Vec<&'a CaseResult>,
    cause: Cause<'a>,
}

/// A server, a client, or both.
type Peers<'a> = (Option<&'a PeerName>, Option<&'a PeerName>);

/// Who is blamed, and for what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cause<'a> {
    /// Both peers, where it may be either.
    peers: Peers<'a>,
    words: String,
}

/// The mistakes that failures betray: what binds comes first, and what only warns last. Those of one peer stand
/// together, what has a diagnosis before what has none, and what shows often before what does not.
#[must_use]
pub fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> Vec<Mistake<'a>> {
    let mut by_cause: BTreeMap<Cause<'a>, Vec<&'a CaseResult>> = BTreeMap::new();
    for result in results.into_iter().filter(|result| result.outcome == Outcome::Fail) {
        by_cause.entry(Cause::of(result)).or_default().push(result);
    }
    decide(&mut by_cause);
    let mistake = |(cause, mut failures): (Cause<'a>, Vec<&'a CaseResult>)| {
        failures.sort_by_key(|failure| obscurity(failure));
        let clearest = failures.remove(0);
        Mistake { clearest, others: failures, cause }
    };
    let mut mistakes: Vec<Mistake<'a>> = by_cause.into_iter().map(mistake).collect();
    let mut worst: BTreeMap<Peers<'a>, Level> = BTreeMap::new();
    for mistake in &mistakes {
        let level = worst.entry(mistake.cause.peers).or_insert(Level::Info);
        *level = mistake.clearest.level.min(*level);
    }
    mistakes.sort_by_key(|it| {
        let peers = it.cause.peers;
        let undiagnosed = it.clearest.diagnosis.is_none();
        (worst[&peers], peers, it.clearest.level, undiagnosed, Reverse(it.others.len()))
    });
    mistakes
}

/// What one failure leaves open, between two mistakes, another of the same peer may decide.
fn decide<'a>(by_cause: &mut BTreeMap<Cause<'a>, Vec<&'a CaseResult>>) {
    let open: Vec<Cause<'a>> =
        by_cause.keys().filter(|cause| alternatives(&cause.words).is_some()).cloned().collect();
    for cause in open {
        let Some((one, other)) = alternatives(&cause.words) else { continue };
        let known = |words: &str| {
            let decided = Cause { peers: cause.peers, words: cause_of(words).to_owned() };
            by_cause.contains_key(&decided).then_some(decided)
        };
        let decided = match (known(one), known(other)) {
            (Some(decided), None) | (None, Some(decided)) => decided,
            _ => continue,
        };
        let results = by_cause.remove(&cause).unwrap_or_default();
        by_cause.entry(decided).or_default().extend(results);
    }
}

impl<'a> Mistake<'a> {
    /// The mistake in words: what the bytes betray, or else what was seen of it.
    #[must_use]
    pub fn words(&self) -> &str {
        match &self.clearest.diagnosis {
            Some(_) => &self.cause.words,
            None => self.clearest.summary.lines().next().unwrap_or_default(),
        }
    }

    /// Whose it is: a server, a client, or a pair of which nobody knows.
    #[must_use]
    pub fn whose(&self) -> String {
        let (server, client) = self.cause.peers;
        failure::pair(server, client)
    }

    /// Whether the same peers have made both.
    #[must_use]
    pub fn is_of_the_peers_of(&self, other: &Self) -> bool {
        self.cause.peers == other.cause.peers
    }

    /// How many results show it.
    #[must_use]
    pub const fn results(&self) -> usize {
        1 + self.others.len()
    }

    /// The cases that the others fail, without repetition.
    #[must_use]
    pub fn other_cases(&self) -> Vec<&'a CaseId> {
        let mut cases: Vec<&CaseId> = Vec::new();
        for failure in &self.others {
            if failure.case != self.clearest.case && !cases.contains(&&failure.case) {
                cases.push(&failure.case);
            }
        }
        cases
    }
}

impl<'a> Cause<'a> {
    fn of(result: &'a CaseResult) -> Self {
        let (server, client) = (result.server.as_ref(), result.client.as_ref());
        // What a server does wrong is the same mistake whoever its client is.
        let peers = match result.blame {
            Some(Blame::Server) => (server, None),
            Some(Blame::Client) => (None, client),
            _ => (server, client),
        };
        // Numbers are where it showed this time.
        let words = match &result.diagnosis {
            Some(diagnosis) => words_of(diagnosis),
            None => result.summary.chars().filter(|c| !c.is_ascii_digit()).collect(),
        };
        Self { peers, words }
    }
}

/// A diagnosis without what stands in brackets: where it showed this time.
fn cause_of(diagnosis: &str) -> &str {
    diagnosis.split(" (").next().unwrap_or(diagnosis)
}

/// The same of both mistakes, where it leaves open which it is.
fn words_of(diagnosis: &str) -> String {
    match alternatives(diagnosis) {
        Some((one, other)) => either(cause_of(one), cause_of(other)),
        None => cause_of(diagnosis).to_owned(),
    }
}

/// How much there is to read in a failure: a peer alone before two of them, then the shortest conversation.
fn obscurity(failure: &CaseResult) -> (Level, bool, usize, usize) {
    let moments = failure.dialogue.as_ref().map_or(usize::MAX, |dialogue| {
        dialogue.moments.len() + dialogue.gap.map_or(0, |gap| gap.moments)
    });
    let bytes = failure.excerpt.as_ref().map_or(0, |excerpt| excerpt.expected.bytes.len());
    (failure.level, failure.role == Role::Pairing, moments, bytes)
}
