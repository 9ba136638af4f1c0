//! What must hold of every framing for any bytes, cut in any way: the same messages (P4), errors with
//! true numbers (P8, P9), memory by what came and not by what was announced (P9).

use std::collections::BTreeSet;
use std::io;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rust_server::framing::{FrameError, Framing, MaxFrame, Parse, Run};
use rust_server::limits::RESERVE_STEP;
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

const MAX: MaxFrame = MaxFrame::new(1 << 16);

/// Every framing of a stream: a datagram cannot be cut.
fn framings() -> impl Strategy<Value = Framing> {
    let all = Framing::names().map(|name| name.parse::<Framing>().expect("its own name"));
    proptest::sample::select(all.filter(|framing| !framing.is_datagram()).collect::<Vec<_>>())
}

/// Messages that every length prefix can carry: one byte of length, which may count itself.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=254), 0..12)
}

/// A framing with messages that it can carry.
fn framings_with_messages() -> impl Strategy<Value = (Framing, Vec<Vec<u8>>)> {
    (framings(), messages()).prop_map(|(framing, mut messages)| {
        messages.retain(|message| framing.can_carry(message, MAX).is_ok());
        if framing.ends_with_stream() {
            messages.truncate(1);
        }
        (framing, messages)
    })
}

/// Bytes that often mean something to a framing: digits, line feeds, white space, NULs among others.
fn bytes() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), Just(b'0'), Just(b'\n'), Just(b' '), Just(0)]
}

/// Streams that mean something often enough: messages, then perhaps a piece of anything.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    (messages(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(messages, rest)| {
        let mut stream = encode(Framing::DEFAULT, &messages);
        stream.extend(rest);
        stream
    })
}

fn encode(framing: Framing, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = BytesMut::new();
    for message in messages {
        framing.encode(message, MAX, &mut stream).expect("within the limit");
    }
    stream.to_vec()
}

/// The pieces of `stream` when it is cut at these places, taken modulo its length.
fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: BTreeSet<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    places.insert(stream.len());
    let mut start = 0;
    places
        .into_iter()
        .map(|end| {
            let piece = &stream[start..end];
            start = end;
            piece
        })
        .collect()
}

fn decode(framing: Framing, pieces: &[&[u8]]) -> (Vec<Bytes>, Result<(), FrameError>) {
    decode_under(MAX, framing, pieces)
}

fn decode_under(
    max: MaxFrame,
    framing: Framing,
    pieces: &[&[u8]],
) -> (Vec<Bytes>, Result<(), FrameError>) {
    let mut src = BytesMut::new();
    let mut messages = Vec::new();
    for piece in pieces {
        src.extend_from_slice(piece);
        loop {
            match framing.decode(&mut src, max) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    loop {
        match framing.finish(&mut src, max) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, Ok(())),
            Err(error) => return (messages, Err(error)),
        }
    }
}

