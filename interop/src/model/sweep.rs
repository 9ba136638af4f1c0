//! A sweep: the same message cut at each offset, each on a connection of its own; and where it goes wrong.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

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
struct Row {
    /// Of the body, in bytes.
    len: usize,
    /// For each offset that was tried, whether it went wrong.
    offsets: BTreeMap<usize, bool>,
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
        let failing = self.rows.iter().filter(|row| row.offsets.values().any(|wrong| *wrong));
        for (nth, row) in failing.enumerate() {
            let newline = if nth == 0 { "" } else { "\n" };
            let all = ranges(row.offsets.keys().copied());
            let wrong = ranges(row.offsets.iter().filter(|(_, wrong)| **wrong).map(|(at, _)| *at));
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

/// `1-3, 7`.
fn ranges(offsets: impl Iterator<Item = usize>) -> String {
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
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::model::names::Role;

    #[test]
    fn failing_offsets_are_told_as_ranges_for_each_length() {
        let cases = catalogue::cases();
        let sweep = cases
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
        assert_eq!(ranges([1, 2, 3, 7, 9, 10].into_iter()), "1-3, 7, 9-10");
    }
}
