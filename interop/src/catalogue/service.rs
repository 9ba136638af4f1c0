//! `service.*`: what a server answers, where it does not just say the same (P3).

use super::entry::{
    Entry, Exchange, beside, entry, feed_to, finish_on, health_ping, side_by_side, whole, write_on,
};
use crate::model::body::Body;
use crate::model::case::{Part, Step};
use crate::model::cut::Cut;
use crate::model::names::Clause::{P2, P3, P6, P11};
use crate::model::names::Role;
use crate::model::service::Service;

/// What is like the heartbeat, and is a message like any other.
const NO_PING: [&str; 6] = ["ping", "PINGPING", "PING!", "PONG", "PIN", "Ping"];

/// Text that has another length in capitals: in bytes, in characters, or in both.
const CASES: [&str; 8] = [
    "straße, né, Fuß",
    "ŉ ǰ ΐ ΰ և",
    "ﬁ ﬂ ﬃ ﬀ ﬅ",
    "ı ſ K Å",
    "ὈΔΥΣΣΕΎΣ, ὀδυσσεύς, τέλος",
    "i ı İ I, ISTANBUL, istanbul",
    "ß ẞ SS ss",
    "ǆ ǅ Ǆ ᾳ ῷ 你好 🎉 123",
];

/// What a shell would make something else of; none of it does anything.
const NO_SHELL: [&str; 8] = [
    "$HOME ${PATH} $0 $$",
    "$(id) `id`",
    "one && echo two || echo three",
    "one; echo two & echo three",
    "one | cat",
    "* ? [a-z]* ~ {a,b}",
    "'one' \"two three\"",
    "#one !two %three",
];

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("service.heartbeat", "PING answered like any other message, or others like PING")
            .covers(&[P3])
            .of_services(&[Service::Ack])
            .of_servers(&[whole(["PING"]), whole(NO_PING), whole(["PING", "between", "PING"])]),
        entry("service.heartbeat-alone", "PING found in a message that is more than that")
            .covers(&[P3])
            .of_services(&[Service::Ack])
            .of_servers(&[whole([" PING", "PING ", "PING\r", "\tPING"])]),
        entry("service.upper", "the length of the message before it was upper-cased; only ASCII")
            .covers(&[P3, P2])
            .of_services(&[Service::Upper])
            .of_servers(&CASES.map(|text| whole([text]))),
        entry("service.not-text", "a crash on what is no UTF-8, or an answer to it")
            .covers(&[P3, P11, P6])
            .of_services(&[Service::Upper])
            .play(Role::Server, beside(100, not_text(ask_one)))
            .or_each_alone([not_text(ask_alone), health_ping(100)].concat()),
        entry("service.exit", "EXIT not seen, answered, or ending more than its connection")
            .covers(&[P3, P6])
            .of_services(&[Service::Upper, Service::Exec])
            .play(Role::Server, exit())
            .or_each_alone([exits(ask_alone), health_ping(100)].concat())
            .play(Role::Pairing, exit_between()),
        entry("service.commands", "a command misunderstood, or answered unasked")
            .covers(&[P3, P6])
            .of_services(&[Service::Mnet])
            .play(Role::Server, commands()),
        entry("service.counts", "characters counted, the header too, or one read alone")
            .covers(&[P3, P2])
            .of_services(&[Service::Count])
            .of_servers(&counted()),
        entry("service.one-message", "a connection that goes on where it has one message")
            .covers(&[P3])
            .of_services(&[Service::Count])
            .play(Role::Server, one_message())
            .or_each_alone(one_message()),
        entry("service.exec-no-shell", "a command line given to a shell")
            .covers(&[P3])
            .of_services(&[Service::Exec])
            .of_servers(&NO_SHELL.map(|words| whole([words]))),
        entry("service.exec-refuses", "a program run that was not allowed, or a refusal that ends")
            .covers(&[P3, P11])
            .of_services(&[Service::Exec])
            .play(Role::Server, exec_refuses())
            .or_each_alone(vec![side_by_side((0..).zip(REFUSED).map(ask_alone))]),
    ]
}

fn message(bytes: &[u8]) -> Part {
    Part::Frame(Body::Message(bytes.to_vec()))
}

fn ask(conn: u16, parts: Vec<Part>) -> Vec<Step> {
    vec![write_on(conn, Cut::Whole, parts), Step::Settle]
}

/// One message on a connection of its own.
type Ask = fn((u16, &[u8])) -> Vec<Step>;

/// It is for the server to end the connection.
fn ask_one((conn, bytes): (u16, &[u8])) -> Vec<Step> {
    ask(conn, vec![message(bytes)])
}

