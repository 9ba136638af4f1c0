//! `connection.*`: how conversations end, in good order and otherwise.

use super::entry::{
    Entry, Exchange, PRESSED_LEN, beside, client_steps, entry, feed, feed_to, finish_client,
    finish_on, frames, health_ping, server_steps, side_by_side, whole, write, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Budget, Part, Resource, Step};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P3, P7, P8, P11, P13};
use crate::model::names::Role;
use crate::model::shorter::TooLong;

const MIB: u64 = 1024 * 1024;
const GOOD: &str = "a good one";
const BROKEN_OFF: &str = "this one breaks off";

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("connection.half-close", "answers dropped at the end of the input")
            .covers(&[P7, P13, P3])
            .play(Role::Server, half_close_server())
            .play(Role::Client, half_close_client())
            .play(Role::Pairing, half_close_pairing()),
        entry("connection.fin-empty", "a crash or a leak when a connection brings nothing")
            .covers(&[P7, P11])
            .play(Role::Server, fin_empty()),
        entry(
            "connection.fin-in-header",
            "a header cut short taken for one, or waited for in vain",
        )
        .covers(&[P8, P11])
        .play(Role::Server, fin_in_header_server()),
        entry("connection.fin-in-header", "an answer cut short in its header that is not noticed")
            .covers(&[P13, P8])
            .should()
            .play(Role::Client, fin_in_header_client()),
        entry(
            "connection.fin-in-body",
            "a short message passed on as whole; no end of the connection",
        )
        .covers(&[P8, P13, P11])
        .play(Role::Server, [beside(2, breaks_off(vec![broken_off(9)])), health_ping(1)].concat())
        .play(Role::Client, breaks_off_client(&[BROKEN_OFF], vec![broken_off(9)])),
        entry("connection.good-then-truncated", "good messages thrown away with the bad one")
            .covers(&[P8, P13])
            .play(Role::Server, breaks_off(good_then_truncated()))
            .play(
                Role::Client,
                breaks_off_client(&[GOOD, GOOD, BROKEN_OFF], good_then_truncated()),
            ),
        entry("connection.reset-in-frame", "a reset that is not caught")
            .covers(&[P11])
            .play(Role::Server, reset_in_frame()),
        entry(
            "connection.reset-while-answering",
            "a reset that is not caught where answers are written",
        )
        .covers(&[P11])
        .too_long(TooLong::SPLIT)
        .play(Role::Server, reset_while_answering()),
        entry(
            "connection.closed-while-answering",
            "a client that has closed, and a write to it (EPIPE, SIGPIPE) that is not caught",
        )
        .covers(&[P11])
        .too_long(TooLong::Shortened)
        .play(Role::Server, closed_while_answering()),
        entry(
            "connection.server-ends",
            "a client that hangs, or does not see that its server has gone",
        )
        .covers(&[P13])
        .play(Role::Client, server_ends()),
        entry("connection.connect-close", "an accept loop that dies of a client gone too soon")
            .covers(&[P11])
            .play(Role::Server, connect_close()),
        entry("connection.thousand", "descriptors, threads or memory lost with each connection")
            .covers(&[P11, P3])
            .play(Role::Server, thousand()),
        entry(
            "connection.thousand-broken",
            "descriptors, threads or memory lost with each connection that ends badly",
        )
        .covers(&[P11, P8])
        .play(Role::Server, thousand_broken()),
        entry("connection.many-messages", "drift, growth, or an end after so many messages")
            .covers(&[P3, P13])
            .play(Role::Server, many_messages_server())
            .play(Role::Client, client_steps(&many_messages())),
        entry("connection.many-bytes", "memory that grows with all that a connection has brought")
            .covers(&[P3])
            .should()
            .too_long(TooLong::Shortened)
            .play(Role::Server, many_bytes()),
        entry(
            "connection.half-close-busy",
            "answers dropped that wait to be read when the input ends",
        )
        .covers(&[P7, P3])
        .too_long(TooLong::SPLIT)
        .play(Role::Server, half_close_busy()),
        entry("connection.server-resets", "success told although the connection was reset")
            .covers(&[P13])
            .play(Role::Client, server_resets()),
        entry(
            "connection.silent-server",
            "a client that does not wait for what is due, or waits when nothing can come any more",
        )
        .covers(&[P13])
        .play(Role::Client, silent_server()),
        entry("connection.refused", "a client that finds nobody, and does not say so")
            .covers(&[P13])
            .play(Role::Client, vec![Step::Refuse { conn: 0 }, Step::Settle]),
        entry("connection.gone-client", "an error about an answer that nobody took, not caught")
            .covers(&[P11])
            .of_framings(&["datagram"])
            .play(Role::Server, gone_client()),
        entry("connection.stranger", "an answer that is taken from anybody")
            .covers(&[P13])
            .of_framings(&["datagram"])
            .play(Role::Client, stranger()),
        entry("connection.answer-lost", "an answer that is waited for in vain, for ever")
            .covers(&[P13])
            .of_framings(&["datagram"])
            .play(
                Role::Client,
                vec![feed([GOOD]), Step::Settle, Step::EndInput { conn: 0 }, Step::Settle],
            ),
        entry("connection.idle", "a connection that cannot be used after a pause")
            .covers(&[P3])
            .should()
            .play(Role::Server, idle()),
        entry("connection.close-kind", "how a connection is ended that brought what it may not")
            .covers(&[P11])
            .info()
            .play(Role::Server, vec![write(Cut::Whole, vec![TOO_LONG]), Step::Settle])
            .play(
                Role::Client,
                vec![
                    feed([GOOD]),
                    Step::Settle,
                    write(Cut::Whole, vec![TOO_LONG]),
                    Step::Settle,
                    Step::EndInput { conn: 0 },
                    Step::Settle,
                ],
            ),
    ]
}

