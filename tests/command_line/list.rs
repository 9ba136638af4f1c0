//! `interop list`.

use std::collections::BTreeSet;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project};

fn project() -> Project {
    let absent = Peer::server("absent").top("requires = [\"no-such-program\"]");
    Project::of([Peer::server("echo"), Peer::client("frames"), absent])
}

fn listed(what: &str) -> Vec<Value> {
    let output = project().run(&format!("list {what} --format json")).success().stderr("");
    serde_json::from_slice(&output.get_output().stdout).expect("a JSON list")
}

#[test]
fn peers_are_listed_with_their_roles_and_whether_they_can_run() {
    let list = project().run("list peers").success();
    list.stdout(contains("echo")).stdout(contains("frames")).stdout(contains("no-such-program"));

    let rows = listed("peers");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["absent", "echo", "frames"]);
    assert_eq!(rows[0]["available"], false);
    assert_eq!(rows[1]["available"], true);
    assert_eq!(rows[1]["roles"], serde_json::json!(["server"]));
    assert_eq!(rows[2]["roles"], serde_json::json!(["client"]));
    assert_eq!(rows[2]["protocols"], serde_json::json!(["u32be/echo"]));
}

#[test]
fn cases_are_listed_with_their_level_roles_and_clauses() {
    project().run("list cases").success().stdout(contains("framing.single"));
    let rows = listed("cases");
    let single = rows.iter().find(|row| row["case"] == "framing.single").expect("it is there");
    assert_eq!(single["level"], "must");
    assert_eq!(single["roles"], serde_json::json!(["server", "client", "pairing"]));
    assert_eq!(single["requirement"], serde_json::json!(["P1", "P3"]));
}

#[test]
fn requirements_are_listed_with_the_cases_that_cover_them() {
    project().run("list requirements").success().stdout(contains("P13"));
    let rows = listed("requirements");
    let clauses: Vec<&str> = rows.iter().filter_map(|row| row["requirement"].as_str()).collect();
    let expected: Vec<String> = (1..=13).map(|number| format!("P{number}")).collect();
    assert_eq!(clauses, expected);
    let listed: BTreeSet<String> =
        listed("cases").iter().map(|row| row["case"].to_string()).collect();
    for case in rows.iter().flat_map(|row| row["cases"].as_array().expect("a list")) {
        assert!(listed.contains(&case.to_string()), "{case}");
    }
}

#[test]
fn the_cases_of_a_requirement_are_listed_by_role_and_level() {
    project()
        .run("list requirements")
        .success()
        .stdout(contains("    pairing  must    connection.half-close\n"))
        .stdout(contains("    client   must    lifecycle.leaves-nothing\n"))
        .stdout(contains("             should  payload.huge*, limits.at-max*\n"))
        .stdout(contains("* a must for a peer that declares max_frame"));
    let rows = listed("requirements");
    let coverage = rows.iter().flat_map(|row| row["coverage"].as_array().expect("a list"));
    let expected = serde_json::json!({
        "case": "limits.at-max", "role": "client", "level": "should", "level_with_limit": "must",
    });
    assert!(coverage.into_iter().any(|case| *case == expected), "{expected}");
}

#[test]
fn lines_of_a_requirement_are_as_wide_as_the_readers() {
    let narrow =
        project().interop(["list", "requirements"]).env("COLUMNS", "60").assert().success();
    let text = String::from_utf8(narrow.get_output().stdout.clone()).expect("UTF-8");
    let cases = text.lines().filter(|line| line.starts_with("    ") && line.contains('.'));
    for line in cases {
        // One that is alone in its line may be longer.
        assert!(line.chars().count() <= 60 || !line.trim_end_matches(',').contains(','), "{line}");
    }
}

#[test]
fn a_requirement_leads_to_its_heading_in_the_document() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for row in listed("requirements") {
        let (file, anchor) = row["document"].as_str().and_then(|it| it.split_once('#')).unwrap();
        let document = std::fs::read_to_string(root.join(file)).expect("it is there");
        let leads = |line: &str| {
            line.strip_prefix("### ").is_some_and(|heading| heading.to_lowercase() == anchor)
        };
        assert!(document.lines().any(leads), "{file}#{anchor}");
    }
}

#[test]
fn framings_are_listed_and_one_is_the_default() {
    project().run("list framings").success().stdout(contains("u32be"));
    let rows = listed("framings");
    let defaults: Vec<&Value> = rows.iter().filter(|row| row["default"] == true).collect();
    assert_eq!(defaults.len(), 1);
    assert_eq!(defaults[0]["framing"], "u32be");
}

#[test]
fn each_framing_says_which_services_it_goes_with_and_which_cases_it_has_no_room_for() {
    project()
        .run("list framings")
        .success()
        .stdout(contains("it is about other framings: ").and(contains("there is no header")));
    let rows = listed("framings");
    let row = |name: &str| rows.iter().find(|row| row["framing"] == name).expect("it is there");
    let services = |name: &str| -> Vec<&str> {
        let spoken = row(name)["services"].as_array().expect("a list");
        spoken.iter().filter_map(|it| it["service"].as_str()).collect()
    };
    assert_eq!(services("mnet"), ["echo", "mnet"]);
    assert!(!services("line").contains(&"exec"));
    assert!(services("u32be").contains(&"exec"));
    for spoken in rows.iter().flat_map(|row| row["services"].as_array().expect("a list")) {
        let (asked, of) = (spoken["asked"].as_u64(), spoken["of"].as_u64());
        assert!(asked > Some(0) && asked < of, "{spoken:#}");
    }
    let raw = &row("raw")["services"][0];
    let reasons = raw["not_asked"].as_array().expect("a list");
    let one_message = reasons.iter().find(|it| it["since"] == "a connection has one message");
    let cases = one_message.expect("a reason")["cases"].as_array().expect("a list");
    assert!(cases.iter().any(|case| case == "connection.many-messages"), "{cases:?}");
}

#[test]
fn services_are_listed_with_the_framings_that_they_go_with() {
    project().run("list services").success().stdout(contains("upper"));
    let rows = listed("services");
    let row = |name: &str| rows.iter().find(|row| row["service"] == name).expect("it is there");
    assert_eq!(row("mnet")["framings"], serde_json::json!(["mnet", "mnet-le"]));
    assert_eq!(row("echo")["default"], true);
}

#[test]
fn all_but_peers_need_no_project() {
    for what in ["cases", "requirements", "framings", "services"] {
        Project::empty().run(&format!("list {what}")).success().stderr("");
    }
    Project::empty().run("list peers").code(2).stderr(contains("no interop.toml"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let interop = assert_cmd::cargo::cargo_bin!("interop").display();
    let listed = format!("{{ '{interop}' list cases; echo status $? >&2; }} | head -n 1");
    project().shell(&listed).success().stderr("status 0\n");
}
