//! What is due, what is waited for, and whose business it is.

use std::collections::BTreeSet;

use crate::model::ledger::{Progress, Scope};
use crate::model::names::Clause;
use crate::model::script::{Script, hello};
use crate::model::transcript::{Act, Channel, ChannelEnd, Conn, Exit, Sight};

fn script() -> Script {
    Script::of_server("framing.single")
}

fn lane(conn: Conn) -> Scope {
    Scope::Lane(BTreeSet::from([conn]))
}

fn progress(script: &Script) -> Progress {
    script.ledger().progress(&Scope::All)
}

#[test]
fn nothing_is_due_of_half_a_message_and_an_answer_of_a_whole_one() {
    let half = script().wrote(0, &hello()[..8]);
    assert_eq!(progress(&half), Progress::Settled);
    let whole = half.wrote(0, &hello()[8..]);
    assert_eq!(progress(&whole), Progress::BytesMissing);
    assert_eq!(whole.ledger().waiting_for(&Scope::All), "9 of 9 answer bytes");
    let begun = whole.said(0, &hello()[..2]);
    assert_eq!(begun.ledger().waiting_for(&Scope::All), "7 of 9 answer bytes");
    assert_eq!(progress(&begun.said(0, &hello()[2..])), Progress::Settled);
}

#[test]
fn what_is_not_read_is_not_waited_for_until_it_is_read_again() {
    let stopped = script().did(Act::StoppedReading { conn: 0 }).wrote(0, &hello()).finished(0);
    assert_eq!(progress(&stopped), Progress::Settled);
    assert_eq!(stopped.ledger().waiting_for(&Scope::All), "nothing");
    // The others are read.
    assert_eq!(progress(&stopped.clone().wrote(1, &hello())), Progress::BytesMissing);
    let reads = stopped.did(Act::ReadOn { conn: 0 });
    assert_eq!(progress(&reads), Progress::BytesMissing);
    assert_eq!(progress(&reads.said(0, &hello())), Progress::EndsMissing);
}

#[test]
fn a_lane_knows_nothing_of_what_others_wait_for() {
    let both = script().wrote(1, &hello()).wrote(2, &hello()).said(1, &hello());
    let ledger = both.ledger();
    assert_eq!(ledger.progress(&lane(1)), Progress::Settled);
    assert_eq!(ledger.progress(&lane(2)), Progress::BytesMissing);
    assert_eq!(ledger.progress(&lane(3)), Progress::Settled);
    assert_eq!(ledger.progress(&Scope::All), Progress::BytesMissing);
    assert_eq!(ledger.waiting_for(&lane(1)), "nothing");
    assert_eq!(ledger.waiting_for(&lane(2)), "9 of 9 answer (connection 2) bytes");
}

#[test]
fn a_mistake_in_one_lane_does_not_decide_another() {
    let wrong = script().wrote(1, &hello()).said(1, b"no").wrote(2, &hello());
    let wrong = wrong.saw(Sight::Blocked { channel: Channel::Requests(3) });
    let ledger = wrong.ledger();
    let of = |conn| ledger.progress(&lane(conn));
    assert_eq!([of(1), of(2), of(3)], [Progress::Broken, Progress::BytesMissing, Progress::Broken]);
    assert_eq!(ledger.progress(&Scope::All), Progress::Broken);
}

#[test]
fn a_server_that_dies_decides_every_lane() {
    let dead = script().wrote(1, &hello()).server_exited(Exit::Code(1));
    assert_eq!(dead.ledger().progress(&lane(1)), Progress::Broken);
    assert_eq!(dead.ledger().progress(&lane(2)), Progress::Broken);
}

#[test]
fn the_end_of_a_server_that_was_told_to_end_is_waited_for_by_nobody_in_a_lane() {
    let told = script().did(Act::Started).did(Act::Terminated);
    assert_eq!(progress(&told), Progress::EndsMissing);
    assert_eq!(told.ledger().waiting_for(&Scope::All), "the server's end after SIGTERM");
    assert_eq!(told.ledger().progress(&lane(0)), Progress::Settled);
    assert!(told.ledger().misses_an_end_of(&[Clause::P12], &Scope::All));
    assert!(!told.ledger().misses_an_end_of(&[Clause::P7], &Scope::All));
    let ended = told.server_exited(Exit::Signal(15));
    assert_eq!(progress(&ended), Progress::Settled);
    assert_eq!((ended.ledger().obeyed(), ended.ledger().crash()), (Some(Exit::Signal(15)), None));
}

