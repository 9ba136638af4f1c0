//! Projects in temporary directories: peers of a few lines of Python, and the program `interop` that
//! runs them.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

/// Far more than anything here takes: turns a hang into a failure.
pub const HANG: Duration = Duration::from_secs(120);

/// An echo server that makes no mistake. Its argument is the port.
pub const ECHO_SERVER: &str = include_str!("peers/echo_server.py");
/// A client of contract `frames` that makes no mistake. Its argument is the port.
pub const FRAMES_CLIENT: &str = include_str!("peers/frames_client.py");
/// A client of contract `lines` that makes no mistake and stops at the end of its input.
pub const LINES_CLIENT: &str = include_str!("peers/lines_client.py");

/// What `peer.toml` says, and the program beside it.
pub struct Peer {
    folder: String,
    top: String,
    section: String,
    script: String,
}

impl Peer {
    /// A server that is right in everything; it chooses its port and reports it.
    pub fn server(name: &str) -> Self {
        let section = "[server]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\n\
                       ready = 'listening on (?P<port>\\d+)'\n";
        Self::new(name, section, ECHO_SERVER)
    }

    /// A client that is right in everything.
    pub fn client(name: &str) -> Self {
        let section = "[client]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\n\
                       contract = \"frames\"\n";
        Self::new(name, section, FRAMES_CLIENT)
    }

    fn new(name: &str, section: &str, script: &str) -> Self {
        Self {
            folder: name.to_owned(),
            top: format!("name = \"{name}\"\nlanguage = \"Python\"\n"),
            section: section.to_owned(),
            script: script.to_owned(),
        }
    }

    /// Lives in a folder that is not called like the peer.
    pub fn in_folder(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Another program.
    pub fn script(mut self, script: &str) -> Self {
        script.clone_into(&mut self.script);
        self
    }

    /// The program with a mistake put in.
    pub fn but(mut self, right: &str, wrong: &str) -> Self {
        assert!(self.script.contains(right), "no `{right}` in the program");
        self.script = self.script.replace(right, wrong);
        self
    }

    /// Another section `[server]` or `[client]`.
    pub fn section(mut self, section: &str) -> Self {
        section.clone_into(&mut self.section);
        self
    }

    /// A further line above the section.
    pub fn top(mut self, line: &str) -> Self {
        let _ = writeln!(self.top, "{line}");
        self
    }

    /// A further line in the section, or a further section.
    pub fn with(mut self, line: &str) -> Self {
        let _ = writeln!(self.section, "{line}");
        self
    }
}

/// A directory with an `interop.toml`, and peers.
pub struct Project(TempDir);

impl Project {
    /// With these peers.
    pub fn of(peers: impl IntoIterator<Item = Peer>) -> Self {
        let project = Self(tempfile::tempdir().expect("a temporary directory"));
        let mut folders = Vec::new();
        for peer in peers {
            project.write(&format!("{}/peer.toml", peer.folder), &(peer.top + &peer.section));
            project.write(&format!("{}/peer.py", peer.folder), &peer.script);
            folders.push(peer.folder);
        }
        project.write("interop.toml", &format!("peers = {folders:?}\n"));
        project
    }

    /// Without `interop.toml`.
    pub fn empty() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the directories that it needs.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// Writes a program for `sh`.
    pub fn write_program(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755))
            .expect("executable");
    }

    /// `interop` with these arguments, in this directory.
    pub fn interop<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::from_std(self.command(cargo_bin!("interop")));
        command.args(arguments).timeout(HANG);
        command
    }

    /// Any program in this directory, in the environment in which all tests here run.
    #[expect(clippy::disallowed_methods, reason = "the harness is the one that is started here")]
    pub fn command(&self, program: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(program);
        command
            .current_dir(self.0.path())
            .env("INTEROP_CACHE_DIR", self.path("cache"))
            .env("COLUMNS", "100")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("CI")
            .env_remove("GITHUB_ACTIONS");
        // Nor what says which part of a run this is, where the tests run in parts themselves.
        let says_which_part = |name: &str| {
            ["JOB_COMPLETION_", "CI_NODE_", "BUILDKITE_PARALLEL_", "CIRCLE_NODE_"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        for (name, _) in std::env::vars().filter(|(name, _)| says_which_part(name)) {
            command.env_remove(name);
        }
        command
    }

    /// `interop` with these words, and what became of it.
    pub fn run(&self, words: &str) -> Assert {
        self.interop(words.split_whitespace()).assert()
    }

    /// A command as a user types it in this directory, and what became of it.
    pub fn shell(&self, command: &str) -> Assert {
        let mut shell = Command::from_std(self.command(Path::new("sh")));
        shell.args(["-c", command]).timeout(HANG).assert()
    }

    /// `interop run` with these words: its exit status and its JSON document.
    pub fn json(&self, words: &str) -> (i32, Value) {
        document(&self.run(&format!("run --format json {words}")))
    }
}

/// A server that runs without our help, until the test is over.
pub struct Elsewhere {
    child: Child,
    pub port: u16,
}

impl Elsewhere {
    /// Starts the `server.py` of a project.
    pub fn start(project: &Project) -> Self {
        let mut command = project.command("python3".as_ref());
        command.args(["server.py", "0"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its stdout");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port = line.trim().strip_prefix("listening on ").and_then(|port| port.parse().ok());
        Self { child, port: port.expect("its port") }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exit status of a run, and the JSON document on its stdout.
pub fn document(run: &Assert) -> (i32, Value) {
    let output = run.get_output();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!("stdout is no JSON: {e}\nstderr:\n{}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().expect("an exit status"), document)
}

/// The results of a document.
pub fn results(document: &Value) -> &[Value] {
    document["results"].as_array().expect("a list of results")
}

/// The values of one key in all results, in their order.
pub fn column<'a>(document: &'a Value, key: &str) -> Vec<&'a str> {
    let text = |result: &'a Value| result[key].as_str().unwrap_or("null");
    results(document).iter().map(text).collect()
}

/// Looks again and again until `found` gives something.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < HANG, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that no other test chooses, and nothing listens on: outside of the ranges from which the
/// system takes source ports and the harness free ones; neighbouring processes have parts of their own.
pub fn fixed_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 10_000;
    const PART: u32 = 40;
    const PARTS: u32 = 240;
    loop {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) % PART;
        let port = FIRST + (std::process::id() % PARTS) * PART + nth;
        let port = u16::try_from(port).expect("a port");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
