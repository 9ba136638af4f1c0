//! The settings of a run: the command line over the environment over `interop.toml` over the defaults.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, column, document};

fn project(settings: &str) -> Project {
    let project = Project::of([Peer::server("one"), Peer::server("two")]);
    project.write("interop.toml", &format!("peers = [\"one\", \"two\"]\n{settings}\n"));
    project
}

/// `interop config`: one of its rows.
fn setting(project: &Project, name: &str, variables: &[(&str, &str)]) -> Value {
    let mut config = project.interop(["config", "--format", "json"]);
    let (status, settings) = document(&config.envs(variables.iter().copied()).assert());
    assert_eq!(status, 0);
    let rows = settings["settings"].as_array().expect("a list");
    rows.iter().find(|row| row["setting"] == name).expect("a setting").clone()
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_project() {
    let project = project("seed = 3\nrole = [\"server\"]\ncase = [\"framing.single\"]");
    let seed = |words: &str, variables: &[(&str, &str)]| {
        let mut run = project.interop(format!("run one --format json {words}").split_whitespace());
        let (status, document) = document(&run.envs(variables.iter().copied()).assert());
        assert_eq!((status, column(&document, "case")), (0, vec!["framing.single"]));
        document["seed"].as_u64()
    };
    assert_eq!(seed("", &[]), Some(3));
    assert_eq!(seed("", &[("INTEROP_SEED", "4")]), Some(4));
    assert_eq!(seed("--seed 5", &[("INTEROP_SEED", "4")]), Some(5));
    assert_eq!(seed("", &[("INTEROP_SEED", "")]), Some(3), "an empty variable says nothing");
    // Without a command as with it, and in `check` for what it shares.
    let mut bare = project.interop([]);
    let (_, whole) = document(&bare.envs([("INTEROP_FORMAT", "json")]).assert());
    assert_eq!((column(&whole, "server"), whole["seed"].as_u64()), (vec!["one", "two"], Some(3)));
    let check = project.run("check one --case framing.single --format json");
    assert_eq!(document(&check).1["seed"], 3);
}

#[test]
fn lists_are_written_with_commas_and_a_list_on_the_command_line_replaces_another() {
    let project = project("case = [\"framing.single\", \"payload.empty\"]\nrole = \"server\"");
    let cases = |words: &str, variables: &[(&str, &str)]| {
        let words = format!("run one --dry-run --format json {words}");
        let mut run = project.interop(words.split_whitespace());
        let (_, planned) = document(&run.envs(variables.iter().copied()).assert());
        let planned = planned.as_array().expect("a list").clone();
        planned.iter().map(|it| it["case"].as_str().expect("it").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(cases("", &[]), ["framing.single", "payload.empty"]);
    let variables = [("INTEROP_CASE", "payload.control,payload.empty")];
    assert_eq!(cases("", &variables), ["payload.control", "payload.empty"]);
    assert_eq!(cases("--case payload.control", &variables), ["payload.control"]);
}

#[test]
fn what_a_project_switches_on_the_command_line_switches_off() {
    let project = project("dry_run = true\nuntil_fail = true");
    project.run("run one").code(0).stdout(contains("would be played"));
    let words = "run one --dry-run=false --repeat 1 --role server --case framing.single";
    project.run(words).code(0).stdout(contains("1 passed"));
    let mut run = project.interop(["run", "one", "--role", "server", "--case", "framing.single"]);
    run.env("INTEROP_DRY_RUN", "no").env("INTEROP_REPEAT", "1");
    run.assert().code(0).stdout(contains("1 passed"));
}

#[test]
fn paths_in_the_project_are_seen_from_its_folder() {
    let project =
        project("output = [\"result.json\"]\nrole = \"server\"\ncase = \"framing.single\"");
    project.interop(["run", "one"]).current_dir(project.path("two")).assert().code(0);
    assert!(project.path("result.json").is_file() && !project.path("two/result.json").exists());
}

#[test]
fn what_is_wrong_in_the_project_is_named_with_its_line() {
    for (settings, named) in [
        ("\njbos = 4", "line 3: unknown key `jbos`: did you mean `jobs`?"),
        ("zzz = 4", "unknown key `zzz`: expected one of server, client"),
        ("jobs = 0", "line 2: `jobs`: invalid value '0' for '--jobs <N>': 0 is not in 1..=256"),
        ("jobs = [1, 2]", "`jobs`: expected one value"),
        ("jobs = { a = 1 }", "`jobs`: expected text, a number"),
        ("level = [\"must\", \"shuold\"]", "a similar value exists: 'should'"),
        ("strict = \"perhaps\"", "`strict`: invalid value 'perhaps'"),
        ("output = \"result.doc\"", "`output`"),
        ("repeat = 3\nuntil_fail = true", "cannot be used with"),
        ("seed = ", "line 2"),
    ] {
        let project = project(settings);
        for words in ["run one --case framing.single", "config", "list peers"] {
            let refused = project.run(words).code(2).stdout("");
            refused.stderr(contains("interop.toml").and(contains(named)));
        }
        project.run("list cases").code(0);
    }
}

#[test]
fn a_wrong_variable_is_named() {
    let project = project("");
    for (name, value) in [("INTEROP_JOBS", "0"), ("INTEROP_LEVEL", "may"), ("INTEROP_STRICT", "?")]
    {
        for words in [vec!["run"], vec!["config"]] {
            let refused = project.interop(words).env(name, value).assert().code(2).stdout("");
            refused.stderr(contains(format!("{name}: invalid value '{value}'")));
        }
        let mut over = project.interop(["run", "--dry-run", "--jobs", "1", "--level", "must"]);
        over.arg("--strict").env(name, value).assert().code(0);
    }
}

#[test]
fn config_says_what_holds_and_who_says_so() {
    let project = project("start_timeout = \"1m\"\nstrict = true\ncase = [\"P1\", \"P2\"]");
    let source = |name: &str| setting(&project, name, &[("INTEROP_JOBS", "3")]);
    let row = source("start_timeout");
    assert_eq!(
        (&row["value"], &row["source"], &row["line"]),
        (&"1m".into(), &"file".into(), &2.into())
    );
    assert_eq!(row["flag"], "--start-timeout");
    assert_eq!(row["variable"], "INTEROP_START_TIMEOUT");
    let row = source("jobs");
    assert_eq!((&row["value"], &row["source"]), (&3.into(), &"environment".into()));
    let row = source("seed");
    assert_eq!((&row["value"], &row["source"]), (&1.into(), &"default".into()));
    assert_eq!(source("repeat")["value"], Value::Null);
    assert_eq!(source("strict")["value"], true);
    assert_eq!(setting(&project, "timings", &[("INTEROP_TIMINGS", "1")])["value"], true);
    assert_eq!(source("case")["value"], serde_json::json!(["P1", "P2"]));
    assert_eq!(source("peers")["value"], serde_json::json!(["one", "two"]));
    let mut config = project.interop(["config"]);
    let said = config.env("INTEROP_JOBS", "3").assert().code(0);
    said.stdout(contains("INTEROP_JOBS"))
        .stdout(contains("interop.toml, line 2"))
        .stdout(contains("seed").and(contains("default")));
    Project::empty().run("config").code(0).stdout(contains("no interop.toml here or above"));
}

#[test]
fn every_option_of_a_run_is_a_setting() {
    let project = project("");
    let help = project.run("run --help").code(0);
    let help = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
    let mut config = project.interop(["config", "--format", "json"]);
    let (_, settings) = document(&config.assert());
    let settings: Vec<&str> = settings["settings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["flag"].as_str().expect("a flag"))
        .collect();
    let option = |line: &str| {
        let word = line.split_whitespace().find(|word| word.starts_with("--"))?;
        line.trim_start()
            .starts_with('-')
            .then(|| word.split(['[', '=']).next().map(str::to_owned))?
    };
    let mut options: Vec<String> = help
        .lines()
        .take_while(|line| !line.starts_with("Each option"))
        .filter_map(option)
        .collect();
    options.retain(|option| option != "--help");
    assert_eq!(options, settings);
}
