//! However the harness ends, nothing that it started outlives it.

use std::fs;
use std::process::{Child, Stdio};

use interop::peer::spawn::is_ignored;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::SignalKind;

use crate::support::{Peer, Project, wait_for};

/// In the environment of every process of one run, and of no other.
const MARK: &str = "INTEROP_TEST_RUN";

/// A server behind a shell, so that it is a grandchild of the harness. It never answers, so there is
/// always a case in play; it leaves a file when it has a client.
fn behind_a_shell() -> Peer {
    Peer::server("wrapped")
        .section(
            "[server]\ncommand = [\"sh\", \"-c\", \"python3 peer.py $0 & wait\", \"{port}\"]\n\
             ready = 'listening on (?P<port>\\d+)'\n",
        )
        .but(
            "connection.sendall(struct.pack(\">I\", len(body)) + body)",
            "open('has-a-client', 'w').close()",
        )
}

/// A client behind a shell that never connects, and a build that takes for ever, for the other
/// moments of a run.
fn waiting_client() -> Peer {
    Peer::client("wrapped")
        .section(
            "[client]\ncommand = [\"sh\", \"-c\", \"python3 peer.py $0 & wait\", \"{port}\"]\n\
             contract = \"frames\"\n",
        )
        .script("import time\nopen('has-a-client', 'w').close()\ntime.sleep(3600)\n")
}

fn endless_build() -> Peer {
    let script = "import time\nopen('has-a-client', 'w').close()\ntime.sleep(3600)\n";
    Peer::server("wrapped")
        .top("build = [[\"sh\", \"-c\", \"python3 build.py & wait\"]]")
        .script(script)
}

/// The harness in the middle of a run.
struct Run {
    project: Project,
    harness: Child,
    mark: String,
}

impl Run {
    fn in_the_middle_with(peer: Peer) -> Self {
        let project = Project::of([peer]);
        let script = fs::read_to_string(project.path("wrapped/peer.py")).expect("the program");
        project.write("wrapped/build.py", &script);
        let mark = project.path("").display().to_string();
        let mut command = project.command(assert_cmd::cargo::cargo_bin!("interop"));
        command.args(["run", "--format", "json"]).env(MARK, &mark);
        // A file takes whatever is written; a pipe that nobody reads would hold the harness.
        let stdout = fs::File::create(project.path("stdout")).expect("a file");
        let harness = command.stdout(stdout).stderr(Stdio::null()).spawn().expect("it starts");
        let run = Self { project, harness, mark };
        wait_for("the peer to be in play", || {
            let in_play = run.project.path("wrapped/has-a-client").exists();
            // The harness, its guard, the shell and the program behind it.
            (in_play && run.alive().len() >= 4).then_some(())
        });
        run
    }

    /// The command lines of all living processes of this run.
    fn alive(&self) -> Vec<String> {
        let mark = format!("{MARK}={}", self.mark);
        let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        let of_the_run = |path: &std::path::PathBuf| {
            // A zombie has no environment any more, and another user's process none for us.
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let command_line = |path: std::path::PathBuf| {
            let words = fs::read(path.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).replace('\0', " ")
        };
        entries.map(|entry| entry.path()).filter(of_the_run).map(command_line).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.harness), signal).expect("it runs");
    }

    fn exit_status(&mut self) -> std::process::ExitStatus {
        wait_for("the harness to end", || self.harness.try_wait().expect("its status"))
    }

    fn leaves_nothing_behind(&self) {
        wait_for("every process of the run to end", || self.alive().is_empty().then_some(()));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.harness.kill();
        let _ = self.harness.wait();
    }
}

#[test]
fn a_killed_harness_leaves_no_process_behind() {
    for peer in [behind_a_shell(), waiting_client(), endless_build()] {
        let mut run = Run::in_the_middle_with(peer);
        run.signal(Signal::KILL);
        assert_eq!(run.exit_status().code(), None);
        run.leaves_nothing_behind();
    }
}

#[test]
fn an_interrupted_harness_leaves_no_process_behind_and_exits_with_130() {
    // What runs under `nohup` ignores hangups, and so does this test's harness then.
    let heeds_hangups = !is_ignored(SignalKind::hangup());
    let hangup = heeds_hangups.then_some(Signal::HUP);
    for signal in [Signal::INT, Signal::TERM].into_iter().chain(hangup) {
        let mut run = Run::in_the_middle_with(behind_a_shell());
        run.signal(signal);
        assert_eq!(run.exit_status().code(), Some(130));
        run.leaves_nothing_behind();
    }
}

/// A session of its own takes a program out of its process group, where no signal to the group reaches it.
#[test]
fn programs_that_left_their_process_group_end_with_the_harness_too() {
    let elsewhere = "import os\nos.setsid()\nimport socket\n";
    for signal in [Signal::INT, Signal::KILL] {
        let mut run = Run::in_the_middle_with(behind_a_shell().but("import socket\n", elsewhere));
        run.signal(signal);
        run.exit_status();
        run.leaves_nothing_behind();
    }
}

#[test]
fn programs_that_ignore_signals_end_with_the_harness_too() {
    let stubborn =
        "import signal\nfor number in (1, 2, 15):\n    signal.signal(number, signal.SIG_IGN)\n";
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let peer = behind_a_shell().but("import socket\n", &format!("{stubborn}import socket\n"));
        let mut run = Run::in_the_middle_with(peer);
        run.signal(signal);
        run.exit_status();
        run.leaves_nothing_behind();
    }
}

#[test]
fn an_interrupted_run_still_gives_a_whole_document() {
    let mut run = Run::in_the_middle_with(behind_a_shell());
    run.signal(Signal::INT);
    assert_eq!(run.exit_status().code(), Some(130));
    let stdout = fs::File::open(run.project.path("stdout")).expect("what was written");
    let document: serde_json::Value = serde_json::from_reader(stdout).expect("JSON");
    assert_eq!(document["summary"]["interrupted"], true);
}

#[test]
fn a_run_that_ends_by_itself_leaves_no_process_behind() {
    let project = Project::of([Peer::server("wrapped").section(
        "[server]\ncommand = [\"sh\", \"-c\", \"python3 peer.py $0 & wait\", \"{port}\"]\n\
         ready = 'listening on (?P<port>\\d+)'\n",
    )]);
    let mark = project.path("").display().to_string();
    let mut command = project.command(assert_cmd::cargo::cargo_bin!("interop"));
    command.args(["run", "--case", "framing.single"]).env(MARK, &mark);
    let harness = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut run = Run { project, harness, mark };
    assert_eq!(run.exit_status().code(), Some(0));
    run.leaves_nothing_behind();
}

#[cfg(target_os = "linux")]
#[test]
fn a_peer_ignores_no_signal_even_where_the_harness_was_told_to() {
    // A background job ignores SIGINT, and `nohup` makes its program ignore SIGHUP.
    let strict = "import socket\nfor line in open('/proc/self/status'):\n    if line.startswith('SigIgn'):\n        \
                  ignored = int(line.split()[1], 16)\n        \
                  if any(ignored >> (signal - 1) & 1 for signal in (1, 2, 3, 15)):\n            \
                  raise SystemExit('ignores ' + hex(ignored))\n";
    let interop = assert_cmd::cargo::cargo_bin!("interop").display();
    let project = Project::of([Peer::server("strict").but("import socket\n", strict)]);
    project
        .shell(&format!("trap '' HUP INT QUIT TERM; exec {interop} run --case framing.single"))
        .success();
}
