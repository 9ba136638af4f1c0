//! `concurrency.*`: many conversations at once, and many messages in one.

use super::entry::{
    Entry, PRESSED_LEN, entry, exchange, feed_to, finish_client, finish_on, health_ping,
    side_by_side, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Part, Step, Write};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P3, P6, P10, P11, P13};
use crate::model::names::Role;
use crate::model::shorter::TooLong;

/// Clients of a server whose streams are mixed byte by byte.
const MIXED_CLIENTS: [u16; 3] = [2, 10, 100];
/// Client programs that talk to a server program at once: each is a process to start.
const PAIRED_CLIENTS: u16 = 3;
/// Messages in flight on one connection, and the bytes of each.
const PIPELINED: (u64, usize) = (200, 512);
/// Messages that together are more than both socket buffers hold, and the bytes of each.
const BULK: (u64, usize) = (210, PRESSED_LEN);

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry(
            "concurrency.interleaved",
            "a buffer shared by connections; answers to the wrong client",
        )
        .covers(&[P6])
        .play(Role::Server, interleaved_server())
        .play(Role::Pairing, interleaved_pairing()),
        entry("concurrency.half-frame-holder", "one client inside a frame keeping others waiting")
            .covers(&[P6])
            .play(Role::Server, half_frame_holder()),
        entry("concurrency.held-then-finished", "parse state that connections share")
            .covers(&[P6])
            .play(Role::Server, held_then_finished()),
        entry("concurrency.pipelined", "requests lost or reordered while others are answered")
            .covers(&[P3])
            .too_long(TooLong::Shortened)
            .everywhere(&[
                exchange(Cut::AsItComes, letters(PIPELINED)),
                exchange(Cut::AsItComes, large_and_small()),
            ]),
        entry("concurrency.bulk-both-ways", "a deadlock: both write, and neither reads")
            .covers(&[P10, P3])
            .too_long(TooLong::SPLIT)
            .everywhere(&[exchange(Cut::AsItComes, letters(BULK))]),
        entry("concurrency.slow-reader-isolated", "a lock held while one client does not read")
            .covers(&[P6, P10])
            .too_long(TooLong::SPLIT)
            .play(Role::Server, slow_reader_isolated()),
        entry("concurrency.slow-reader-bounded", "a queue without bound for who does not read")
            .covers(&[P10])
            .too_long(TooLong::SPLIT)
            .should()
            .play(Role::Server, slow_reader(flood())),
        entry("concurrency.write-without-reading", "never going on when the client reads at last")
            .covers(&[P10, P3])
            .too_long(TooLong::SPLIT)
            .should()
            .play(Role::Server, slow_reader(press(0))),
        entry("concurrency.client-reads-while-writing", "a client that writes, and does not read")
            .covers(&[P10, P13])
            .too_long(TooLong::SPLIT)
            .play(Role::Client, client_reads_while_writing()),
        entry(
            "concurrency.small-unread",
            "small answers overwritten, or forgotten, while many wait to be read",
        )
        .covers(&[P3, P10])
        .too_long(TooLong::SPLIT)
        .should()
        .play(Role::Server, slow_reader(press_small())),
        entry("concurrency.accept-storm", "too few descriptors, threads or places in the backlog")
            .covers(&[P6, P11])
            .play(Role::Server, accept_storm(100)),
        entry("concurrency.accept-storm-500", "fewer than many clients at once served in turn")
            .covers(&[P6, P11])
            .should()
            .play(Role::Server, accept_storm(500)),
        entry("concurrency.fairness", "small messages that starve beside large ones")
            .covers(&[P6])
            .too_long(TooLong::Shortened)
            .info()
            .play(Role::Server, vec![fairness()]),
    ]
}

/// What a client that does not read presses the server with, in messages of [`PRESSED_LEN`]: more than both socket
/// buffers hold.
const PRESSED: u32 = 1119;
/// The same, where nothing but memory can hold it all: the kernel lets a socket's buffers grow to some 36 MiB.
const UNBOUNDED: u32 = 2237;

fn press(conn: u16) -> Step {
    let body = Body::Letters { seed: 64, len: PRESSED_LEN };
    Step::Press { conn, bodies: vec![body], at_most: PRESSED, bounded: false }
}

/// More than anything but an unbounded queue holds.
fn flood() -> Step {
    let body = Body::Letters { seed: 64, len: PRESSED_LEN };
    Step::Press { conn: 0, bodies: vec![body], at_most: UNBOUNDED, bounded: true }
}

/// The same in small messages, no two of which in a row are alike: what is kept of one must not be written over by the
/// next.
fn press_small() -> Step {
    const LEN: usize = 300;
    let bodies = (0..67).map(|seed| Body::Letters { seed, len: LEN }).collect();
    Step::Press { conn: 0, bodies, at_most: 300, bounded: false }
}

/// A client that writes all it can before it reads, and then reads.
fn slow_reader(press: Step) -> Vec<Step> {
    // Longer than some have patience with those who do not read.
    let reads = [Step::Idle { ms: 700 }, Step::ReadOn { conn: 0 }, Step::Settle];
    [vec![Step::StopReading { conn: 0 }, press], reads.to_vec(), finish_on(0)].concat()
}

/// The others are served as if it were not there.
fn slow_reader_isolated() -> Vec<Step> {
    let holds = vec![Step::StopReading { conn: 0 }, press(0)];
    let others = (1..=5).flat_map(health_ping).collect();
    let reads = vec![Step::ReadOn { conn: 0 }, Step::Settle];
    [holds, others, reads, finish_on(0)].concat()
}

