//! A connection that is ended because of the time that goes by, not because of what comes.

use std::time::Duration;

use super::evidence::{End, Evidence};
use super::peer::About;
use super::wire::{messages, whole};

/// Who ends a connection because of what he has read does so at once: on a loaded machine within this time.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Names the time-out behind a connection that its peer has ended.
pub(super) fn explain(evidence: &Evidence<'_>) -> Option<(String, About)> {
    let end = evidence.end.filter(|end| !end.died && !end.by_signal)?;
    // Who writes until nothing is taken any more has written something.
    if evidence.unread {
        if evidence.finished.is_some() || evidence.seen.is_empty() {
            return None;
        }
        let words = "a connection whose other end does not read for a while is given up: by a time-out, or because a full buffer is taken for an error";
        return Some((words.to_owned(), About::Time));
    }
    if evidence.finished.is_some() {
        return None;
    }
    let took = begun(evidence, end).map(|begun| end.at.saturating_sub(begun)).unwrap_or_default();
    let words = if took >= AT_ONCE.max(end.quiet * 2) {
        let took = took.as_millis();
        format!("a message that takes long to come is cut off by a time-out ({took} ms)")
    } else if end.quiet >= AT_ONCE {
        let quiet = end.quiet.as_millis();
        format!("a connection is ended when nothing comes for a while ({quiet} ms)")
    } else {
        return None;
    };
    Some((words, About::Time))
}

/// When the message began that was not complete at the end.
fn begun(evidence: &Evidence<'_>, end: End) -> Option<Duration> {
    let reads = evidence.reads.get(..end.reads)?;
    let read: Vec<u8> = reads.iter().flat_map(|read| read.bytes.iter().copied()).collect();
    let complete = messages(evidence.read_as, &read);
    let complete: usize = complete.iter().map(|body| whole(evidence.read_as, body).len()).sum();
    let mut before = 0;
    for read in reads {
        before += read.bytes.len();
        if before > complete {
            return Some(read.at);
        }
    }
    None
}
