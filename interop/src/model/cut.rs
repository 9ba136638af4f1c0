//! Where a stream of bytes is cut into fragments, each delivered before the next (clause P4).

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How a run of bytes is laid on the wire. It never changes the bytes, only their arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// As it comes: one write of a raw end; through the link, whatever the sender's writes were.
    AsItComes,
    /// All of it in one write: a link waits until it has the whole.
    Whole,
    /// Each byte by itself.
    EachByte,
    /// At these offsets from the start of the run; offsets outside of it mean nothing.
    At(Vec<usize>),
    /// At so many seeded places.
    Random {
        /// Same seed, same places.
        seed: u64,
        /// How many places, at most.
        cuts: usize,
    },
}

impl Cut {
    /// Other places, where they are random.
    pub(super) const fn reseed(&mut self, by: u64) {
        if let Self::Random { seed, .. } = self {
            *seed = seed.wrapping_add(by);
        }
    }

    /// The fragments of a run of `len` bytes, in order; together they are the run.
    #[must_use]
    pub fn fragments(&self, len: usize) -> Vec<Range<usize>> {
        let mut edges: Vec<usize> = match self {
            Self::AsItComes | Self::Whole => Vec::new(),
            Self::EachByte => (1..len).collect(),
            Self::At(offsets) => offsets.clone(),
            Self::Random { seed, cuts } => {
                let mut rng = fastrand::Rng::with_seed(*seed);
                (0..*cuts).map(|_| rng.usize(0..=len)).collect()
            }
        };
        edges.retain(|&edge| edge > 0 && edge < len);
        edges.extend([0, len]);
        edges.sort_unstable();
        edges.dedup();
        edges.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Cut;

    fn any_cut() -> impl Strategy<Value = Cut> {
        prop_oneof![
            Just(Cut::AsItComes),
            Just(Cut::Whole),
            Just(Cut::EachByte),
            prop::collection::vec(0usize..300, 0..8).prop_map(Cut::At),
            (any::<u64>(), 0usize..8).prop_map(|(seed, cuts)| Cut::Random { seed, cuts }),
        ]
    }

    proptest! {
        #[test]
        fn fragments_are_never_empty_and_cover_the_run(cut in any_cut(), len in 0usize..256) {
            let mut next = 0;
            for fragment in cut.fragments(len) {
                prop_assert_eq!(fragment.start, next);
                prop_assert!(fragment.end > fragment.start);
                next = fragment.end;
            }
            prop_assert_eq!(next, len);
        }
    }

    #[test]
    fn a_cut_stands_where_it_was_asked_for() {
        assert_eq!(Cut::At(vec![4, 1, 9]).fragments(6), [0..1, 1..4, 4..6]);
        assert_eq!(Cut::EachByte.fragments(3), [0..1, 1..2, 2..3]);
        assert_eq!(Cut::Whole.fragments(3), std::slice::from_ref(&(0..3)));
    }
}
