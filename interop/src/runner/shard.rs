//! Parts of a run that are played on several machines: which part this one is, and what falls to it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// One of N equal parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

/// How a system that starts several machines tells each which one it is.
struct System {
    name: &'static str,
    /// The variable that counts the machines through.
    index: &'static str,
    /// What it says on the first of them.
    first: usize,
    /// The variable that says how many there are.
    total: &'static str,
}

/// Kubernetes tells a pod its index and not of how many: the manifest has to say that once more.
const SYSTEMS: [System; 4] = [
    System {
        name: "a Kubernetes Indexed Job",
        index: "JOB_COMPLETION_INDEX",
        first: 0,
        total: "INTEROP_SHARD_TOTAL",
    },
    System { name: "GitLab", index: "CI_NODE_INDEX", first: 1, total: "CI_NODE_TOTAL" },
    System {
        name: "Buildkite",
        index: "BUILDKITE_PARALLEL_JOB",
        first: 0,
        total: "BUILDKITE_PARALLEL_JOB_COUNT",
    },
    System { name: "CircleCI", index: "CIRCLE_NODE_INDEX", first: 0, total: "CIRCLE_NODE_TOTAL" },
];

impl Shard {
    fn new(part: usize, parts: usize) -> Option<Self> {
        let possible = (1..=parts).contains(&part) && parts <= limits::SHARDS;
        possible.then(|| Self { index: part - 1, count: parts })
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

    /// The part that the environment says this machine is to play.
    ///
    /// # Errors
    /// When it says nothing, half of it, nothing that can be, or two things.
    pub fn of_environment(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        // A variable that is there and empty is how many systems say that it is not there.
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let mut found: Option<(&System, Self)> = None;
        for system in &SYSTEMS {
            let Some(shard) = system.shard(get)? else { continue };
            match found {
                Some((other, said)) if said != shard => {
                    return Err(format!(
                        "{} says {said} (by {} and {}), and {} says {shard} (by {} and {})",
                        other.name,
                        other.index,
                        other.total,
                        system.name,
                        system.index,
                        system.total
                    ));
                }
                _ => found = Some((system, shard)),
            }
        }
        found.map(|(_, shard)| shard).ok_or_else(|| {
            let pair = |it: &System| format!("{} and {} ({})", it.index, it.total, it.name);
            let pairs: Vec<String> = SYSTEMS.iter().map(pair).collect();
            format!("the environment says nothing of parts: looked for {}", pairs.join(", "))
        })
    }
}

impl System {
    /// What it says; `None` where this machine is none of its machines.
    fn shard(&self, get: impl Fn(&str) -> Option<String>) -> Result<Option<Shard>, String> {
        let number = |name: &str| match get(name).map(|value| (value.parse::<usize>(), value)) {
            None => Ok(None),
            Some((Ok(number), _)) => Ok(Some(number)),
            Some((Err(_), value)) => Err(format!("{name} is `{value}`: expected a number")),
        };
        let (index, total) = (number(self.index)?, number(self.total)?);
        let half = |there: &str, missing: &str| {
            format!("{there} is set and {missing} is not: {} needs both", self.name)
        };
        match (index, total) {
            (None, None) => Ok(None),
            // GitLab says so of a job that has no siblings.
            (None, Some(1)) => Ok(Shard::new(1, 1)),
            (None, Some(_)) => Err(half(self.total, self.index)),
            (Some(_), None) => Err(half(self.index, self.total)),
            (Some(index), Some(total)) => {
                let part = index.checked_add(1).and_then(|next| next.checked_sub(self.first));
                let shard = part.and_then(|part| Shard::new(part, total));
                shard.map(Some).ok_or_else(|| {
                    format!(
                        "{} is {index} and {} is {total}: {} counts from {}, and there can be {} parts at most",
                        self.index,
                        self.total,
                        self.name,
                        self.first,
                        limits::SHARDS
                    )
                })
            }
        }
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
        let numbers = text.split_once('/').map(|(part, parts)| (number(part), number(parts)));
        let shard = match numbers {
            Some((Some(part), Some(parts))) => Self::new(part, parts),
            _ => None,
        };
        shard.ok_or_else(|| {
            format!("expected K/N with 1 <= K <= N <= {}, as in 2/4, or auto", limits::SHARDS)
        })
    }
}

/// Deals things out to the parts of a run, one after the other. Things of one kind weigh alike, so each part gets as
/// many of a kind as any other, give or take one; where that leaves a choice, it goes to the part that has least.
/// Numbers alone would not do: every unit plays the same cases, so that a part could get the longest of each.
#[derive(Debug)]
pub struct Deal<K> {
    dealt: Vec<usize>,
    of_kind: HashMap<K, Vec<usize>>,
}

impl<K: Hash + Eq> Deal<K> {
    /// Nothing is dealt yet.
    #[must_use]
    pub fn among(shard: Shard) -> Self {
        Self { dealt: vec![0; shard.count], of_kind: HashMap::new() }
    }

