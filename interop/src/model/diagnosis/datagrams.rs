//! Mistakes with datagrams, most of which are habits of streams. Each datagram stands in the evidence as a frame of
//! the [notation](crate::model::protocol::NOTATION), so it is known where one ends.

use bytes::Bytes;

use super::evidence::{Evidence, Other};
use super::wire::messages;

/// Names the mistake behind the first datagram that is wrong, or a message that a client made of one.
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Option<String> {
    let due = messages(evidence.out, evidence.due);
    let seen = messages(evidence.out, evidence.seen);
    let at = due.iter().zip(&seen).take_while(|(due, seen)| due == seen).count();
    let came = &seen[at..];
    let got = came.first()?;
    if evidence.strangers.contains(got) {
        return Some(STRANGER.to_owned());
    }
    if due.get(at).is_none_or(|due| due != got) && at > 0 && due[at - 1] == *got {
        return Some("a datagram is sent twice".to_owned());
    }
    let others: Vec<Bytes> =
        evidence.others.iter().flat_map(|other| messages(evidence.out, other.due)).collect();
    if got.len() >= 2 && !due.contains(got) && others.contains(got) {
        return Some(OTHERS_ANSWER.to_owned());
    }
    let due = due.get(at)?;
    added(due, got).or_else(|| joined(due, got, &others)).or_else(|| cut(due, came))
}

const STRANGER: &str =
    "answers are taken from anybody: this one came from another port than was asked";
const OTHERS_ANSWER: &str = "the answer to another client: not each is answered where it sent from";

/// Something stands before the message, or behind it.
fn added(due: &[u8], got: &[u8]) -> Option<String> {
    let len = u32::try_from(due.len()).ok()?;
    if let Some(header) = got.strip_suffix(due)
        && (header == len.to_be_bytes() || header == len.to_le_bytes())
    {
        return Some("a length stands before the message, as on a stream".to_owned());
    }
    let behind = got.strip_prefix(due).filter(|behind| !behind.is_empty())?;
    Some(match behind {
        b"\n" => "a newline is added to each message".to_owned(),
        b"\r\n" => "CR LF is added to each message".to_owned(),
        b"\0" => "a NUL is added to each message".to_owned(),
        _ if behind.iter().all(|byte| *byte == 0) => {
            format!(
                "each message is filled up with NULs: a buffer of {} bytes is sent whole",
                got.len()
            )
        }
        _ => return None,
    })
}

/// Something else that was sent is part of it: by others, before or behind, or whatever stands before it.
fn joined(due: &[u8], got: &[u8], others: &[Bytes]) -> Option<String> {
    let is_one = match (got.strip_suffix(due), got.strip_prefix(due)) {
        _ if due.is_empty() => false,
        (Some(before), _) => before.len() >= 2,
        (None, Some(behind)) => others.iter().any(|it| !it.is_empty() && behind.starts_with(it)),
        (None, None) => false,
    };
    is_one.then(|| "several datagrams are taken for one message".to_owned())
}

/// What is missing at its end is lost, or comes by other datagrams.
fn cut(due: &[u8], came: &[Bytes]) -> Option<String> {
    let (got, next) = (came.first()?, came.get(1));
    let rest = due.strip_prefix(&got[..]).filter(|_| !got.is_empty())?;
    let len = got.len();
    Some(match next {
        Some(next) if !next.is_empty() && rest.starts_with(next) => {
            format!("a message is sent in several datagrams, of {len} bytes each")
        }
        _ => format!(
            "a datagram is cut at {len} bytes: whoever receives has no larger buffer, and the rest is lost"
        ),
    })
}

/// Where nothing wrong came: what is special about the message for which nothing comes.
pub(super) fn of_a_stop(evidence: &Evidence<'_>) -> Option<String> {
    let missing =
        messages(evidence.out, &evidence.due[evidence.seen.len()..]).into_iter().next()?;
    let went_there = |other: &Other<'_>| {
        let has = |stream| messages(evidence.out, stream).contains(&missing);
        missing.len() >= 2 && has(other.seen) && !has(other.due)
    };
    if evidence.others.iter().any(went_there) {
        return Some(
            "the answer went to another client: not each is answered where it sent from".to_owned(),
        );
    }
    let of_empty = match evidence.reads.last() {
        Some(read) => messages(evidence.read_as, &read.bytes).last()?.is_empty(),
        None => missing.is_empty(),
    };
    of_empty.then(|| "nothing comes for an empty message".to_owned())
}
