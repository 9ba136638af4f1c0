//! A message that is the first of its size, and the first that does not come.

use super::evidence::Evidence;
use super::peer::About;
use super::wire::{messages, whole};

/// Sizes at which buffers and counters usually end.
const EDGES: [usize; 12] =
    [127, 255, 512, 1024, 2048, 4096, 8192, 16_384, 32_767, 65_535, 65_536, 1 << 20];

/// Names what is special about the length of the message that does not come, where the peer handled none as long:
/// `longest` is the longest that it did.
pub(super) fn explain(evidence: &Evidence<'_>, longest: usize) -> Option<(String, About)> {
    let missing = evidence.missing().filter(|missing| *missing > longest)?;
    if evidence.end.is_some_and(|end| end.by_signal) {
        let words = format!(
            "a message is too long for a buffer, and is written beyond its end ({missing} bytes)"
        );
        return Some((words, About::Size));
    }
    if evidence.limit == Some(missing) && begins_at(evidence) {
        let words = format!(
            "a message as long as the limit allows is not handled ({missing} bytes): the limit is off by one, or a buffer has no room for its header"
        );
        return Some((words, About::Size));
    }
    None
}

/// The same by its size alone.
pub(super) fn guess(evidence: &Evidence<'_>, longest: usize) -> Option<String> {
    evidence.missing().filter(|missing| *missing > longest)?;
    diagnose(evidence)
}

/// Whether nothing of the missing message has come.
fn begins_at(evidence: &Evidence<'_>) -> bool {
    let came = &evidence.seen[..evidence.offset];
    let told: usize =
        messages(evidence.out, came).iter().map(|body| whole(evidence.out, body).len()).sum();
    told == evidence.offset
}

/// Names the size from which on nothing comes, where the message that is missing is the first of that size,
/// is little larger, and others of nearly that size came.
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Option<String> {
    let due = messages(evidence.out, evidence.due);
    let header = evidence.out.header_len();
    let (mut at, mut came) = (0, Vec::new());
    for body in &due {
        if at == evidence.offset {
            break;
        }
        at += whole(evidence.out, body).len();
        came.push(body.len());
    }
    if at != evidence.offset {
        return None; // it had begun to come
    }
    let largest = *came.iter().max()?;
    let missing = due.get(came.len())?.len();
    // A header counts or not: the message with its header may be what has to fit.
    let edge = EDGES.into_iter().find(|&edge| {
        let near = |len: usize| (edge - header..=edge + header).contains(&len);
        missing > largest && near(largest) && near(missing)
    })?;
    let (from, to) = (largest, missing);
    Some(format!(
        "messages larger than about {edge} bytes are not handled ({from} were, {to} were not)"
    ))
}
