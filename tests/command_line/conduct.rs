//! What programs use of the machine, what they take and what they refuse.

use serde_json::Value;

use crate::support::{Peer, Project, column, results};

const READS_BODY: &str = "body = exactly(connection, struct.unpack(\">I\", header)[0])";
const ANSWERS: &str = "connection.sendall(struct.pack(\">I\", len(body)) + body)";

/// The exit status and the only result of a server that plays one case.
fn served(server: Peer, case: &str) -> (i32, Value) {
    let (status, document) = Project::of([server]).json(&format!("--case {case}"));
    let [result] = results(&document) else { panic!("one result: {document:#}") };
    (status, result.clone())
}

#[track_caller]
fn found((status, result): (i32, Value), level: &str, words: &str) {
    let expected = if level == "must" { 1 } else { 0 };
    assert_eq!((status, &result["outcome"]), (expected, &"fail".into()), "{result:#}");
    assert_eq!((&result["level"], &result["flaky"]), (&level.into(), &false.into()), "{result:#}");
    let said = result["summary"].as_str().expect("a sentence");
    assert!(said.contains(words), "{said}");
}

/// A server that does something with a length before it reads the body.
fn on_length(name: &str, does: &str) -> Peer {
    let length = "length = struct.unpack(\">I\", header)[0]";
    let reads = "body = exactly(connection, length)";
    let indent = " ".repeat(16);
    Peer::server(name).but(READS_BODY, &format!("{length}\n{indent}{does}\n{indent}{reads}"))
}

#[test]
fn a_server_that_uses_no_more_than_it_needs_passes() {
    let cases = "--case limits.spin --case limits.oversize-reserve --case connection.thousand \
                 --case concurrency.slow-reader-bounded";
    let (status, document) = Project::of([Peer::server("echo")]).json(cases);
    assert_eq!((status, column(&document, "outcome")), (0, vec!["pass"; 4]), "{document:#}");
    assert_eq!(column(&document, "summary")[0], "held back when it was not read from");
}

#[test]
fn a_server_that_is_busy_with_nothing_to_do_is_found() {
    // The end of a connection is read again and again.
    let busy = Peer::server("busy").but(
        "if header is None:\n                    return",
        "while header is None:\n                    pass",
    );
    found(served(busy, "limits.spin"), "must", "P11: the server keeps a processor busy");
}

#[test]
fn memory_that_is_taken_for_a_length_that_was_only_claimed_is_found() {
    // It is given back at once, and the most that was ever taken is what counts.
    let greedy = on_length("greedy", "b'x' * min(length, 300 << 20)");
    found(served(greedy, "limits.oversize-reserve"), "must", "P9: the server touched ");
}

#[test]
fn memory_that_is_reserved_and_not_used_only_warns() {
    // Zeros that nobody has looked at are nowhere yet.
    let reserving = on_length("reserving", "bytes(min(length, 1 << 30))");
    let found_out = served(reserving, "limits.oversize-reserve");
    found(found_out, "should", "MiB of addresses would be right");
}

#[test]
fn descriptors_that_are_lost_with_each_connection_are_found() {
    let leaks = format!("{ANSWERS}\n                LOST.append(os.open('/dev/null', 0))");
    let leaking = Peer::server("leaking")
        .but("import socket\n", "import os\nimport socket\nLOST = []\n")
        .but(ANSWERS, &leaks);
    found(served(leaking, "connection.thousand"), "must", "P11: the server holds 1000 open files");
}

#[test]
fn a_server_that_queues_its_answers_without_bound_is_warned_of() {
    let writes = "\n\ndef write(connection, answers):\n    while (answer := answers.get()):\n        \
                  connection.sendall(answer)\n\n\ndef serve(connection):\n    \
                  answers = queue.Queue()\n    threading.Thread(target=write, \
                  args=(connection, answers), daemon=True).start()\n";
    let patient = Peer::server("patient")
        .but("import socket\n", "import queue\nimport socket\n")
        .but("\n\ndef serve(connection):\n", writes)
        .but("connection.sendall(struct", "answers.put(struct");
    let found_out = served(patient, "concurrency.slow-reader-bounded");
    found(found_out, "should", "P10: the server took 128 MiB without being read from");
}

#[test]
fn a_limit_that_is_off_by_one_is_found_on_either_side() {
    let limited = |name: &str, refuses: &str| {
        on_length(name, &format!("if length {refuses}: return")).with("max_frame = \"64 KiB\"")
    };
    let servers =
        [limited("exact", "> 65536"), limited("strict", ">= 65536"), limited("lenient", "> 65537")];
    let (status, document) =
        Project::of(servers).json("--case limits.at-max --case limits.over-max");
    assert_eq!(status, 1, "{document:#}");
    let [servers, cases, outcomes] =
        ["server", "case", "outcome"].map(|key| column(&document, key));
    assert_eq!(servers, ["exact", "exact", "lenient", "lenient", "strict", "strict"]);
    assert_eq!(cases, ["limits.at-max", "limits.over-max"].repeat(3));
    assert_eq!(outcomes, ["pass", "pass", "pass", "fail", "fail", "pass"], "{document:#}");
    assert_eq!(column(&document, "level"), ["must"; 6], "each promises a limit");
}

#[test]
fn a_server_that_says_how_long_it_waits_is_not_asked_to_wait_longer() {
    let drops = |name: &str| {
        let settimeout = "with connection:\n        connection.settimeout(0.1)\n";
        Peer::server(name).but("with connection:\n", settimeout)
    };
    let says = |after: &str| drops("says").with(&format!("idle_timeout = \"{after}\""));
    let cases = "--case connection.idle --case limits.foreign";
    let (_, document) = Project::of([drops("silent"), says("100 ms")]).json(cases);
    let [servers, cases] = ["server", "case"].map(|key| column(&document, key));
    assert_eq!(servers, ["says", "silent", "silent"], "{document:#}");
    assert_eq!(cases, ["limits.foreign", "connection.idle", "limits.foreign"]);
    assert_eq!(column(&document, "outcome")[1], "fail", "{document:#}");
    let (_, document) = Project::of([says("1 h")]).json("--case connection.idle");
    assert_eq!(column(&document, "outcome"), ["fail"], "it does not wait as long as it says");
}
