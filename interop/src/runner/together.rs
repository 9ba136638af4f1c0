//! Cases that only differ in messages and cuts, played as one: starting a client program costs more than
//! all that it is then asked.
//!
//! The cases' conversations follow each other on one connection, and end once. When all is right, each of
//! them is right. When not, they are played again one by one, so that each is judged by itself.

use std::sync::Arc;

use crate::model::case::{Case, GOOD_END_OF_CLIENT, GOOD_END_OF_PAIRING, Step};
use crate::model::names::{CaseId, Level, Role};
use crate::model::protocol::Protocol;
use crate::model::transcript::{Act, Transcript, What};

/// How many cases are joined at most: what one connection can do within [`crate::limits::CASE`].
const AT_MOST: usize = 64;

/// Several cases as one.
#[derive(Debug)]
pub(super) struct Together {
    /// The joined case, which is nobody's but ours.
    pub case: Case,
    /// Which of the unit's cases it is made of.
    pub parts: Vec<usize>,
    /// How many messages have been fed when each of them is over.
    fed: Vec<usize>,
}

impl Together {
    /// Joins those of the cases that can be joined; `None` when that is less than two.
    pub fn of(protocol: &Protocol, cases: &[(Arc<Case>, Level)]) -> Option<Self> {
        if protocol.has_one_message() {
            return None;
        }
        let can =
            cases.iter().enumerate().filter_map(|(at, (case, _))| Some((at, case, case.talk()?)));
        let joined: Vec<_> = can.take(AT_MOST).collect();
        let &[(_, first, talk), _, ..] = &joined[..] else { return None };
        let end = &first.steps[talk.len()..];
        let mut steps = Vec::new();
        let mut clauses = Vec::new();
        let (mut parts, mut fed, mut count) = (Vec::new(), Vec::new(), 0);
        for (at, case, talk) in &joined {
            steps.extend_from_slice(talk);
            clauses.extend_from_slice(&case.clauses);
            count += talk.iter().map(fed_by).sum::<usize>();
            parts.push(*at);
            fed.push(count);
        }
        steps.extend_from_slice(end);
        clauses.sort_unstable();
        clauses.dedup();
        let case =
            Case { id: CaseId::new("runner.together"), clauses, steps, ..Case::clone(first) };
        Some(Self { case, parts, fed })
    }

    /// Which part was being played when the transcript ended.
    pub fn reached(&self, transcript: &Transcript) -> usize {
        let fed = |what: &What| matches!(what, What::Did(Act::Fed { .. }));
        let count = transcript.events.iter().filter(|event| fed(&event.what)).count();
        let part = self.fed.iter().position(|&end| count <= end).unwrap_or(self.fed.len() - 1);
        self.parts[part]
    }
}

fn fed_by(step: &Step) -> usize {
    match step {
        Step::Feed { messages, .. } => messages.len(),
        _ => 0,
    }
}

impl Case {
    /// The conversation without its good end, if the case is nothing but one client's conversation in which
    /// everything is settled before the end.
    fn talk(&self) -> Option<&[Step]> {
        let good_end = match self.role {
            Role::Server => return None, // connections cost next to nothing
            Role::Client => &GOOD_END_OF_CLIENT[..],
            Role::Pairing => &GOOD_END_OF_PAIRING[..],
        };
        let talk = self.steps.strip_suffix(good_end)?;
        let plain = |step: &Step| match step {
            Step::Feed { conn, .. } | Step::Recut { conn, .. } => *conn == 0,
            Step::Write(write) => write.conn == 0,
            Step::Settle => true,
            _ => false,
        };
        (talk.last() == Some(&Step::Settle) && talk.iter().all(plain)).then_some(talk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    fn of_role(role: Role) -> Vec<(Arc<Case>, Level)> {
        let cases = catalogue::cases().into_iter().filter(|case| case.role == role);
        cases.map(|case| (case, Level::Must)).collect()
    }

    #[test]
    fn a_joined_case_has_every_step_of_its_parts_and_ends_once() {
        for role in [Role::Client, Role::Pairing] {
            let cases = of_role(role);
            let together = Together::of(&Protocol::default(), &cases).unwrap();
            assert!(together.parts.len() > 10, "{role}: {}", together.parts.len());
            let fed = |steps: &[Step]| steps.iter().map(fed_by).sum::<usize>();
            let parts: usize = together.parts.iter().map(|at| fed(&cases[*at].0.steps)).sum();
            assert_eq!(fed(&together.case.steps), parts);
            let ends =
                together.case.steps.iter().filter(|step| matches!(step, Step::EndInput { .. }));
            assert_eq!(ends.count(), 1);
        }
    }

    #[test]
    fn a_case_that_is_about_an_end_or_about_several_clients_is_played_alone() {
        for role in [Role::Client, Role::Pairing] {
            let cases = of_role(role);
            let together = Together::of(&Protocol::default(), &cases).unwrap();
            let ids: Vec<&str> = together.parts.iter().map(|&at| cases[at].0.id.as_str()).collect();
            for alone in [
                "connection.half-close",
                "connection.fin-in-body",
                "connection.server-ends",
                "concurrency.interleaved",
                "limits.oversize-refused",
            ] {
                assert!(!ids.contains(&alone), "{alone}");
            }
        }
    }

    #[test]
    fn servers_are_asked_each_case_by_itself() {
        assert!(Together::of(&Protocol::default(), &of_role(Role::Server)).is_none());
    }
}
