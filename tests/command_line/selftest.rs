//! Programs that are wrong on purpose: whether each is found, by which case, and what is said when not.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, document};

/// Two mistakes of a server, each found by a case of its own.
const SERVERS: &str = r#"
[[mutant]]
switch = "little-endian"
peer = "here"
what = "it answers with a little-endian length"
server = ["framing.single"]
diagnosis = "little-endian"

[[mutant]]
switch = "skips-empty"
peer = "here"
what = "it does not answer empty messages"
server = ["payload.empty"]
"#;

/// A server that is right until it is told which mistake to make.
fn server() -> Peer {
    Peer::server("right")
        .in_folder("peers/mutants/here")
        .but("import sys\n", "import os\nimport sys\nMUTANT = os.environ.get('MUTANT')\n")
        .but("struct.pack(\">I\"", "struct.pack('<I' if MUTANT == 'little-endian' else '>I'")
        .but("connection.sendall(", "(MUTANT != 'skips-empty' or body) and connection.sendall(")
}

/// A client that is right until it is told to be silent about what was cut short.
fn client() -> Peer {
    let limit = "if length > 1 << 24:\n        os._exit(1)\n    body = exactly(length)";
    Peer::client("right").in_folder("peers/mutants/here").but("body = exactly(length)", limit).but(
        "        os._exit(1)\n    sys",
        "        os._exit(0 if 'MUTANT' in os.environ else 1)\n    sys",
    )
}

fn project(peer: Peer, list: &str) -> Project {
    let project = Project::of([peer]);
    project.write("peers/mutants/mutants.toml", list);
    project
}

/// The exit status and the document of a run of the servers, with some of the list replaced.
fn judged(right: &str, wrong: &str, words: &str) -> (i32, Value) {
    assert!(SERVERS.contains(right), "no `{right}` in the list");
    let project = project(server(), &SERVERS.replace(right, wrong));
    document(&project.run(&format!("selftest --format json {words}")))
}

fn verdicts(document: &Value) -> Vec<(&str, &str)> {
    let rows = document["mutants"].as_array().expect("a list of mutants");
    let text =
        |row: &Value, key: &str| row[key].as_str().map(str::to_owned).expect("a text").leak();
    rows.iter().map(|row| (&*text(row, "switch"), &*text(row, "outcome"))).collect()
}

const BOTH: &str = "--case framing.single --case payload.empty";

#[test]
fn mutants_that_their_cases_find_are_caught() {
    let project = project(server(), SERVERS);
    let run = project.run(&format!("selftest {BOTH}")).code(0);
    run.stdout(contains("✓ little-endian   1  framing.single\n"))
        .stdout(contains("✓ skips-empty     1  payload.empty\n"))
        .stdout(contains("2 mutants: 2 caught · 1 baseline · "))
        .stderr(contains("6/6 cases, 2 kills"));
}

#[test]
fn the_json_document_says_who_found_whom() {
    let (status, document) = judged("", "", BOTH);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(document["schema_version"], 1);
    let mutant = &document["mutants"][0];
    for (key, value) in [
        ("switch", "little-endian"),
        ("role", "server"),
        ("peer", "right"),
        ("what", "it answers with a little-endian length"),
        ("outcome", "caught"),
    ] {
        assert_eq!(mutant[key], value, "{document:#}");
    }
    assert_eq!(mutant["killed_by"], serde_json::json!(["framing.single"]));
    assert_eq!(mutant["missed"], serde_json::json!([]));
    assert!(mutant["diagnoses"][0].as_str().is_some_and(|it| it.contains("little-endian")));
    assert!(mutant["duration_us"].is_u64(), "{mutant:#}");
    assert_eq!(document["baseline"][0]["outcome"], "pass", "{document:#}");
    let case = &document["cases"][0];
    assert_eq!((&case["case"], &case["role"]), (&"framing.single".into(), &"server".into()));
    assert_eq!(case["kills"], 1);
}

#[test]
fn a_mutant_that_makes_no_mistake_survives_and_fails_the_selftest() {
    let list = SERVERS.replace("\"skips-empty\"", "\"harmless\"");
    let project = project(server(), &list);
    let run = project.run(&format!("selftest harmless {BOTH}")).code(1);
    run.stdout(contains("✗ survived  harmless  server right"))
        .stdout(contains("mistake   it does not answer empty messages"))
        .stdout(contains("missed by payload.empty"))
        .stdout(contains("selftest harmless --role server"));
}

#[test]
fn a_case_that_is_listed_and_does_not_find_the_mutant_is_named() {
    let (status, document) =
        judged("[\"payload.empty\"]", "[\"payload.empty\", \"framing.single\"]", BOTH);
    let expected = [("little-endian", "caught"), ("skips-empty", "missed")];
    assert_eq!((status, verdicts(&document)), (1, expected.to_vec()), "{document:#}");
    assert_eq!(document["mutants"][1]["missed"], serde_json::json!(["framing.single"]));
}

#[test]
fn a_mistake_that_is_found_and_not_named_is_misdiagnosed() {
    let (status, document) =
        judged("diagnosis = \"little-endian\"", "diagnosis = \"big-endian\"", BOTH);
    let expected = [("little-endian", "misdiagnosed"), ("skips-empty", "caught")];
    assert_eq!((status, verdicts(&document)), (1, expected.to_vec()), "{document:#}");
}

#[test]
fn a_program_that_fails_without_a_mistake_fails_the_selftest_and_finds_nothing() {
    let broken = server().but("MUTANT == 'little-endian'", "True");
    let run = project(broken, SERVERS).run("selftest little-endian --case framing.single");
    run.code(1)
        .stdout(contains("✗ baseline  right  server, u32be/echo: without a mistake it has to pass"))
        .stdout(contains("fails     framing.single: P1"))
        .stdout(contains("1 survived").and(contains("1 of 1 baseline failed")));
}

