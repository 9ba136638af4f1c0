//! What is wrong with a `peer.toml` or an `interop.toml` is said: the file, the key, what was expected.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project};

/// A right manifest, but for what the tests put in.
const RIGHT: &str = "name = \"x\"\nlanguage = \"X\"\n[server]\ncommand = [\"x\", \"{port}\"]\n";
const CLIENT: &str = "name = \"x\"\nlanguage = \"X\"\n[client]\ncommand = [\"x\", \"{port}\"]\n";

#[test]
fn a_wrong_manifest_is_refused_with_its_file_its_key_and_what_was_expected() {
    let client = |more: &str| format!("{CLIENT}{more}");
    let server = |more: &str| format!("{RIGHT}{more}");
    for (text, named) in [
        (RIGHT.replace("command", "comand"), ["comand", "expected", "command"]),
        (RIGHT.replace("language", "langauge"), ["langauge", "expected", "language"]),
        (RIGHT.replace("\"x\"\nl", "\"No Spaces\"\nl"), ["name", "No Spaces", "a-z"]),
        (RIGHT.replace("{port}", "{prot}"), ["command", "{prot}", "{port}"]),
        (RIGHT.replace(", \"{port}\"", ""), ["command", "expected", "ready"]),
        (RIGHT.replace("[\"x\", \"{port}\"]", "\"x {port}\""), ["command", "line 4", "sequence"]),
        ("name = \"x\"\nlanguage = \"X\"\n".to_owned(), ["[server]", "[client]", "expected"]),
        ("language = \"X\"\n[server]\ncommand = [\"x\"]".to_owned(), ["missing", "field", "name"]),
        (server("ready = 'port ('"), ["[server]", "ready", "port ("]),
        (server("framing = \"u33be\""), ["framing", "u33be", "u32be"]),
        (server("service = \"ehco\""), ["service", "ehco", "echo"]),
        (server("port = 0"), ["port", "0", "hard-code"]),
        (server("port = 65536"), ["port", "65536", "u16"]),
        (server("max_frame = \"16 bananas\""), ["max_frame", "16 bananas", "MiB"]),
        (
            server("[server.known]\n\"framing.single\" = \"\""),
            ["known", "framing.single", "reason"],
        ),
        (client(""), ["client", "missing", "contract"]),
        (client("contract = \"frame\""), ["contract", "frames", "lines"]),
        (client("contract = \"lines\""), ["[client]", "received", "missing"]),
        (client("contract = \"lines\"\nreceived = 'Received: '"), ["received", "group", "1"]),
        (client("contract = \"frames\"\nstop = \"eof\""), ["stop", "lines", "frames"]),
        ("name = ".to_owned(), ["line 1", "name", "^"]),
    ] {
        let project = Project::of([Peer::server("echo")]);
        project.write("echo/peer.toml", &text);
        let file = project.path("echo/peer.toml").display().to_string();
        let refused = project.run("run").code(2).stdout("").stderr(contains(file));
        named.iter().fold(refused, |refused, word| refused.stderr(contains(*word)));
    }
}

#[test]
fn check_and_list_and_doctor_refuse_a_wrong_manifest_too() {
    let project = Project::of([Peer::server("echo").with("comand = []")]);
    for words in ["check echo", "list peers", "doctor"] {
        let refused = project.run(words).code(2).stdout("");
        refused.stderr(contains("echo/peer.toml").and(contains("comand")));
    }
}

#[test]
fn a_name_that_is_used_twice_is_refused_with_both_folders() {
    let twins = ["first", "second"].map(|folder| Peer::server("twin").in_folder(folder));
    let refused = Project::of(twins).run("run").code(2).stdout("");
    refused.stderr(contains("twin").and(contains("/first")).and(contains("/second")));
}

#[test]
fn without_a_project_the_way_out_is_shown() {
    for words in ["run", "", "list peers", "doctor"] {
        let refused = Project::empty().run(words).code(2).stdout("");
        refused.stderr(contains("interop.toml").and(contains("--peers")));
    }
}

#[test]
fn a_wrong_project_file_is_refused_by_name() {
    let project = Project::empty();
    for (text, named) in [
        ("peer = []", "line 1: unknown key `peer`: did you mean `peers`?"),
        ("peers = [\"nowhere\"]", "nowhere"),
        ("peers = [\"no-match-*\"]", "no-match-*"),
        ("peers = { one = 1 }", "line 1: `peers`: expected text"),
    ] {
        project.write("interop.toml", text);
        project.run("run").code(2).stdout("").stderr(contains(named));
    }
}

#[test]
fn folders_without_a_peer_are_refused_by_name() {
    Project::empty().run("run --peers nowhere").code(2).stderr(contains("nowhere"));
    let refused = Project::empty().run("check nowhere").code(2);
    refused.stderr(contains("nowhere").and(contains("peer.toml")));
}
