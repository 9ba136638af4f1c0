//! `lifecycle.*`: how programs start and end, and what they leave (clauses P12 and P13).

use super::entry::{
    Entry, entry, exchange, feed, feed_to, finish_client, health_ping, write, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Part, Step};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P12, P13};
use crate::model::names::Role;
use crate::model::shorter::TooLong;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("lifecycle.ready", "ready said too early, or of another port")
            .covers(&[P12])
            .play(Role::Server, [vec![Step::Start], health_ping(0)].concat()),
        entry("lifecycle.loopback", "listening where every machine can connect")
            .covers(&[P12])
            .should()
            .play(Role::Server, [started(), vec![Step::StayOnLoopback], health_ping(0)].concat()),
        entry("lifecycle.address", "on which addresses it listens")
            .covers(&[P12])
            .info()
            .play(Role::Server, [started(), health_ping(0)].concat()),
        entry("lifecycle.sigterm-idle", "SIGTERM ignored, or taken for a failure")
            .covers(&[P12])
            .play(Role::Server, sigterm_idle()),
        entry("lifecycle.sigterm-busy", "half a frame, and then an end that looks orderly")
            .covers(&[P12])
            .too_long(TooLong::Split { enough: BUSY })
            .should()
            .play(Role::Server, sigterm_busy()),
        entry("lifecycle.rebind", "no SO_REUSEADDR, so that a restart has to wait for a minute")
            .covers(&[P12])
            .play(Role::Server, rebind()),
        entry("lifecycle.port-taken", "a taken port that is shared, or not worth an error")
            .covers(&[P12])
            .play(Role::Server, [started(), vec![Step::StartSecond], health_ping(0)].concat()),
        entry("lifecycle.leaves-nothing", "children left behind")
            .covers(&[P12])
            .play(Role::Server, leaves_nothing_server())
            .play(Role::Client, leaves_nothing_client()),
        entry("lifecycle.leaves-nobody", "children that serve on when the server has ended")
            .covers(&[P12])
            .play(Role::Server, leaves_nobody()),
        entry("lifecycle.stdout-clean", "logs among the messages")
            .covers(&[P13])
            .play(Role::Client, answered(&["one", "two"])),
        entry("lifecycle.flush", "what was received kept in a buffer until the end")
            .covers(&[P13])
            .play(Role::Client, flush()),
        entry("lifecycle.exit-truth", "success told of a failure, or a failure of success")
            .covers(&[P13])
            .play(Role::Client, exit_truth()),
    ]
}

/// A server of the case's own listens.
fn started() -> Vec<Step> {
    vec![Step::Start, Step::Listening]
}

/// A client is connected, and idle.
fn connected() -> Vec<Step> {
    let asked = write(Cut::Whole, vec![Part::Frame("before the end".into())]);
    [started(), vec![asked, Step::Settle]].concat()
}

fn sigterm_idle() -> Vec<Step> {
    [connected(), vec![Step::Terminate, Step::Settle]].concat()
}

/// More than a server and our end hold of an answer together, while our segments are short, in bytes; but not so much more
/// that the server would be told to end with messages still to read, which ends a connection by a reset.
const BUSY: usize = 120_000;

/// The server has read a large message, and is told to end while nobody takes its answer.
fn sigterm_busy() -> Vec<Step> {
    let large = Body::Letters { seed: 12, len: 6 * 1024 * 1024 };
    let asked = vec![
        Step::StopReading { conn: 0 },
        Step::Press { conn: 0, bodies: vec![large], at_most: 1, bounded: false },
        Step::Answered { conn: 0 },
        Step::Rest,
    ];
    let ends = vec![Step::Terminate, Step::ReadOn { conn: 0 }, Step::Settle];
    [started(), asked, ends].concat()
}

/// The server ends first, so that its end of the connection stays in TIME_WAIT.
fn rebind() -> Vec<Step> {
    let ends = vec![Step::Terminate, Step::Settle, Step::Finish { conn: 0 }];
    [connected(), ends, started(), health_ping(1)].concat()
}

fn leaves_nothing_server() -> Vec<Step> {
    let clients = (0..3).flat_map(health_ping).collect();
    let ends = vec![Step::Terminate, Step::Settle, Step::LookBehind];
    [started(), clients, ends].concat()
}

/// Whoever serves a client that stays is told to end with the others, a child of its own too.
fn leaves_nobody() -> Vec<Step> {
    let ends = vec![Step::Terminate, Step::Settle, Step::LookBehind];
    [connected(), ends].concat()
}

fn leaves_nothing_client() -> Vec<Step> {
    [answered(&["one"]), vec![Step::LookBehind]].concat()
}

/// Asked one by one, answered, and ended well.
fn answered(messages: &[&str]) -> Vec<Step> {
    let exchanges: Vec<_> =
        messages.iter().map(|message| exchange(Cut::AsItComes, [*message])).collect();
    super::entry::client_steps(&exchanges)
}

/// The delivery is waited for while the connection and the input are open.
fn flush() -> Vec<Step> {
    let answer = vec![Part::Frame("now".into())];
    [vec![feed(["now"]), Step::Settle, write(Cut::Whole, answer), Step::Settle], finish_client()]
        .concat()
}

/// One client is answered, and one is answered in part.
fn exit_truth() -> Vec<Step> {
    let broken = |conn| {
        let part = Part::Head { body: "breaks off".into(), keep: 8 };
        [
            vec![feed_to(conn, ["breaks off"]), Step::Settle],
            vec![write_on(conn, Cut::Whole, vec![part])],
            vec![Step::Finish { conn }, Step::EndInput { conn }, Step::Settle],
        ]
        .concat()
    };
    [answered(&["all is well"]), broken(1)].concat()
}
