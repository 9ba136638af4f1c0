//! The text of made-up matrices, in full.

use std::time::Duration;

use super::*;
use crate::model::names::{CaseId, PeerName, Role};
use crate::model::outcome::Blame;
use crate::model::protocol::Protocol;
use crate::runner::kill_matrix::baseline::{Baseline, Failed};
use crate::runner::kill_matrix::coverage::{CaseRow, StaleExcuse};
use crate::runner::kill_matrix::row::{Misblame, Row};

fn name(name: &str) -> PeerName {
    name.parse().unwrap()
}

fn ids(ids: &[&str]) -> Vec<CaseId> {
    ids.iter().map(|id| CaseId::new(id)).collect()
}

/// A server that some of three cases find.
fn row(switch: &str, outcome: Verdict, killed_by: &[&str], missed: &[&str]) -> Row {
    let all = ["framing.single", "payload.empty", "payload.large"];
    let came_to = |id: &str| match killed_by.contains(&id) {
        true => Outcome::Fail,
        false => Outcome::Pass,
    };
    Row {
        switch: name(switch),
        role: Role::Server,
        peer: name("python"),
        protocol: Protocol::default(),
        what: format!("the mistake {switch}"),
        outcome,
        killed_by: ids(killed_by),
        missed: ids(missed),
        diagnoses: vec!["length field is little-endian".to_owned()],
        expected_diagnosis: Some("endian".to_owned()),
        misblamed: Vec::new(),
        unplayed: Vec::new(),
        duration: Duration::from_secs(1),
        listed: ids(&[missed, &killed_by[..killed_by.len().min(1)]].concat()),
        outcomes: all.map(|id| (CaseId::new(id), came_to(id))).into(),
    }
}

fn case(id: &str, killed: &[&str]) -> CaseRow {
    CaseRow {
        case: CaseId::new(id),
        role: Role::Server,
        level: Level::Must,
        kills: killed.len(),
        killed: killed.iter().map(|it| name(it)).collect(),
        excuse: None,
        unjudged: false,
    }
}

fn baseline(failed: &[&str]) -> Baseline {
    let failed: Vec<Failed> = failed
        .iter()
        .map(|id| Failed { case: CaseId::new(id), summary: "P1: it is wrong".to_owned() })
        .collect();
    Baseline {
        peer: name("python"),
        protocol: Protocol::default(),
        role: Role::Server,
        outcome: if failed.is_empty() { Outcome::Pass } else { Outcome::Fail },
        cases: 3,
        failed,
        unplayed: Vec::new(),
        duration: Duration::from_secs(1),
    }
}

/// Everything that can be wrong.
fn wrong() -> KillMatrix {
    let mut misdiagnosed = row("reversed", Verdict::Misdiagnosed, &["payload.large"], &[]);
    misdiagnosed.expected_diagnosis = Some("reversed".to_owned());
    let mut misblamed = row("silent", Verdict::Misblamed, &["payload.large"], &[]);
    let blame = Some(Blame::Harness);
    misblamed.misblamed = vec![Misblame { case: CaseId::new("payload.large"), blame }];
    let mut error = row("dead", Verdict::Error, &[], &[]);
    error.unplayed = vec!["the server ended before it was ready".to_owned()];
    KillMatrix {
        mutants: vec![
            row("swapped", Verdict::Caught, &["framing.single", "payload.large"], &[]),
            row("harmless", Verdict::Survived, &[], &["framing.single"]),
            row("empty", Verdict::Missed, &["payload.large"], &["payload.empty"]),
            misdiagnosed,
            misblamed,
            error,
        ],
        baseline: vec![baseline(&["payload.large"])],
        cases: vec![
            case("framing.single", &["swapped"]),
            case("payload.empty", &[]),
            case("payload.large", &["swapped", "empty", "reversed", "silent"]),
        ],
        stale: vec![StaleExcuse { key: "framing".to_owned(), problem: "finds it".to_owned() }],
        complete: true,
    }
}

fn right() -> KillMatrix {
    KillMatrix {
        mutants: vec![row("swapped", Verdict::Caught, &["framing.single"], &[])],
        baseline: vec![baseline(&[])],
        cases: vec![case("framing.single", &["swapped"])],
        stale: Vec::new(),
        complete: true,
    }
}

fn plain(matrix: &KillMatrix, charset: Charset, width: usize) -> String {
    let again = vec!["interop".to_owned(), "selftest".to_owned()];
    let look = Look { charset, width, grid: true, again };
    let summary = Summary { duration: Duration::from_millis(1500), ..Summary::default() };
    anstream::adapter::strip_str(&text(matrix, &summary, &look)).to_string()
}

#[test]
fn all_that_can_be_wrong_is_said_with_the_command_that_shows_it_again() {
    let text = plain(&wrong(), Charset::Unicode, 80);
    for line in [
        "✓ swapped    2  framing.single, payload.large",
        "✗ harmless   0  survived",
        "✗ empty      1  missed; payload.large",
        "✗ survived  harmless  server python",
        "    mistake   the mistake harmless",
        "    missed by payload.empty",
        "    expected  a diagnosis with `reversed` in it",
        "    got       length field is little-endian",
        "    blame     harness, in payload.large",
        "    why       the server ended before it was ready",
        "    again     interop selftest harmless --role server",
        "✗ baseline  python  server, u32be/echo: without a mistake it has to pass",
        "    fails     payload.large: P1: it is wrong",
        "✗ no kill  1 case of servers: each needs a mutant, or a reason in [unkilled]",
        "    payload.empty",
        "✗ stale  [unkilled] \"framing\": finds it",
        "6 mutants: 1 survived, 1 missed, 1 misdiagnosed, 1 misblamed, 1 error, 1 caught · 1 of 1 \
         baseline failed · 1 case finds none · 1 stale · 1.50 s",
    ] {
        assert!(text.lines().any(|it| it == line), "no line `{line}` in:\n{text}");
    }
}

#[test]
fn the_case_that_finds_the_fewest_comes_first() {
    let text = plain(&wrong(), Charset::Unicode, 80);
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("case ")).collect();
    assert_eq!(table[1], "payload.empty        0");
    assert_eq!(table[2], "framing.single       1          swapped");
    assert_eq!(table[3], "payload.large        4");
}

#[test]
fn the_grid_tells_cases_that_have_to_find_a_mutant_from_those_that_do() {
    let text = plain(&wrong(), Charset::Unicode, 80);
    let grid: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("servers")).collect();
    assert_eq!(grid[..4], ["servers    123", "✓ swapped  ●·○", "✗ harmless ✗··", "✗ empty    ·✗●"]);
    let ascii = plain(&wrong(), Charset::Ascii, 80);
    assert!(ascii.lines().any(|line| line == "ok  swapped  X.x"), "{ascii}");
}

#[test]
fn when_all_is_well_nothing_stands_between_the_tables_and_the_sum() {
    let text = plain(&right(), Charset::Unicode, 80);
    let sum = "1 mutant: 1 caught · 1 baseline · every case finds one · 1.50 s";
    assert_eq!(text.lines().last(), Some(sum));
    assert!(!text.contains('✗') || text.contains("✗ has to find it"), "{text}");
}

#[test]
fn no_table_is_wider_than_the_line() {
    for width in [60, 80, 130, 200] {
        let text = plain(&wrong(), Charset::Unicode, width);
        let (tables, _) = text.split_once("finds it, as").unwrap();
        for line in tables.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}
