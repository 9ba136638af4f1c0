//! `limits.*`: lengths that nobody should believe, and bytes that are no frames at all.

use super::entry::{Entry, HEADER, entry, feed, health_ping, write, write_on};
use crate::model::body::Body;
use crate::model::case::{Part, Step};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P9, P11, P13};
use crate::model::names::Role;

/// Above every customary limit; at the edges of signed integers and of their wrap-around.
const CLAIMS: [u64; 5] = [0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff];

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
        entry("limits.good-then-bad", "an answer lost in the reset that follows a refusal")
            .covers(&[P9])
            .should()
            .must_with_limit()
            .play(Role::Server, good_then_bad()),
        entry("limits.many-claims", "memory or threads given to whoever claims to send much")
            .covers(&[P9, P11])
            .play(Role::Server, many_claims()),
        entry("limits.garbage", "a crash, or a hang of others, on bytes that mean nothing")
            .covers(&[P11])
            .should()
            .play(Role::Server, garbage()),
        entry("limits.foreign", "a crash, or a hang of others, on bytes of another protocol")
            .covers(&[P11])
            .play(Role::Server, foreign()),
    ]
}

fn oversize_server() -> Vec<Step> {
    let claim = |(conn, claim): (u16, u64)| {
        [write_on(conn, Cut::Whole, vec![Part::Claim(claim)]), Step::Settle]
    };
    let next = CLAIMS.len() as u16;
    [(0..).zip(CLAIMS).flat_map(claim).collect(), health_ping(next)].concat()
}

/// The client has to give up, and to say so by its exit status.
fn oversize_client() -> Vec<Step> {
    vec![
        feed(["what will come back is far too long"]),
        Step::Settle,
        write(Cut::Whole, vec![Part::Claim(CLAIMS[1])]),
        Step::Settle,
        Step::EndInput { conn: 0 },
        Step::Settle,
    ]
}

/// The good one has been read when the bad one comes; its answer may still be on its way.
fn good_then_bad() -> Vec<Step> {
    let good: Body = "answered before".into();
    let frame = HEADER + good.len();
    vec![write(Cut::At(vec![frame]), vec![Part::Frame(good), Part::Claim(CLAIMS[1])]), Step::Settle]
}

fn foreign() -> Vec<Step> {
    let lands = |(conn, bytes): (u16, &[u8])| {
        [write_on(conn, Cut::Whole, vec![Part::Raw(bytes.to_vec())]), Step::Finish { conn }]
    };
    let next = FOREIGN.len() as u16;
    [(0..).zip(FOREIGN).flat_map(lands).collect(), health_ping(next)].concat()
}

/// Fifty clients announce as much as most servers take, and send nothing of it.
fn many_claims() -> Vec<Step> {
    const CLAIMANTS: u16 = 50;
    const CLAIM: u64 = 16 * 1024 * 1024;
    let claim = |conn| write_on(conn, Cut::Whole, vec![Part::Claim(CLAIM)]);
    [(0..CLAIMANTS).map(claim).collect(), health_ping(CLAIMANTS)].concat()
}

/// Seeded streams, each with its own connection and a health ping behind it.
fn garbage() -> Vec<Step> {
    const STREAMS: u16 = 16;
    let stream = |nth: u16| {
        let conn = 2 * nth;
        let bytes = Body::Random { seed: nth.into(), len: 64 }.bytes().to_vec();
        let garbage = [write_on(conn, Cut::Whole, vec![Part::Raw(bytes)]), Step::Finish { conn }];
        [garbage.to_vec(), health_ping(conn + 1)].concat()
    };
    (0..STREAMS).flat_map(stream).collect()
}
