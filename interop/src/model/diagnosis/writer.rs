//! Mistaken writers, recognised by their bytes: what becomes of a message does not depend on how it came.
//!
//! Each mistake is a rule for what a program that makes it would have written instead of what was due.
//! Where the bytes that came follow such a rule up to and beyond the first wrong one, that is the diagnosis.

use bytes::Bytes;
use rust_server::framing::{ByteOrder, Fixed1024, Framing, LengthPrefix, Mnet, Width};

use super::evidence::Evidence;
use super::peer::TELLING;
use super::wire::{claim, messages, whole};

/// A mistake in words that the peer's author understands, and the frames that it makes of messages.
struct Mistake {
    words: &'static str,
    /// In which framings it can be made.
    of: Of,
    stream: fn(Framing, &[Bytes]) -> Vec<u8>,
}

/// Framings that have something in common.
#[derive(Clone, Copy)]
enum Of {
    All,
    /// Their frames begin with the length of the message.
    Length,
    /// The same, and the length is a binary number.
    Prefix,
    Line,
    Fixed,
    Digits,
    /// Their frames begin with a size and a command.
    Command,
    /// The same, and the numbers begin with this byte.
    Numbers(ByteOrder),
}

impl Of {
    fn takes(self, framing: Framing) -> bool {
        match (self, framing) {
            (Self::All, _)
            | (Self::Length | Self::Prefix, Framing::LengthPrefix(_))
            | (Self::Length | Self::Digits, Framing::Ascii4(_))
            | (Self::Length | Self::Command, Framing::Mnet(_))
            | (Self::Line, Framing::Line(_))
            | (Self::Fixed, Framing::Fixed1024(_)) => true,
            (Self::Numbers(order), Framing::Mnet(mnet)) => mnet.order == order,
            _ => false,
        }
    }
}

