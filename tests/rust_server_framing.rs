//! What must hold of every framing for any bytes, cut in any way: the same messages (P4), errors with
//! true numbers (P8, P9), memory by what came and not by what was announced (P9).

use std::collections::BTreeSet;
use std::io;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rust_server::framing::{FrameError, Framing, MaxFrame};
use rust_server::limits::RESERVE_STEP;
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

const MAX: MaxFrame = MaxFrame::new(1 << 16);

fn framings() -> impl Strategy<Value = Framing> {
    let all: Vec<Framing> =
        Framing::names().map(|name| name.parse().expect("its own name")).collect();
    proptest::sample::select(all)
}

/// Messages that every framing can carry: one byte of length, which may count itself.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=254), 0..12)
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
    let mut src = BytesMut::new();
    let mut messages = Vec::new();
    for piece in pieces {
        src.extend_from_slice(piece);
        loop {
            match framing.decode(&mut src, MAX) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    loop {
        match framing.finish(&mut src, MAX) {
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

    #[test]
    fn any_cut_of_any_stream_gives_the_same_messages(
        framing in framings(),
        messages in messages(),
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
        stream in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        prop_assert_eq!(
            decode(framing, &pieces(&stream, &cuts)),
            decode(framing, &[&stream[..]])
        );
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_says_where(
        framing in framings(),
        messages in messages(),
        end in any::<usize>(),
    ) {
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
