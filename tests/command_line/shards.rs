//! A run in parts, and which of them this machine plays.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, document};

fn project() -> Project {
    Project::of([Peer::server("one"), Peer::server("two"), Peer::client("frames")])
}

/// The words for all that would be played with these variables.
fn planned(project: &Project, words: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let mut run = project.interop(format!("run --dry-run --format json {words}").split(' '));
    run.envs(variables.iter().copied());
    let (status, planned) = document(&run.assert());
    assert_eq!(status, 0);
    planned.as_array().expect("a list").iter().map(Value::to_string).collect()
}

#[test]
fn the_parts_share_nothing_and_get_as_many_of_each_case() {
    let project = project();
    let parts = [1, 2].map(|part| planned(&project, &format!("--shard {part}/2"), &[]));
    let mut all = parts.concat();
    all.sort();
    let mut whole = planned(&project, "--strict", &[]);
    whole.sort();
    assert_eq!(all, whole);
    // Both servers play each case of a server: each part one.
    let of_servers = |part: &[String]| {
        let mut cases: Vec<String> = part
            .iter()
            .filter(|it| it.contains("\"role\":\"server\""))
            .map(|it| serde_json::from_str::<Value>(it).expect("JSON")["case"].to_string())
            .collect();
        cases.sort();
        cases
    };
    assert_eq!(of_servers(&parts[0]), of_servers(&parts[1]));
    assert!(of_servers(&parts[0]).len() > 50);
}

#[test]
fn the_environment_says_which_part_it_is() {
    let project = project();
    let expected = planned(&project, "--shard 2/3", &[]);
    for variables in [
        [("JOB_COMPLETION_INDEX", "1"), ("INTEROP_SHARD_TOTAL", "3")],
        [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")],
        [("BUILDKITE_PARALLEL_JOB", "1"), ("BUILDKITE_PARALLEL_JOB_COUNT", "3")],
        [("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "3")],
    ] {
        assert_eq!(planned(&project, "--shard auto", &variables), expected, "{variables:?}");
    }
}

#[test]
fn an_environment_that_does_not_say_which_part_it_is_exits_with_2_and_is_told_what_was_looked_for()
{
    let project = project();
    for command in ["run --shard auto", "selftest --shard auto"] {
        let refused = |variables: &[(&str, &str)]| {
            let mut run = project.interop(command.split(' '));
            if command.starts_with("selftest") {
                let mutants = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/mutants");
                run.args(["--mutants", mutants]);
            }
            run.envs(variables.iter().copied()).assert().code(2).stdout("")
        };
        let mut nothing =
            refused(&[]).stderr(contains("--shard auto: the environment says nothing"));
        for name in ["JOB_COMPLETION_INDEX", "CI_NODE_TOTAL", "BUILDKITE_PARALLEL_JOB", "CIRCLE_"] {
            nothing = nothing.stderr(contains(name));
        }
        refused(&[("JOB_COMPLETION_INDEX", "1")]).stderr(contains("INTEROP_SHARD_TOTAL is not"));
        refused(&[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "2")])
            .stderr(contains("CI_NODE_INDEX is `x`: expected a number"));
        let two = [
            ("CI_NODE_INDEX", "1"),
            ("CI_NODE_TOTAL", "2"),
            ("BUILDKITE_PARALLEL_JOB", "1"),
            ("BUILDKITE_PARALLEL_JOB_COUNT", "2"),
        ];
        refused(&two).stderr(contains("GitLab says 1/2").and(contains("Buildkite says 2/2")));
    }
}
