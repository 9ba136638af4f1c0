//! Mistaken writers, recognised by their bytes: what becomes of a message does not depend on how it came.
//!
//! Each mistake is a rule for what a program that makes it would have written instead of what was due.
//! Where the bytes that came follow such a rule up to and beyond the first wrong one, that is the diagnosis.

use bytes::{Bytes, BytesMut};
use rust_server::framing::{ByteOrder, Framing, LengthPrefix, MaxFrame, Width};

use super::peer::TELLING;

/// A mistake in words that the peer's author understands, and the frames that it makes of messages.
struct Mistake {
    words: &'static str,
    stream: fn(LengthPrefix, &[Bytes]) -> Vec<u8>,
}

/// The most telling first: the first that explains the bytes is the diagnosis.
const MISTAKES: &[Mistake] = &[
    Mistake {
        words: "length field is little-endian",
        stream: |prefix, messages| in_order(prefix, ByteOrder::Little, messages),
    },
    Mistake {
        words: "length field is big-endian",
        stream: |prefix, messages| in_order(prefix, ByteOrder::Big, messages),
    },
    Mistake {
        words: "length counts the header itself",
        stream: |prefix, messages| {
            each(messages, |body| claim(prefix, body.len() + prefix.header_len(), body))
        },
    },
    Mistake {
        words: "length counts characters instead of bytes",
        stream: |prefix, messages| {
            each(messages, |body| {
                claim(prefix, String::from_utf8_lossy(body).chars().count(), body)
            })
        },
    },
    Mistake {
        words: "length counts UTF-16 units instead of bytes",
        stream: |prefix, messages| {
            each(messages, |body| {
                claim(prefix, String::from_utf8_lossy(body).encode_utf16().count(), body)
            })
        },
    },
    Mistake {
        words: "there is no length header: bodies are sent bare",
        stream: |_, messages| each(messages, <[u8]>::to_vec),
    },
    Mistake {
        words: "each message is sent twice",
        stream: |prefix, messages| each(messages, |body| whole(prefix, body).repeat(2)),
    },
    Mistake {
        words: "a newline is added to each message, and counted",
        stream: |prefix, messages| each(messages, |body| whole(prefix, &[body, b"\n"].concat())),
    },
    Mistake {
        words: "a newline is added to each frame, and not counted",
        stream: |prefix, messages| {
            each(messages, |body| [&whole(prefix, body)[..], b"\n"].concat())
        },
    },
    Mistake {
        words: "a NUL is added to each message, and counted",
        stream: |prefix, messages| each(messages, |body| whole(prefix, &[body, b"\0"].concat())),
    },
    Mistake {
        words: "a NUL is added to each frame, and not counted",
        stream: |prefix, messages| {
            each(messages, |body| [&whole(prefix, body)[..], b"\0"].concat())
        },
    },
    Mistake {
        words: "line ends at the end of messages are lost",
        stream: |prefix, messages| each(messages, |body| whole(prefix, ended(body, b"\r\n"))),
    },
    Mistake {
        words: "white space at the end of messages is stripped",
        stream: |prefix, messages| each(messages, |body| whole(prefix, body.trim_ascii_end())),
    },
    Mistake {
        words: "white space around messages is stripped",
        stream: |prefix, messages| each(messages, |body| whole(prefix, body.trim_ascii())),
    },
    Mistake {
        words: "NULs at the end of messages are lost",
        stream: |prefix, messages| each(messages, |body| whole(prefix, ended(body, b"\0"))),
    },
    Mistake {
        words: "messages end at their first NUL, as a C string does",
        stream: |prefix, messages| {
            each(messages, |body| whole(prefix, body.split(|&b| b == 0).next().unwrap_or(body)))
        },
    },
    Mistake {
        words: "messages end at their first newline",
        stream: |prefix, messages| {
            each(messages, |body| whole(prefix, body.split(|&b| b == b'\n').next().unwrap_or(body)))
        },
    },
    Mistake {
        words: "bytes are decoded as text, and what is not UTF-8 is replaced",
        stream: |prefix, messages| {
            each(messages, |body| whole(prefix, String::from_utf8_lossy(body).as_bytes()))
        },
    },
    Mistake {
        words: "what is not UTF-8 is left out",
        stream: |prefix, messages| {
            let keep =
                |body: &[u8]| body.utf8_chunks().map(|chunk| chunk.valid()).collect::<String>();
            each(messages, |body| whole(prefix, keep(body).as_bytes()))
        },
    },
    Mistake {
        words: "bytes are read as Latin-1 and written as UTF-8",
        stream: |prefix, messages| {
            let widen = |body: &[u8]| body.iter().map(|&b| char::from(b)).collect::<String>();
            each(messages, |body| whole(prefix, widen(body).as_bytes()))
        },
    },
    Mistake {
        words: "empty messages are skipped",
        stream: |prefix, messages| {
            let kept: Vec<Bytes> =
                messages.iter().filter(|body| !body.is_empty()).cloned().collect();
            each(&kept, |body| whole(prefix, body))
        },
    },
    Mistake {
        words: "messages are merged into one",
        stream: |prefix, messages| whole(prefix, &messages.concat()),
    },
    Mistake {
        words: "CR LF becomes LF",
        stream: |prefix, messages| {
            each(messages, |body| whole(prefix, &replaced(body, b"\r\n", b"\n")))
        },
    },
    Mistake {
        words: "LF becomes CR LF",
        stream: |prefix, messages| {
            each(messages, |body| whole(prefix, &replaced(body, b"\n", b"\r\n")))
        },
    },
    Mistake {
        words: "letters are made capitals",
        stream: |prefix, messages| each(messages, |body| whole(prefix, &body.to_ascii_uppercase())),
    },
    Mistake {
        words: "letters are made small",
        stream: |prefix, messages| each(messages, |body| whole(prefix, &body.to_ascii_lowercase())),
    },
    Mistake {
        words: "an empty message is sent twice",
        stream: |prefix, messages| {
            each(messages, |body| whole(prefix, body).repeat(if body.is_empty() { 2 } else { 1 }))
        },
    },
    Mistake {
        words: "a shorter message is followed by the end of a longer one before it: a buffer is used again",
        stream: |prefix, messages| {
            let mut buffer = Vec::new();
            each_in_turn(messages, |body| {
                let kept = body.len().min(buffer.len());
                buffer.splice(..kept, body.iter().copied());
                whole(prefix, &buffer)
            })
        },
    },
    Mistake {
        words: "length is one too small",
        stream: |prefix, messages| {
            each(messages, |body| claim(prefix, body.len().saturating_sub(1), body))
        },
    },
    Mistake {
        words: "length is one too large",
        stream: |prefix, messages| each(messages, |body| claim(prefix, body.len() + 1, body)),
    },
    Mistake {
        words: "only the last 24 bits of the length are written",
        stream: |prefix, messages| {
            each(messages, |body| claim(prefix, body.len() & 0x00ff_ffff, body))
        },
    },
    Mistake {
        words: "only the last 16 bits of the length are written",
        stream: |prefix, messages| each(messages, |body| claim(prefix, body.len() & 0xffff, body)),
    },
    Mistake {
        words: "only the last 8 bits of the length are written",
        stream: |prefix, messages| each(messages, |body| claim(prefix, body.len() & 0xff, body)),
    },
    Mistake {
        words: "length field has 1 byte",
        stream: |prefix, messages| in_width(prefix, Width::One, messages),
    },
    Mistake {
        words: "length field has 2 bytes",
        stream: |prefix, messages| in_width(prefix, Width::Two, messages),
    },
    Mistake {
        words: "length field has 4 bytes",
        stream: |prefix, messages| in_width(prefix, Width::Four, messages),
    },
    Mistake {
        words: "length field has 8 bytes",
        stream: |prefix, messages| in_width(prefix, Width::Eight, messages),
    },
];

