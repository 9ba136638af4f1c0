//! Transcripts written by hand: ends, exits, lateness, and the life of a server of the case's own.

use crate::model::ledger::{Progress, Scope};
use crate::model::names::Clause::{P1, P3, P4, P7, P11, P12, P13};
use crate::model::names::Level::{Info, Must, Should};
use crate::model::outcome::Blame::{Client, Server};
use crate::model::outcome::Close;
use crate::model::script::{Script, hello};
use crate::model::transcript::{Act, ChannelEnd, Exit, Sight};

/// A server that has answered, and is told to end.
fn told_to_end() -> Script {
    let served = Script::of_server("lifecycle.sigterm-idle").did(Act::Started);
    served.wrote(0, &hello()).said(0, &hello()).did(Act::Terminated)
}

/// A server that is told to end while its answer is due.
fn told_to_end_while_busy() -> Script {
    let asked = Script::of_server("lifecycle.sigterm-busy").did(Act::Started);
    asked.did(Act::StoppedReading { conn: 0 }).wrote(0, &hello()).did(Act::Terminated)
}

#[test]
fn a_server_that_ends_after_sigterm_may_do_so_in_any_usual_way() {
    for exit in [Exit::Code(0), Exit::Code(143), Exit::Signal(15)] {
        told_to_end().ended(0, ChannelEnd::Fin).server_exited(exit).is_right();
    }
}

#[test]
fn an_unusual_end_after_sigterm_is_only_told() {
    for exit in [Exit::Code(1), Exit::Code(15), Exit::Signal(9), Exit::Signal(11)] {
        let odd = told_to_end().server_exited(exit);
        odd.is_wrong(P12, Info, Server, &format!("the server {exit} after SIGTERM"));
    }
}

#[test]
fn a_server_that_does_not_end_after_sigterm_fails() {
    told_to_end().stalled(None).is_wrong(P12, Must, Server, "did not end after SIGTERM");
    let close = told_to_end().ended(0, ChannelEnd::Fin).stalled(None);
    close.is_wrong(P12, Must, Server, "did not end after SIGTERM");
}

#[test]
fn a_server_that_is_told_to_end_is_no_crash_and_one_that_is_not_is() {
    let exit = Exit::Code(0);
    let served = Script::of_server("lifecycle.sigterm-idle").did(Act::Started);
    served.clone().server_exited(exit).is_wrong(P11, Must, Server, "nobody had asked it to");
    served.clone().did(Act::Terminated).server_exited(exit).is_right();
    // The next one was not told.
    let again = served.did(Act::Terminated).server_exited(exit).did(Act::Started);
    again.is_right();
    again.server_exited(exit).is_wrong(P11, Must, Server, "nobody had asked it to");
}

#[test]
fn after_sigterm_a_stream_may_end_behind_a_frame_and_not_inside_one() {
    let ends = |bytes: &[u8], end| {
        told_to_end_while_busy().said(0, bytes).ended(0, end).server_exited(Exit::Code(0))
    };
    let whole = hello();
    for kept in 1..whole.len() {
        let half = ends(&whole[..kept], ChannelEnd::Fin);
        half.is_wrong(
            P12,
            Should,
            Server,
            &format!("inside a frame when it was told to end, {kept} bytes"),
        );
        // A reset says that something is missing.
        ends(&whole[..kept], ChannelEnd::Reset).is_right();
    }
    ends(&[], ChannelEnd::Fin).is_right();
    ends(&whole, ChannelEnd::Fin).is_right();
    assert_eq!(ends(&whole[..6], ChannelEnd::Fin).verdict().close, Some(Close::FinInsideFrame));
}

#[test]
fn half_a_frame_is_no_excuse_for_one_that_nobody_told_to_end() {
    let served = Script::of_server("framing.single").wrote(0, &hello());
    let ended = served.said(0, &hello()[..6]).ended(0, ChannelEnd::Fin);
    ended.is_wrong(P1, Must, Server, "the stream ended with answer 1 of 1 due: 6 of 9 bytes");
}

#[test]
fn a_server_that_does_not_come_up_again_on_its_one_port_is_not_looked_at_again() {
    let gone = Script::of_server("lifecycle.rebind")
        .did(Act::Started)
        .did(Act::Terminated)
        .server_exited(Exit::Code(0))
        .did(Act::Started);
    assert!(!gone.transcript().is_certain());
    let reason = || "the address is in use".to_owned();
    let again = gone.clone().saw(Sight::NotReady { reason: reason(), lasts: false });
    assert!(!again.transcript().is_certain());
    let gone = gone.saw(Sight::NotReady { reason: reason(), lasts: true });
    gone.is_wrong(P12, Must, Server, "did not come up again on its port: the address is in use");
    assert!(gone.transcript().is_certain());
    assert_eq!(gone.ledger().progress(&Scope::All), Progress::Broken);
}

#[test]
fn who_accepts_no_connection_fails_whatever_the_level_of_the_case() {
    let refused =
        |case: &str| Script::of_server(case).wrote(0, &hello()).ended(0, ChannelEnd::Refused);
    refused("lifecycle.ready").is_wrong(P12, Must, Server, "said that it was ready");
    refused("limits.garbage").is_wrong(P11, Must, Server, "did not accept a connection");
}

