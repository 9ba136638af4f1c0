//! `interop report`: results of runs that are over.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, column};

fn project() -> Project {
    let wrong = Peer::server("wrong").but("struct.pack(\">I\"", "struct.pack(\"<I\"");
    Project::of([Peer::server("echo"), wrong])
}

const RUN: &str = "run --case framing.single --case payload.* --output";

fn read(project: &Project, name: &str) -> Value {
    let text = fs::read_to_string(project.path(name)).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_result_is_converted_into_what_the_run_itself_writes() {
    let project = project();
    project.run(&format!("{RUN} r.json --output r.xml --output r.tap --output r.md")).code(1);
    for (form, name) in [("junit", "r.xml"), ("tap", "r.tap"), ("markdown", "r.md")] {
        let written = fs::read_to_string(project.path(name)).expect("a report");
        project.run(&format!("report convert r.json --format {form}")).code(0).stdout(written);
    }
    project.run("report convert r.json").code(0).stdout(contains("server wrong"));
    project.run("report convert r.json --output s.html --output s.json").code(0).stdout("");
    assert_eq!(read(&project, "s.json"), read(&project, "r.json"));
    project.write("no.json", "{\"schema_version\": 1}");
    project.run("report convert no.json").code(2).stderr(contains("no result document"));
    project.run("report convert gone.json").code(3).stderr(contains("cannot read gone.json"));
}

#[test]
fn the_parts_of_a_run_make_the_whole_and_a_missing_or_doubled_one_is_an_error() {
    let project = project();
    project.run(&format!("{RUN} whole.json")).code(1);
    for part in 1..=3 {
        project.run(&format!("{RUN} {part}.json --shard {part}/3"));
    }
    project.run("report merge 3.json 1.json 2.json --output all.json").code(0);
    let (whole, all) = (read(&project, "whole.json"), read(&project, "all.json"));
    for key in ["case", "server", "outcome", "diagnosis"] {
        assert_eq!(column(&whole, key), column(&all, key));
    }
    assert_eq!(whole["summary"]["fail"], all["summary"]["fail"]);
    project.run("report merge 1.json 3.json").code(2).stderr(contains("part 2/3 is missing"));
    let doubled = project.run("report merge 1.json 2.json 3.json 2.json").code(2);
    doubled.stderr(contains("2.json: part 2/3 is there already"));
    let again = project.run("report merge whole.json whole.json").code(2);
    again.stderr(contains("framing.single of server echo is there already"));
    project.run("report merge whole.json 1.json").code(2).stderr(contains("no part of the same"));
}

#[test]
fn two_runs_are_compared_by_what_fails_and_why() {
    let project = project();
    project.run(&format!("{RUN} old.json")).code(1);
    let same = project.run("report compare old.json old.json").code(0);
    same.stdout(contains("results the same").and(contains("fails now").not()));
    let text = fs::read_to_string(project.path("old.json")).expect("a report");
    project.write("other.json", &text.replace("length field is little-endian", "it is Tuesday"));
    let other = project.run("report compare old.json other.json").code(0);
    other.stdout(contains("fails for another reason").and(contains("it is Tuesday")));
    // The peer is mended, and the other way round.
    let mended = fs::read_to_string(project.path("echo/peer.py")).expect("a program");
    project.write("wrong/peer.py", &mended);
    project.run(&format!("{RUN} new.json")).code(0);
    let fixed = project.run("report compare old.json new.json").code(0);
    fixed.stdout(contains("is fixed").and(contains("framing.single  server wrong  (must)")));
    let worse = project.run("report compare new.json old.json").code(1);
    worse.stdout(contains("fails now").and(contains("now     length field is little-endian")));
    let json = project.run("report compare new.json old.json --format json").code(1);
    let json: Value = serde_json::from_slice(&json.get_output().stdout).expect("JSON");
    assert_eq!(json["new_failures"][0]["server"], "wrong");
}
