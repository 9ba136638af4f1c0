//! `limits.*`: lengths that nobody should believe, and bytes that are no frames at all.

use super::entry::{
    Entry, HEADER, beside, entry, exchange, feed, feed_to, finish_on, health_ping, server_steps,
    side_by_side, whole, write, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Budget, Part, Resource, Step};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P1, P2, P3, P6, P9, P11, P13};
use crate::model::names::Role;

/// Above every customary limit; at the edges of signed integers and of their wrap-around.
const CLAIMS: [u64; 5] = [0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff];

/// Framings whose header has no room for the length of a message that fits in memory.
const NARROW: [&str; 8] = [
    "u8",
    "u16be",
    "u16le",
    "u8-counted",
    "u16be-counted",
    "u16le-counted",
    "ascii4",
    "fixed-1024",
];

/// What lands on an open port: HTTP, a TLS hello, a line of text, zeros.
const FOREIGN: [&[u8]; 4] = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello?\r\n",
    &[0; 16],
];

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("limits.oversize-refused", "no limit; a length taken for signed, or wrapped around")
            .covers(&[P9, P11, P13])
            .should()
            .must_with_limit()
            .play(Role::Server, oversize_server())
            .play(Role::Client, oversize_client()),
        entry("limits.refused-from-header", "the body awaited of what is refused anyway")
            .covers(&[P9])
            .should()
            .play(Role::Server, refused_from_header()),
        entry("limits.at-max", "a limit that is off by one")
            .covers(&[P2, P9])
            .should()
            .must_with_limit()
            .at_both_ends(&[whole([Body::AtLimit])]),
        entry("limits.over-max", "a limit that is off by one, or none")
            .covers(&[P9, P11, P13])
            .should()
            .must_with_limit()
            .play(Role::Server, over_max_server())
            .play(Role::Client, refusing_client(0, Part::ClaimOver(1))),
        entry(
            "limits.too-long-to-say",
            "a length for which the header has no room, written all the same",
        )
        .covers(&[P13, P1])
        .of_framings(&NARROW)
        .play(
            Role::Client,
            [vec![feed([Body::TooLong]), Step::EndInput { conn: 0 }, Step::Settle], finish_on(0)]
                .concat(),
        ),
        entry("limits.oversize-reserve", "memory taken for a length that was only claimed")
            .covers(&[P9])
            .play(Role::Server, oversize_reserve_server())
            .play(Role::Client, oversize_reserve_client()),
        entry("limits.good-then-bad", "an answer lost in the reset that follows a refusal")
            .covers(&[P3])
            .play(Role::Server, good_then_bad(Cut::At(vec![HEADER + ANSWERED.len()])))
            .play(Role::Client, good_then_bad_client(Cut::At(vec![HEADER + ANSWERED.len()]))),
        entry("limits.good-then-bad-at-once", "an answer lost that was due before a refusal")
            .covers(&[P3])
            .should()
            .play(Role::Server, good_then_bad(Cut::Whole)),
        entry("limits.many-claims", "memory or threads given to whoever claims to send much")
            .covers(&[P9, P11])
            .play(Role::Server, many_claims()),
        entry("limits.garbage", "a crash, or a hang of others, on bytes that mean nothing")
            .covers(&[P11])
            .should()
            .play(Role::Server, garbage()),
        entry("limits.foreign", "a crash, or a hang of others, on bytes of another protocol")
            .covers(&[P11, P13])
            .play(Role::Server, foreign())
            .play(Role::Client, foreign_client()),
        entry("limits.slowloris", "a few clients that never finish keeping all others out")
            .covers(&[P6, P11])
            .should()
            .play(Role::Server, slowloris()),
        entry("limits.spin", "a processor kept busy by a connection that brings nothing")
            .covers(&[P11])
            .play(Role::Server, spin()),
        entry("limits.tiny-flood", "work for each message that many small ones make unbearable")
            .covers(&[P3])
            .info()
            .play(Role::Server, tiny_flood()),
    ]
}

const ANSWERED: &str = "answered before";
const MIB: u64 = 1024 * 1024;

/// A body follows at once, so a server that awaits it would go on.
fn refused_from_header() -> Vec<Step> {
    let parts = vec![Part::Claim(CLAIMS[1]), Part::Raw("the beginning of a body".into())];
    [vec![write(Cut::At(vec![HEADER]), parts), Step::Settle], health_ping(1)].concat()
}

/// One byte more than the server takes, after what it does take.
fn over_max_server() -> Vec<Step> {
    let good = [write(Cut::Whole, vec![Part::Frame(ANSWERED.into())]), Step::Settle];
    let bad = [write(Cut::Whole, vec![Part::ClaimOver(1)]), Step::Settle];
    [&good[..], &bad, &health_ping(1)].concat()
}

/// Lengths that only a limit protects from. Nobody is asked here whether he has one.
fn oversize_reserve_server() -> Vec<Step> {
    let claims = (1..).zip([0x4000_0000, 0x7fff_ff00, 0x7fff_ffff]);
    let claim = |(conn, claim)| write_on(conn, Cut::Whole, vec![Part::Claim(claim)]);
    let before = [health_ping(0), vec![Step::Rest, Step::Measure]].concat();
    // In a lane, so that nobody waits for the ends of the others.
    let others = vec![side_by_side([health_ping(4)])];
    [before, claims.map(claim).collect(), reserves_nothing(), others].concat()
}

fn oversize_reserve_client() -> Vec<Step> {
    let before = vec![feed([ANSWERED]), Step::Settle, Step::Rest, Step::Measure];
    let claim = vec![write(Cut::Whole, vec![Part::Claim(CLAIMS[0])])];
    [before, claim, reserves_nothing()].concat()
}