#[test]
fn a_crash_fails_whatever_the_level_of_the_case() {
    let crashed = Script::of_server("limits.garbage").wrote(0, b"what?");
    let crashed = crashed.server_exited(Exit::Signal(11));
    crashed.is_wrong(P11, Must, Server, "was ended by signal 11");
    assert_eq!(crashed.verdict().close, Some(Close::Signal));
}

#[test]
fn a_client_that_finds_nobody_has_to_say_so_by_its_exit_status() {
    let unserved = || Script::of_client("connection.refused").did(Act::Unserved { conn: 0 });
    let exits = |exit| unserved().saw(Sight::ClientExited { conn: 0, exit });
    exits(Exit::Code(1)).is_right();
    exits(Exit::Code(255)).is_right();
    exits(Exit::Signal(6)).is_wrong(P13, Should, Client, "was ended by signal 6");
    exits(Exit::Code(0)).is_wrong(
        P13,
        Must,
        Client,
        "exited with status 0 although nobody listens",
    );
    let stays = unserved().stalled(Some(0));
    stays.is_wrong(P13, Must, Client, "did not exit although nobody listens");
}

#[test]
fn an_end_is_judged_only_where_somebody_waited_for_it() {
    let finished =
        || Script::of_server("connection.fin-empty").saw(Sight::Connected { conn: 0 }).finished(0);
    finished().is_right();
    let words = "did not end the connection after the client's FIN at a message boundary";
    finished().stalled(Some(0)).is_wrong(P7, Must, Server, words);
    finished().stalled(None).is_wrong(P7, Must, Server, words);
    finished().ended(0, ChannelEnd::Fin).is_right();
    // Another connection's wait says nothing of this one.
    finished().stalled(Some(1)).is_wrong(P7, Should, Server, "too late to be waited for");
}

#[test]
fn an_end_is_judged_only_by_a_case_that_covers_its_clause() {
    let served = Script::of_server("framing.single").wrote(0, &hello()).said(0, &hello());
    let open = served.finished(0).stalled(None);
    open.is_wrong(P1, Should, Server, "too late to be waited for");
}

#[test]
fn what_came_late_only_warns() {
    let late =
        |case: &str| Script::of_server(case).wrote(0, &hello()).stalled(Some(0)).said(0, &hello());
    late("framing.single").is_wrong(P1, Should, Server, "too late to be waited for: this and that");
    late("framing.two-cuts").is_wrong(P4, Should, Server, "too late");
    late("framing.segments").is_wrong(P4, Info, Server, "too late");
    assert!(late("framing.single").verdict().stalled);
}

#[test]
fn what_never_came_fails() {
    let mute = Script::of_server("framing.single").wrote(0, &hello()).stalled(Some(0));
    mute.is_wrong(P1, Must, Server, "nothing more came with answer 1 of 1 due: 0 of 9 bytes");
    assert_eq!(mute.verdict().close, Some(Close::Stall));
}

#[test]
fn the_first_thing_that_is_wrong_is_told_and_not_what_follows_from_it() {
    let wrong = Script::of_server("framing.single").wrote(0, &hello()).said(0, b"\x05\0\0\0hello");
    let wrong = wrong.ended(0, ChannelEnd::Reset).server_exited(Exit::Signal(11)).stalled(None);
    wrong.is_wrong(P1, Must, Server, "wrong in its length header, at byte 0");
    let early = Script::of_server("framing.single").wrote(0, &hello()[..6]).said(0, &hello());
    assert_eq!(
        early.verdict().finding.map(|finding| finding.clause.to_string()),
        Some("P5".to_owned())
    );
    let twice = Script::of_server("framing.single")
        .wrote(0, &hello())
        .said(0, &[hello(), hello()].concat());
    twice.is_wrong(P3, Must, Server, "9 bytes of answer behind the last one due");
}

/// All lanes of the sweep are played, and right, but for what is wrong with some.
fn sweep(wrong: impl Fn(Script, u16) -> Script) -> Script {
    (0..11).fold(Script::of_server("framing.every-offset"), |script, conn| {
        let empty = [0; 4];
        // The first lanes cut an empty message, and one of a byte.
        let asked = if conn < 3 { script.wrote(conn, &empty).said(conn, &empty) } else { script };
        wrong(asked, conn)
    })
}

#[test]
fn a_sweep_says_where_it_went_wrong() {
    let ruler = |script: Script| script.verdict().finding.and_then(|finding| finding.ruler);
    let deviates = sweep(|script, conn| if conn == 1 { script.said(conn, b"!") } else { script });
    let said = ruler(deviates).expect("a ruler").to_string();
    assert_eq!(said, "body of 0: wrong when cut after byte 2 (tried 1-3)");
}

#[test]
fn an_end_that_a_sweep_does_not_judge_is_no_mistake_at_that_place() {
    let script = sweep(|script, conn| match conn {
        1 => script.said(conn, b"!"),
        2 => script.finished(conn), // its end may come at any time
        _ => script,
    });
    let ruler = script.verdict().finding.and_then(|finding| finding.ruler).expect("a ruler");
    assert_eq!(ruler.to_string(), "body of 0: wrong when cut after byte 2 (tried 1-3)");
}