/// The FIN completes it, where nothing else does.
fn ask_alone((conn, bytes): (u16, &[u8])) -> Vec<Step> {
    [vec![write_on(conn, Cut::Whole, vec![message(bytes)])], finish_on(conn)].concat()
}

/// Bytes that never stand in UTF-8, a sequence that breaks off, a surrogate, one that is too long.
fn not_text(ask: Ask) -> Vec<Step> {
    let bytes: [&[u8]; 4] = [b"\xff\xfe", b"caf\xc3", b"\xed\xa0\x80", b"\xc0\xaf"];
    vec![side_by_side((0..).zip(bytes).map(ask))]
}

/// `EXIT` in any case, with white space around it.
fn exits(ask: Ask) -> Vec<Step> {
    let exits: [&[u8]; 4] = [b"EXIT", b"exit", b" eXit\r", b"\tExit  "];
    vec![side_by_side((0..).zip(exits).map(ask))]
}

/// What comes before is answered and what comes behind is not, in the same segment too.
fn exit() -> Vec<Step> {
    let text = |text: &str| Part::Frame(text.into());
    let behind = vec![text("answered"), message(b"EXIT"), text("too late")];
    let no_exit = vec![text("exits"), text("no exit"), text("EXIT 0")];
    let steps = [ask(10, behind), exits(ask_one), ask(11, no_exit), finish_on(11)].concat();
    [beside(100, steps), health_ping(101)].concat()
}

/// Not on connection 0: nothing is to be played behind it.
fn exit_between() -> Vec<Step> {
    let exit = feed_to(1, [Body::Message(b"EXIT".to_vec())]);
    vec![
        feed_to(1, ["answered"]),
        Step::Settle,
        exit,
        Step::Settle,
        Step::EndInput { conn: 1 },
        Step::Settle,
    ]
}

const INFORM: u32 = 1;
const REQUEST: u32 = 2;
const PARAM: u32 = 3;
const EXIT: u32 = 4;

/// Silence shows by the answer to what comes next.
fn commands() -> Vec<Step> {
    let ask_by = |command, wanted, text: &str| {
        let body = text.as_bytes().to_vec();
        Part::Frame(Body::Command { command, wanted, body })
    };
    let answered = || ask_by(REQUEST, 1, "{\"id\": 1}");
    let inform = ask(0, vec![ask_by(INFORM, 1, "wants none"), answered()]);
    let unwanted = vec![ask_by(REQUEST, 0, "no"), ask_by(PARAM, 0, "nor this"), answered()];
    let unwanted = ask(0, unwanted);
    let param = ask(0, vec![ask_by(PARAM, 1, "set"), ask_by(REQUEST, 7, "get")]);
    let exit = ask(0, vec![answered(), ask_by(EXIT, 1, ""), answered()]);
    let unknown = |(conn, command): (u16, u32)| ask(conn, vec![ask_by(command, 1, "?")]);
    let unknown = side_by_side((1..).zip([0, 5, 0x0200_0000, u32::MAX]).map(unknown));
    let steps = [inform, unwanted, param, exit, vec![unknown]].concat();
    [beside(100, steps), health_ping(101)].concat()
}

/// From one digit to the next, and text that has fewer characters than bytes.
fn counted() -> Vec<Exchange> {
    let letters = [1, 9, 10, 999, 1000, 9999].map(|len| Body::Letters { seed: len as u64, len });
    let texts = ["你好，世界", "naïve 🎉"].map(Body::from);
    letters.into_iter().chain(texts).map(|body| whole([body])).collect()
}

/// The second in the same segment, so that there is no doubt that it came.
fn one_message() -> Vec<Step> {
    let asked = vec![Part::Frame("counted".into()), Part::Frame("not counted any more".into())];
    [ask(0, asked), health_ping(1)].concat()
}

/// What is not allowed, no program at all, a path, and what is no text.
const REFUSED: [&[u8]; 7] = [
    b"no-such-program-is-allowed",
    b"   ",
    b"/bin/echo by its path",
    b"./echo",
    b"echo;",
    b"ECHO hello",
    b"echo \xff\xfe",
];

fn exec_refuses() -> Vec<Step> {
    let refused = REFUSED.into_iter().chain([&b""[..]]);
    let refused = refused.flat_map(|bytes| ask(0, vec![message(bytes)])).collect();
    let goes_on = ask(0, vec![message(b"no-such-program"), Part::Frame("runs".into())]);
    [refused, goes_on, finish_on(0)].concat()
}