/// The most telling first: the first that explains the bytes is the diagnosis.
const MISTAKES: &[Mistake] = &[
    Mistake {
        words: "the length has five digits",
        of: Of::Digits,
        stream: |_, messages| each(messages, |body| said(format!("{:05}", body.len()), body)),
    },
    Mistake {
        words: "the length has no leading zeros",
        of: Of::Digits,
        stream: |_, messages| each(messages, |body| said(body.len().to_string(), body)),
    },
    Mistake {
        words: "the length is filled up with spaces instead of zeros",
        of: Of::Digits,
        stream: |_, messages| each(messages, |body| said(format!("{:4}", body.len()), body)),
    },
    Mistake {
        words: "the length is a binary number, not four digits",
        of: Of::Digits,
        stream: |_, messages| {
            each(messages, |body| whole(Framing::LengthPrefix(LengthPrefix::U32BE), body))
        },
    },
    Mistake {
        words: "the size is little-endian",
        of: Of::Numbers(ByteOrder::Big),
        stream: |framing, messages| each(messages, |body| turned(framing, body, &[0])),
    },
    Mistake {
        words: "the size is big-endian",
        of: Of::Numbers(ByteOrder::Little),
        stream: |framing, messages| each(messages, |body| turned(framing, body, &[0])),
    },
    Mistake {
        words: "the size is big-endian, and command and reply wanted are little-endian",
        of: Of::Numbers(ByteOrder::Big),
        stream: |framing, messages| each(messages, |body| turned(framing, body, &[4, 8])),
    },
    Mistake {
        words: "the size is little-endian, and command and reply wanted are big-endian",
        of: Of::Numbers(ByteOrder::Little),
        stream: |framing, messages| each(messages, |body| turned(framing, body, &[4, 8])),
    },
    Mistake {
        words: "all three numbers are little-endian",
        of: Of::Numbers(ByteOrder::Big),
        stream: |framing, messages| each(messages, |body| turned(framing, body, &[0, 4, 8])),
    },
    Mistake {
        words: "all three numbers are big-endian",
        of: Of::Numbers(ByteOrder::Little),
        stream: |framing, messages| each(messages, |body| turned(framing, body, &[0, 4, 8])),
    },
    Mistake {
        words: "the size counts the command and reply wanted, too",
        of: Of::Command,
        stream: |framing, messages| counting(framing, Mnet::COMMAND_LEN, messages),
    },
    Mistake {
        words: "the size counts the whole frame",
        of: Of::Command,
        stream: |framing, messages| {
            counting(framing, framing.header_len() + Mnet::COMMAND_LEN, messages)
        },
    },
    Mistake {
        words: "lines end in CR LF",
        of: Of::Line,
        stream: |_, messages| each(messages, |body| [body, b"\r\n"].concat()),
    },
    Mistake {
        words: "lines have no line feed at their end",
        of: Of::Line,
        stream: |_, messages| each(messages, <[u8]>::to_vec),
    },
    Mistake {
        words: "messages are not padded",
        of: Of::Fixed,
        stream: |_, messages| each(messages, <[u8]>::to_vec),
    },
    Mistake {
        words: "messages are padded with spaces instead of NULs",
        of: Of::Fixed,
        stream: |_, messages| each(messages, |body| padded(body, b' ')),
    },
    Mistake {
        words: "length field is little-endian",
        of: Of::Prefix,
        stream: |framing, messages| in_order(framing, ByteOrder::Little, messages),
    },
    Mistake {
        words: "length field is big-endian",
        of: Of::Prefix,
        stream: |framing, messages| in_order(framing, ByteOrder::Big, messages),
    },
    Mistake {
        words: "length counts the header itself",
        of: Of::Length,
        stream: |framing, messages| {
            each(messages, |body| claim(framing, body.len() + framing.header_len(), body))
        },
    },
    Mistake {
        words: "length counts characters instead of bytes",
        of: Of::Length,
        stream: |framing, messages| {
            each(messages, |body| {
                claim(framing, String::from_utf8_lossy(body).chars().count(), body)
            })
        },
    },
    Mistake {
        words: "length counts UTF-16 units instead of bytes",
        of: Of::Length,
        stream: |framing, messages| {
            each(messages, |body| {
                claim(framing, String::from_utf8_lossy(body).encode_utf16().count(), body)
            })
        },
    },
    Mistake {
        words: "there is no length header: bodies are sent bare",
        of: Of::Length,
        stream: |_, messages| each(messages, <[u8]>::to_vec),
    },
    Mistake {
        words: "each message is sent twice",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, body).repeat(2)),
    },
    Mistake {
        words: "a newline is added to each message, and counted",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, &[body, b"\n"].concat())),
    },
    Mistake {
        words: "a newline is added to each frame, and not counted",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| [&whole(framing, body)[..], b"\n"].concat())
        },
    },
    Mistake {
        words: "a NUL is added to each message, and counted",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, &[body, b"\0"].concat())),
    },
    Mistake {
        words: "a NUL is added to each frame, and not counted",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| [&whole(framing, body)[..], b"\0"].concat())
        },
    },
    Mistake {
        words: "line ends at the end of messages are lost",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, ended(body, b"\r\n"))),
    },
    Mistake {
        words: "white space at the end of messages is stripped",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, body.trim_ascii_end())),
    },
    Mistake {
        words: "white space around messages is stripped",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, body.trim_ascii())),
    },
    Mistake {
        words: "NULs at the end of messages are lost",
        of: Of::All,
        stream: |framing, messages| each(messages, |body| whole(framing, ended(body, b"\0"))),
    },
    Mistake {
        words: "messages end at their first NUL, as a C string does",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, body.split(|&b| b == 0).next().unwrap_or(body)))
        },
    },
    Mistake {
        words: "messages end at their first newline",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| {
                whole(framing, body.split(|&b| b == b'\n').next().unwrap_or(body))
            })
        },
    },
    Mistake {
        words: "bytes are decoded as text, and what is not UTF-8 is replaced",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, String::from_utf8_lossy(body).as_bytes()))
        },
    },
    Mistake {
        words: "what is not UTF-8 is left out",
        of: Of::All,
        stream: |framing, messages| {
            let keep =
                |body: &[u8]| body.utf8_chunks().map(|chunk| chunk.valid()).collect::<String>();
            each(messages, |body| whole(framing, keep(body).as_bytes()))
        },
    },
    Mistake {
        words: "bytes are read as Latin-1 and written as UTF-8",
        of: Of::All,
        stream: |framing, messages| {
            let widen = |body: &[u8]| body.iter().map(|&b| char::from(b)).collect::<String>();
            each(messages, |body| whole(framing, widen(body).as_bytes()))
        },
    },
    Mistake {
        words: "all that is written is encoded as text, length headers too",
        of: Of::Prefix,
        stream: |framing, messages| {
            let stream = each(messages, |body| whole(framing, body));
            stream.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes()
        },
    },
    Mistake {
        words: "empty messages are skipped",
        of: Of::All,
        stream: |framing, messages| {
            let kept: Vec<Bytes> =
                messages.iter().filter(|body| !body.is_empty()).cloned().collect();
            each(&kept, |body| whole(framing, body))
        },
    },
    Mistake {
        words: "messages are merged into one",
        of: Of::All,
        stream: |framing, messages| whole(framing, &messages.concat()),
    },
    Mistake {
        words: "CR LF becomes LF",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, &replaced(body, b"\r\n", b"\n")))
        },
    },
    Mistake {
        words: "LF becomes CR LF",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, &replaced(body, b"\n", b"\r\n")))
        },
    },
    Mistake {
        words: "letters are made capitals",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, &body.to_ascii_uppercase()))
        },
    },
    Mistake {
        words: "letters are made small",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, &body.to_ascii_lowercase()))
        },
    },
    Mistake {
        words: "an empty message is sent twice",
        of: Of::All,
        stream: |framing, messages| {
            each(messages, |body| whole(framing, body).repeat(if body.is_empty() { 2 } else { 1 }))
        },
    },
    Mistake {
        words: "a shorter message is followed by the end of a longer one before it: a buffer is used again",
        of: Of::All,
        stream: |framing, messages| {
            let mut buffer = Vec::new();
            each_in_turn(messages, |body| {
                let kept = body.len().min(buffer.len());
                buffer.splice(..kept, body.iter().copied());
                whole(framing, &buffer)
            })
        },
    },
    Mistake {
        words: "length is one too small",
        of: Of::Length,
        stream: |framing, messages| {
            each(messages, |body| claim(framing, body.len().saturating_sub(1), body))
        },
    },
    Mistake {
        words: "length is one too large",
        of: Of::Length,
        stream: |framing, messages| each(messages, |body| claim(framing, body.len() + 1, body)),
    },
    Mistake {
        words: "only the last 24 bits of the length are written",
        of: Of::Prefix,
        stream: |framing, messages| {
            each(messages, |body| claim(framing, body.len() & 0x00ff_ffff, body))
        },
    },
    Mistake {
        words: "only the last 16 bits of the length are written",
        of: Of::Prefix,
        stream: |framing, messages| {
            each(messages, |body| claim(framing, body.len() & 0xffff, body))
        },
    },
    Mistake {
        words: "only the last 8 bits of the length are written",
        of: Of::Prefix,
        stream: |framing, messages| each(messages, |body| claim(framing, body.len() & 0xff, body)),
    },
    Mistake {
        words: "length field has 1 byte",
        of: Of::Prefix,
        stream: |framing, messages| in_width(framing, Width::One, messages),
    },
    Mistake {
        words: "length field has 2 bytes",
        of: Of::Prefix,
        stream: |framing, messages| in_width(framing, Width::Two, messages),
    },
    Mistake {
        words: "length field has 4 bytes",
        of: Of::Prefix,
        stream: |framing, messages| in_width(framing, Width::Four, messages),
    },
    Mistake {
        words: "length field has 8 bytes",
        of: Of::Prefix,
        stream: |framing, messages| in_width(framing, Width::Eight, messages),
    },
];

