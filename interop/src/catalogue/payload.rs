//! `payload.*`: a body is opaque bytes, and comes back the same whatever they are.

use super::entry::{Entry, Exchange, entry, exchange, whole};
use crate::model::body::Body;
use crate::model::cut::Cut;
use crate::model::names::Clause::{P1, P2, P3, P4};
use crate::model::shorter::TooLong;

/// 2-, 3- and 4-byte UTF-8, a combining mark, and an emoji joined of several.
const MULTIBYTE: [&str; 5] =
    ["naïve café", "你好，世界", "😀🎉", "e\u{301}", "👩\u{200d}👩\u{200d}👧"];

/// What means something to programs that read text.
const PUNCTUATION: [&str; 12] = [
    "# no comment",
    "// nor this",
    "\"quoted\"",
    "'quoted'",
    "back\\slash\\n",
    "100 %s %n %d",
    "<a>&amp;</a>",
    "{\"json\": null}",
    "a,b;c|d",
    "--option",
    "$HOME `id` $(id)",
    "+1",
];

/// Bytes of one message, in a usual large one.
const LARGE: usize = 1024 * 1024;

/// The first length that 24 bits cannot say, and the largest that most limits allow.
const HUGE: usize = 16 * 1024 * 1024;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("payload.empty", "an empty message taken for the end, or skipped")
            .covers(&[P2, P3])
            .everywhere(&[whole([""])]),
        entry("payload.empty-between", "empty messages merged, skipped, or answered twice")
            .covers(&[P2, P3])
            .everywhere(&[whole(["", "between", "", "", "and after", ""])]),
        entry("payload.one-byte", "a short body read past its end").covers(&[P2]).everywhere(&[
            whole(["a"]),
            whole(["b", "c"]),
            whole(["0"]),
        ]),
        entry("payload.all-bytes", "bytes decoded to text")
            .covers(&[P2])
            .everywhere(&[whole([Body::Bytes((0..=255).collect())])]),
        entry("payload.control", "C strings, line readers, text mode").covers(&[P2]).everywhere(&[
            whole(
                [&b"\0"[..], b"a\0b", b"\n", b"line\n", b"line\r\nline\r\n", b"\x1a", b"\xff"]
                    .map(|bytes| Body::Bytes(bytes.to_vec())),
            ),
        ]),
        entry("payload.multibyte", "the length in characters, or in UTF-16 units")
            .covers(&[P1, P2])
            .everywhere(&[exchange(Cut::AsItComes, MULTIBYTE)]),
        entry("payload.multibyte-split", "each read decoded by itself")
            .covers(&[P4, P2])
            .at_both_ends(&[exchange(Cut::EachByte, MULTIBYTE)]),
        entry("payload.looks-like-frames", "heuristics that look for the next header in the body")
            .covers(&[P2])
            .at_both_ends(&looks_like_frames()),
        entry("payload.uniform", "a parser out of step, hidden by bodies that are all alike")
            .covers(&[P2])
            .at_both_ends(&[whole([
                Body::Repeat { byte: 0x00, len: 100 },
                Body::Repeat { byte: 0xff, len: 100 },
                Body::Repeat { byte: 0x00, len: 7 },
            ])]),
        entry("payload.whitespace", "messages stripped or trimmed")
            .covers(&[P2, P3])
            .everywhere(&[whole(["  around  ", "   ", " x"])]),
        entry("payload.punctuation", "comments, quotes, escapes or formats seen in the text")
            .covers(&[P2])
            .everywhere(&[whole(PUNCTUATION)]),
        entry("payload.byte-order-mark", "a byte order mark taken off, as some decoders do")
            .covers(&[P2])
            .everywhere(&[whole(["\u{feff}marked", "un\u{feff}marked"])]),
        entry("payload.shrinking", "the tail of a longer message before left in a buffer")
            .covers(&[P2])
            .too_long(TooLong::Shortened)
            .at_both_ends(&shrinking()),
        entry("payload.large", "24-bit lengths; what one send did not take lost")
            .covers(&[P2, P3])
            .everywhere(&[exchange(Cut::AsItComes, [Body::Letters { seed: 20, len: LARGE }])]),
        entry("payload.empty-behind-large", "an empty message lost that follows a large one")
            .covers(&[P2, P3])
            .too_long(TooLong::Shortened)
            .everywhere(&[exchange(
                Cut::AsItComes,
                [Body::Letters { seed: 21, len: 100_000 }, Body::from(""), Body::from("last")],
            )]),
        entry("payload.huge", "24-bit lengths; concatenation that is quadratic")
            .covers(&[P2, P3])
            .should()
            .must_with_limit()
            .at_both_ends(&[exchange(Cut::AsItComes, [Body::Letters { seed: 24, len: HUGE }])]),
    ]
}

fn looks_like_frames() -> Vec<Exchange> {
    let frames = b"\0\0\0\x05hello\0\0\0\x02hi\0\0\0\0".to_vec();
    let half_a_header = b"\0\0\0".to_vec();
    vec![
        exchange(Cut::At(vec![9]), [Body::Bytes(frames.clone())]),
        whole([Body::Bytes(half_a_header), Body::Bytes(frames)]),
    ]
}

fn shrinking() -> Vec<Exchange> {
    [1000, 100, 10, 1].map(|len| whole([Body::Letters { seed: len as u64, len }])).to_vec()
}
