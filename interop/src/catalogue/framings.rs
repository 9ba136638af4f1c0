//! What is about some framings alone: `framing.*`, `payload.*` and `limits.*` that the others have no room for.

use super::entry::{
    Entry, Exchange, HEADER, entry, exchange, feed, feed_to, finish_client, finish_on,
    finish_server, frames, health_ping, side_by_side, whole, write, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Part, Step};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P1, P2, P3, P4, P5, P7, P9, P11, P13};
use crate::model::names::Role;

const MNET: [&str; 2] = ["mnet", "mnet-le"];

/// Those whose frames do not begin with a binary length.
const OTHERS: [&str; 6] = ["line", "fixed-1024", "ascii4", "mnet", "mnet-le", "raw"];

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("payload.multibyte-anywhere", "each read decoded by itself, wherever it ends")
            .covers(&[P4, P2])
            .of_framings(&OTHERS)
            .play(Role::Server, vec![multibyte_anywhere()])
            .play(Role::Client, multibyte_anywhere_client()),
        entry("framing.blank-lines", "blank lines, CR LF, or white space around a line kept")
            .covers(&[P1, P2])
            .of_framings(&["line"])
            .play(Role::Server, blank_lines_server())
            .play(Role::Client, blank_lines_client()),
        entry("framing.blank-end", "white space behind the last line taken for half a message")
            .covers(&[P7, P1, P13])
            .of_framings(&["line"])
            .play(Role::Server, blank_end())
            .play(Role::Client, blank_end_client()),
        entry("framing.padding", "padding kept, missing, or of a longer message before")
            .covers(&[P1, P2, P3])
            .of_framings(&["fixed-1024"])
            .at_both_ends(&padded()),
        entry("framing.full-frame", "a message that fills its frame to the last byte cut short")
            .covers(&[P1, P2, P3])
            .of_framings(&["fixed-1024"])
            .play(Role::Server, full_frame_server())
            .play(Role::Client, full_frame_client()),
        entry("framing.digits", "a length with digits too few, too many, or of another base")
            .covers(&[P1, P2])
            .of_framings(&["ascii4"])
            .everywhere(&digits()),
        entry("limits.no-digits", "signs, spaces or other digits that a number parser lets pass")
            .covers(&[P9, P11, P13])
            .of_framings(&["ascii4"])
            .play(Role::Server, no_digits_server())
            .play(Role::Client, no_digits_client()),
        entry("limits.no-digit-at-once", "the rest of a header awaited that is wrong already")
            .covers(&[P9])
            .of_framings(&["ascii4"])
            .should()
            .play(Role::Server, no_digit_at_once()),
        entry("framing.fields", "a number in the wrong byte order, or a size that counts others")
            .covers(&[P1, P3])
            .of_framings(&MNET)
            .everywhere(&fields()),
        entry("framing.until-fin", "a read taken for the message, where only the FIN ends it")
            .covers(&[P5, P1, P4])
            .of_framings(&["raw"])
            .play(Role::Server, until_fin_server())
            .play(Role::Client, until_fin_client()),
    ]
}

/// A character of each length in UTF-8.
const MULTIBYTE: &str = "aé你🎉";

fn multibyte_cuts() -> impl Iterator<Item = Cut> {
    // `mnet` has the longest header.
    (1..3 * HEADER + MULTIBYTE.len()).map(|offset| Cut::At(vec![offset]))
}

fn multibyte_anywhere() -> Step {
    let lane = |(conn, cut): (u16, Cut)| {
        let asked = write_on(conn, cut, vec![Part::Frame(MULTIBYTE.into())]);
        [vec![asked, Step::Settle], finish_on(conn)].concat()
    };
    side_by_side((0..).zip(multibyte_cuts()).map(lane))
}

fn multibyte_anywhere_client() -> Vec<Step> {
    let answered = |cut| {
        let answer = write(cut, vec![Part::Frame(MULTIBYTE.into())]);
        [feed([MULTIBYTE]), Step::Settle, answer, Step::Settle]
    };
    [multibyte_cuts().flat_map(answered).collect(), finish_client()].concat()
}

/// Three lines with a message, and others without, in whatever white space there is.
const LINES: [&[u8]; 5] =
    [b"\n\r\n", b"ends in CR LF\r\n", b" \t\n\x0b\x0c\n", b"\t spaces around  \n", b"plain\n\n"];

fn blank_lines() -> Vec<Part> {
    LINES.map(|line| Part::Raw(Body::Bytes(line.to_vec()))).to_vec()
}

fn blank_lines_server() -> Vec<Step> {
    let asked = |cut| [write(cut, blank_lines()), Step::Settle];
    [[asked(Cut::Whole), asked(Cut::EachByte)].concat(), finish_server()].concat()
}

fn blank_lines_client() -> Vec<Step> {
    let answered = |cut| {
        let messages = ["first", "second", "third"];
        [feed(messages), Step::Settle, write(cut, blank_lines()), Step::Settle]
    };
    [[answered(Cut::Whole), answered(Cut::EachByte)].concat(), finish_client()].concat()
}

/// White space without a line feed is the rest of no message. Not on connection 0: nothing is to come behind it.
fn last_line() -> [Step; 2] {
    let parts = vec![Part::Frame("the last".into()), Part::Raw(" \t\r".into())];
    [write_on(1, Cut::Whole, parts), Step::Settle]
}

fn blank_end() -> Vec<Step> {
    [&last_line()[..], &finish_on(1), &health_ping(2)].concat()
}

