//! Programs that do not come up: a clear message, the right exit status, never a hang.

use std::net::TcpListener;
use std::process::Stdio;

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project, column, fixed_port};

fn server(command: &str) -> Peer {
    let ready = "ready = 'listening on (?P<port>\\d+)'";
    Peer::server("broken").section(&format!("[server]\ncommand = {command}\n{ready}\n"))
}

/// Runs one case with this peer; expects that it was not played, and returns (blame, summary).
fn not_played(peer: Peer) -> (String, String) {
    not_played_when_run_with(peer, "")
}

fn not_played_when_run_with(peer: Peer, flags: &str) -> (String, String) {
    let (status, document) = Project::of([peer]).json(&format!("--case framing.single {flags}"));
    assert_eq!((status, column(&document, "outcome")), (3, vec!["error"]), "{document:#}");
    (column(&document, "blame")[0].to_owned(), column(&document, "summary")[0].to_owned())
}

#[test]
fn a_missing_program_is_named_and_is_not_the_peers_fault() {
    for command in [
        "[\"no-such-program\", \"{port}\"]",
        "[\"sh\", \"-c\", \"no-such-program {port}\"]",
        "[\"env\", \"no-such-program\", \"{port}\"]",
    ] {
        let (blame, summary) = not_played(server(command));
        assert_eq!(blame, "environment", "{summary}");
        assert!(summary.contains("no-such-program"), "{summary}");
        assert!(!summary.contains("{port}"), "{summary}");
    }
}

#[test]
fn a_program_that_may_not_be_run_is_named() {
    let (blame, summary) = not_played(server("[\"./peer.py\", \"{port}\"]"));
    assert_eq!(blame, "environment", "{summary}");
    assert!(summary.contains("peer.py"), "{summary}");
}

#[test]
fn a_missing_client_program_is_named_and_is_not_the_peers_fault() {
    for command in
        ["[\"no-such-program\", \"{port}\"]", "[\"sh\", \"-c\", \"no-such-program {port}\"]"]
    {
        let section = format!("[client]\ncommand = {command}\ncontract = \"frames\"\n");
        let (blame, summary) = not_played(Peer::client("broken").section(&section));
        assert_eq!(blame, "environment", "{summary}");
        assert!(summary.contains("no-such-program"), "{summary}");
    }
}

#[test]
fn a_server_that_dies_at_once_is_shown_with_its_last_words() {
    let command = "[\"sh\", \"-c\", \"echo cannot read the weather >&2; exit 5 # {port}\"]";
    let (blame, summary) = not_played(server(command));
    assert_eq!(blame, "server", "{summary}");
    assert!(summary.contains("cannot read the weather"), "{summary}");
    assert!(summary.contains("status 5"), "{summary}");
}

#[test]
fn a_server_that_never_comes_up_is_the_same_error_for_all_its_cases_and_shown_once() {
    let project = Project::of([server("[\"sh\", \"-c\", \"exit 5\", \"{port}\"]")]);
    let run = project.run("run --case framing").code(3);
    run.stdout(contains("before it was ready").count(1));
}

#[test]
fn a_ready_line_that_never_comes_is_given_up_and_named() {
    let silent = "import time\nprint('almost there', flush=True)\ntime.sleep(3600)\n";
    let shy = Peer::server("shy").script(silent);
    let (blame, summary) = not_played_when_run_with(shy, "--start-timeout 5s");
    assert_eq!(blame, "server", "{summary}");
    assert!(summary.contains("listening on (?P<port>"), "{summary}");
    assert!(summary.contains("almost there"), "{summary}");
}

#[test]
fn a_taken_port_is_named() {
    let port = fixed_port();
    let _taken = TcpListener::bind(("127.0.0.1", port)).expect("it was free");
    let fixed =
        format!("[server]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\nport = {port}\n");
    let (blame, summary) = not_played(Peer::server("fixed").section(&fixed));
    assert_eq!(blame, "environment", "{summary}");
    assert!(summary.contains(&port.to_string()) && summary.contains("in use"), "{summary}");
}