/// Names the mistake that made `seen` of what should have been `due`, where they part at `offset`.
#[must_use]
pub(super) fn diagnose(
    prefix: LengthPrefix,
    due: &[u8],
    seen: &[u8],
    offset: usize,
) -> Option<String> {
    let messages = messages(prefix, due);
    if messages.is_empty() {
        return None; // whatever came has nothing to be compared with
    }
    let explains = |mistake: &&Mistake| {
        let made = (mistake.stream)(prefix, &messages);
        // All that came, or, where not all of it was waited for, clearly more than the first wrong byte.
        let begun = made.starts_with(seen) && seen.len() >= offset + TELLING;
        made != due && (made == seen || begun)
    };
    MISTAKES.iter().find(explains).map(|mistake| mistake.words.to_owned())
}

/// The complete messages at the front of a stream.
pub(super) fn messages(prefix: LengthPrefix, stream: &[u8]) -> Vec<Bytes> {
    let framing = Framing::LengthPrefix(prefix);
    let mut stream = BytesMut::from(stream);
    let limit = MaxFrame::new(u64::MAX);
    std::iter::from_fn(|| framing.decode(&mut stream, limit).ok().flatten()).collect()
}

fn each(messages: &[Bytes], frame: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    messages.iter().flat_map(|body| frame(body)).collect()
}

