//! `--rerun`: what was not as expected is played again, and nothing else.

use std::fs;
use std::path::PathBuf;

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project, column};

const CASES: &str =
    "--role server --case framing.single --case payload.empty --case payload.control";

/// Answers nothing to an empty message.
fn forgets_empty(name: &str) -> Peer {
    Peer::server(name).but("connection.sendall(struct", "if body: connection.sendall(struct")
}

fn project() -> Project {
    Project::of([Peer::server("right"), forgets_empty("wrong")])
}

/// The list that the project's runs keep.
fn list(project: &Project) -> PathBuf {
    let mut lists = fs::read_dir(project.path("cache/failed")).expect("a folder");
    let path = lists.next().expect("a list").expect("it").path();
    assert!(lists.next().is_none(), "one project, one list");
    path
}

#[test]
fn only_what_failed_is_played_again_until_nothing_fails() {
    let project = project();
    assert_eq!(project.json(CASES).0, 1);
    let (status, again) = project.json("--rerun failed");
    assert_eq!(status, 1);
    assert_eq!(column(&again, "server"), ["wrong"]);
    assert_eq!(column(&again, "case"), ["payload.empty"]);
    // Mended.
    let right = fs::read_to_string(project.path("right/peer.py")).expect("a program");
    project.write("wrong/peer.py", &right);
    let (status, again) = project.json("--rerun failed");
    assert_eq!((status, column(&again, "case")), (0, vec!["payload.empty"]));
    let nothing = project.run("run --rerun failed").code(4).stdout("");
    nothing.stderr(contains("nothing selected: everything was as expected"));
}

#[test]
fn what_was_not_played_since_is_still_remembered() {
    let project = project();
    assert_eq!(project.json(CASES).0, 1);
    assert_eq!(project.json("right --role server --case framing.single").0, 0);
    let (_, again) = project.json("--rerun failed");
    assert_eq!(column(&again, "case"), ["payload.empty"]);
    // A dry run plays nothing, and nothing is remembered of it.
    project.run("run --rerun failed --dry-run").code(0).stdout(contains("1 case would be played"));
    project.run("run --rerun failed --case framing").code(4).stderr(contains("nothing selected"));
}

#[test]
fn what_failed_in_the_run_of_a_document_is_played_again() {
    let project = project();
    project.run(&format!("run {CASES} --output r.json")).code(1);
    let (status, again) = project.json("--rerun r.json");
    assert_eq!((status, column(&again, "server")), (1, vec!["wrong"]));
    project.write("no.json", "{}");
    project.run("run --rerun no.json").code(2).stderr(contains("no.json: no result document"));
    project.run("run --rerun gone.json").code(3).stderr(contains("cannot read gone.json"));
    let slip = project.run("run --rerun faild").code(2);
    slip.stderr(contains("did you mean `failed`?").and(contains(".json of a run")));
}

#[test]
fn what_a_stale_deviation_speaks_of_is_played_again() {
    let stale = Peer::server("stale").with("[server.known]\n\"payload.empty\" = \"it was so\"");
    let project = Project::of([Peer::server("right"), stale]);
    assert_eq!(project.json(CASES).0, 1);
    let (status, again) = project.json("--rerun failed");
    assert_eq!((status, column(&again, "case")), (1, vec!["payload.empty"]));
}

#[test]
fn names_that_are_no_more_are_named_and_forgotten() {
    let project = Project::of([forgets_empty("wrong"), forgets_empty("gone")]);
    assert_eq!(project.json(CASES).0, 1);
    project.write("interop.toml", "peers = [\"wrong\"]\n");
    let again = project.run("run --rerun failed").code(1);
    again.stderr(contains("no longer there: payload.empty of server gone in u32be/echo"));
    project.run("run --rerun failed").code(1).stderr(contains("no longer there").not());
}

#[test]
fn a_list_that_cannot_be_read_is_named() {
    let project = project();
    let first = project.run("run --rerun failed").code(4).stdout("");
    first.stderr(contains("nothing is remembered"));
    assert_eq!(project.json(CASES).0, 1);
    let path = list(&project);
    let text = fs::read_to_string(&path).expect("a list");
    for (text, why) in [
        (text.replace("\"version\": 1", "\"version\": 99"), "its version is 99, and we know 1"),
        ("{".to_owned(), "is no list of what failed"),
    ] {
        fs::write(&path, text).expect("a list");
        let refused = project.run("run --rerun failed").code(2).stdout("");
        refused.stderr(contains(path.display().to_string()).and(contains(why)));
    }
    // Any run writes a new one.
    assert_eq!(project.json(CASES).0, 1);
    assert_eq!(project.json("--rerun failed").0, 1);
    project.write("nowhere", "no folder");
    let mut blocked = project.interop(["run", "right", "--case", "framing.single"]);
    blocked.env("INTEROP_CACHE_DIR", project.path("nowhere"));
    blocked.assert().code(0).stderr(contains("cannot write").and(contains("for --rerun failed")));
}

#[test]
fn the_runs_of_other_peers_are_remembered_apart() {
    let project = project();
    assert_eq!(project.json(CASES).0, 1);
    assert_eq!(project.json(&format!("{CASES} --peers right")).0, 0);
    project.run("run --rerun failed --peers right").code(4).stderr(contains("as expected"));
    assert_eq!(column(&project.json("--rerun failed").1, "server"), ["wrong"]);
}
