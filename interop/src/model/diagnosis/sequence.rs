//! What became of the sequence of messages, where no mistake in reading or writing one explains it: one was
//! lost, came twice, came too soon, came from another connection, or was changed in one byte.

use bytes::Bytes;

use super::evidence::{Evidence, Other};
use super::peer::TELLING;
use super::wire::{messages, whole};

/// Names what became of the messages.
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Option<String> {
    let due = messages(evidence.out, evidence.due);
    let seen = messages(evidence.out, evidence.seen);
    let at = due.iter().zip(&seen).take_while(|(due, seen)| due == seen).count();
    let (rest_due, rest_seen) = (&due[at..], &seen[at..]);
    let told: usize = seen.iter().map(|body| whole(evidence.out, body).len()).sum();
    // Behind the last whole message nothing may lie that is not the beginning of the next.
    let tail = evidence.seen.get(told..).unwrap_or_default();
    let came = |expected: &[Bytes]| is_prefix(rest_seen, tail, expected, evidence);
    changed(rest_due, rest_seen, at, came)
        .or_else(|| foreign(evidence, rest_due, rest_seen, at))
        .or_else(|| lost(rest_due, at, came))
        .or_else(|| disordered(rest_due, rest_seen, at))
        .or_else(|| repeated(&due, at, came))
        .or_else(|| unasked(rest_due, rest_seen, at, came))
        .or_else(|| mixed(evidence))
}

/// Whether one empty message too many explains it.
pub(super) fn unasked_empty(evidence: &Evidence<'_>) -> Option<String> {
    let due = messages(evidence.out, evidence.due);
    let seen = messages(evidence.out, evidence.seen);
    let at = due.iter().zip(&seen).take_while(|(due, seen)| due == seen).count();
    let (rest_due, rest_seen) = (&due[at..], &seen[at..]);
    let is_empty = rest_seen.first().is_some_and(Bytes::is_empty);
    let came = |expected: &[Bytes]| expected.starts_with(rest_seen);
    unasked(rest_due, rest_seen, at, came).filter(|_| is_empty)
}

/// Whether what was seen is all, or a telling part, of what is expected.
fn is_prefix(seen: &[Bytes], tail: &[u8], expected: &[Bytes], evidence: &Evidence<'_>) -> bool {
    if seen.len() > expected.len() || seen.is_empty() || expected[..seen.len()] != *seen {
        return false;
    }
    match expected.get(seen.len()) {
        None => tail.is_empty(),
        Some(body) => whole(evidence.out, body).starts_with(tail),
    }
}

fn changed(
    due: &[Bytes],
    seen: &[Bytes],
    at: usize,
    came: impl Fn(&[Bytes]) -> bool,
) -> Option<String> {
    let rest = due.get(1..)?;
    let (due, seen) = (due.first()?, seen.first()?);
    let expected: Vec<Bytes> = std::iter::once(seen).chain(rest).cloned().collect();
    if due.len() != seen.len() || due.len() < TELLING || !came(&expected) {
        return None;
    }
    let mut different = due.iter().zip(seen).enumerate().filter(|(_, (due, seen))| due != seen);
    let (index, (expected, got)) = different.next()?;
    different.next().is_none().then(|| {
        format!(
            "one byte of message {} is changed: byte {index} of its body is {got:02x} and was {expected:02x}",
            at + 1
        )
    })
}

fn foreign(evidence: &Evidence<'_>, due: &[Bytes], seen: &[Bytes], at: usize) -> Option<String> {
    let stranger = seen.first().filter(|body| body.len() >= 2 && !due.contains(body))?;
    let of = |other: &&Other<'_>| messages(evidence.out, other.due).contains(stranger);
    let Other { conn, .. } = evidence.others.iter().find(of)?;
    Some(format!("message {} belongs to another connection, connection {conn}", at + 1))
}

fn lost(due: &[Bytes], at: usize, came: impl Fn(&[Bytes]) -> bool) -> Option<String> {
    let lost = (1..due.len()).find(|&lost| came(&due[lost..]))?;
    let of = at + due.len();
    Some(match lost {
        1 => format!("message {} of {of} is lost", at + 1),
        _ => format!("messages {} to {} of {of} are lost", at + 1, at + lost),
    })
}

fn repeated(due: &[Bytes], at: usize, came: impl Fn(&[Bytes]) -> bool) -> Option<String> {
    let before = at.checked_sub(1)?;
    let comes_again = due[at..].contains(&due[before]);
    (!comes_again && came(&due[before..])).then(|| format!("message {at} is sent twice"))
}

fn unasked(
    due: &[Bytes],
    seen: &[Bytes],
    at: usize,
    came: impl Fn(&[Bytes]) -> bool,
) -> Option<String> {
    let stranger = seen.first()?;
    let expected: Vec<Bytes> = std::iter::once(stranger).chain(due).cloned().collect();
    // One message more, and what was due behind it: without that, it may be anything.
    (seen.len() > 1 && !due.contains(stranger) && came(&expected)).then(|| {
        let len = stranger.len();
        match at {
            0 => format!("a message that nobody asked for comes first, of {len} bytes"),
            _ => {
                format!("a message that nobody asked for comes behind message {at}, of {len} bytes")
            }
        }
    })
}

fn disordered(due: &[Bytes], seen: &[Bytes], at: usize) -> Option<String> {
    let (first, other) = (due.first()?, seen.first()?);
    let too_soon = due.iter().position(|body| body == other)?;
    let comes_later = seen[1..].contains(first);
    (too_soon > 0 && comes_later).then(|| {
        format!(
            "messages come in another order: number {} comes before number {}",
            at + too_soon + 1,
            at + 1
        )
    })
}

/// Bytes of another connection among those of this one.
fn mixed(evidence: &Evidence<'_>) -> Option<String> {
    let wrong = evidence.seen.get(evidence.offset..evidence.offset + TELLING)?;
    let occurs = |stream: &[u8]| stream.windows(TELLING).any(|window| window == wrong);
    if occurs(evidence.due) || wrong.iter().all(|byte| *byte == wrong[0]) {
        return None;
    }
    let Other { conn, .. } = evidence.others.iter().find(|other| occurs(other.due))?;
    Some(format!("bytes of another connection are mixed in, of connection {conn}"))
}
