//! What a run gives back: the JSON document, the text for people, the exit status.

use std::collections::BTreeSet;

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project, column, results};

const KEYS: [&str; 17] = [
    "case",
    "requirement",
    "level",
    "role",
    "server",
    "client",
    "framing",
    "service",
    "transport",
    "outcome",
    "blame",
    "summary",
    "diagnosis",
    "close",
    "confirmed",
    "duration_us",
    "evidence",
];

/// It understands what it is sent, and answers in the wrong byte order.
fn little_endian() -> Peer {
    Peer::server("little-endian").but("struct.pack(\">I\"", "struct.pack(\"<I\"")
}

#[test]
fn the_json_document_has_the_promised_shape() {
    let project = Project::of([Peer::server("echo"), Peer::client("frames"), little_endian()]);
    let (_, document) = project.json("--seed 7 --case framing.single");
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["seed"], 7);
    assert_eq!(results(&document).len(), 5, "three peers alone, two pairings");
    for result in results(&document) {
        let keys: BTreeSet<&str> =
            result.as_object().expect("an object").keys().map(String::as_str).collect();
        for key in KEYS {
            assert!(keys.contains(key), "no `{key}` in {result:#}");
        }
        assert!(result["duration_us"].is_u64() && result["confirmed"].is_boolean(), "{result:#}");
        let expected = [("framing", "u32be"), ("service", "echo"), ("transport", "tcp")];
        for (key, value) in expected {
            assert_eq!(result[key], value, "{result:#}");
        }
    }
}

#[test]
fn a_passed_case_has_no_blame_and_a_failed_one_says_all() {
    let project = Project::of([Peer::server("echo"), little_endian()]);
    let (status, document) = project.json("--case framing.single");
    assert_eq!(status, 1);
    let (passed, failed) = (&results(&document)[0], &results(&document)[1]);
    assert_eq!(passed["outcome"], "pass");
    assert!(passed["blame"].is_null() && passed["diagnosis"].is_null(), "{passed:#}");
    assert!(passed["client"].is_null() && passed["server"] == "echo", "{passed:#}");
    assert_eq!(failed["outcome"], "fail");
    assert_eq!(failed["blame"], "server");
    assert!(failed["summary"].as_str().is_some_and(|words| !words.is_empty()), "{failed:#}");
}

#[test]
fn results_come_in_the_order_of_server_client_and_case() {
    let peers = ["b-server", "a-server"].map(Peer::server);
    let clients = ["d-client", "c-client"].map(Peer::client);
    let project = Project::of(peers.into_iter().chain(clients));
    let (status, document) = project.json("--jobs 4 --case framing.single --case payload.empty");
    assert_eq!(status, 0, "{document:#}");
    // No server comes before any, and no client before any.
    let key = |column: Vec<&str>| column.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let [servers, clients, cases] =
        ["server", "client", "case"].map(|name| key(column(&document, name)));
    let absent_first = |name: &String| (name != "null").then(|| name.clone());
    let keys: Vec<_> = (0..servers.len())
        .map(|at| (absent_first(&servers[at]), absent_first(&clients[at]), cases[at].clone()))
        .collect();
    assert!(keys.is_sorted(), "{keys:#?}");
    assert_eq!(keys.len(), (2 + 2 + 4) * 2);
}

#[test]
fn the_result_is_on_stdout_and_progress_on_stderr() {
    let project = Project::of([Peer::server("echo")]);
    let run = project.run("run --case framing.single").code(0);
    run.stdout(contains("1 case: 1 passed").and(contains("1/1").not()))
        .stderr("1 case to play\n1/1 cases\n");
}

#[test]
fn the_timings_say_where_the_time_went() {
    let project = Project::of([Peer::server("echo"), Peer::client("frames")]);
    let run = project.run("run --case framing.single --timings").code(0);
    run.stdout(contains("3 cases: 3 passed"))
        .stdout(contains("server client cases  waited   built  played   total  starts"))
        .stdout(contains("\necho   frames     1 ").and(contains("\nall               3 ")))
        .stdout(contains("the slowest cases").and(contains("framing.single").count(3)));
    project.run("run --case framing.single").stdout(contains("slowest").not());
    project.run("run --timings --format json").code(2).stdout("").stderr(contains("--timings"));
    project.run("check ./echo --case framing.single --timings").stdout(contains("slowest"));
}

#[test]
fn without_a_command_all_is_run() {
    let project = Project::of([Peer::server("gone").top("requires = [\"no-such-program\"]")]);
    let bare = project.run("").code(77);
    bare.stdout(contains("no-such-program"));
}

#[test]
fn a_failure_is_shown_with_its_diagnosis_and_the_command_that_shows_it_again() {
    let project = Project::of([little_endian()]);
    let run = project.run("run --case framing.single").code(1);
    run.stdout(contains("length field is little-endian"))
        .stdout(contains("server little-endian"))
        .stdout(contains("run --role server --server little-endian --case framing.single"));
    let (_, document) = project.json("--case framing.single");
    assert!(
        column(&document, "diagnosis")[0].contains("length field is little-endian"),
        "{document:#}"
    );
}

#[test]
fn the_command_that_shows_a_failure_again_does() {
    let project = Project::of([little_endian(), Peer::server("echo"), Peer::client("frames")]);
    let first = project.run("run --case framing.single --seed 7").code(1);
    let said = String::from_utf8_lossy(&first.get_output().stdout).into_owned();
    let again: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("again "))
        .map(|(_, command)| command)
        .collect();
    let [again] = again[..] else { panic!("one mistake is shown once: {said}") };
    assert!(said.contains("1 more result of the same"), "it shows in the pairing too: {said}");
    assert!(again.contains("--seed 7"), "{again}");
    project.shell(again).code(1).stdout(contains("1 case: 1 failed"));
}

#[test]
fn one_mistake_that_fails_many_cases_is_shown_once_and_counted_below_the_matrix() {
    let project = Project::of([little_endian()]);
    let cases = "--case framing.single --case framing.byte-by-byte --case payload.one-byte";
    let said = project.run(&format!("run {cases}")).code(1);
    said.stdout(contains("✗ fail").count(1))
        .stdout(contains("also      2 more results of the same"))
        .stdout(contains("✗    3  length field is little-endian"));
}

#[test]
fn in_a_pairing_the_peer_that_is_wrong_is_blamed() {
    let project = Project::of([little_endian(), Peer::client("frames")]);
    let (status, document) = project.json("--role pairing --case framing.single");
    assert_eq!((status, column(&document, "blame")), (1, vec!["server"]), "{document:#}");

    let wrong =
        Peer::client("wrong").but("connection.sendall(data)", "connection.sendall(data[4:])");
    let project = Project::of([Peer::server("echo"), wrong]);
    let (status, document) = project.json("--role pairing --case framing.single");
    assert_eq!((status, column(&document, "blame")), (1, vec!["client"]), "{document:#}");
}

#[test]
fn a_failed_should_warns_and_fails_a_strict_run() {
    // It reads twice where it has to read until all is there, so that one cut does not show it.
    let twice = "data = bytearray(connection.recv(count))\n    if len(data) < count:";
    let server =
        Peer::server("hasty").but("data = bytearray()\n    while len(data) < count:", twice);
    let project = Project::of([server]);
    let run = "--case framing.two-cuts";
    let (status, document) = project.json(run);
    assert_eq!((status, column(&document, "outcome")), (0, vec!["fail"]), "{document:#}");
    assert_eq!(column(&document, "level"), ["should"]);
    assert_eq!(project.json(&format!("{run} --strict")).0, 1);
}