/// The server writes a large answer while the client is still writing, and reads only when it is done.
fn client_reads_while_writing() -> Vec<Step> {
    let large =
        |run: u64| (0..6).map(move |n| Body::Letters { seed: 6 * run + n, len: 1024 * 1024 });
    let frames = |run| large(run).map(Part::Frame).collect();
    let asked = vec![feed_to(0, large(1)), Step::Settle];
    let both = vec![
        Step::StopReading { conn: 0 },
        feed_to(0, large(2)),
        write_on(0, Cut::AsItComes, frames(1)),
        Step::ReadOn { conn: 0 },
        Step::Settle,
        write_on(0, Cut::AsItComes, frames(2)),
        Step::Settle,
    ];
    [asked, both, finish_client()].concat()
}

/// So many connections stand at once, and each is served.
fn accept_storm(clients: u16) -> Vec<Step> {
    let asks = |conn| write_on(conn, Cut::Whole, vec![Part::Frame(own_message(conn))]);
    let goes = (0..clients).map(|conn| Step::Finish { conn });
    (0..clients).map(asks).chain([Step::Settle]).chain(goes).chain([Step::Settle]).collect()
}

/// Somebody sends much, and others little.
fn fairness() -> Step {
    let much = exchange_on(0, letters(BULK));
    let little = (1..=20).map(|conn| exchange_on(conn, vec![own_message(conn); 5]));
    side_by_side([much].into_iter().chain(little))
}

/// One message after the other, on one connection.
fn exchange_on(conn: u16, messages: Vec<Body>) -> Vec<Step> {
    let ask = |body| [write_on(conn, Cut::AsItComes, vec![Part::Frame(body)]), Step::Settle];
    [messages.into_iter().flat_map(ask).collect(), finish_on(conn)].concat()
}

fn letters((count, len): (u64, usize)) -> Vec<Body> {
    (0..count).map(|seed| Body::Letters { seed, len }).collect()
}

/// By turns, so that a small one could overtake a large one.
fn large_and_small() -> Vec<Body> {
    let len = |n: u64| if n.is_multiple_of(2) { PRESSED_LEN } else { 1 };
    (0..32).map(|n| Body::Letters { seed: n, len: len(n) }).collect()
}

fn own_message(conn: u16) -> Body {
    Body::Text(format!("this belongs to client {conn}, and to no other"))
}

fn interleaved_server() -> Vec<Step> {
    let mut next = 0;
    let mut round = |clients: u16| {
        let conns = next..next + clients;
        next += clients;
        let own = |conn| Write {
            conn,
            parts: vec![Part::Frame(own_message(conn)), Part::Frame(Body::Text(format!("{conn}")))],
            // Nearly each byte of short messages. A hundred clients so, or ten with long ones byte by byte, would take so
            // many calls that on a busy machine a server may lose its patience with the frames that go on meanwhile.
            cut: match clients {
                11.. => Cut::At(vec![2, 9]),
                _ => Cut::Random { seed: conn.into(), cuts: 100 },
            },
        };
        let mixed = Step::Mixed { writes: conns.clone().map(own).collect(), seed: clients.into() };
        let finish = conns.map(|conn| Step::Finish { conn });
        [mixed, Step::Settle].into_iter().chain(finish).chain([Step::Settle]).collect::<Vec<_>>()
    };
    MIXED_CLIENTS.into_iter().flat_map(&mut round).collect()
}

fn interleaved_pairing() -> Vec<Step> {
    let clients = 0..PAIRED_CLIENTS;
    let cut = clients.clone().map(|conn| Step::Recut { conn, cut: Cut::EachByte });
    let ask = clients.clone().map(|conn| feed_to(conn, [own_message(conn), "mine".into()]));
    let end = clients.map(|conn| Step::EndInput { conn });
    cut.chain(ask).chain([Step::Settle]).chain(end).chain([Step::Settle]).collect()
}

/// One client stops inside a frame, one only connects, others are served, then it goes on and is served too.
fn half_frame_holder() -> Vec<Step> {
    let body: Body = "held for a while".into();
    let keep = 7;
    let held = vec![
        write_on(0, Cut::Whole, vec![Part::Head { body: body.clone(), keep }]),
        Step::StopReading { conn: 51 }, // which says nothing at all
    ];
    let others = (1..=50).flat_map(health_ping).collect();
    let goes_on = vec![
        write_on(0, Cut::Whole, vec![Part::Tail { body, skip: keep }]),
        Step::Settle,
        Step::Finish { conn: 0 },
        Step::Settle,
    ];
    [held, others, goes_on].concat()
}

/// A hundred clients stop inside a frame and go on in another order than they came.
fn held_then_finished() -> Vec<Step> {
    let conns = 0..100;
    let keep = |conn: u16| 1 + usize::from(conn) % 12;
    let head = |conn| {
        let head = Part::Head { body: own_message(conn), keep: keep(conn) };
        write_on(conn, Cut::Whole, vec![head])
    };
    let tail = |conn| {
        let tail = Part::Tail { body: own_message(conn), skip: keep(conn) };
        Write { conn, parts: vec![tail], cut: Cut::Whole }
    };
    let rest = Step::Mixed { writes: conns.clone().map(tail).collect(), seed: 100 };
    let finish = conns.clone().map(|conn| Step::Finish { conn });
    conns.map(head).chain([rest, Step::Settle]).chain(finish).chain([Step::Settle]).collect()
}