/// The padding of messages that a reader of blocks hands on, as if it were part of them.
const PADDING_KEPT: &str = "the padding is not taken off";

/// Names the mistake that made what was seen of what should have been due.
#[must_use]
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Option<String> {
    let Evidence { read_as, out, .. } = *evidence;
    let seen = Seen { due: evidence.due, seen: evidence.seen, offset: evidence.offset };
    if matches!(read_as, Framing::Fixed1024(_)) && out != read_as {
        let kept = each(&messages(out, seen.due), |body| whole(out, &whole(read_as, body)));
        if seen.is_explained_by(&kept) {
            return Some(PADDING_KEPT.to_owned());
        }
    }
    // No datagram has a length that could be wrong.
    let possible = |of: Of| of.takes(out) && (!evidence.of_datagrams || matches!(of, Of::All));
    seen.named(out, possible)
}

/// What was seen of what was due, and where the two part.
struct Seen<'a> {
    due: &'a [u8],
    seen: &'a [u8],
    offset: usize,
}

impl Seen<'_> {
    fn named(&self, framing: Framing, possible: impl Fn(Of) -> bool) -> Option<String> {
        let messages = messages(framing, self.due);
        if messages.is_empty() {
            return None; // whatever came has nothing to be compared with
        }
        let mut possible = MISTAKES.iter().filter(|mistake| possible(mistake.of));
        let found =
            possible.find(|mistake| self.is_explained_by(&(mistake.stream)(framing, &messages)));
        found.map(|mistake| mistake.words.to_owned())
    }

    fn is_explained_by(&self, made: &[u8]) -> bool {
        // All that came, or, where not all of it was waited for, clearly more than the first wrong byte.
        let begun = made.starts_with(self.seen) && self.seen.len() >= self.offset + TELLING;
        made != self.due && (made == self.seen || begun)
    }
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

fn in_width(framing: Framing, width: Width, messages: &[Bytes]) -> Vec<u8> {
    let Framing::LengthPrefix(prefix) = framing else { return Vec::new() };
    let prefix = LengthPrefix { width, ..prefix };
    let framing = Framing::LengthPrefix(prefix);
    each(messages, |body| claim(framing, body.len() & prefix.largest_body() as usize, body))
}