#[test]
fn no_bytes_are_due_any_more_once_the_server_was_told_to_end() {
    let told = script().did(Act::Started).wrote(0, &hello()).did(Act::Terminated);
    let ended = told.server_exited(Exit::Code(0));
    assert_eq!(progress(&ended.clone().ended(0, ChannelEnd::Fin)), Progress::Settled);
    // What it still says has to be right all the same.
    assert_eq!(progress(&ended.said(0, b"bye")), Progress::Broken);
}

#[test]
fn the_end_of_a_stream_comes_behind_the_end_of_its_server() {
    let told = script().did(Act::Started).wrote(0, &hello()).wrote(1, &hello()).said(1, &hello());
    let ended =
        told.did(Act::Aborted { conn: 1 }).did(Act::Terminated).server_exited(Exit::Code(0));
    assert_eq!(progress(&ended), Progress::EndsMissing);
    assert!(ended.ledger().misses_a_last_end(&lane(0)));
    assert!(!ended.ledger().misses_a_last_end(&lane(1)), "nobody sees how that one ends");
    // No clause says how, and what is not read cannot be seen to end.
    assert!(!ended.ledger().misses_an_end_of(&[Clause::P12], &Scope::All));
    assert_eq!(progress(&ended.clone().did(Act::StoppedReading { conn: 0 })), Progress::Settled);
    assert_eq!(progress(&ended.ended(0, ChannelEnd::Reset)), Progress::Settled);
}

#[test]
fn only_an_end_that_a_clause_of_the_case_asks_for_is_worth_a_long_wait() {
    let boundary = script().wrote(0, &hello()).said(0, &hello()).finished(0).ledger();
    assert_eq!(boundary.progress(&Scope::All), Progress::EndsMissing);
    let worth = |clause| boundary.misses_an_end_of(&[clause], &Scope::All);
    assert!(worth(Clause::P7) && !worth(Clause::P8) && !worth(Clause::P3));
    assert!(!boundary.misses_an_end_of(&[Clause::P7], &lane(1)));
    let inside = script().wrote(0, &hello()[..5]).finished(0).ledger();
    assert!(inside.misses_an_end_of(&[Clause::P8], &Scope::All));
    assert!(!inside.misses_an_end_of(&[Clause::P7], &Scope::All));
}

#[test]
fn nothing_behind_a_length_above_the_limit_is_a_message() {
    let claimed = script().wrote(0, &[0x7f, 0xff, 0xff, 0xff]).wrote(0, &hello());
    assert_eq!(progress(&claimed), Progress::EndsMissing);
    assert!(claimed.ledger().misses_an_end_of(&[Clause::P9], &Scope::All));
    assert_eq!(progress(&claimed.ended(0, ChannelEnd::Reset)), Progress::Settled);
}

#[test]
fn a_client_that_finds_nobody_is_waited_for_until_it_exits() {
    let unserved = Script::of_client("connection.refused").did(Act::Unserved { conn: 0 });
    assert_eq!(progress(&unserved), Progress::EndsMissing);
    assert_eq!(unserved.ledger().waiting_for(&Scope::All), "the client's exit");
    let exit = Sight::ClientExited { conn: 0, exit: Exit::Code(1) };
    assert_eq!(progress(&unserved.saw(exit)), Progress::Settled);
}

#[test]
fn a_client_of_datagrams_has_no_stream_to_end_and_ends_when_its_input_has() {
    let script = Script::of_client("framing.single").in_protocol("datagram/echo");
    let asked = script.did(Act::Fed { conn: 0, message: "hello".into() });
    assert_eq!(asked.ledger().waiting_for(&Scope::All), "9 of 9 request bytes");
    let came = Sight::Bytes { channel: Channel::Requests(0), bytes: hello() };
    let ended = asked.saw(came).did(Act::InputEnded { conn: 0 });
    assert_eq!(progress(&ended), Progress::EndsMissing);
    assert_eq!(ended.ledger().waiting_for(&Scope::All), "the client's exit");
    let exit = Sight::ClientExited { conn: 0, exit: Exit::Code(0) };
    assert_eq!(progress(&ended.saw(exit)), Progress::Settled);
}
