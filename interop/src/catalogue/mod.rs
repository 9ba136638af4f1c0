//! The cases, one file for each group, all of one shape: a list of [`Entry`]s.
//!
//! A case says what the harness does and which mistake that catches; it never says what the peers
//! should answer. Read `framing.rs` first.

mod concurrency;
mod connection;
mod entry;
mod framing;
mod framings;
mod lifecycle;
mod limits;
mod payload;
mod service;

use std::sync::Arc;

use crate::model::case::Case;

pub use entry::Entry;

/// The seed by which the cases are as they stand here.
pub const SEED: u64 = 1;

/// Every case, for every role, in the order of the document.
#[must_use]
pub fn cases() -> Vec<Arc<Case>> {
    entries().into_iter().flat_map(Entry::into_cases).map(Arc::new).collect()
}

/// The same cases with the random bytes, cuts and orders of a seed; [`SEED`] is that of [`cases`].
#[must_use]
pub fn seeded(seed: u64) -> Vec<Arc<Case>> {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15; // odd, so that no two seeds come to the same
    let by = seed.wrapping_sub(SEED).wrapping_mul(SPREAD);
    let reseeded = |case: Arc<Case>| Arc::new(Arc::unwrap_or_clone(case).reseeded(by));
    cases().into_iter().map(reseeded).collect()
}

fn entries() -> Vec<Entry> {
    [
        framing::entries(),
        payload::entries(),
        connection::entries(),
        concurrency::entries(),
        limits::entries(),
        lifecycle::entries(),
        framings::entries(),
        service::entries(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use std::sync::Arc;

    use super::{SEED, cases, seeded};
    use crate::model::case::{Case, Part, Step, Write};
    use crate::model::names::Role;

    impl Step {
        /// Whether a message is whole when it is over.
        fn asks_for_an_answer(&self) -> bool {
            let whole = |part: &Part| matches!(part, Part::Frame(_) | Part::Tail { .. });
            let asks = |write: &Write| write.parts.iter().any(whole);
            match self {
                Self::Write(write) | Self::Drip { write, .. } => asks(write),
                Self::Mixed { writes, .. } => writes.iter().any(asks),
                Self::Feed { .. } | Self::Press { .. } | Self::Soak { .. } => true,
                _ => false,
            }
        }
    }

    #[test]
    fn a_seed_says_what_is_random_and_nothing_else() {
        let changed = |cases: Vec<Arc<Case>>, others: Vec<Arc<Case>>| -> BTreeSet<String> {
            let pairs = cases.into_iter().zip(others);
            let differ = pairs.filter(|(case, other)| case.steps != other.steps);
            differ.map(|(case, _)| case.id.to_string()).collect()
        };
        assert_eq!(changed(seeded(7), seeded(7)), BTreeSet::new());
        assert_eq!(changed(seeded(SEED), cases()), BTreeSet::new());
        let others = changed(cases(), seeded(7));
        for case in ["framing.two-cuts", "limits.garbage", "concurrency.interleaved"] {
            assert!(others.contains(case), "{case} is the same with each seed");
        }
        assert!(!others.contains("framing.byte-by-byte"), "nothing in it is random");
    }

    #[test]
    fn a_case_has_one_stimulus_for_each_role() {
        let mut seen = BTreeSet::new();
        for case in cases() {
            assert!(
                seen.insert((case.id.clone(), case.role)),
                "{} twice as {}",
                case.id,
                case.role
            );
        }
    }

    #[test]
    fn every_case_covers_a_clause_and_says_what_it_catches() {
        for case in cases() {
            assert!(!case.clauses.is_empty(), "{}", case.id);
            assert!(!case.catches.is_empty(), "{}", case.id);
            assert!(!case.steps.is_empty(), "{}", case.id);
        }
    }

    #[test]
    fn a_role_is_given_only_the_steps_that_it_can_play() {
        for case in cases() {
            // A lane knows no server of the case's own.
            let lanes = case.steps.iter().any(|step| matches!(step, Step::Lanes(_)));
            assert!(!(lanes && case.has_own_server()), "{}", case.id);
            for step in &case.steps {
                let playable = match (case.role, step) {
                    (_, Step::Settle) => true,
                    (Role::Server, step) => !matches!(
                        step,
                        Step::Feed { .. }
                            | Step::EndInput { .. }
                            | Step::Recut { .. }
                            | Step::Refuse { .. }
                    ),
                    (Role::Client, step) => !matches!(
                        step,
                        Step::Recut { .. }
                            | Step::Lanes(_)
                            | Step::Start
                            | Step::Listening
                            | Step::StartSecond
                            | Step::Terminate
                    ),
                    (Role::Pairing, step) => {
                        matches!(
                            step,
                            Step::Feed { .. } | Step::EndInput { .. } | Step::Recut { .. }
                        )
                    }
                };
                assert!(playable, "{} as {}: {step:?}", case.id, case.role);
            }
        }
    }

    /// What is due when these steps are over, and was not waited for.
    fn unsettled(steps: &[Step]) -> BTreeSet<u16> {
        let mut due = BTreeSet::new();
        for step in steps {
            match step {
                Step::Settle => due.clear(),
                Step::Abort { conn } | Step::Close { conn } => drop(due.remove(conn)),
                Step::Lanes(lanes) => due.extend(lanes.iter().flat_map(|lane| unsettled(lane))),
                _ if step.asks_for_an_answer() => due.extend(step.conns()),
                _ => {}
            }
        }
        due
    }

    #[test]
    fn a_case_waits_for_all_that_is_due_before_it_is_judged() {
        for case in cases() {
            let unsettled = unsettled(&case.steps);
            assert!(unsettled.is_empty(), "{} as {}: {unsettled:?}", case.id, case.role);
        }
    }

    #[test]
    fn a_case_survives_being_written_down_and_read_again() {
        for case in cases() {
            let text = serde_json::to_string(&*case).unwrap();
            let again: Case = serde_json::from_str(&text).unwrap();
            assert_eq!(case.steps, again.steps, "{}", case.id);
        }
    }
}
