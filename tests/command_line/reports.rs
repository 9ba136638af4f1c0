//! The forms in which a run can be written: files beside stdout, and what others read in them.

use std::fs;

use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project};

/// One server that is right, and one that answers in the wrong byte order.
fn project() -> Project {
    let wrong = Peer::server("wrong").but("struct.pack(\">I\"", "struct.pack(\"<I\"");
    Project::of([Peer::server("echo"), wrong, Peer::server("gone").top("requires = [\"nowhere\"]")])
}

const CASES: &str = "--case framing.single --case payload.empty";

fn stdout(run: &Assert) -> String {
    String::from_utf8_lossy(&run.get_output().stdout).into_owned()
}

fn read(project: &Project, name: &str) -> String {
    fs::read_to_string(project.path(name)).expect("a report")
}

#[test]
fn files_are_written_beside_stdout_and_each_has_the_form_of_its_name() {
    let project = project();
    let names = ["r.json", "r.jsonl", "r.xml", "r.tap", "r.md", "r.html"];
    let outputs: String = names.map(|name| format!(" --output {name}")).concat();
    let run = project.run(&format!("run {CASES}{outputs}")).code(1);
    run.stdout(contains("6 cases: "));
    let document: Value = serde_json::from_str(&read(&project, "r.json")).expect("JSON");
    assert_eq!(document["results"].as_array().map(Vec::len), Some(6));
    let lines = read(&project, "r.jsonl");
    let lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of_kind = |kind: &str| lines.iter().filter(|line| line["event"] == kind).count();
    assert_eq!((lines[0]["event"].as_str(), of_kind("case-finished")), (Some("planned"), 6));
    assert_eq!((lines[0]["schema_version"].as_u64(), of_kind("finished")), (Some(1), 1));
    assert!(read(&project, "r.xml").starts_with("<?xml"));
    assert!(read(&project, "r.tap").starts_with("TAP version 14\n1..6\n"));
    assert!(read(&project, "r.md").contains("### Mistakes (1)"));
    assert!(read(&project, "r.html").starts_with("<!doctype html>"));
}

#[test]
fn each_form_goes_to_stdout_too() {
    let project = project();
    for (form, begin) in [("junit", "<?xml"), ("tap", "TAP version 14"), ("markdown", "## interop")]
    {
        let run = project.run(&format!("run --format {form} {CASES}")).code(1);
        assert!(stdout(&run).starts_with(begin), "{form}: {}", stdout(&run));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_takes_nothing_from_the_others() {
    let project = project();
    let run = format!("run {CASES} --output no/such/r.json --output r.tap");
    let run = project.run(&run).code(3);
    run.stdout(contains("6 cases: ")).stderr(contains("error: cannot write no/such/r.json"));
    assert!(read(&project, "r.tap").contains("\nnot ok "));
    // What takes nothing is found out when the run is over.
    project.command("ln".as_ref()).args(["-s", "/dev/full", "full.xml"]).status().expect("a link");
    let run = project.run(&format!("run {CASES} --output full.xml --output s.tap")).code(3);
    run.stdout(contains("6 cases: ")).stderr(contains("cannot write full.xml"));
    assert!(read(&project, "s.tap").contains("1..6"));
}

#[test]
fn a_name_that_says_no_form_is_wrong_usage() {
    let run = project().run("run --output result.txt").code(2);
    run.stderr(contains(".json, .jsonl, .xml, .tap, .md, .html"));
}

#[test]
fn another_reader_of_xml_finds_the_same_in_the_junit_report() {
    let project = project();
    project.run(&format!("run {CASES} --output r.xml")).code(1);
    let script = "import sys, xml.etree.ElementTree as tree\n\
        for suite in tree.parse(sys.argv[1]).getroot():\n    \
            kinds = [[child.tag for child in case] for case in suite]\n    \
            print(suite.get('name'), suite.get('tests'), suite.get('failures'), suite.get('errors'), suite.get('skipped'), kinds)";
    project.write("read.py", script);
    let said = stdout(&project.shell("python3 read.py r.xml").success());
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "server echo 2 0 0 0 [[], []]",
            "server gone 2 0 0 2 [['skipped'], ['skipped']]",
            "server wrong 2 1 0 0 [['failure'], []]",
        ]
    );
}

#[test]
fn another_reader_of_tap_finds_the_same() {
    let project = project();
    project.run(&format!("run {CASES} --output r.tap")).code(1);
    // Perl's reader stands at version 13, of which all that is used here is a part.
    let prove = "command -v prove >/dev/null || exit 77; sed -i 's/version 14/version 13/' r.tap; prove -e cat r.tap";
    let run = project.shell(prove);
    if run.get_output().status.code() != Some(77) {
        run.code(1).stdout(contains("Failed 1/6 subtests").and(contains("Parse errors").not()));
    }
}

#[test]
fn a_step_of_github_actions_gets_annotations_on_stderr_and_no_other_run_does() {
    let project = project();
    let step = |step: bool| {
        let mut run = project.interop(["run", "--format", "json", "--case", "framing.single"]);
        if step {
            run.env("GITHUB_ACTIONS", "true");
        }
        run.assert().code(1)
    };
    let run = step(true);
    assert!(serde_json::from_str::<Value>(&stdout(&run)).is_ok());
    run.stderr(contains("::error title=framing.single%3A server wrong::length field is little"));
    step(false).stderr(contains("::error").not());
}

#[test]
fn failures_are_told_on_stderr_as_they_come_and_not_without_end() {
    let project = project();
    let run = project.run("run --case framing.single").code(1);
    run.stderr(contains("\n✗ framing.single  server wrong: length field is little-endian\n"));
    let run = project.run("run --server wrong --case framing.* --case payload.*").code(1);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(said.matches('✗').count(), 20, "{said}");
    assert!(said.contains("further failures are shown at the end"), "{said}");
}

#[test]
fn nobody_gets_colours_who_does_not_want_them() {
    let project = project();
    for variables in [&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "0")][..], &[]] {
        let mut run = project.interop(["run", "--case", "framing.single"]);
        let run = run.envs(variables.iter().copied()).assert().code(1);
        run.stdout(contains("\u{1b}").not()).stderr(contains("\u{1b}").not());
    }
    let mut run = project.interop(["run", "--case", "framing.single"]);
    run.env("CLICOLOR_FORCE", "1").assert().code(1).stdout(contains("\u{1b}[1m"));
}
