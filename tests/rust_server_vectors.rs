//! The golden vectors of `tests/vectors/` against the Rust framing. The Python and the Erlang framing
//! read the same files; `tests/vectors/README.md` says how.

use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use rust_server::framing::{CodecError, FrameCodec, FrameError, Framing, MaxFrame};
use tokio_util::codec::{Decoder, Encoder};

/// Streams up to this long are cut at every offset, longer ones near their ends.
const CUT_EVERYWHERE: usize = 2048;

struct Vector {
    name: String,
    max: MaxFrame,
    stream: Vec<u8>,
    messages: Vec<Vec<u8>>,
    end: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

fn vectors_of(framing: &str) -> Vec<Vector> {
    let file = directory().join(format!("{framing}.txt"));
    let text = std::fs::read_to_string(&file).expect("the file of vectors");
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> = line.split(" | ").collect();
            let [name, max, stream, messages, end] = columns[..] else {
                panic!("not five columns: {line}");
            };
            Vector {
                name: name.to_owned(),
                max: MaxFrame::new(max.parse().expect(line)),
                stream: bytes_value(stream),
                messages: match messages {
                    "-" => Vec::new(),
                    messages => messages.split(',').map(bytes_value).collect(),
                },
                end: end.to_owned(),
            }
        })
        .collect()
}

/// Reads `""`, `6869` or `0002+61*2`.
fn bytes_value(text: &str) -> Vec<u8> {
    if text == "\"\"" {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    for part in text.split('+') {
        let (hex, times) = match part.split_once('*') {
            Some((hex, times)) => (hex, times.parse().expect(part)),
            None => (part, 1),
        };
        assert!(!hex.is_empty() && hex.len().is_multiple_of(2), "{part}");
        let once: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect(part))
            .collect();
        bytes.extend(once.repeat(times));
    }
    bytes
}

/// The end of a stream in the words of the vectors.
fn end_in_words(end: Option<FrameError>) -> String {
    match end {
        None => "clean".to_owned(),
        Some(FrameError::TruncatedHeader { got, wanted }) => {
            format!("truncated-header got={got} wanted={wanted}")
        }
        Some(FrameError::TruncatedBody { got, wanted }) => {
            format!("truncated-body got={got} wanted={wanted}")
        }
        Some(FrameError::TooLong { got, limit }) => format!("too-long got={got} limit={limit}"),
        Some(FrameError::HeaderTooSmall { got, wanted }) => {
            format!("header-too-small got={got} wanted={wanted}")
        }
        Some(FrameError::TruncatedLine { got }) => format!("truncated-line got={got}"),
        Some(FrameError::NotADigit { at, got }) => format!("not-a-digit at={at} got={got}"),
        Some(error) => panic!("an encoder's error, from a decoder: {error}"),
    }
}

/// What the decoder makes of a stream that arrives in these pieces and then ends.
fn decode<'a>(
    framing: Framing,
    max: MaxFrame,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Bytes>, Option<FrameError>) {
    let mut codec = FrameCodec::new(framing, max);
    let mut src = BytesMut::new();
    let mut messages = Vec::new();
    for piece in pieces {
        src.extend_from_slice(piece);
        loop {
            match codec.decode(&mut src) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(frame_error(error))),
            }
        }
    }
    loop {
        match codec.decode_eof(&mut src) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, None),
            Err(error) => return (messages, Some(frame_error(error))),
        }
    }
}

fn frame_error(error: CodecError) -> FrameError {
    match error {
        CodecError::Frame(error) => error,
        CodecError::Io(error) => panic!("there is no transport to fail: {error}"),
    }
}

fn check(vector: &Vector, how: &str, (messages, end): (Vec<Bytes>, Option<FrameError>)) {
    let name = &vector.name;
    // Not assert_eq on the bodies: sixteen megabytes of them would be shown.
    assert!(messages == vector.messages, "{name}, {how}: other messages");
    assert_eq!(end_in_words(end), vector.end, "{name}, {how}");
}

fn check_all(framing_name: &str) {
    let framing: Framing = framing_name.parse().expect("a framing is named after the file");
    let vectors = vectors_of(framing_name);
    assert!(vectors.len() >= 10, "only {} vectors", vectors.len());
    for vector in &vectors {
        let (max, stream) = (vector.max, &vector.stream[..]);
        check(vector, "whole", decode(framing, max, [stream]));
        let len = stream.len();
        let short = len <= CUT_EVERYWHERE;
        if short {
            let bytes = decode(framing, max, stream.chunks(1));
            check(vector, "byte by byte", bytes);
        }
        for at in (1..len).filter(|at| short || *at < 8 || at + 4 > len) {
            let (head, tail) = stream.split_at(at);
            let cut = decode(framing, max, [head, tail]);
            check(vector, &format!("cut at {at}"), cut);
        }
        // What is clean was encoded so, but for the white space around lines, which only a decoder knows.
        if vector.end == "clean" && !vector.name.starts_with("received-") {
            let mut codec = FrameCodec::new(framing, max);
            let (mut slices, mut owned) = (BytesMut::new(), BytesMut::new());
            for message in &vector.messages {
                codec.encode(&message[..], &mut slices).expect("within the limit");
                codec.encode(Bytes::from(message.clone()), &mut owned).expect("within the limit");
            }
            assert!(slices == stream, "{}: encoded otherwise", vector.name);
            assert!(owned == stream, "{}: encoded otherwise", vector.name);
        }
    }
}

#[test]
fn u32be_agrees_with_the_vectors() {
    check_all("u32be");
}

#[test]
fn u16le_agrees_with_the_vectors() {
    check_all("u16le");
}

#[test]
fn a_header_that_counts_itself_agrees_with_the_vectors() {
    check_all("u32be-counted");
}

#[test]
fn lines_agree_with_the_vectors() {
    check_all("line");
}

#[test]
fn padded_blocks_agree_with_the_vectors() {
    check_all("fixed-1024");
}

#[test]
fn lengths_in_decimal_digits_agree_with_the_vectors() {
    check_all("ascii4");
}

#[test]
fn mnet_agrees_with_the_vectors_in_both_byte_orders() {
    check_all("mnet");
    check_all("mnet-le");
}

#[test]
fn the_codec_refuses_to_encode_more_than_its_limit() {
    let mut codec = FrameCodec::new(Framing::DEFAULT, MaxFrame::new(4));
    let mut out = BytesMut::new();
    let too_long = FrameError::TooLong { got: 5, limit: 4 };
    let refused = codec.encode(&b"fiver"[..], &mut out).expect_err("over the limit");
    assert_eq!(frame_error(refused), too_long);
    let refused = codec.encode(Bytes::from("fiver"), &mut out).expect_err("over the limit");
    assert_eq!(frame_error(refused), too_long);
    assert!(out.is_empty());
}

/// The framings that have vectors: each file is named after one.
fn framings_with_vectors() -> Vec<String> {
    let entries = std::fs::read_dir(directory()).expect("the directory of vectors");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn every_file_of_vectors_is_named_after_a_framing() {
    for name in framings_with_vectors() {
        name.parse::<Framing>().expect("a framing of that name");
    }
}

#[test]
fn every_vector_has_a_name_of_its_own() {
    for framing in framings_with_vectors() {
        let mut names: Vec<_> = vectors_of(&framing).into_iter().map(|v| v.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "{framing}");
    }
}