/// A leak for each message shows after ten thousand.
fn many_messages_server() -> Vec<Step> {
    let memory = Budget { of: Resource::Memory, growth: 160 * MIB, warns: false };
    let before = [health_ping(1), vec![Step::Rest, Step::Measure]].concat();
    let mut talk = server_steps(&many_messages());
    let end = talk.split_off(talk.len() - 2); // while the connection stands
    [before, talk, vec![Step::Rest, Step::Within(memory)], end].concat()
}

/// A server that keeps each message, or the buffer that it came in, shows it when there were many large ones.
fn many_bytes() -> Vec<Step> {
    let body = Body::Letters { seed: 31, len: PRESSED_LEN };
    [vec![Step::Soak { conn: 0, body }, Step::Settle], finish_on(0)].concat()
}

/// The client writes all it can, and only then reads; its input ends while most answers are still to come.
/// A server that reads while nobody reads its answers sees the end with answers still to send.
fn half_close_busy() -> Vec<Step> {
    let body = Body::Letters { seed: 7, len: PRESSED_LEN };
    vec![
        Step::StopReading { conn: 0 },
        Step::Press { conn: 0, bodies: vec![body], at_most: 64, bounded: false },
        Step::Finish { conn: 0 },
        Step::ReadOn { conn: 0 },
        Step::Settle,
    ]
}

/// Inside an answer.
fn server_resets() -> Vec<Step> {
    vec![
        feed([BROKEN_OFF]),
        Step::Settle,
        write(Cut::Whole, vec![broken_off(9)]),
        Step::Idle { ms: 50 },
        Step::Abort { conn: 0 },
        Step::EndInput { conn: 0 },
        Step::Settle,
    ]
}

/// What no peer takes.
const TOO_LONG: Part = Part::Claim(0x7fff_ffff);

/// A thousand clients come, are served and go; the server is as it was before.
fn thousand() -> Vec<Step> {
    unchanged_by(300, (1..=1000).map(health_ping))
}