fn reserves_nothing() -> Vec<Step> {
    let within =
        |of, growth| Step::Within(Budget { of, growth, warns: of == Resource::AddressSpace });
    vec![
        Step::Rest,
        within(Resource::Memory, 256 * MIB),
        // Room for the arenas and stacks of a few threads.
        within(Resource::AddressSpace, 768 * MIB),
    ]
}

/// Twenty clients stop inside a frame and stay; the others are served.
fn slowloris() -> Vec<Step> {
    const HOLDERS: u16 = 20;
    let body: Body = "never finished".into();
    let keep = |conn| 1 + usize::from(conn) % (HEADER + 4);
    let hold = |conn| {
        write_on(conn, Cut::Whole, vec![Part::Head { body: body.clone(), keep: keep(conn) }])
    };
    let others = (HOLDERS..HOLDERS + 3).flat_map(health_ping).collect();
    [(0..HOLDERS).map(hold).collect(), vec![Step::Idle { ms: 200 }], others].concat()
}

/// Connections in every state in which there is nothing to do, once what is due has come.
fn spin() -> Vec<Step> {
    let half = |conn| {
        write_on(conn, Cut::Whole, vec![Part::Head { body: ANSWERED.into(), keep: HEADER + 2 }])
    };
    let served = |conn| {
        let whole = write_on(conn, Cut::Whole, vec![Part::Frame(ANSWERED.into())]);
        vec![whole, Step::Settle]
    };
    vec![
        half(0),
        half(1),
        Step::Finish { conn: 1 },
        write_on(2, Cut::Whole, vec![Part::Claim(CLAIMS[1])]),
        write_on(4, Cut::Whole, vec![Part::Raw(Body::Bytes(FOREIGN[0].to_vec()))]),
        // In lanes, so that nobody waits for the ends of the others.
        side_by_side([3, 5].map(served)),
        Step::Finish { conn: 3 },
        Step::ComeToRest,
    ]
}

fn tiny_flood() -> Vec<Step> {
    let flood = exchange(Cut::AsItComes, vec![Body::from("x"); 50_000]);
    server_steps(&[flood])
}

fn oversize_server() -> Vec<Step> {
    let claim = |(conn, claim): (u16, u64)| {
        [write_on(conn, Cut::Whole, vec![Part::Claim(claim)]), Step::Settle]
    };
    let next = CLAIMS.len() as u16;
    let claims: Vec<Step> = (0..).zip(CLAIMS).flat_map(claim).collect();
    [beside(next, claims), health_ping(next + 1)].concat()
}

/// The client has to give up, and to say so by its exit status.
fn refusing_client(conn: u16, too_long: Part) -> Vec<Step> {
    vec![
        feed_to(conn, ["what will come back is far too long"]),
        Step::Settle,
        write_on(conn, Cut::Whole, vec![too_long]),
        Step::Settle,
        Step::EndInput { conn },
        Step::Settle,
    ]
}

/// One client for each length that is signed, or wraps around, or is merely far too long.
fn oversize_client() -> Vec<Step> {
    (0..).zip(CLAIMS).flat_map(|(conn, claim)| refusing_client(conn, Part::Claim(claim))).collect()
}

/// The good one has been read when the bad one comes, or comes with it; its answer is due all the same.
fn good_then_bad(cut: Cut) -> Vec<Step> {
    vec![write(cut, vec![Part::Frame(ANSWERED.into()), Part::Claim(CLAIMS[1])]), Step::Settle]
}

/// What came before is delivered all the same.
fn good_then_bad_client(cut: Cut) -> Vec<Step> {
    [vec![feed([ANSWERED, "and one more"]), Step::Settle], good_then_bad(cut)].concat()
}

fn foreign() -> Vec<Step> {
    let lands = |(conn, bytes): (u16, &[u8])| {
        [
            write_on(conn, Cut::Whole, vec![Part::Raw(Body::Bytes(bytes.to_vec()))]),
            Step::Finish { conn },
        ]
    };
    let next = FOREIGN.len() as u16;
    [(0..).zip(FOREIGN).flat_map(lands).collect(), health_ping(next)].concat()
}

/// A server of another protocol answers, and ends. The client has to say so by its exit status.
fn foreign_client() -> Vec<Step> {
    vec![
        feed([ANSWERED]),
        Step::Settle,
        write(Cut::Whole, vec![Part::Raw("HTTP/1.1 400 Bad Request\r\n\r\n".into())]),
        Step::Finish { conn: 0 },
        Step::EndInput { conn: 0 },
        Step::Settle,
    ]
}

/// Fifty clients announce as much as the server takes, and send nothing of it.
fn many_claims() -> Vec<Step> {
    const CLAIMANTS: u16 = 50;
    let claim = |conn| write_on(conn, Cut::Whole, vec![Part::ClaimOver(0)]);
    let before = [health_ping(0), vec![Step::Rest, Step::Measure]].concat();
    // A length that it takes may be taken at its word, so this only warns.
    let memory = Budget { of: Resource::Memory, growth: 256 * MIB, warns: true };
    let after = [vec![Step::Rest, Step::Within(memory)], health_ping(CLAIMANTS + 1)].concat();
    [before, (1..=CLAIMANTS).map(claim).collect(), after].concat()
}

/// Seeded streams, each with its own connection and a health ping behind it.
fn garbage() -> Vec<Step> {
    const STREAMS: u16 = 16;
    let stream = |nth: u16| {
        let conn = 2 * nth;
        let bytes = Part::Raw(Body::Random { seed: nth.into(), len: 64 });
        let garbage = [write_on(conn, Cut::Whole, vec![bytes]), Step::Finish { conn }];
        [garbage.to_vec(), health_ping(conn + 1)].concat()
    };
    (0..STREAMS).flat_map(stream).collect()
}
