//! What did not come in time, and came all the same when the case had been given up: by itself, when something more
//! was written, or when the conversation was ended.

use std::time::Duration;

use super::evidence::Evidence;
use super::wire::{messages, whole};
use crate::model::transcript::{Act, Channel, Sight, Transcript, What};

/// How long something took that came by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Duration);

/// What was done before it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Nothing,
    /// One more message was written.
    Message,
    /// Our direction, or the input, was ended.
    End,
}

const MORE_BYTES: &str = "a complete message is handled only when more bytes come";
const UNFLUSHED: &str =
    "what is delivered lies in a buffer until the client ends: its stdout is not flushed";
const AT_THE_END: &str = "answers are held back until the input ends";
const ONLY_LATE: &str = "what is due comes, only late";

/// Whether a diagnosis says what was seen to come, rather than what may be behind a silence.
#[must_use]
pub fn is_seen(diagnosis: &str) -> bool {
    [MORE_BYTES, UNFLUSHED, AT_THE_END, ONLY_LATE].iter().any(|words| diagnosis.starts_with(words))
}

/// Names why something came late.
pub(super) fn diagnose(evidence: &Evidence<'_>, transcript: &Transcript) -> Option<String> {
    let (behind, delay) = came(evidence, transcript)?;
    // Between two peers nobody knows what was sent when.
    if evidence.reads.is_empty() && behind == Behind::Nothing {
        return Some(ONLY_LATE.to_owned());
    }
    let delivered = matches!(evidence.channel, Channel::Delivered(_));
    Some(match (behind, delivered) {
        (Behind::Nothing, _) => {
            format!("{ONLY_LATE} ({} ms after its last byte was sent)", delay.as_millis())
        }
        (Behind::Message, _) => MORE_BYTES.to_owned(),
        (Behind::End, true) => UNFLUSHED.to_owned(),
        (Behind::End, false) => AT_THE_END.to_owned(),
    })
}

/// How late it was, where it came by itself.
pub(super) fn delay(evidence: &Evidence<'_>, transcript: &Transcript) -> Option<Delay> {
    let (behind, delay) = came(evidence, transcript)?;
    (behind == Behind::Nothing && evidence.stopped).then_some(Delay(delay))
}

/// What it took for the first message to come that was missing, and how long after the last thing that was done.
fn came(evidence: &Evidence<'_>, transcript: &Transcript) -> Option<(Behind, Duration)> {
    let missing = evidence.due.get(evidence.offset..)?;
    let wanted = end_of_frame(evidence)? - evidence.offset;
    let (mut behind, mut seen) = (Behind::Nothing, Vec::new());
    let conn = evidence.channel.conn();
    for event in &transcript.after {
        match &event.what {
            What::Did(Act::Wrote { conn: to, .. }) if *to == conn => behind = Behind::Message,
            What::Did(Act::Finished { conn: of } | Act::InputEnded { conn: of }) if *of == conn => {
                behind = Behind::End;
            }
            What::Saw(Sight::Bytes { channel, bytes }) if *channel == evidence.channel => {
                seen.extend_from_slice(bytes);
            }
            _ => {}
        }
        if seen.len() >= wanted {
            let asked = evidence.reads.last().map(|read| read.at).unwrap_or_default();
            let right = seen[..wanted] == missing[..wanted];
            return right.then(|| (behind, event.at.saturating_sub(asked)));
        }
    }
    None
}

/// Where the frame ends that had not come when the case was given up.
fn end_of_frame(evidence: &Evidence<'_>) -> Option<usize> {
    let mut end = 0;
    for body in messages(evidence.out, evidence.due) {
        end += whole(evidence.out, &body).len();
        if end > evidence.offset {
            return Some(end);
        }
    }
    None
}