#[test]
fn a_build_that_fails_is_shown_with_its_command_and_output() {
    let build = "build = [[\"sh\", \"-c\", \"echo syntax error in line 7 >&2; exit 1\"]]";
    let (blame, summary) = not_played(Peer::server("unbuilt").top(build));
    assert_eq!(blame, "environment", "{summary}");
    assert!(summary.contains("syntax error in line 7"), "{summary}");
    assert!(summary.contains("unbuilt") && summary.contains("status 1"), "{summary}");
}

#[test]
fn an_error_beside_passes_exits_with_3() {
    let broken = server("[\"no-such-program\", \"{port}\"]");
    let project = Project::of([broken, Peer::server("echo")]);
    let (status, document) = project.json("--case framing.single");
    assert_eq!((status, column(&document, "outcome")), (3, vec!["error", "pass"]), "{document:#}");
}

#[test]
fn a_peer_whose_programs_are_missing_is_skipped_with_the_way_to_get_them() {
    let project = Project::of([Peer::server("rare")
        .top("requires = [\"no-such-program\"]\ninstall = { apt = \"rare-package\" }")]);
    project.write_program("bin/apt-get", "exit 1");
    let run = |words: &[&str]| {
        project.interop(words.iter().copied()).env("PATH", project.path("bin")).assert()
    };
    let shown = run(&["run"]).code(77);
    shown.stdout(
        contains("skipped")
            .and(contains("no-such-program"))
            .and(contains("apt-get install -y --no-install-recommends rare-package")),
    );
    let (status, document) =
        crate::support::document(&run(&["run", "--format", "json", "--case", "framing.single"]));
    assert_eq!((status, column(&document, "outcome")), (77, vec!["skipped"]), "{document:#}");
    assert_eq!(column(&document, "blame"), ["environment"]);
}

#[test]
fn a_skip_beside_passes_exits_with_0() {
    let rare = Peer::server("rare").top("requires = [\"no-such-program\"]");
    let project = Project::of([rare, Peer::server("echo")]);
    let (status, document) = project.json("--case framing.single");
    assert_eq!(
        (status, column(&document, "outcome")),
        (0, vec!["pass", "skipped"]),
        "{document:#}"
    );
}

#[test]
fn a_peer_that_exits_with_77_does_not_support_what_it_was_asked() {
    let project = Project::of([server("[\"sh\", \"-c\", \"exit 77\", \"{port}\"]")]);
    let (status, document) = project.json("--case framing.single");
    assert_eq!((status, column(&document, "outcome")), (77, vec!["unsupported"]), "{document:#}");

    let client = Peer::client("modest").script("import sys\nsys.exit(77)\n");
    let (status, document) = Project::of([client]).json("--case framing.single");
    assert_eq!((status, column(&document, "outcome")), (77, vec!["unsupported"]), "{document:#}");
}

#[test]
fn what_nobody_reads_on_stderr_changes_nothing() {
    let project = Project::of([Peer::server("one")]);
    let unread = |words: &str| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = project.command(assert_cmd::cargo::cargo_bin!("interop"));
        let child = command.args(words.split(' ')).stdout(Stdio::piped()).stderr(writer).spawn();
        let output = child.expect("it starts").wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (status, stdout) = unread("run --case framing.single --format tap");
    assert_eq!(status, Some(0));
    assert!(stdout.contains("ok 1"), "{stdout}");
    let bench = "bench --rounds 1 --connections 1 --size 1B --depth 1 --time 10ms --warm-up 10ms";
    assert_eq!(unread(bench).0, Some(0));
    assert_eq!(unread("run nobody"), (Some(2), String::new()));
    assert_eq!(unread("run --shard 3/2"), (Some(2), String::new()));
}
