//! Mistaken readers. The first in the list that explains what was seen is the diagnosis, so the common ones
//! stand before the rare, and of two that do the same, the one whose words are true of both.

mod ends;
mod joined;
mod length;
mod split;
mod text;
mod unheaded;

use rust_server::framing::Framing;

use super::evidence::Evidence;
use super::peer::{About, Life, Mistake, Peer};

/// Mistakes in how what was read is taken apart by its headers, and in when the connection ends.
const FRAMES: &[Mistake] = &[
    ends::TRUNCATED_TAKEN,
    ends::TRUNCATED_FILLED_UP,
    ends::TRUNCATED_CLAIMED,
    ends::TRUNCATED_EMPTY,
    ends::AS_THEY_COME,
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
    joined::ONE_BYTE_DROPPED,
    joined::REST_OFF_BY_ONE,
    joined::HELD_BACK,
    joined::HELD_BACK_BY_A_HEADER,
    joined::DROPPED_AT_A_REFUSAL,
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
    length::SIGNED_LONG,
    length::THREE_BYTES,
    length::SIGNED_SHORT,
    length::TWO_BYTES,
    length::SIGNED_BYTE,
    length::ONE_BYTE,
    length::LINE_FEED,
    length::MULTIPLE_OF_1024,
    length::MULTIPLE_OF_1500,
    length::MULTIPLE_OF_4096,
    length::MULTIPLE_OF_65536,
    split::SHORT_READ_1024,
    split::SHORT_READ_4096,
    split::SHORT_READ_8192,
    split::SHORT_READ_65536,
    ends::ONE_A_CONNECTION,
    ends::DROPPED_AT_THE_END,
];

/// The same of `mnet`, whose size has two numbers behind it.
const NUMBERS: &[Mistake] = &[split::NUMBERS_STUCK];

/// The same where there are no headers.
const UNHEADED: &[Mistake] = &[
    unheaded::TRUNCATED_TAKEN,
    joined::ONLY_FIRST_OF_A_READ,
    joined::ONE_A_READ,
    joined::ONLY_LAST_OF_A_READ,
    joined::REST_DROPPED,
    joined::HELD_BACK,
    joined::BACKWARDS,
    unheaded::READ_IS_MESSAGE,
    ends::DROPPED_AT_THE_END,
];

/// The same where the end of the stream ends the only message.
const ONE_MESSAGE: &[Mistake] = &[
    unheaded::READ_IS_MESSAGE,
    unheaded::FIRST_READ,
    unheaded::EACH_READ,
    unheaded::EACH_READ_AS_TEXT,
];

/// Mistakes in how what was read is understood. They look like those of a writer where nothing was cut.
const TEXT: &[Mistake] = &[
    text::DIES,
    text::DIES_PER_READ,
    text::PER_READ,
    text::PER_READ_1024,
    text::PER_READ_4096,
    text::LEFT_OUT_PER_READ,
    text::ALL_REPLACED,
    text::ALL_WIDENED,
    text::ALL_LINE_ENDS,
    text::LINES,
];

/// The same where there are no headers.
const UNHEADED_TEXT: &[Mistake] =
    &[unheaded::DIES_PER_READ, unheaded::DECODED_PER_READ, unheaded::LEFT_OUT_PER_READ];

/// The mistakes that can be made in how a framing's messages are taken apart.
pub(super) fn frames(framing: Framing) -> impl Iterator<Item = &'static Mistake> {
    let lists: &[&[Mistake]] = match framing {
        Framing::Mnet(_) => &[NUMBERS, FRAMES],
        Framing::Raw(_) => &[ONE_MESSAGE],
        _ if framing.header_len() == 0 => &[UNHEADED],
        _ => &[FRAMES],
    };
    // How many bits a length has is told of binary ones alone.
    let fits = move |mistake: &&Mistake| {
        mistake.about != About::Length || matches!(framing, Framing::LengthPrefix(_))
    };
    lists.iter().copied().flatten().filter(fits)
}

/// The mistakes that can be made in how its messages are understood.
pub(super) fn text(framing: Framing) -> impl Iterator<Item = &'static Mistake> {
    if framing.header_len() == 0 { UNHEADED_TEXT.iter() } else { TEXT.iter() }
}

/// Something came of a header that is no four digits, whatever number was read in it.
pub(super) fn not_digits(evidence: &Evidence<'_>) -> Option<String> {
    let read: Vec<u8> = evidence.reads.iter().flat_map(|read| read.bytes.to_vec()).collect();
    let header = read.get(..evidence.read_as.header_len())?;
    let wrong = matches!(evidence.read_as, Framing::Ascii4(_))
        && evidence.due.is_empty()
        && !header.iter().all(u8::is_ascii_digit);
    wrong.then(|| {
        let header = header.escape_ascii();
        format!("a length is taken from what is no four digits (\"{header}\" was read as a number)")
    })
}

/// Takes each message right, and lets `answer` make of it what it wants.
fn each_message(peer: &mut Peer<'_>, mut answer: impl FnMut(&mut Peer<'_>, &[u8]) -> Life) -> Life {
    while let Some(body) = peer.recv_message()? {
        answer(peer, &body)?;
    }
    Ok(())
}
