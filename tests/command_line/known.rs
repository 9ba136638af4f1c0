//! Declared deviations: reported as such, and kept honest.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{ECHO_SERVER, Peer, Project, column, results};

fn declaring(peer: Peer, pattern: &str) -> Project {
    let known = format!("[server.known]\n\"{pattern}\" = \"the reason that was given\"");
    Project::of([peer.with(&known)])
}

fn skips_empty_messages() -> Peer {
    Peer::server("skipper").but("connection.sendall(", "body and connection.sendall(")
}

#[test]
fn a_declared_deviation_is_known_with_its_reason_and_fails_nothing() {
    let project = declaring(skips_empty_messages(), "payload.empty");
    let (status, document) = project.json("--case payload.empty --case framing.single");
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(column(&document, "case"), ["framing.single", "payload.empty"]);
    assert_eq!(column(&document, "outcome"), ["pass", "known"]);
    assert_eq!(results(&document)[1]["reason"], "the reason that was given");
    let shown = project.run("run --case payload.empty").code(0);
    shown.stdout(contains("the reason that was given"));
}

#[test]
fn what_is_not_declared_fails_beside_what_is() {
    let project = declaring(skips_empty_messages(), "payload.empty");
    let (status, document) = project.json("--case payload.empty --case payload.empty-between");
    assert_eq!((status, column(&document, "outcome")), (1, vec!["known", "fail"]), "{document:#}");
}

#[test]
fn a_declared_deviation_that_passes_now_is_stale_and_fails_the_run() {
    let project = declaring(Peer::server("echo"), "framing.single");
    let (status, document) = project.json("--case framing.single");
    assert_eq!((status, column(&document, "outcome")), (1, vec!["pass"]), "{document:#}");
    let shown = project.run("run --case framing.single").code(1);
    shown.stdout(contains("stale").and(contains("framing.single")).and(contains("echo")));
}

#[test]
fn a_declared_pattern_that_matches_nothing_is_stale() {
    let project = declaring(Peer::server("echo"), "framing.no-such-case");
    let shown = project.run("run --case framing.single").code(1);
    shown.stdout(contains("framing.no-such-case").and(contains("matches no case")));
}

#[test]
fn a_pattern_that_was_not_run_is_not_called_stale() {
    let project = declaring(Peer::server("echo"), "payload.empty");
    assert_eq!(project.json("--case framing.single").0, 0);
}

#[test]
fn a_clients_deviations_are_declared_in_its_own_section() {
    // It says nothing of what is cut short.
    let client = Peer::client("silent").but("os._exit(1)", "os._exit(0)");
    let known = "[client.known]\n\"connection.fin-in-body\" = \"it exits with 0 all the same\"";
    let project = Project::of([client.with(known)]);
    let (status, document) = project.json("--role client --case connection.fin-in-body");
    assert_eq!((status, column(&document, "outcome")), (0, vec!["known"]), "{document:#}");
}

#[test]
fn what_deviates_in_one_protocol_alone_is_not_stale_in_a_part_that_plays_another() {
    let script = ECHO_SERVER
        .replace("                connection.sendall(", ANSWER)
        .replace("len(body)) + body)", "len(answer)) + answer)");
    let section = "[server]\ncommand = [\"python3\", \"peer.py\", \"{port}\", \"{service}\"]\n\
                   ready = 'listening on (?P<port>\\d+)'\n\
                   [server.known]\n\"payload.empty\" = \"it forgets them\"\n";
    let peer = Peer::server("both")
        .script(&script)
        .top("speaks = [\"u32be/echo\", \"u32be/upper\"]")
        .section(section);
    let project = Project::of([peer]);
    let (status, whole) = project.json("--case payload.empty");
    assert_eq!((status, column(&whole, "outcome")), (0, vec!["known", "pass"]), "{whole:#}");
    for words in ["--protocol u32be/upper", "--shard 2/2", "--protocol u32be/echo", "--shard 1/2"] {
        let (status, part) = project.json(&format!("--case payload.empty {words}"));
        assert_eq!((status, results(&part).len()), (0, 1), "{words}: {part:#}");
    }
}

/// Forgets to answer what is empty, where it is to answer the same.
const ANSWER: &str = "                answer = body.upper() if sys.argv[2] == \"upper\" else body
                if body or sys.argv[2] == \"upper\": connection.sendall(";
