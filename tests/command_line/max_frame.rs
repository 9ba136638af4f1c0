//! Peers that declare how long a message may be: what they are asked, and what is told of the rest.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project, column, results};

const ANSWERS: &str = "connection.sendall(struct.pack(\">I\", len(body)) + body)";
const READS_BODY: &str = "body = exactly(connection, struct.unpack(\">I\", header)[0])";

/// A server that takes 4096 bytes, and says so.
fn small() -> Peer {
    let refuses = "length = struct.unpack(\">I\", header)[0]\n\
                   \u{20}               if length > 4096:\n\
                   \u{20}                   return\n\
                   \u{20}               body = exactly(connection, length)";
    Peer::server("small").but(READS_BODY, refuses).with("max_frame = \"4096\"")
}

#[test]
fn a_server_of_short_messages_is_asked_with_as_short_ones_and_passes() {
    let cases = "--case concurrency.slow-reader-bounded --case concurrency.bulk-both-ways \
                 --case concurrency.pipelined --case framing.length-bytes --case framing.buffer-edges \
                 --case payload.empty-behind-large --case connection.half-close-busy \
                 --case connection.many-bytes --case limits.at-max";
    let (status, document) = Project::of([small()]).json(cases);
    assert_eq!((status, column(&document, "outcome")), (0, vec!["pass"; 9]), "{document:#}");
}

#[test]
fn its_mistakes_under_pressure_are_found() {
    // What one send does not take is lost.
    let sends = "connection.setblocking(False)\n\
                 \u{20}               try:\n\
                 \u{20}                   connection.send(struct.pack(\">I\", len(body)) + body)\n\
                 \u{20}               except BlockingIOError:\n\
                 \u{20}                   pass\n\
                 \u{20}               connection.setblocking(True)";
    let loses = Project::of([small().but(ANSWERS, sends)]);
    let (_, document) = loses.json("--case concurrency.write-without-reading");
    assert_eq!(column(&document, "outcome"), ["fail"], "{document:#}");
}

#[test]
fn what_makes_no_sense_with_short_messages_is_told_as_unsupported_and_why() {
    let project = Project::of([small()]);
    let cases = "--case framing.single --case payload.large";
    let (status, document) = project.json(cases);
    assert_eq!((status, column(&document, "outcome")), (0, vec!["pass", "unsupported"]));
    let why = "it needs messages of 1048576 bytes, and max_frame is 4096";
    assert_eq!(column(&document, "summary")[1], why);
    assert_eq!(results(&document)[1]["blame"], "server");
    let text = project.run(&format!("run {cases}")).code(0);
    let said = format!("∅ unsupported  payload.large: {why}");
    text.stdout(contains(said).and(contains("✓ 1 ∅ 1")).and(contains("1 passed, 1 unsupported")));
    let planned = project.run(&format!("run --dry-run {cases}")).code(0);
    let would = format!("would not be played: payload.large, since {why}");
    planned.stdout(contains(would).and(contains("1 case would be played")));
    project.run("run --case payload.large").code(77).stdout(contains(why));
}

#[test]
fn where_nothing_is_left_of_a_selection_it_is_said_why() {
    let project = Project::of([small().with("idle_timeout = \"500 ms\"")]);
    let nothing = project.run("run --case connection.idle,service.exit").code(4);
    nothing.stderr(
        contains("nothing selected")
            .and(contains("connection.idle: not asked, since it is silent for longer"))
            .and(contains("service.exit: not asked, since it is about other services")),
    );
}

#[test]
fn what_a_limit_leaves_out_can_be_listed_and_explained_before() {
    let project = Project::empty();
    let listed = project.run("list framings --max-frame 4096").code(0);
    listed.stdout(contains(
        "it needs messages of 1048576 bytes, and max_frame is 4096: payload.large",
    ));
    project.run("list cases --max-frame 4096").code(2).stderr(contains("list framings"));
    let explained = project.run("explain payload.large").code(0);
    explained.stdout(contains("max_frame messages have up to 1048576 bytes"));
}