/// A thousand clients come, each with a good message, and go inside a header, inside a body, by a reset there, or with
/// a length that is refused. What is lost with one kind of end alone has to show.
fn thousand_broken() -> Vec<Step> {
    let broken = |conn: u16| {
        let (bad, end) = match conn % 4 {
            0 => (broken_off(2), Step::Finish { conn }),
            1 => (broken_off(9), Step::Finish { conn }),
            2 => (broken_off(9), Step::Abort { conn }),
            _ => (TOO_LONG, Step::Finish { conn }),
        };
        let parts = vec![Part::Frame(GOOD.into()), bad];
        vec![write_on(conn, Cut::Whole, parts), end, Step::Settle]
    };
    [unchanged_by(100, (1..=1000).map(broken)), health_ping(1001)].concat()
}

/// Clients come and go; the server is as it was before, but for so many descriptors.
fn unchanged_by(descriptors: u64, clients: impl Iterator<Item = Vec<Step>>) -> Vec<Step> {
    let within = |of, growth| Step::Within(Budget { of, growth, warns: false });
    let before = [health_ping(0), vec![Step::Rest, Step::Measure]].concat();
    let after = vec![
        Step::Rest,
        within(Resource::Descriptors, descriptors),
        within(Resource::Processes, 100),
        within(Resource::Threads, 200),
        within(Resource::Memory, 160 * MIB),
    ];
    [before, vec![side_by_side(clients)], after].concat()
}

/// The server takes requests and says nothing; the client's input ends, and then the connection does.
fn silent_server() -> Vec<Step> {
    vec![
        feed([GOOD, BROKEN_OFF]),
        Step::Settle,
        Step::EndInput { conn: 0 },
        Step::Settle,
        Step::Idle { ms: 300 },
        Step::Finish { conn: 0 },
        Step::Settle,
    ]
}

/// Clients that ask, and take no answer: the system tells the server so when it sends one.
fn gone_client() -> Vec<Step> {
    let ask = Step::AskInPassing { body: GOOD.into() };
    [vec![ask; 3], vec![Step::Rest], health_ping(0)].concat()
}

/// Before the answer comes, somebody else sends something.
fn stranger() -> Vec<Step> {
    let ask = [feed([GOOD]), Step::Settle];
    let intrude = [Step::Intrude { conn: 0, body: "not from the server".into() }];
    let answer = [write(Cut::Whole, vec![Part::Frame(GOOD.into())]), Step::Settle];
    [&ask[..], &intrude, &answer, &finish_client()].concat()
}

fn idle() -> Vec<Step> {
    let ask = |text: &str| [write(Cut::Whole, vec![Part::Frame(text.into())]), Step::Settle];
    [&ask("before")[..], &[Step::Idle { ms: 800 }], &ask("and after")].concat()
}

fn half_close_messages() -> Vec<Body> {
    (0..20).map(|n| Body::Text(format!("due although the input has ended: {n}"))).collect()
}

/// The FIN follows the requests at once: every answer is still due, then the server's FIN.
fn half_close_server() -> Vec<Step> {
    vec![write(Cut::Whole, frames(&half_close_messages())), Step::Finish { conn: 0 }, Step::Settle]
}

/// The answers come only after the client's own FIN.
fn half_close_client() -> Vec<Step> {
    vec![
        feed(half_close_messages()),
        Step::EndInput { conn: 0 },
        Step::Settle,
        write(Cut::Whole, frames(&half_close_messages())),
        Step::Settle,
        Step::Finish { conn: 0 },
        Step::Settle,
    ]
}

fn half_close_pairing() -> Vec<Step> {
    vec![feed(half_close_messages()), Step::EndInput { conn: 0 }, Step::Settle]
}

fn fin_empty() -> Vec<Step> {
    let empty = [Step::Finish { conn: 0 }, Step::Settle];
    [empty.to_vec(), health_ping(1)].concat()
}

fn broken_off(keep: usize) -> Part {
    Part::Head { body: BROKEN_OFF.into(), keep }
}

fn good_then_truncated() -> Vec<Part> {
    vec![Part::Frame(GOOD.into()), Part::Frame(GOOD.into()), broken_off(6)]
}

/// Everything in one write, then the FIN.
fn breaks_off(parts: Vec<Part>) -> Vec<Step> {
    vec![write(Cut::Whole, parts), Step::Finish { conn: 0 }, Step::Settle]
}

