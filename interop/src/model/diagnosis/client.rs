//! What a client did with messages that it was told: mistakes that its requests alone show.

use rust_server::framing::Framing;

use super::evidence::Evidence;
use super::wire::messages;
use crate::model::names::Role;
use crate::model::transcript::{Act, Channel, Sight, Transcript, What};

/// Names the mistake behind requests that are missing, or too many.
pub(super) fn diagnose(evidence: &Evidence<'_>, transcript: &Transcript) -> Option<String> {
    if !matches!(evidence.channel, Channel::Requests(_)) {
        return None;
    }
    match evidence.stopped {
        true => waits_for_answers(evidence, transcript),
        false => five_digits(evidence),
    }
}

/// All but one of the requests that it sent were answered, and it sends no more.
fn waits_for_answers(evidence: &Evidence<'_>, transcript: &Transcript) -> Option<String> {
    let conn = evidence.channel.conn();
    let exited = transcript.events.iter().any(
        |event| matches!(&event.what, What::Saw(Sight::ClientExited { conn: of, .. }) if *of == conn),
    );
    if exited || transcript.setting.role != Role::Client {
        return None;
    }
    let written = |what: &What| match what {
        What::Did(Act::Wrote { conn: to, bytes }) if *to == conn => bytes.to_vec(),
        _ => Vec::new(),
    };
    let written: Vec<u8> =
        transcript.events.iter().flat_map(|event| written(&event.what)).collect();
    let count = |stream| messages(evidence.out, stream).len();
    let (sent, due) = (count(evidence.seen), count(evidence.due));
    (sent < due && sent == count(&written) + 1).then(|| {
        "the client waits for an answer before it sends the next message; the contract asks it not to"
            .to_owned()
    })
}

/// It was told a message that is too long for four digits, and wrote five.
fn five_digits(evidence: &Evidence<'_>) -> Option<String> {
    let sent = evidence.seen.get(evidence.due.len()..)?;
    let (digits, body) = sent.split_first_chunk::<5>()?;
    let is_number = matches!(evidence.out, Framing::Ascii4(_))
        && digits.iter().all(u8::is_ascii_digit)
        && digits[0] != b'0';
    let len: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (is_number && body.len() <= len).then(|| {
        format!(
            "a length of {len} has a fifth digit, which is taken for the first byte of the message"
        )
    })
}