    /// Whether the next thing, which is of this kind, falls to this part.
    pub fn falls_to(&mut self, shard: Shard, kind: K) -> bool {
        let parts = self.dealt.len();
        let of_kind = self.of_kind.entry(kind).or_insert_with(|| vec![0; parts]);
        let least = (0..parts).min_by_key(|&part| (of_kind[part], self.dealt[part]));
        let part = least.unwrap_or_default();
        of_kind[part] += 1;
        self.dealt[part] += 1;
        part == shard.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_environment(variables: &[(&str, &str)]) -> Result<String, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let get = |name: &str| find(name).map(|(_, value)| (*value).to_owned());
        Shard::of_environment(get).map(|shard| shard.to_string())
    }

    #[test]
    fn a_shard_that_cannot_be_is_refused() {
        for text in ["0/3", "4/3", "1/0", "1", "a/b", "-1/2", "1/1001", "1/99999999999999999999"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_thing_falls_to_one_part_and_each_kind_evenly_to_all() {
        for parts in 1..=7 {
            let shards: Vec<Shard> =
                (1..=parts).map(|part| Shard::new(part, parts).unwrap()).collect();
            let mut deals: Vec<Deal<usize>> = shards.iter().map(|it| Deal::among(*it)).collect();
            let mut dealt = vec![[0; 12]; parts];
            // Units of twelve, six and four cases: numbers would give some parts all the same ones.
            for thing in (0..10).flat_map(|unit| 0..[12, 6, 4][unit % 3]) {
                let mut taken = 0;
                for ((deal, shard), dealt) in deals.iter_mut().zip(&shards).zip(&mut dealt) {
                    let falls = usize::from(deal.falls_to(*shard, thing));
                    dealt[thing] += falls;
                    taken += falls;
                }
                assert_eq!(taken, 1);
            }
            let differ = |counts: &mut dyn Iterator<Item = usize>| {
                let counts: Vec<usize> = counts.collect();
                counts.iter().max().unwrap() - counts.iter().min().unwrap()
            };
            for kind in 0..12 {
                assert!(differ(&mut dealt.iter().map(|part| part[kind])) <= 1, "{dealt:?}");
            }
            assert!(differ(&mut dealt.iter().map(|part| part.iter().sum())) <= 1, "{dealt:?}");
        }
    }

    #[test]
    fn each_system_says_which_part_in_its_own_way() {
        for (variables, expected) in [
            ([("JOB_COMPLETION_INDEX", "0"), ("INTEROP_SHARD_TOTAL", "3")], "1/3"),
            ([("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "3")], "3/3"),
            ([("BUILDKITE_PARALLEL_JOB", "1"), ("BUILDKITE_PARALLEL_JOB_COUNT", "2")], "2/2"),
            ([("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "4")], "2/4"),
            ([("CI_NODE_INDEX", ""), ("CI_NODE_TOTAL", "1")], "1/1"),
        ] {
            assert_eq!(of_environment(&variables).as_deref(), Ok(expected));
        }
        let both = [
            ("CI_NODE_INDEX", "2"),
            ("CI_NODE_TOTAL", "2"),
            ("CIRCLE_NODE_INDEX", "1"),
            ("CIRCLE_NODE_TOTAL", "2"),
        ];
        assert_eq!(of_environment(&both).as_deref(), Ok("2/2"));
    }

    #[test]
    fn what_the_environment_says_wrongly_is_named() {
        for (variables, named) in [
            (&[][..], "JOB_COMPLETION_INDEX and INTEROP_SHARD_TOTAL (a Kubernetes Indexed Job)"),
            (&[("JOB_COMPLETION_INDEX", "0")], "INTEROP_SHARD_TOTAL is not"),
            (&[("CIRCLE_NODE_TOTAL", "2")], "CIRCLE_NODE_INDEX is not"),
            (&[("CI_NODE_INDEX", "one"), ("CI_NODE_TOTAL", "2")], "CI_NODE_INDEX is `one`"),
            (&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "2")], "GitLab counts from 1"),
            (&[("CIRCLE_NODE_INDEX", "2"), ("CIRCLE_NODE_TOTAL", "2")], "CircleCI counts from 0"),
            (
                &[
                    ("CI_NODE_INDEX", "1"),
                    ("CI_NODE_TOTAL", "2"),
                    ("CIRCLE_NODE_INDEX", "1"),
                    ("CIRCLE_NODE_TOTAL", "2"),
                ],
                "GitLab says 1/2 (by CI_NODE_INDEX and CI_NODE_TOTAL), and CircleCI says 2/2",
            ),
        ] {
            let message = of_environment(variables).expect_err("refused");
            assert!(message.contains(named), "expected `{named}` in: {message}");
        }
    }
}
