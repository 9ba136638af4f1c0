//! A sweep: the same message cut at each offset, each on a connection of its own; and where it goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::case::{Case, Part, Step, Write};
use super::cut::Cut;
use super::transcript::Conn;

/// Where a sweep went wrong: for each length of body, the offsets at which the frame was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruler {
    rows: Vec<Row>,
}

/// The frames of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of the body, in bytes.
    pub len: usize,
    /// For each offset that was tried, whether it went wrong.
    pub offsets: BTreeMap<usize, bool>,
}

impl Ruler {
    /// The lengths of body that fail anywhere, from the shortest.
    pub fn failing(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.offsets.values().any(|wrong| *wrong))
    }
}

impl Row {
    /// The offsets at which it goes wrong, as ranges: `1-3, 7`. Of more than `at_most` ranges the first.
    #[must_use]
    pub fn wrong(&self, at_most: usize) -> String {
        ranges(self.offsets.iter().filter(|(_, wrong)| **wrong).map(|(at, _)| *at), at_most)
    }

    /// The offsets that were tried, as ranges; cut short as above.
    #[must_use]
    pub fn tried(&self, at_most: usize) -> String {
        ranges(self.offsets.keys().copied(), at_most)
    }
}

/// The ruler of a case whose lanes each cut one frame once; `None` where it is no such case, or nothing of it
/// is wrong. Whether a connection went wrong is not known of one that was not tried any more.
#[must_use]
pub fn failing(case: &Case, wrong: impl Fn(Conn) -> Option<bool>) -> Option<Ruler> {
    let mut rows: BTreeMap<usize, BTreeMap<usize, bool>> = BTreeMap::new();
    for step in &case.steps {
        let Step::Lanes(lanes) = step else { continue };
        for write in lanes.iter().filter_map(|lane| lane.iter().find_map(one_cut)) {
            let (conn, len, offset) = write;
            if let Some(wrong) = wrong(conn) {
                rows.entry(len).or_default().insert(offset, wrong);
            }
        }
    }
    let some_wrong = rows.values().flat_map(BTreeMap::values).any(|wrong| *wrong);
    let row = |(len, offsets)| Row { len, offsets };
    some_wrong.then(|| Ruler { rows: rows.into_iter().map(row).collect() })
}

/// A frame cut once: on which connection, with how long a body, and where.
fn one_cut(step: &Step) -> Option<(Conn, usize, usize)> {
    let Step::Write(Write { conn, parts, cut: Cut::At(offsets) }) = step else { return None };
    match (&parts[..], &offsets[..]) {
        ([Part::Frame(body)], [offset]) => Some((*conn, body.len(), *offset)),
        _ => None,
    }
}

impl fmt::Display for Ruler {
    /// One line for each length of body that fails anywhere: `body of 5: cut after 1-3 (of 1-8)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, row) in self.failing().enumerate() {
            let newline = if nth == 0 { "" } else { "\n" };
            let (wrong, all) = (row.wrong(usize::MAX), row.tried(usize::MAX));
            write!(f, "{newline}body of {}: wrong when cut after byte {wrong}", row.len)?;
            if wrong == all {
                f.write_str(", which is everywhere")?;
            } else {
                write!(f, " (tried {all})")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Ruler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ruler {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rows = text.lines().map(|line| {
            row(line).ok_or_else(|| serde::de::Error::custom(format!("`{line}` is no ruler")))
        });
        Ok(Self { rows: rows.collect::<Result<_, _>>()? })
    }
}

/// A line of a ruler's text, read again.
fn row(line: &str) -> Option<Row> {
    let (len, rest) = line.strip_prefix("body of ")?.split_once(": wrong when cut after byte ")?;
    let (wrong, tried) = match rest.strip_suffix(", which is everywhere") {
        Some(wrong) => (wrong, wrong),
        None => rest.strip_suffix(')')?.split_once(" (tried ")?,
    };
    let wrong = offsets(wrong)?;
    let offsets = offsets(tried)?.into_iter().map(|at| (at, wrong.contains(&at))).collect();
    Some(Row { len: len.parse().ok()?, offsets })
}

/// What `ranges` has written. No frame that is swept is longer than so many bytes.
fn offsets(text: &str) -> Option<BTreeSet<usize>> {
    const LONGEST: usize = 1 << 16;
    let mut all = BTreeSet::new();
    for run in text.split(", ") {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last > LONGEST {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// `1-3, 7`; `1-3, ..` where only one is wanted.
fn ranges(offsets: impl Iterator<Item = usize>, at_most: usize) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for offset in offsets {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == offset => *last = offset,
            _ => runs.push((offset, offset)),
        }
    }
    let run = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let more = (runs.len() > at_most).then(|| "..".to_owned());
    runs.iter().take(at_most).map(run).chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::names::Role;
    use crate::model::script::cases;

    #[test]
    fn failing_offsets_are_told_as_ranges_for_each_length() {
        let sweep = cases()
            .iter()
            .find(|case| case.id.as_str() == "framing.every-offset" && case.role == Role::Server)
            .unwrap();
        let header = |conn: Conn| {
            let lanes = sweep.steps.iter().find_map(|step| match step {
                Step::Lanes(lanes) => Some(lanes),
                _ => None,
            });
            let cut = lanes.unwrap().iter().flatten().filter_map(one_cut);
            Some(cut.into_iter().any(|(at, _, offset)| at == conn && offset < 4))
        };
        let ruler = failing(sweep, header).unwrap().to_string();
        assert!(
            ruler.starts_with("body of 0: wrong when cut after byte 1-3, which is everywhere\n")
        );
        assert!(
            ruler.contains("\nbody of 5: wrong when cut after byte 1-3 (tried 1-8)\n"),
            "{ruler}"
        );
        assert_eq!(failing(sweep, |_| Some(false)), None);
    }

    #[test]
    fn ranges_join_what_follows_each_other() {
        let offsets = || [1, 2, 3, 7, 9, 10].into_iter();
        assert_eq!(ranges(offsets(), usize::MAX), "1-3, 7, 9-10");
        assert_eq!(ranges(offsets(), 3), "1-3, 7, 9-10");
        assert_eq!(ranges(offsets(), 2), "1-3, 7, ..");
    }

    #[test]
    fn an_offset_that_was_not_tried_is_neither_right_nor_wrong() {
        let lane = |(conn, offset): (Conn, usize)| {
            let parts = vec![Part::Frame("ab".into())];
            vec![Step::Write(Write { conn, parts, cut: Cut::At(vec![offset]) })]
        };
        let lanes = [(1, 1), (2, 2), (3, 3)].map(lane).to_vec();
        let mut case = Case::clone(&cases()[0]);
        case.steps = vec![Step::Lanes(lanes)];
        let ruler = failing(&case, |conn| [None, Some(true), Some(false), None][usize::from(conn)]);
        let ruler = ruler.unwrap();
        assert_eq!(ruler.to_string(), "body of 2: wrong when cut after byte 1 (tried 1-2)");
        let json = serde_json::to_value(&ruler).unwrap();
        assert_eq!(json, "body of 2: wrong when cut after byte 1 (tried 1-2)");
        assert_eq!(serde_json::from_value::<Ruler>(json).unwrap(), ruler);
    }

    #[test]
    fn a_case_that_is_no_sweep_has_no_ruler() {
        let sweeps = ["framing.every-offset", "payload.multibyte-anywhere"];
        let others = cases().iter().filter(|case| !sweeps.contains(&case.id.as_str()));
        for case in others {
            assert_eq!(failing(case, |_| Some(true)), None, "{} as {}", case.id, case.role);
        }
    }
}