/// The answers break off; the client has to say so by its exit status.
fn breaks_off_client(asked: &[&str], answered: Vec<Part>) -> Vec<Step> {
    let asked = vec![feed(asked.iter().copied()), Step::Settle];
    let ended = vec![Step::EndInput { conn: 0 }, Step::Settle];
    [asked, breaks_off(answered), ended].concat()
}

/// One connection for each of 1, 2 and 3 header bytes.
fn fin_in_header_server() -> Vec<Step> {
    let cut_short = |bytes: u16| {
        let conn = bytes - 1;
        [
            write_on(conn, Cut::Whole, vec![broken_off(bytes.into())]),
            Step::Finish { conn },
            Step::Settle,
        ]
    };
    [[1, 2, 3].into_iter().flat_map(cut_short).collect(), health_ping(3)].concat()
}

/// One client for each of 1, 2 and 3 header bytes.
fn fin_in_header_client() -> Vec<Step> {
    let cut_short = |bytes: u16| {
        let conn = bytes - 1;
        [
            feed_to(conn, [BROKEN_OFF]),
            Step::Settle,
            write_on(conn, Cut::Whole, vec![broken_off(bytes.into())]),
            Step::Finish { conn },
            Step::EndInput { conn },
            Step::Settle,
        ]
    };
    [1, 2, 3].into_iter().flat_map(cut_short).collect()
}

fn reset_in_frame() -> Vec<Step> {
    let reset = [write(Cut::Whole, vec![broken_off(9)]), Step::Abort { conn: 0 }];
    [reset.to_vec(), health_ping(1)].concat()
}

/// A hundred clients that go as soon as they have come, by turns in good order and by a reset; a few at
/// once, for a short backlog is not what this is about.
fn connect_close() -> Vec<Step> {
    let goes = |conn| match conn % 4 {
        3 => vec![Step::Abort { conn }, Step::Settle],
        odd if odd % 2 == 1 => vec![Step::Abort { conn }],
        _ => vec![Step::Finish { conn }],
    };
    [(0..100).flat_map(goes).collect(), health_ping(100)].concat()
}

/// The reset meets a server that is busy answering.
fn reset_while_answering() -> Vec<Step> {
    let many: Vec<Body> = (0..64).map(|seed| Body::Letters { seed, len: 16 * 1024 }).collect();
    let reset = vec![write(Cut::AsItComes, frames(&many)), Step::Abort { conn: 0 }];
    [reset, health_ping(1)].concat()
}

/// The FIN is there before the first answer is written: that is answered by a RST, and the next write fails. Many small
/// messages, so that they are there too, and several clients, since a server may write its answers together.
fn closed_while_answering() -> Vec<Step> {
    const CLIENTS: u16 = 8;
    let leaves = |conn| {
        let many: Vec<Body> = (0..64).map(|seed| Body::Letters { seed, len: 700 }).collect();
        [write_on(conn, Cut::Whole, frames(&many)), Step::Close { conn }]
    };
    [(0..CLIENTS).flat_map(leaves).collect(), health_ping(CLIENTS)].concat()
}

/// The server goes before an answer, after one, and inside one; each with a client of its own.
fn server_ends() -> Vec<Step> {
    let whole = || Part::Frame(GOOD.into());
    let answers = [vec![], vec![whole()], vec![whole(), broken_off(9)]];
    let ends = |(conn, answer): (u16, Vec<Part>)| {
        [
            feed_to(conn, [GOOD, BROKEN_OFF]),
            Step::Settle,
            write_on(conn, Cut::Whole, answer),
            Step::Settle,
            Step::Finish { conn },
            Step::EndInput { conn },
            Step::Settle,
        ]
    };
    (0..).zip(answers).flat_map(ends).collect()
}

fn many_messages() -> Vec<Exchange> {
    const AT_ONCE: u64 = 500;
    let run =
        |n: u64| (0..AT_ONCE).map(move |m| Body::Text(format!("message {}", AT_ONCE * n + m)));
    (0..20).map(|n| whole(run(n))).collect()
}
