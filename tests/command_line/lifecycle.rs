//! How programs start and end: what a server does with its port, with SIGTERM and with its children, and what a
//! client does where nobody listens.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{ECHO_SERVER, Elsewhere, Peer, Project, column, document, results};

const REUSE: &str = "listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n";

/// The exit status and the only result of a server that plays one case.
fn served(server: Peer, case: &str) -> (i32, Value) {
    alone(server, &format!("--case {case}"))
}

/// The exit status and the only result of a peer.
fn alone(peer: Peer, words: &str) -> (i32, Value) {
    let (status, document) = Project::of([peer]).json(words);
    let [result] = results(&document) else { panic!("one result: {document:#}") };
    (status, result.clone())
}

#[track_caller]
fn fails((status, result): (i32, Value), blame: &str, words: &str) {
    assert_eq!((status, &result["outcome"]), (1, &"fail".into()), "{result:#}");
    assert_eq!((&result["blame"], &result["flaky"]), (&blame.into(), &false.into()), "{result:#}");
    let said = result["summary"].as_str().expect("a sentence");
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_server_that_starts_and_ends_as_it_should_passes() {
    let (status, document) = Project::of([Peer::server("echo")]).json("--case lifecycle");
    assert_eq!(status, 0, "{document:#}");
    let passed = |result: &&Value| result["outcome"] == "pass";
    let (passed, others): (Vec<&Value>, Vec<_>) = results(&document).iter().partition(passed);
    assert_eq!(passed.len(), 8, "{document:#}");
    // It ends as Python does, wherever it is: a warning.
    let [busy] = others[..] else { panic!("one warning: {document:#}") };
    assert_eq!(
        (&busy["case"], &busy["level"]),
        (&"lifecycle.sigterm-busy".into(), &"should".into())
    );
    assert!(
        busy["summary"].as_str().is_some_and(|said| said.contains("inside a frame")),
        "{busy:#}"
    );
}

#[test]
fn a_server_that_ignores_sigterm_is_found() {
    let deaf = Peer::server("deaf")
        .but("import sys\n", "import signal\nimport sys\n")
        .but(REUSE, &format!("{REUSE}signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"));
    fails(served(deaf, "lifecycle.sigterm-idle"), "server", "P12: the server did not end");
}

#[test]
fn a_server_that_cannot_be_started_again_at_once_is_found() {
    let stuck = Peer::server("stuck").but(REUSE, "");
    fails(served(stuck, "lifecycle.rebind"), "server", "P12: the server did not come up again");
}

#[test]
fn a_server_that_shares_its_port_is_found() {
    let shares = REUSE.replace("REUSEADDR", "REUSEPORT");
    let sharing = Peer::server("sharing").but(REUSE, &format!("{REUSE}{shares}"));
    fails(served(sharing, "lifecycle.port-taken"), "server", "P12: a second server on a port");
}

#[test]
fn a_server_that_leaves_a_child_behind_is_found_and_the_child_is_named() {
    // Out of its process group, so that no signal to that reaches it.
    let child = "subprocess.Popen(['sleep', '1234'], start_new_session=True)\n";
    let parent = Peer::server("parent")
        .but("import sys\n", "import subprocess\nimport sys\n")
        .but(REUSE, &format!("{REUSE}{child}"));
    let found = served(parent, "lifecycle.leaves-nothing");
    fails(found, "server", "left processes behind: sleep 1234");
}

#[test]
fn children_that_serve_on_when_their_server_has_ended_are_found_and_named() {
    let serves =
        "    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()";
    let forks = "    connection = listener.accept()[0]\n    \
                 if os.fork() == 0:\n        \
                     os.setsid()\n        \
                     serve(connection)\n        \
                     os._exit(0)\n    \
                 connection.close()";
    let forking = Peer::server("forking").but("import sys\n", "import os\nimport sys\n");
    let found = served(forking.but(serves, forks), "lifecycle.leaves-nobody");
    fails(found, "server", "left processes behind, which hold its port: python3 peer.py");
}

#[test]
fn a_client_that_leaves_a_child_behind_is_found() {
    let child = "import subprocess\nsubprocess.Popen(['sleep', '1234'], start_new_session=True)\n";
    let parent = Peer::client("parent").but("\n\ndef send", &format!("\n{child}\ndef send"));
    let found = alone(parent, "--case lifecycle.leaves-nothing");
    fails(found, "client", "left processes behind: sleep 1234");
}

#[test]
fn a_server_that_every_machine_can_reach_is_warned_of() {
    let project = Project::of([Peer::server("open").but("127.0.0.1", "0.0.0.0")]);
    let run = "--case lifecycle.loopback --case lifecycle.address --case lifecycle.ready";
    let (status, document) = project.json(run);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(
        column(&document, "case"),
        ["lifecycle.address", "lifecycle.loopback", "lifecycle.ready"]
    );
    assert_eq!(column(&document, "outcome"), ["pass", "fail", "pass"]);
    assert_eq!(column(&document, "summary")[0], "listens on 0.0.0.0");
    assert_eq!(column(&document, "level")[1], "should");
    assert_eq!(project.json(&format!("{run} --strict")).0, 1);
}

#[test]
fn a_server_that_says_too_early_that_it_is_ready_fails_the_case_that_is_about_that_and_no_other() {
    let hasty = Peer::server("hasty").but("import sys\n", "import sys\nimport time\n").but(
        "listener.listen(128)\nprint(\"listening on\", listener.getsockname()[1], flush=True)\n",
        "print(\"listening on\", listener.getsockname()[1], flush=True)\n\
         time.sleep(2)\nlistener.listen(128)\n",
    );
    let others = "--case framing.single --case lifecycle.sigterm-idle --case lifecycle.rebind";
    let (status, document) = Project::of([hasty]).json(&format!("--case lifecycle.ready {others}"));
    assert_eq!(status, 1, "{document:#}");
    let cases = ["framing.single", "lifecycle.ready", "lifecycle.rebind", "lifecycle.sigterm-idle"];
    assert_eq!(column(&document, "case"), cases);
    assert_eq!(column(&document, "outcome"), ["pass", "fail", "pass", "pass"], "{document:#}");
    assert!(column(&document, "summary")[1].contains("said that it was ready"), "{document:#}");
}

#[test]
fn a_client_that_finds_nobody_and_says_nothing_of_it_is_found() {
    let connects = "connection = socket.create_connection((\"127.0.0.1\", int(sys.argv[1])))";
    let case = "--case connection.refused";
    let right = alone(Peer::client("right"), case);
    assert_eq!((right.0, &right.1["outcome"]), (0, &"pass".into()), "{:#}", right.1);
    let calm = format!("try:\n    {connects}\nexcept OSError:\n    os._exit(0)");
    let calm = Peer::client("calm").but(connects, &calm);
    fails(alone(calm, case), "client", "P13: the client exited with status 0 although nobody");
}

#[test]
fn a_server_that_runs_already_plays_no_lifecycle_case_and_passes_the_others() {
    let project = Project::empty();
    project.write("server.py", ECHO_SERVER);
    let server = Elsewhere::start(&project);
    let check = format!("check server --addr 127.0.0.1:{} --format json", server.port);
    let cases = "--case lifecycle --case framing.single --case payload.empty --case limits.spin \
                 --case connection.half-close --case connection.connect-close";
    let (status, document) = document(&project.run(&format!("{check} {cases}")));
    assert_eq!(status, 0, "{document:#}");
    let played = [
        "connection.connect-close",
        "connection.half-close",
        "framing.single",
        "limits.spin",
        "payload.empty",
    ];
    assert_eq!(column(&document, "case"), played);
    assert_eq!(column(&document, "outcome"), ["pass"; 5], "{document:#}");
    let none = project.run(&format!("{check} --case lifecycle")).code(4);
    none.stdout(contains("results").not());
}
