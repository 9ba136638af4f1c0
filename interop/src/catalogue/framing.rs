//! `framing.*`: the stream may be cut and joined anywhere, and the messages stay the same.

use super::entry::{
    Entry, Exchange, HEADER, client_steps, entry, exchange, feed, finish_client, finish_on,
    finish_server, side_by_side, whole, write, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Part, Step, Write};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P1, P2, P3, P4, P5, P13};
use crate::model::names::Role;
use crate::model::shorter::TooLong;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("framing.single", "wrong byte order; the header missing, or counting itself")
            .covers(&[P1, P3])
            .everywhere(&[exchange(Cut::AsItComes, ["hello"])]),
        entry("framing.header-split", "one read trusted to give the whole header")
            .covers(&[P4, P1])
            .at_both_ends(&[
                exchange(Cut::At(vec![1]), ["after one"]),
                exchange(Cut::At(vec![2]), ["after two"]),
                exchange(Cut::At(vec![3]), ["after three"]),
            ]),
        entry("framing.header-body-split", "the header expected to arrive with its body")
            .covers(&[P4, P5])
            .at_both_ends(&[
                exchange(Cut::At(vec![HEADER]), ["body later"]),
                exchange(Cut::At(vec![HEADER, HEADER + 1]), ["one byte, then the rest"]),
            ]),
        entry("framing.every-offset", "a mistake at a few offsets of a frame, and at no other")
            .covers(&[P4])
            .too_long(TooLong::LeftOut)
            .play(Role::Server, vec![every_offset_side_by_side()])
            .play(Role::Client, client_steps(&every_offset())),
        entry("framing.byte-by-byte", "state lost between two reads")
            .covers(&[P4])
            .at_both_ends(&[exchange(Cut::EachByte, ["slow", "and steady"])]),
        entry("framing.two-cuts", "a mistake that one cut alone does not show")
            .covers(&[P4])
            .should()
            .at_both_ends(&two_cuts()),
        entry("framing.sticky-two", "one read taken for one message")
            .covers(&[P4, P3])
            .everywhere(&[whole(["first", "second"])]),
        entry("framing.sticky-hundred", "only the first or the last message of a read handled")
            .covers(&[P4, P3])
            .everywhere(&[whole(
                (0..100).map(|n| Body::Text(format!("message {n} of a hundred"))),
            )]),
        entry("framing.sticky-partial", "what a read holds of the next message thrown away")
            .covers(&[P4, P5])
            .play(Role::Server, [sticky_partial_steps(), finish_server()].concat())
            .play(Role::Client, sticky_partial_client()),
        entry("framing.partial-sticky", "the offset of what is left over wrong")
            .covers(&[P4])
            .at_both_ends(&[partial_sticky()]),
        entry("framing.header-straddles", "what is left over being shorter than a header")
            .covers(&[P4])
            .at_both_ends(&[1, 2, 3].map(header_straddles)),
        entry("framing.buffer-edges", "a full buffer taken for the end of a message")
            .covers(&[P4, P2])
            .too_long(TooLong::LeftOut)
            .everywhere(&buffer_edges()),
        entry("framing.length-bytes", "a length masked, shifted, signed, or cut to 16 bits")
            .covers(&[P1, P2])
            .too_long(TooLong::LeftOut)
            .everywhere(&length_bytes()),
        entry("framing.every-length", "a mistake at a few lengths, and at no other")
            .covers(&[P1, P2])
            .too_long(TooLong::LeftOut)
            .everywhere(&[whole((0..=300).map(|len| Body::Letters { seed: len as u64, len }))]),
        entry(
            "framing.datagram-sizes",
            "a buffer shorter than a datagram, and the rest of it lost",
        )
        .covers(&[P1, P2])
        .too_long(TooLong::LeftOut)
        .of_framings(&["datagram"])
        .everywhere(&datagram_sizes()),
        entry("framing.nothing-extra", "a stray newline, NUL, header or copy behind the answer")
            .covers(&[P3])
            .everywhere(&[whole(["one"]), whole(["two"]), whole(["and three"])]),
        entry("framing.prompt-answer", "a complete message that waits for the next read")
            .covers(&[P5])
            .at_both_ends(&[exchange(
                Cut::At(vec![2]),
                ["begun before", "and come with the rest"],
            )]),
        entry("framing.writers-interleave", "the parts of messages mixed that are written at once")
            .covers(&[P13, P1])
            .too_long(TooLong::Shortened)
            .play(Role::Client, writers_interleave()),
        entry("framing.segments", "header and body written apart, so that each waits 40 ms")
            .covers(&[P4])
            .info()
            .play(Role::Server, segments_of_server())
            .play(Role::Client, segments_of_client()),
        entry("framing.slow-drip", "a time-out for each read instead of each frame")
            .covers(&[P4, P5])
            .should()
            .play(Role::Server, [vec![drip()], vec![Step::Settle], finish_server()].concat())
            .play(
                Role::Client,
                [vec![feed([DRIPS]), Step::Settle, drip(), Step::Settle], finish_client()].concat(),
            ),
    ]
}

/// Bodies of usual and of awkward sizes.
const SWEPT: [usize; 8] = [0, 1, 2, 5, 127, 128, 255, 256];

fn swept(len: usize) -> impl Iterator<Item = (usize, Body)> {
    (1..HEADER + len).map(move |offset| (offset, Body::Letters { seed: len as u64, len }))
}

