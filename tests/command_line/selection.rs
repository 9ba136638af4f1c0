//! Which peers and cases are run.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, column, results};

fn project() -> Project {
    Project::of([Peer::server("one"), Peer::server("two"), Peer::client("frames")])
}

#[test]
fn peers_roles_and_cases_select() {
    for (words, servers, clients) in [
        ("one", vec!["one"], vec!["null"]),
        ("--server t*", vec!["two", "two"], vec!["null", "frames"]),
        ("--role client", vec!["null"], vec!["frames"]),
        ("--role pairing --server one", vec!["one"], vec!["frames"]),
        ("--client frames --server two", vec!["two"], vec!["frames"]),
    ] {
        let (status, document) = project().json(&format!("--case framing.single {words}"));
        assert_eq!(status, 0, "{document:#}");
        assert_eq!(column(&document, "server"), servers, "{words}");
        assert_eq!(column(&document, "client"), clients, "{words}");
    }
}

#[test]
fn cases_are_selected_by_id_group_glob_and_clause() {
    let all = |pattern: &str| {
        let (_, document) = project().json(&format!("one --role server --case {pattern}"));
        column(&document, "case").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(all("framing.single"), ["framing.single"]);
    let group = all("framing");
    assert!(group.len() > 5 && group.iter().all(|id| id.starts_with("framing.")), "{group:?}");
    assert_eq!(all("framing.*"), group);
    assert_eq!(all("payload.multibyte*"), ["payload.multibyte", "payload.multibyte-split"]);
    assert!(all("P6").contains(&"concurrency.interleaved".to_owned()));
}

#[test]
fn a_name_that_is_no_peers_exits_with_2_and_shows_the_names() {
    for words in ["run nobody", "run --server nobody", "run --client nobody", "run one nobody"] {
        let refused = project().run(words).code(2).stdout("");
        refused.stderr(contains("nobody").and(contains("frames, one, two")));
    }
    for words in ["run fraems", "run --client fraems*", "run one fraems"] {
        project().run(words).code(2).stderr(contains("did you mean `frames`?"));
    }
    let slip = project().run("run --protocol u32bee/echo").code(2);
    slip.stderr(contains("did you mean `u32be/echo`?"));
}

#[test]
fn a_pattern_that_is_no_cases_exits_with_4_and_says_where_they_are_listed() {
    for words in ["run --case nope", "run --case framing.single --case framing.nope"] {
        let refused = project().run(words).code(4).stdout("");
        refused.stderr(contains("nope").and(contains("interop list cases")));
    }
    for (pattern, meant) in [
        ("framing.sinlge", "did you mean `framing.single`?"),
        ("framng", "did you mean `framing`?"),
        ("framng.*", "did you mean `framing`?"),
        ("P41", "`P4`"),
    ] {
        project().run(&format!("run --case {pattern}")).code(4).stderr(contains(meant));
    }
}

#[test]
fn a_selection_that_leaves_nothing_exits_with_4() {
    for words in
        ["run --role pairing one", "run --client one", "run --level info --case framing.single"]
    {
        project().run(words).code(4).stdout("").stderr(contains("nothing selected"));
    }
}

#[test]
fn the_shards_together_are_the_whole_run_and_share_nothing() {
    let identity = |result: &Value| ["server", "client", "case"].map(|key| result[key].to_string());
    let run = |words: &str| {
        let (status, document) = project().json(&format!("--case framing.s* {words}"));
        assert_eq!(status, 0, "{document:#}");
        results(&document).iter().map(identity).collect::<Vec<_>>()
    };
    let mut parts = [run("--shard 1/2"), run("--shard 2/2")].concat();
    parts.sort();
    let mut whole = run("");
    whole.sort();
    assert_eq!(parts, whole);
}

#[test]
fn folders_on_the_command_line_replace_those_of_the_project() {
    let project = project();
    project.write("interop.toml", "peers = []\n");
    let (status, document) = project.json("--case framing.single --role server --peers o* two");
    assert_eq!((status, column(&document, "server")), (0, vec!["one", "two"]), "{document:#}");
}

#[test]
fn a_project_is_found_from_below() {
    let project = project();
    let mut interop =
        project.interop(["run", "--role", "server", "one", "--case", "framing.single"]);
    interop.current_dir(project.path("two")).assert().code(0).stdout(contains("1 case: 1 passed"));
}