/// The same with tokio-util's codec, set up for the same framing and limit.
fn decode_by_tokio_util(pieces: &[&[u8]]) -> (Vec<BytesMut>, Result<(), io::Error>) {
    let mut codec =
        LengthDelimitedCodec::builder().max_frame_length(MAX.get() as usize).new_codec();
    let mut src = BytesMut::new();
    let mut messages = Vec::new();
    for piece in pieces {
        src.extend_from_slice(piece);
        loop {
            match codec.decode(&mut src) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    let end = codec.decode_eof(&mut src).map(|message| {
        assert_eq!(message, None, "every whole message was taken before");
    });
    (messages, end)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a server relies on that sends frames back as they came.
    #[test]
    fn a_frame_of_one_form_is_the_frame_of_its_message(
        framing in framings(),
        stream in prop::collection::vec(bytes(), 0..3000),
    ) {
        prop_assume!(framing.has_one_form());
        let run = framing.run(&stream, MAX);
        let mut rest = BytesMut::from(&stream[..]);
        let mut again = BytesMut::new();
        while let Ok(Some(message)) = framing.decode(&mut rest, MAX) {
            framing.encode(&message, MAX, &mut again).expect("what came can be sent");
        }
        prop_assert_eq!(&again[..], &stream[..run.len]);
    }

    #[test]
    fn a_run_ends_where_parsing_frame_by_frame_does(
        (framing, messages) in framings_with_messages(),
        garbage in prop::collection::vec(bytes(), 0..40),
    ) {
        let stream = [encode(framing, &messages), garbage].concat();
        let run = framing.run(&stream, MAX);
        let mut at = 0;
        let behind = loop {
            match framing.parse(&stream[at..], MAX) {
                Ok(Parse::Frame { len, .. } | Parse::Blank { len }) => at += len,
                Ok(Parse::Incomplete { wanted }) => break Ok(wanted),
                Err(error) => break Err(error),
            }
        };
        prop_assert_eq!(run, Run { len: at, behind });
    }

    #[test]
    fn any_cut_of_any_stream_gives_the_same_messages(
        (framing, messages) in framings_with_messages(),
        cuts in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let stream = encode(framing, &messages);
        let (decoded, end) = decode(framing, &pieces(&stream, &cuts));
        prop_assert_eq!(decoded, messages);
        prop_assert_eq!(end, Ok(()));
    }

    #[test]
    fn any_cut_of_any_bytes_gives_the_same_result(
        framing in framings(),
        stream in prop::collection::vec(bytes(), 0..200),
        max in prop_oneof![Just(0), Just(16), Just(MAX.get())],
        cuts in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let max = MaxFrame::new(max);
        prop_assert_eq!(
            decode_under(max, framing, &pieces(&stream, &cuts)),
            decode_under(max, framing, &[&stream[..]])
        );
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_says_where(
        (framing, messages) in framings_with_messages(),
        end in any::<usize>(),
    ) {
        prop_assume!(framing.header_len() > 0);
        let stream = encode(framing, &messages);
        let end = end % (stream.len() + 1);
        let header = framing.header_len();
        // The model: walk the frames up to the one in which the stream ends.
        let mut whole = 0;
        let mut start = 0;
        let expected = loop {
            let got = end - start;
            let Some(message) = messages.get(whole) else { break Ok(()) };
            match got {
                0 => break Ok(()),
                got if got < header => {
                    break Err(FrameError::TruncatedHeader { got, wanted: header });
                }
                got if got < header + message.len() => {
                    break Err(FrameError::TruncatedBody {
                        got: (got - header) as u64,
                        wanted: message.len() as u64,
                    });
                }
                _ => {
                    start += header + message.len();
                    whole += 1;
                }
            }
        };
        let (decoded, ended) = decode(framing, &[&stream[..end]]);
        prop_assert_eq!(&decoded[..], &messages[..whole]);
        prop_assert_eq!(ended, expected);
    }

    /// tokio-util's codec is right about everything but one end: it takes the header off the buffer
    /// when it has read it, so that a stream that ends right behind a header looks like a clean end.
    #[test]
    fn it_agrees_with_tokio_util_except_where_a_header_is_followed_by_the_end(
        stream in streams(),
        cuts in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let pieces = pieces(&stream, &cuts);
        let (ours, our_end) = decode(Framing::DEFAULT, &pieces);
        let (theirs, their_end) = decode_by_tokio_util(&pieces);
        prop_assert_eq!(ours, theirs);
        match our_end {
            Err(FrameError::TruncatedBody { got: 0, .. }) => prop_assert!(their_end.is_ok()),
            end => prop_assert_eq!(end.is_ok(), their_end.is_ok()),
        }
    }
}

#[test]
fn a_header_followed_by_the_end_is_a_clean_end_for_tokio_util_and_an_error_here() {
    let header_alone: &[&[u8]] = &[&[0, 0, 0, 5]];
    assert!(decode_by_tokio_util(header_alone).1.is_ok());
    assert_eq!(
        decode(Framing::DEFAULT, header_alone).1,
        Err(FrameError::TruncatedBody { got: 0, wanted: 5 })
    );
}

#[test]
fn a_claimed_gibibyte_reserves_one_step_and_then_what_comes() {
    let max = MaxFrame::new(2 << 30);
    let mut src = BytesMut::from(&0x4000_0000_u32.to_be_bytes()[..]);
    assert_eq!(Framing::DEFAULT.decode(&mut src, max), Ok(None));
    assert!(src.capacity() <= 2 * RESERVE_STEP, "{}", src.capacity());

    for _ in 0..64 {
        src.extend_from_slice(&[7; 16 * 1024]);
        assert_eq!(Framing::DEFAULT.decode(&mut src, max), Ok(None));
        // A buffer that grows doubles; what was announced plays no part.
        let bound = 2 * src.len() + 2 * RESERVE_STEP;
        assert!(src.capacity() <= bound, "{} > {bound}", src.capacity());
    }
}

#[test]
fn a_length_over_the_limit_reserves_nothing() {
    let mut src = BytesMut::from(&u32::MAX.to_be_bytes()[..]);
    let before = src.capacity();
    let refused = Framing::DEFAULT.decode(&mut src, MAX);
    assert_eq!(refused, Err(FrameError::TooLong { got: u64::from(u32::MAX), limit: MAX.get() }));
    assert_eq!(src.capacity(), before);
}

#[test]
fn a_body_is_not_copied_out_of_the_buffer() {
    let mut src = BytesMut::from(&b"\0\0\0\x05hello\0\0\0\x05world"[..]);
    let start = src.as_ptr();
    for offset in [4, 13] {
        let message = Framing::DEFAULT.decode(&mut src, MAX).expect("a frame");
        let message = message.expect("a whole frame");
        assert_eq!(message.as_ptr(), start.wrapping_add(offset));
    }
}

#[test]
fn the_encoder_refuses_what_the_decoder_would_and_leaves_nothing_behind() {
    let max = MaxFrame::new(4);
    let mut out = BytesMut::new();
    let refused = Framing::DEFAULT.encode(b"hello", max, &mut out);
    assert_eq!(refused, Err(FrameError::TooLong { got: 5, limit: 4 }));
    assert!(out.is_empty());
}

#[test]
fn the_encoder_refuses_what_the_header_cannot_say() {
    let mut out = BytesMut::new();
    for (name, limit) in
        [("u8", 255), ("u8-counted", 254), ("u16be", 65535), ("u16le-counted", 65533)]
    {
        let framing: Framing = name.parse().expect(name);
        let body = vec![0; limit as usize + 1];
        let refused = framing.encode(&body, MaxFrame::DEFAULT, &mut out);
        let got = limit + 1;
        assert_eq!(refused, Err(FrameError::TooLong { got, limit }), "{name}");
        assert_eq!(framing.encode(&body[1..], MaxFrame::DEFAULT, &mut out), Ok(()));
    }
}

#[test]
fn what_could_not_arrive_as_it_is_is_refused_and_nothing_is_written() {
    let refusals: &[(&str, &[u8], FrameError)] = &[
        ("line", b"", FrameError::Empty),
        ("line", b"a\nb", FrameError::HoldsLineFeed { at: 1 }),
        ("line", b" a", FrameError::OuterWhiteSpace),
        ("line", b"a\x0b", FrameError::OuterWhiteSpace),
        ("line", b"seventeen letters", FrameError::TooLong { got: 17, limit: 16 }),
        ("fixed-1024", b"a\0", FrameError::EndsInNul),
        ("fixed-1024", b"seventeen letters", FrameError::TooLong { got: 17, limit: 16 }),
        ("ascii4", b"seventeen letters", FrameError::TooLong { got: 17, limit: 16 }),
        ("mnet", b"\0\0\0\x01\0\0\0", FrameError::TooShort { got: 7, wanted: 8 }),
        ("mnet-le", b"8 bytes, seventeen letters", FrameError::TooLong { got: 18, limit: 16 }),
        ("raw", b"", FrameError::Empty),
        ("raw", b"seventeen letters", FrameError::TooLong { got: 17, limit: 16 }),
        ("datagram", b"seventeen letters", FrameError::TooLong { got: 17, limit: 16 }),
    ];
    for (name, message, expected) in refusals {
        let framing: Framing = name.parse().expect(name);
        let (max, mut out) = (MaxFrame::new(16), BytesMut::new());
        assert_eq!(framing.encode(message, max, &mut out), Err(*expected), "{name}");
        assert_eq!(framing.can_carry(message, max), Err(*expected), "{name}");
        assert!(out.is_empty(), "{name}");
    }
}

#[test]
fn every_framing_refuses_what_it_has_no_room_for() {
    for (name, limit) in [("fixed-1024", 1024), ("ascii4", 9999), ("datagram", 65_507)] {
        let framing: Framing = name.parse().expect(name);
        assert_eq!(framing.largest_body(), limit, "{name}");
        let (largest, max) = (vec![1; limit as usize], MaxFrame::DEFAULT);
        assert_eq!(framing.can_carry(&largest, max), Ok(()), "{name}");
        let refused = framing.can_carry(&[&largest[..], &[1]].concat(), max);
        assert_eq!(refused, Err(FrameError::TooLong { got: limit + 1, limit }), "{name}");
    }
}

#[test]
fn a_header_claims_what_is_not_sent() {
    let header = |name: &str, body_len| {
        let framing: Framing = name.parse().expect(name);
        framing.header(body_len).map(|header| header.to_vec())
    };
    assert_eq!(header("u16be", 0x0102), Ok(vec![1, 2]));
    assert_eq!(header("ascii4", 42), Ok(b"0042".to_vec()));
    assert_eq!(header("ascii4", 10_000), Err(FrameError::TooLong { got: 10_000, limit: 9999 }));
    assert_eq!(header("mnet-le", 5), Ok(vec![5, 0, 0, 0]));
    assert_eq!(header("line", 5), Ok(Vec::new()));
}

#[test]
fn what_is_wrong_is_told_before_more_comes() {
    let wrong: [(&str, &[u8], FrameError); 5] = [
        ("line", b"12345", FrameError::TooLong { got: 5, limit: 4 }),
        ("raw", b"12345", FrameError::TooLong { got: 5, limit: 4 }),
        ("ascii4", b"0x", FrameError::NotADigit { at: 1, got: b'x' }),
        ("ascii4", b"0005", FrameError::TooLong { got: 5, limit: 4 }),
        ("mnet", b"\0\0\0\x05", FrameError::TooLong { got: 5, limit: 4 }),
    ];
    for (name, stream, expected) in wrong {
        let framing: Framing = name.parse().expect(name);
        let max = MaxFrame::new(4);
        let before = framing.parse(&stream[..stream.len() - 1], max);
        assert!(matches!(before, Ok(Parse::Incomplete { .. })), "{name}: {before:?}");
        assert_eq!(framing.parse(stream, max), Err(expected), "{name}");
    }
}

#[test]
fn blank_lines_are_not_kept_while_a_message_is_waited_for() {
    let framing: Framing = "line".parse().expect("its name");
    let mut src = BytesMut::from(&b"\n \r\n\n"[..]);
    assert_eq!(framing.decode(&mut src, MAX), Ok(None));
    assert!(src.is_empty());
}

#[test]
fn a_datagram_is_a_message_and_one_over_the_limit_is_refused() {
    let framing: Framing = "datagram".parse().expect("its name");
    let mut src = BytesMut::from(&b"hello"[..]);
    assert_eq!(framing.decode(&mut src, MAX), Ok(Some("hello".into())));
    assert_eq!(framing.finish(&mut src, MAX), Ok(None));
    let refused = framing.parse(b"hello", MaxFrame::new(4));
    assert_eq!(refused, Err(FrameError::TooLong { got: 5, limit: 4 }));
}