/// Each single cut, one after the other.
fn every_offset() -> Vec<Exchange> {
    let cut = |(offset, body)| exchange(Cut::At(vec![offset]), [body]);
    SWEPT.into_iter().flat_map(swept).map(cut).collect()
}

/// Each single cut, on a connection of its own, so that all offsets are known at which it goes wrong.
fn every_offset_side_by_side() -> Step {
    let lane = |(conn, (offset, body)): (u16, (usize, Body))| {
        let cut = write_on(conn, Cut::At(vec![offset]), vec![Part::Frame(body)]);
        [vec![cut, Step::Settle], finish_on(conn)].concat()
    };
    side_by_side((0..).zip(SWEPT.into_iter().flat_map(swept)).map(lane))
}

/// Many messages at once, of all sizes, to a server that reads slowly, so that no write is taken whole.
fn writers_interleave() -> Vec<Step> {
    let size = |n: u64| [1, 100, 10_000, 100_000][(n % 4) as usize];
    let messages = (0..200).map(|n| Body::Letters { seed: n, len: size(n) });
    let stop = Step::StopReading { conn: 0 };
    let fed = [stop, feed(messages), Step::Idle { ms: 100 }, Step::ReadOn { conn: 0 }];
    [fed.to_vec(), vec![Step::Settle], finish_client()].concat()
}

/// How many messages are sent one by one to see in how many segments they come.
const COUNTED: usize = 8;

fn segments_of_server() -> Vec<Step> {
    let asked = [write(Cut::AsItComes, vec![Part::Frame("one segment".into())]), Step::Settle];
    let count = vec![Step::CountSegments { conn: 0 }];
    [vec![asked; COUNTED].concat(), count, finish_server()].concat()
}

fn segments_of_client() -> Vec<Step> {
    let answered = [
        feed(["one segment"]),
        Step::Settle,
        write(Cut::AsItComes, vec![Part::Frame("one segment".into())]),
        Step::Settle,
    ];
    let count = vec![Step::CountSegments { conn: 0 }];
    [vec![answered; COUNTED].concat(), count, finish_client()].concat()
}

const DRIPS: &str = "drop by drop";

/// A frame that takes a second to arrive.
fn drip() -> Step {
    let cut = Cut::At(vec![1, 3, HEADER, HEADER + 6]);
    Step::Drip { write: Write { conn: 0, parts: vec![Part::Frame(DRIPS.into())], cut }, ms: 250 }
}

fn two_cuts() -> Vec<Exchange> {
    (0..8).map(|seed| exchange(Cut::Random { seed, cuts: 2 }, ["cut", "in two places"])).collect()
}

const WHOLE_ONE: &str = "a whole one";
const HALF_ONE: &str = "and half a one";
const HALF: usize = HEADER + 5;

/// One and a half frames, then the rest: the whole one is due before the rest comes.
fn sticky_partial_steps() -> Vec<Step> {
    let half: Body = HALF_ONE.into();
    vec![
        write(
            Cut::Whole,
            vec![Part::Frame(WHOLE_ONE.into()), Part::Head { body: half.clone(), keep: HALF }],
        ),
        Step::Settle,
        write(Cut::Whole, vec![Part::Tail { body: half, skip: HALF }]),
        Step::Settle,
    ]
}

fn sticky_partial_client() -> Vec<Step> {
    let asked = vec![feed([WHOLE_ONE, HALF_ONE]), Step::Settle];
    [asked, sticky_partial_steps(), finish_client()].concat()
}

/// The tail of one message, the whole of the next and the head of a third arrive together.
fn partial_sticky() -> Exchange {
    let [first, second, third] = ["tail of this", "all of this", "head of this"];
    let head_of_third = 2 * HEADER + first.len() + second.len() + 2;
    exchange(Cut::At(vec![HEADER + 3, head_of_third]), [first, second, third])
}

/// A whole frame arrives with the first bytes of the next one's header.
fn header_straddles(bytes: usize) -> Exchange {
    let first = "whole";
    exchange(Cut::At(vec![HEADER + first.len() + bytes]), [first, "its header came in two"])
}

/// Frames whose body, whose wire size, and whose sum with another ends at the size of a usual buffer.
fn buffer_edges() -> Vec<Exchange> {
    let edges = [1024, 4096, 8192, 16_384, 65_536, 131_072]
        .into_iter()
        .flat_map(|edge| [edge - 1, edge, edge + 1]);
    let letters = |len| Body::Letters { seed: len as u64, len };
    let around = |edge: usize| {
        let half = edge / 2;
        [
            whole([letters(edge)]),
            whole([letters(edge - HEADER)]),
            whole([letters(half - HEADER), letters(edge - half - HEADER)]),
        ]
    };
    edges.flat_map(around).collect()
}

/// Around the sizes of usual buffers and packets, and as long as a datagram can be.
fn datagram_sizes() -> Vec<Exchange> {
    const LONGEST: usize = 65_507;
    let edges = [512, 1024, 1472, 1500, 2048, 4096, 8192, 9000, 16_384, 32_768];
    let sizes = edges.into_iter().flat_map(|edge| [edge, edge + 1]).chain([LONGEST]);
    sizes.map(|len| whole([Body::Letters { seed: len as u64, len }])).collect()
}

/// Bodies whose length uses each byte of the header, and crosses the edge of each integer type.
fn length_bytes() -> Vec<Exchange> {
    [127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 0x0001_0203]
        .map(|len| whole([Body::Letters { seed: len as u64, len }]))
        .to_vec()
}
