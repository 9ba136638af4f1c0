//! Mistaken readers. The first in the list that explains what was seen is the diagnosis, so the common ones
//! stand before the rare, and of two that do the same, the one whose words are true of both.

mod ends;
mod joined;
mod length;
mod split;
mod text;

use super::peer::{Life, Mistake, Peer};

/// Mistakes in how what was read is taken apart, and in when the connection ends.
pub(super) const FRAMES: &[Mistake] = &[
    ends::AS_THEY_COME,
    ends::TRUNCATED_TAKEN,
    ends::TRUNCATED_FILLED_UP,
    ends::TRUNCATED_EMPTY,
    split::BEGUN_BEHIND_ANOTHER,
    split::HEADER_STUCK,
    split::HEADER_ZEROS_BEFORE,
    split::HEADER_ZEROS_BEHIND,
    split::HEADER_BEGUN_AGAIN,
    split::HEADER_WITHOUT_BODY,
    split::BODY_STUCK,
    split::BODY_CUT_SHORT,
    split::BODY_FILLED_UP,
    split::BODY_CLAIMED,
    joined::ONLY_FIRST_OF_A_READ,
    joined::ONE_A_READ,
    joined::ONLY_LAST_OF_A_READ,
    joined::REST_DROPPED,
    joined::SHORT_REST_DROPPED,
    joined::REST_OFF_BY_ONE,
    joined::BACKWARDS,
    joined::JOINED,
    joined::READ_IS_MESSAGE_CUT,
    joined::READ_IS_MESSAGE,
    joined::READ_IS_MESSAGE_1024,
    joined::READ_IS_MESSAGE_4096,
    joined::READ_IS_MESSAGE_8192,
    joined::READ_IS_MESSAGE_65536,
    ends::EMPTY_CLOSES,
    ends::EMPTY_SKIPPED,
    ends::EMPTY_STUCK,
    ends::EMPTY_TWICE,
    // The widest first: a length that is cut to 24 bits may look as if it were cut to 8.
    length::THREE_BYTES,
    length::SIGNED_SHORT,
    length::TWO_BYTES,
    length::SIGNED_BYTE,
    length::ONE_BYTE,
    split::SHORT_READ_1024,
    split::SHORT_READ_4096,
    split::SHORT_READ_8192,
    split::SHORT_READ_65536,
    ends::ONE_A_CONNECTION,
    ends::DROPPED_AT_THE_END,
];

/// Mistakes in how what was read is understood. They look like those of a writer where nothing was cut.
pub(super) const TEXT: &[Mistake] = &[
    text::DIES,
    text::DIES_PER_READ,
    text::PER_READ,
    text::PER_READ_1024,
    text::PER_READ_4096,
    text::LEFT_OUT_PER_READ,
    text::LINES,
];

/// Takes each message right, and lets `answer` make of it what it wants.
fn each_message(peer: &mut Peer<'_>, mut answer: impl FnMut(&mut Peer<'_>, &[u8]) -> Life) -> Life {
    while let Some(body) = peer.recv_message()? {
        answer(peer, &body)?;
    }
    Ok(())
}
