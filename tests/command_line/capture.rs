//! Captures: which are written, where, what names them, and what happens when they cannot be.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project, column, document, results};

const FOLDER: &str = "interop-captures";

fn little_endian() -> Peer {
    Peer::server("little-endian").but("struct.pack(\">I\"", "struct.pack(\"<I\"")
}

/// The names of the files in a folder, in their order.
fn files(project: &Project, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project.path(folder)).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> =
        entries.map(|entry| name(entry).into_string().expect("a name")).collect();
    names.sort();
    names
}

#[test]
fn a_failure_names_its_capture_and_what_passes_has_none() {
    let project = Project::of([Peer::server("echo"), little_endian(), Peer::client("frames")]);
    let name = "client_frames_server_little-endian_u32be_echo_framing.single.pcapng";
    let (status, document) = project.json("--case framing.single --capture failed");
    assert_eq!(status, 1);
    for result in results(&document) {
        let wrong = result["server"] == "little-endian";
        assert_eq!(result["evidence"].is_string(), wrong, "{result:#}");
    }
    let alone = "server_little-endian_u32be_echo_framing.single.pcapng";
    assert_eq!(files(&project, FOLDER), [name, alone]);
    let path = format!("{FOLDER}/{name}");
    assert!(column(&document, "evidence").contains(&path.as_str()), "{document:#}");

    let bytes = fs::read(project.path(&path)).expect("a capture");
    assert!(bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]), "it is no pcapng file");
    let text = String::from_utf8_lossy(&bytes);
    for said in [
        "framing.single: fail",
        "length field is little-endian",
        "the client frames and the link, in u32be/echo",
        "the link and the server little-endian, in u32be/echo",
    ] {
        assert!(text.contains(said), "no `{said}` in {text:?}");
    }
    let words = "run --role server --case framing.single --capture failed";
    let line = format!("\n    capture   {FOLDER}/{alone}\n    again ");
    project.run(words).code(1).stdout(contains(line));
}

#[test]
fn every_case_has_a_capture_where_all_are_wanted() {
    let project = Project::of([Peer::server("echo"), Peer::client("frames")]);
    let words = "--case framing --case payload.empty --capture all --capture-dir a/b";
    let (status, document) = project.json(words);
    assert_eq!(status, 0, "{document:#}");
    let mut captures: Vec<String> = column(&document, "evidence")
        .into_iter()
        .map(|path| path.strip_prefix("a/b/").expect("in the folder").to_owned())
        .collect();
    captures.sort();
    assert!(captures.len() > 30, "{captures:?}");
    assert_eq!(captures, files(&project, "a/b"));
}

#[test]
fn what_is_known_is_written_and_what_was_not_played_is_not() {
    let known = little_endian().with("[server.known]\n\"*\" = \"it is so\"");
    let gone = Peer::server("gone").top("requires = [\"no-such-program\"]");
    let mute = Peer::server("mute").script("raise SystemExit(1)");
    let project = Project::of([known, gone, mute]);
    let (_, document) = project.json("--case framing.single --capture all");
    let captures: Vec<(&str, bool)> = results(&document)
        .iter()
        .map(|result| (result["outcome"].as_str().unwrap_or(""), result["evidence"].is_string()))
        .collect();
    assert_eq!(captures, [("skipped", false), ("known", true), ("error", false)]);
    assert_eq!(files(&project, FOLDER).len(), 1);
}

#[test]
fn a_server_that_dies_of_a_case_that_it_passed_has_a_capture_of_it() {
    // Whether it is found dead in the case, or only before the next one, is a matter of microseconds.
    let dies = "if header is None:\n                    import os\n                    \
                connection.close()\n                    os._exit(1)";
    let server = Peer::server("mortal").but("if header is None:\n                    return", dies);
    let project = Project::of([server]);
    let (status, document) =
        project.json("--case framing.single --case payload.empty --capture failed");
    assert_eq!(status, 1, "{document:#}");
    for result in results(&document) {
        assert_eq!(result["evidence"].is_string(), result["outcome"] == "fail", "{result:#}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_said_before_anything_is_played() {
    let project = Project::of([Peer::server("echo")]);
    project.write("taken", "a file");
    for folder in ["taken", "taken/below", "/proc/captures"] {
        let words = format!("run --case framing.single --capture all --capture-dir {folder}");
        let said = format!("cannot write captures to {folder}: ");
        project.run(&words).code(3).stdout("").stderr(contains(said).and(contains("play").not()));
    }
    project.run("run --capture-dir captures").code(2).stderr(contains("--capture <WHICH>"));
    project.run("run --capture some").code(2).stderr(contains("failed, all"));
}

#[test]
fn a_capture_that_cannot_be_written_takes_nothing_from_the_result() {
    let project = Project::of([Peer::server("echo")]);
    let name = "server_echo_u32be_echo_framing.single.pcapng";
    project.write(&format!("{FOLDER}/{name}/in-the-way"), "");
    let run = project.run("run --format json --case framing.single --capture all");
    let run = run.stderr(contains(format!("cannot write {FOLDER}/{name}: ")));
    let (status, document) = document(&run);
    assert_eq!((status, column(&document, "outcome")), (3, vec!["pass"]), "{document:#}");
    assert_eq!(column(&document, "evidence"), ["null"]);
    assert_eq!(files(&project, FOLDER), [name], "nothing is left beside it");
}

#[test]
fn the_last_round_is_the_one_that_is_kept() {
    let project = Project::of([Peer::server("echo")]);
    let words = "check ./echo --case framing.single --repeat 2 --capture all --capture-dir kept";
    project.run(words).code(0);
    assert_eq!(files(&project, "kept"), ["server_echo_u32be_echo_framing.single.pcapng"]);
}
