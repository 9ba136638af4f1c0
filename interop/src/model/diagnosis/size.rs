//! A message that is the first of its size, and the first that does not come.

use super::evidence::Evidence;
use super::peer::About;
use super::wire::{messages, whole};

/// Sizes at which buffers and counters usually end.
const EDGES: [usize; 12] =
    [127, 255, 512, 1024, 2048, 4096, 8192, 16_384, 32_767, 65_535, 65_536, 1 << 20];

/// Names what is special about the length of the message that does not come.
pub(super) fn explain(evidence: &Evidence<'_>) -> Option<(String, About)> {
    let limit = at_the_limit(evidence).map(|words| (words, About::Limit));
    limit.or_else(|| Some((diagnose(evidence)?, About::Length)))
}

/// A program that a signal ended did not refuse it.
fn at_the_limit(evidence: &Evidence<'_>) -> Option<String> {
    let limit = evidence.limit.filter(|limit| *limit > 0)?;
    if evidence.end.is_some_and(|end| end.by_signal) {
        return None;
    }
    let mut at = 0;
    for body in messages(evidence.out, evidence.due) {
        if at == evidence.offset {
            return (body.len() == limit).then(|| {
                format!(
                    "a message as long as the limit allows is not handled ({limit} bytes): the limit is off by one, or a buffer has no room for its header"
                )
            });
        }
        at += whole(evidence.out, &body).len();
    }
    None
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
