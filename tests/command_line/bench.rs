//! `interop bench`. What it measures is no test's business; that it measures, and whom, and what it doubts, is.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project, document};

const SHORT: &str = "--connections 3 --size 100B --depth 2 --time 100ms --warm-up 50ms";

#[test]
fn servers_are_measured_in_turn_and_compared_with_a_baseline() {
    let project = Project::of([Peer::server("one"), Peer::server("other"), Peer::client("client")]);
    let words = format!("bench --rounds 2 --baseline other {SHORT} --format json");
    let (code, report) = document(&project.run(&words));
    assert_eq!(code, 0);
    assert_eq!(report["baseline"], "other");
    let rows = report["results"].as_array().expect("a list");
    assert_eq!(rows.len(), 2, "the client is no server: {rows:?}");
    for (row, server) in rows.iter().zip(["one", "other"]) {
        assert_eq!(row["server"], server);
        assert_eq!(row["load"], "3:100B:2");
        for figure in ["messages", "mebibytes", "p50_us", "p99_us", "max_us"] {
            assert!(row["figures"][figure]["median"].as_f64() > Some(0.0), "{figure}: {row}");
        }
        assert_eq!(row["processor_ratio"].is_null(), server == "other", "{row}");
    }
    let doubts = report["doubts"].to_string();
    assert!(doubts.contains("three rounds"), "{doubts}");
}

#[test]
fn a_table_names_the_load_the_servers_and_the_baseline() {
    let project = Project::of([Peer::server("one"), Peer::server("other")]);
    let run = project.run(&format!("bench one other --rounds 1 {SHORT}")).success();
    run.stdout(contains("3:100B:2").and(contains("other")).and(contains("ratios to one")));
}

#[test]
fn a_server_that_answers_wrongly_has_no_figures() {
    let wrong = Peer::server("wrong").but(") + body)", ") + body[:-1] + b'?')");
    let run = Project::of([wrong]).run(&format!("bench --rounds 1 {SHORT}"));
    run.code(3).stdout("").stderr(contains("wrong").and(contains("is not what was sent")));
}

#[test]
fn a_bench_that_makes_no_sense_is_refused_with_2_and_one_of_nobody_with_4() {
    let absent = Peer::server("absent").top("requires = [\"no-such-program\"]");
    let project = Project::of([Peer::server("echo"), Peer::client("client"), absent]);
    for (words, named) in [
        ("bench nobody", "expected one of absent, client, echo"),
        ("bench client", "has no server of u32be/echo"),
        ("bench echo --baseline nobody", "not among them: expected one of echo"),
        ("bench --connections 4", "--size"),
        ("bench --connections 0 --size 1B --depth 1", "1 to 10000"),
        ("bench --connections 1 --size 1B --depth 1 --grid full", "--grid"),
        ("bench --rounds 0", "--rounds"),
        ("bench --grid huge", "quick, full"),
    ] {
        project.run(words).code(2).stdout("").stderr(contains(named));
    }
    project.run("bench absent").code(4).stderr(contains("no-such-program"));
}