fn each_in_turn(messages: &[Bytes], mut frame: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    messages.iter().flat_map(|body| frame(body)).collect()
}

/// A body without these bytes at its end.
fn ended<'a>(body: &'a [u8], without: &[u8]) -> &'a [u8] {
    let end = body.iter().rposition(|byte| !without.contains(byte)).map_or(0, |at| at + 1);
    &body[..end]
}

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(byte) = rest.first() {
        if let Some(behind) = rest.strip_prefix(from) {
            made.extend_from_slice(to);
            rest = behind;
        } else {
            made.push(*byte);
            rest = &rest[1..];
        }
    }
    made
}

fn in_width(prefix: LengthPrefix, width: Width, messages: &[Bytes]) -> Vec<u8> {
    let prefix = LengthPrefix { width, ..prefix };
    each(messages, |body| claim(prefix, body.len() & prefix.largest_body() as usize, body))
}

fn whole(prefix: LengthPrefix, body: &[u8]) -> Vec<u8> {
    claim(prefix, body.len(), body)
}

/// A frame whose header claims `len` bytes, whatever the body has.
fn claim(prefix: LengthPrefix, len: usize, body: &[u8]) -> Vec<u8> {
    let header = prefix.header(len as u64).map(|header| header.to_vec()).unwrap_or_default();
    [&header[..], body].concat()
}

fn in_order(prefix: LengthPrefix, order: ByteOrder, messages: &[Bytes]) -> Vec<u8> {
    each(messages, |body| whole(LengthPrefix { order, ..prefix }, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(messages: &[&str], seen: &[u8]) -> Option<String> {
        let prefix = LengthPrefix::U32BE;
        let due: Vec<u8> =
            messages.iter().flat_map(|body| whole(prefix, body.as_bytes())).collect();
        let offset = due.iter().zip(seen).take_while(|(a, b)| a == b).count();
        diagnose(prefix, &due, seen, offset)
    }

    #[test]
    fn a_little_endian_header_is_named() {
        let found = diagnosis(&["hello"], b"\x05\0\0\0hello").unwrap();
        assert!(found.contains("little-endian"), "{found}");
    }

    #[test]
    fn a_length_in_characters_is_named() {
        let found = diagnosis(&["你好"], "\0\0\0\u{2}你好".as_bytes()).unwrap();
        assert!(found.contains("characters"), "{found}");
    }

    #[test]
    fn bytes_that_follow_no_known_mistake_get_no_diagnosis() {
        assert_eq!(diagnosis(&["hello"], b"\0\0\0\x05hellO"), None);
    }

    #[test]
    fn every_mistake_is_recognised_by_what_it_makes() {
        let messages = ["  spaced \n", "", "naïve 😀\0tail", "plain"];
        let bodies: Vec<Bytes> =
            messages.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
        for mistake in MISTAKES {
            let made = (mistake.stream)(LengthPrefix::U32BE, &bodies);
            if made == each(&bodies, |body| whole(LengthPrefix::U32BE, body)) {
                continue; // these bodies are valid UTF-8: nothing to replace
            }
            assert!(diagnosis(&messages, &made).is_some(), "{}", mistake.words);
        }
    }
}
