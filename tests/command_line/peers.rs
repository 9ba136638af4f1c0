//! Right programs of every kind that the peer contract knows, and what the contract promises them.

use std::fs;

use crate::support::{LINES_CLIENT, Peer, Project, column, fixed_port};

/// All of these cases pass.
fn passes(project: &Project, words: &str) {
    let (status, document) = project.json(words);
    assert_eq!(status, 0, "{document:#}");
    assert!(column(&document, "outcome").iter().all(|outcome| *outcome == "pass"), "{document:#}");
}

#[test]
fn a_server_and_a_client_of_contract_frames_pass_alone_and_together() {
    let project = Project::of([Peer::server("echo"), Peer::client("frames")]);
    passes(&project, "--case framing --case payload --case connection --case concurrency");
}

#[test]
fn a_client_of_contract_lines_that_stops_at_the_end_of_its_input_passes() {
    let lines = Peer::client("lines").script(LINES_CLIENT).section(
        "[client]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\ncontract = \"lines\"\n\
         received = 'got: (.*)$'\ngreeting = [\"hello\"]\nstop = \"eof\"\n",
    );
    let project = Project::of([Peer::server("echo"), lines]);
    passes(
        &project,
        "--client lines --case framing --case payload.multibyte --case connection.half-close",
    );
}

#[test]
fn a_client_of_contract_lines_that_is_interrupted_passes() {
    let never_ends = LINES_CLIENT.replace("    connection.shutdown(socket.SHUT_WR)\n", "");
    let lines = Peer::client("lines").script(&never_ends).section(
        "[client]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\ncontract = \"lines\"\n\
         received = 'got: (.*)$'\ngreeting = [\"hello\"]\nstop = \"interrupt\"\n",
    );
    let project = Project::of([Peer::server("echo"), lines]);
    passes(&project, "--client lines --case framing --case payload.multibyte");
}

#[test]
fn a_server_that_is_told_its_port_and_says_nothing_passes() {
    let server = Peer::server("quiet")
        .section("[server]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\n")
        .but("print(\"listening on\", listener.getsockname()[1], flush=True)", "");
    passes(&Project::of([server]), "--case framing.single --case concurrency.interleaved");
}

#[test]
fn peers_with_one_hard_coded_port_pass_one_after_the_other() {
    let port = fixed_port();
    let section =
        format!("[server]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\nport = {port}\n");
    let client = format!(
        "[client]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\ncontract = \"frames\"\nport = {port}\n"
    );
    let project = Project::of([
        Peer::server("fixed").section(&section),
        Peer::server("fixed-too").section(&section),
        Peer::client("fixed-client").section(&client),
        Peer::client("frames"),
    ]);
    // All at once: the harness has to see to it that they take turns.
    passes(&project, "--jobs 8 --case framing.single --case connection.half-close");
}

#[test]
fn a_ready_line_on_stderr_behind_other_output_is_found() {
    let server = Peer::server("chatty")
        .but("print(\"listening on\"", "print(\"starting\\nlistening on\"")
        .but("print(", "print(\"2026 INFO\", file=sys.stderr); print(")
        .but(", flush=True", ", file=sys.stderr, flush=True");
    passes(&Project::of([server]), "--case framing.single");
}

#[test]
fn the_environment_is_inherited_but_for_what_would_hide_missing_flushes() {
    let demand = "import os\n\
                  assert os.environ['ADDED'] == 'by the manifest', os.environ\n\
                  assert os.environ['INHERITED'] == 'from the shell', os.environ\n\
                  assert 'PYTHONUNBUFFERED' not in os.environ, os.environ\n\
                  import socket\n";
    let server = Peer::server("demanding")
        .but("import socket\n", demand)
        .with("env = { ADDED = \"by the manifest\" }");
    let client = Peer::client("demanding-client")
        .but("import socket\n", demand)
        .with("env = { ADDED = \"by the manifest\" }");
    let project = Project::of([server, client]);
    let mut run = project.interop(["run", "--case", "framing.single"]);
    run.env("INHERITED", "from the shell").env("PYTHONUNBUFFERED", "1").assert().code(0);
}

#[test]
fn a_manifest_may_unbuffer_python_again() {
    let server =
        Peer::server("lazy").but(", flush=True", "").with("env = { PYTHONUNBUFFERED = \"1\" }");
    passes(&Project::of([server]), "--case framing.single");
}

#[test]
fn a_peer_is_built_once_and_again_when_its_folder_changes() {
    let build = "build = [\
                 [\"sh\", \"-c\", \"echo built >> $BUILD_LOG\"],\
                 [\"cp\", \"peer.py\", \"{out}/made.py\"]]";
    let server = Peer::server("compiled").top(build).section(
        "[server]\ncommand = [\"python3\", \"{out}/made.py\", \"{port}\"]\n\
         ready = 'listening on (?P<port>\\d+)'\n",
    );
    let project = Project::of([server, Peer::client("frames")]);
    let log = project.path("build.log");
    let builds = |words: &[&str]| {
        let mut run = project.interop(["run", "--case", "framing.single"]);
        run.args(words).env("BUILD_LOG", &log).assert().code(0);
        fs::read_to_string(&log).expect("a log").lines().count()
    };
    assert_eq!(builds(&[]), 1, "alone and in a pairing, it is built once");
    assert_eq!(builds(&[]), 1, "nothing has changed");
    let source = fs::read_to_string(project.path("compiled/peer.py")).expect("the program");
    project.write("compiled/peer.py", &format!("{source}\n# changed\n"));
    assert_eq!(builds(&[]), 2);
    project.write("frames/more.txt", "another peer's folder");
    assert_eq!(builds(&[]), 2);
}

#[test]
fn a_build_that_failed_is_tried_again() {
    let build = "build = [[\"sh\", \"-c\", \"test -e \\\"$PERMIT\\\"\"]]";
    let project = Project::of([Peer::server("unbuilt").top(build)]);
    let run = || {
        let mut run = project.interop(["run", "--case", "framing.single"]);
        run.env("PERMIT", project.path("permit")).assert()
    };
    run().code(3);
    project.write("permit", "");
    run().code(0);
}

#[test]
fn a_peer_runs_in_its_own_folder() {
    let server = Peer::server("homely").but("import socket\n", "import notes\nimport socket\n");
    let project = Project::of([server]);
    project.write("homely/notes.py", "");
    project.write("homely/data.txt", "");
    let script = fs::read_to_string(project.path("homely/peer.py")).expect("the program");
    project.write("homely/peer.py", &format!("open('data.txt').close()\n{script}"));
    passes(&project, "--case framing.single");
}