fn in_order(framing: Framing, order: ByteOrder, messages: &[Bytes]) -> Vec<u8> {
    let Framing::LengthPrefix(prefix) = framing else { return Vec::new() };
    each(messages, |body| whole(Framing::LengthPrefix(LengthPrefix { order, ..prefix }), body))
}

/// A length that is written out, and the body.
fn said(length: String, body: &[u8]) -> Vec<u8> {
    [length.as_bytes(), body].concat()
}

fn padded(body: &[u8], with: u8) -> Vec<u8> {
    let mut frame = body.to_vec();
    frame.resize(Fixed1024::LEN, with);
    frame
}

/// A frame with the four bytes at some offsets in the other order.
fn turned(framing: Framing, message: &[u8], offsets: &[usize]) -> Vec<u8> {
    let mut frame = whole(framing, message);
    for &at in offsets {
        if let Some(number) = frame.get_mut(at..at + 4) {
            number.reverse();
        }
    }
    frame
}

/// Frames whose size is so many bytes too large.
fn counting(framing: Framing, more: usize, messages: &[Bytes]) -> Vec<u8> {
    each(messages, |body| claim(framing, body.len() + more, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(messages: &[&str], seen: &[u8]) -> Option<String> {
        diagnosis_in(Framing::DEFAULT, messages, seen)
    }

    fn diagnosis_in(framing: Framing, messages: &[&str], seen: &[u8]) -> Option<String> {
        let due: Vec<u8> =
            messages.iter().flat_map(|body| whole(framing, body.as_bytes())).collect();
        let offset = due.iter().zip(seen).take_while(|(a, b)| a == b).count();
        Seen { due: &due, seen, offset }.named(framing, |of| of.takes(framing))
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
    fn every_mistake_is_recognised_by_what_it_makes_in_each_framing() {
        let messages = ["  spaced \r\n", "", "naïve 😀\0tail", "plain"];
        let commands = ["\0\0\0\u{2}\0\0\0\u{1}naïve\0 \r\n", "\0\0\0\u{1}\0\0\0\0"];
        let lines = ["naïve 😀\0tail", "plain"];
        for name in ["u32be", "u16le", "ascii4", "fixed-1024", "line", "mnet", "mnet-le"] {
            let framing: Framing = name.parse().unwrap();
            let messages = match framing {
                Framing::Mnet(_) => &commands[..],
                Framing::Line(_) => &lines,
                _ => &messages,
            };
            let bodies: Vec<Bytes> =
                messages.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
            let right = each(&bodies, |body| whole(framing, body));
            for mistake in MISTAKES.iter().filter(|mistake| mistake.of.takes(framing)) {
                let made = (mistake.stream)(framing, &bodies);
                if made == right {
                    continue; // these bodies do not show it
                }
                let found = diagnosis_in(framing, messages, &made);
                assert!(found.is_some(), "{name}: {}", mistake.words);
            }
        }
    }

    #[test]
    fn a_mistake_of_one_framing_is_named_in_its_own_words() {
        for (framing, seen, words) in [
            ("ascii4", &b"00005hello"[..], "five digits"),
            ("ascii4", b"5hello", "no leading zeros"),
            ("ascii4", b"   5hello", "spaces"),
            ("ascii4", b"\0\0\0\x05hello", "binary number"),
            ("line", b"hello\r\n", "CR LF"),
            ("line", b"hello", "no line feed"),
            ("fixed-1024", b"hello", "not padded"),
            ("fixed-1024", &padded(b"hello", b' '), "padded with spaces"),
        ] {
            let found = diagnosis_in(framing.parse().unwrap(), &["hello"], seen);
            assert!(found.as_deref().is_some_and(|found| found.contains(words)), "{found:?}");
        }
        let request = "\0\0\0\u{2}\0\0\0\u{1}hi";
        for (seen, words) in [
            (&b"\x02\0\0\0\0\0\0\x02\0\0\0\x01hi"[..], "the size is little-endian"),
            (b"\0\0\0\x02\x02\0\0\0\x01\0\0\0hi", "reply wanted are little-endian"),
            (b"\0\0\0\x0a\0\0\0\x02\0\0\0\x01hi", "counts the command and reply wanted"),
            (b"\0\0\0\x0e\0\0\0\x02\0\0\0\x01hi", "counts the whole frame"),
        ] {
            let found = diagnosis_in("mnet".parse().unwrap(), &[request], seen);
            assert!(found.as_deref().is_some_and(|found| found.contains(words)), "{found:?}");
        }
        let (request, seen) = ("\0\0\0\u{1}\0\0\0\0é", "\0\0\0\u{1}\0\0\0\u{1}\0\0\0\0é");
        let found = diagnosis_in("mnet".parse().unwrap(), &[request], seen.as_bytes());
        assert!(found.as_deref().is_some_and(|found| found.contains("characters")), "{found:?}");
    }
}
