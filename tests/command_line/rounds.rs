//! How much of a plan is played: nothing, up to the first failure, again and again.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, column, document};

fn wrong(name: &str) -> Peer {
    Peer::server(name).but("struct.pack(\">I\"", "struct.pack(\"<I\"")
}

#[test]
fn a_dry_run_says_what_would_be_played_and_plays_nothing() {
    let project = Project::of([wrong("wrong"), Peer::client("frames")]);
    let run = project.run("run --dry-run --case framing.single --case payload.empty").code(0);
    run.stdout(contains("server wrong  u32be/echo  2 cases\n  framing.single payload.empty\n"))
        .stdout(contains("client frames with server wrong  u32be/echo"))
        .stdout(contains("\n6 cases would be played\n"))
        .stderr("");
    let run = project.run("run --dry-run --format json --role server --case framing.single");
    let planned: Value = serde_json::from_slice(&run.code(0).get_output().stdout).expect("JSON");
    assert_eq!(planned[0]["case"], "framing.single");
    assert_eq!(planned[0]["server"], "wrong");
    project.run("run --dry-run --format tap").code(2).stderr(contains("human or json"));
    project.run("check ./wrong --dry-run").code(0).stdout(contains("would be played"));
}

#[test]
fn a_run_ends_at_its_first_failure_where_that_is_wished() {
    let project = Project::of([wrong("wrong")]);
    let all = "run --format json --jobs 1 --case framing.* --case payload.*";
    let (status, whole) = document(&project.run(all));
    let (early, part) = document(&project.run(&format!("{all} --fail-fast")));
    assert_eq!((status, early), (1, 1));
    let (whole_len, part_len) = (column(&whole, "case").len(), column(&part, "case").len());
    assert!(part_len < whole_len, "{part_len} of {whole_len}");
    assert!(column(&part, "outcome").contains(&"fail"), "{part:#}");
    assert_eq!(part["summary"]["stopped"], true);
    assert_eq!(part["summary"]["interrupted"], false);
}

#[test]
fn what_is_right_is_played_as_often_as_is_said_and_what_is_wrong_once() {
    let project = Project::of([Peer::server("echo"), wrong("wrong")]);
    let run = project.run("run --server echo --case framing.single --repeat 3").code(0);
    run.stderr(contains("round 3: as expected").and(contains("round 4").not()))
        .stdout(contains("1 case: 1 passed").count(1));
    for flag in ["--repeat 3", "--until-fail"] {
        let run = project.run(&format!("run --server wrong --case framing.single {flag}")).code(1);
        run.stderr(contains("round 1: not as expected").and(contains("round 2").not()))
            .stdout(contains("1 case: 1 failed"));
    }
    project.run("run --repeat 2 --until-fail").code(2);
    project.run("run --repeat 0").code(2);
}