#[test]
fn a_program_that_does_not_start_is_an_error_and_exits_with_3() {
    let broken = server().script("import sys\nsys.exit('out of order')\n");
    let run = project(broken, SERVERS).run("selftest --case framing.single");
    run.code(3).stdout(contains("! error  little-endian").and(contains("out of order")));
}

#[test]
fn mutants_of_a_program_that_is_not_here_are_skipped_and_exit_with_77() {
    let absent = server().top("requires = [\"no-such-program\"]");
    let run = project(absent, SERVERS).run("selftest");
    run.code(77)
        .stdout(contains("skipped  mutants of right: not on PATH: no-such-program"))
        .stdout(contains("2 mutants: 2 skipped"));
}

#[test]
fn a_mutant_none_of_whose_cases_is_asked_for_is_not_judged() {
    let (status, document) = judged("", "", "--case payload.empty");
    let expected = [("little-endian", "unjudged"), ("skips-empty", "caught")];
    assert_eq!((status, verdicts(&document)), (0, expected.to_vec()), "{document:#}");
}

#[test]
fn the_shards_together_are_all_mutants_and_share_none() {
    let (one, two) = (
        judged("", "", "--shard 1/2 --case payload.one-byte").1,
        judged("", "", "--shard 2/2 --case payload.one-byte").1,
    );
    let switches = [verdicts(&one), verdicts(&two)].concat();
    let switches: Vec<&str> = switches.into_iter().map(|(switch, _)| switch).collect();
    assert_eq!(switches, ["little-endian", "skips-empty"]);
}

#[test]
fn with_all_asked_for_a_case_that_finds_nothing_is_named_unless_it_is_excused() {
    let list = "[[mutant]]\nswitch = \"lies\"\npeer = \"here\"\nwhat = \"all is well, it says\"\n\
                client = [\"connection.fin-in-body\"]\n[unkilled]\n\"server:*\" = \"no server here\"\n";
    let idle = project(client(), list).run("selftest").code(1);
    idle.stdout(
        contains("✗ no kill").and(contains("of clients")).and(contains("framing.single, ")),
    )
    .stdout(contains("of servers").not());

    let stale = format!("{list}\"client:connection\" = \"they never fail\"\n");
    let stale = project(client(), &stale).run("selftest --case connection").code(1);
    stale.stdout(contains("✗ stale  [unkilled] \"client:connection\": connection."));
}

#[test]
fn the_whole_grid_is_shown_on_demand() {
    let words = format!("selftest {BOTH}");
    let project = project(server(), SERVERS);
    project.run(&words).stdout(contains("●").not());
    let grid = "servers         12\n✓ little-endian ●·\n✓ skips-empty   ·●\n";
    project.run(&format!("{words} --matrix")).stdout(contains(grid));
}

#[test]
fn each_mutant_can_be_played_against_the_cases_that_have_to_find_it_alone() {
    let both = project(server(), SERVERS);
    let caught = || contains("2 mutants: 2 caught");
    // Two mutants and their measure, two cases each; and then without each mutant's case that is the other's.
    let whole = both.run(&format!("selftest {BOTH}")).success();
    whole.stdout(caught()).stderr(contains("6 cases to play"));
    let listed = both.run(&format!("selftest {BOTH} --listed")).success();
    listed.stdout(caught()).stderr(contains("4 cases to play"));
}

#[test]
fn the_command_that_shows_a_mutant_again_does() {
    let project =
        project(server(), &SERVERS.replace("[\"payload.empty\"]", "[\"framing.single\"]"));
    let run = project.run("selftest skips-empty --case framing.single --mutants peers/mutants");
    let shown = String::from_utf8(run.code(1).get_output().stdout.clone()).expect("UTF-8");
    let again = shown.lines().find_map(|line| line.trim().strip_prefix("again     "));
    let again = format!("{} --case framing.single", again.expect("a command"));
    project.shell(&again).code(1).stdout(contains("1 mutant: 1 survived"));
}

#[test]
fn a_list_that_means_nothing_exits_with_2_and_names_the_place() {
    for (right, wrong, named) in [
        ("what = \"it a", "waht = \"it a", "line 5"),
        (
            "framing.single",
            "framing.singel",
            "mutant `little-endian`: key `server`: `framing.singel`",
        ),
        (
            "peer = \"here\"\nwhat = \"it d",
            "peer = \"there\"\nwhat = \"it d",
            "mutant `skips-empty`: key `peer`",
        ),
        ("skips-empty", "little-endian", "`little-endian` is used twice"),
        ("server = [\"payload.empty\"]", "client = [\"payload.empty\"]", "is no client"),
    ] {
        assert!(SERVERS.contains(right), "no `{right}` in the list");
        let refused = project(server(), &SERVERS.replacen(right, wrong, 1)).run("selftest").code(2);
        refused.stdout("").stderr(contains(named).and(contains("mutants.toml")));
    }
}

#[test]
fn what_cannot_be_selected_is_named() {
    for (words, status, named) in [
        ("selftest nobody", 2, "`nobody` names no mutant"),
        ("selftest --role pairing", 2, "[possible values: server, client]"),
        ("selftest --mutants nowhere", 2, "nowhere"),
        ("selftest --case framing.nope", 4, "interop list cases"),
        ("selftest --role client", 4, "nothing selected"),
    ] {
        project(server(), SERVERS).run(words).code(status).stdout("").stderr(contains(named));
    }
    Project::empty().run("selftest").code(2).stdout("").stderr(contains("interop.toml"));
}