fn blank_end_client() -> Vec<Step> {
    let asked = [feed_to(1, ["the last"]), Step::Settle];
    let ended = [Step::EndInput { conn: 1 }, Step::Settle];
    [&asked[..], &last_line(), &ended, &finish_on(1)].concat()
}

/// What is left in a frame beside what an `ack` server adds to a message.
const FITS: usize = 1024 - 17;

/// Long and short in turn, so that a tail shows; NULs that are no padding, and padding that is none.
fn padded() -> Vec<Exchange> {
    let letters = |len| Body::Letters { seed: len as u64, len };
    vec![
        whole([letters(FITS), "short".into(), "".into(), letters(FITS - 1), "x".into()]),
        whole(["a\0b", "\0\0leading", "spaces behind   ", "00"]),
    ]
}

/// The answer may not fit then: the ledger knows.
fn full_frame_server() -> Vec<Step> {
    let lane = |(conn, len): (u16, usize)| {
        let body = Body::Message(Body::Letters { seed: 1, len }.bytes().to_vec());
        vec![write_on(conn, Cut::Whole, vec![Part::Frame(body)]), Step::Settle]
    };
    let lanes = (0..).zip([FITS, FITS + 1, 1023, 1024]).map(lane);
    [vec![side_by_side(lanes)], health_ping(9)].concat()
}

fn full_frame_client() -> Vec<Step> {
    let full = [1024, 1023, 1024].map(|len| Body::Letters { seed: len as u64, len });
    let answer = write(Cut::Whole, frames(&full));
    [vec![feed(full), Step::Settle, answer, Step::Settle], finish_client()].concat()
}

/// From one digit to the next, and the least and the most that there can be.
fn digits() -> Vec<Exchange> {
    let lengths = [9, 0, 10, 99, 100, 999, 1000, 9999];
    lengths.map(|len| whole([Body::Letters { seed: len as u64, len }])).to_vec()
}

/// Four bytes that some parsers take for a number; the last are the digits of another script.
const NO_DIGITS: [&[u8]; 8] =
    [b"+005", b" 12 ", b"1_00", b"-001", b"0x10", b"1e1 ", b"12\0\0", "٣٤".as_bytes()];

/// The header, and bytes behind it that would be an answer's due if it were one.
fn without_digits(header: &[u8]) -> Part {
    Part::Raw(Body::Bytes([header, &[b'x'; 120]].concat()))
}

fn no_digits_server() -> Vec<Step> {
    let lane = |(conn, header): (u16, &&[u8])| {
        vec![write_on(conn, Cut::Whole, vec![without_digits(header)]), Step::Settle]
    };
    let ping = health_ping(NO_DIGITS.len() as u16);
    [vec![side_by_side((0..).zip(&NO_DIGITS).map(lane))], ping].concat()
}

fn no_digits_client() -> Vec<Step> {
    let answered = |(conn, header): (u16, &&[u8])| {
        [
            feed_to(conn, ["what will come back has no length"]),
            Step::Settle,
            write_on(conn, Cut::Whole, vec![without_digits(header)]),
            Step::Settle,
            Step::EndInput { conn },
            Step::Settle,
        ]
    };
    (0..).zip(&NO_DIGITS).flat_map(answered).collect()
}

fn no_digit_at_once() -> Vec<Step> {
    let lane = |(conn, begun): (u16, &[u8])| {
        vec![write_on(conn, Cut::Whole, vec![Part::Raw(Body::Bytes(begun.to_vec()))]), Step::Settle]
    };
    let lanes = (0..).zip([&b"x"[..], b"0 ", b"00-"]).map(lane);
    [vec![side_by_side(lanes)], health_ping(3)].concat()
}

const REQUEST: u32 = 2;
const PARAM: u32 = 3;

/// All that a number is not 0 by wants a reply, and the size is that of the body alone.
fn fields() -> Vec<Exchange> {
    let asked = |command, wanted, len| Body::Command { command, wanted, body: vec![b'b'; len] };
    vec![
        exchange(Cut::AsItComes, [asked(REQUEST, 1, 5)]),
        whole([asked(PARAM, 2, 0), asked(REQUEST, 0x0100_0000, 1), asked(PARAM, u32::MAX, 7)]),
        whole([8, 9, 12, 255, 256].map(|len| asked(REQUEST, 1, len))),
    ]
}

const IN_PIECES: &str = "nothing is said before the end, however many pieces it has";

/// A server that says something too soon has the time for it.
const TOO_SOON: Step = Step::Idle { ms: 100 };

fn until_fin_cuts() -> [Cut; 3] {
    [Cut::Whole, Cut::At(vec![1, 7, 20]), Cut::EachByte]
}

fn until_fin_server() -> Vec<Step> {
    let begun = |(conn, cut): (u16, Cut)| write_on(conn, cut, vec![Part::Frame(IN_PIECES.into())]);
    let begun: Vec<Step> = (0..).zip(until_fin_cuts()).map(begun).collect();
    let ended = (0..begun.len() as u16).flat_map(finish_on).collect();
    [begun, vec![TOO_SOON], ended].concat()
}

fn until_fin_client() -> Vec<Step> {
    let answered = |(conn, cut): (u16, Cut)| {
        let ask = [feed_to(conn, ["asked"]), Step::Settle, Step::EndInput { conn }, Step::Settle];
        let answer = write_on(conn, cut, vec![Part::Frame(IN_PIECES.into())]);
        [&ask[..], &[answer, TOO_SOON], &finish_on(conn)].concat()
    };
    (0..).zip(until_fin_cuts()).flat_map(answered).collect()
}
