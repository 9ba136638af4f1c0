//! The files of `docs/scaling/`: what is written there can be read, and its commands do what the page says.

use std::fs;

use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scaling/");
/// Enough for each of four parts.
const CASES: &str = "--role server --case framing.s* --case payload.*";

/// One of its servers is wrong.
fn project() -> Project {
    let wrong = Peer::server("wrong").but("struct.pack(\">I\"", "struct.pack(\"<I\"");
    Project::of([Peer::server("echo"), wrong])
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(format!("{FOLDER}{name}")).expect(name);
    serde_yaml_ng::from_str(&text).expect(name)
}

/// The command of these words, with `interop` on the PATH, where its exit status is what the shell's is.
fn with_interop(command: &str) -> String {
    let program = assert_cmd::cargo::cargo_bin!("interop");
    let folder = program.parent().expect("a folder").display().to_string();
    assert!(!command.contains("${{") && !command.contains("$("), "not replaced: {command}");
    format!("PATH={folder}:$PATH; {command}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(text).collect()
}

/// The parts are played, of which some fail; merged they end as the whole run, and one that is missing is an error.
fn parts_make_a_whole(project: &Project, parts: &[String], merge: &str) {
    project.run(&format!("run {CASES} --output whole.json")).code(1);
    for part in parts {
        project.shell(&with_interop(&format!("{part} --dry-run"))).code(0);
        project.shell(&with_interop(&format!("{part} {CASES}")));
    }
    project.shell(&with_interop(&format!("{merge} --output all.json"))).code(1);
    let results = |name: &str| {
        let text = fs::read_to_string(project.path(name)).expect(name);
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let results = document["results"].as_array().expect("results").clone();
        results
            .iter()
            .map(|it| [&it["server"], &it["case"], &it["outcome"]].map(Value::to_string))
            .collect::<Vec<_>>()
    };
    assert_eq!(results("all.json"), results("whole.json"));
}

#[test]
fn the_workflow_plays_all_parts_and_ends_as_the_whole_run() {
    let workflow = read("github-actions.yml");
    let step = |job: &str, with: &str| {
        let steps = workflow["jobs"][job]["steps"].as_array().expect("steps").clone();
        let commands = steps.into_iter().filter_map(|step| step["run"].as_str().map(str::to_owned));
        commands.into_iter().find(|run| run.starts_with(with)).expect(with)
    };
    let numbers = workflow["jobs"]["part"]["strategy"]["matrix"]["part"].as_array().expect("parts");
    let total = numbers.len().to_string();
    let part = |number: &Value| {
        let run = step("part", "interop run").replace("${{ matrix.part }}", &number.to_string());
        run.replace("${{ strategy.job-total }}", &total)
    };
    let parts: Vec<String> = numbers.iter().map(part).collect();
    let merge = step("result", "interop report merge");
    let project = project();
    parts_make_a_whole(&project, &parts, &merge);
    for name in ["interop.html", "interop.xml", "interop.md"] {
        assert!(project.path(name).is_file(), "{name}");
    }
    let show = with_interop(&step("result", "cat "));
    project.shell(&format!("GITHUB_STEP_SUMMARY=summary; {show}")).code(0);
    assert!(fs::read_to_string(project.path("summary")).expect("it").contains("wrong"));
    fs::remove_file(project.path("part-2.json")).expect("it was there");
    let missing = project.shell(&with_interop(&merge)).code(2);
    missing.stderr(contains(format!("part 2/{total} is missing")));
    // Whatever comes of a part, its result is kept, and the others are played.
    assert_eq!(workflow["jobs"]["part"]["strategy"]["fail-fast"], false);
    for job in ["part", "result"] {
        let steps = workflow["jobs"][job]["steps"].as_array().expect("steps");
        let kept = steps
            .iter()
            .find(|step| text(&step["uses"].as_str().unwrap_or("").into()).contains("upload"));
        assert_eq!(kept.expect("an upload")["if"], "${{ !cancelled() }}");
    }
}

#[test]
fn the_jobs_of_kubernetes_play_all_parts_and_end_as_the_whole_run() {
    let parts = read("kubernetes-parts.yaml");
    let container = |job: &Value| job["spec"]["template"]["spec"]["containers"][0].clone();
    let playing = container(&parts);
    let environment = playing["env"].as_array().expect("env");
    let environment: Vec<String> = environment
        .iter()
        .filter(|it| it["name"] != "INTEROP_CACHE_DIR")
        .map(|it| format!("{}={}", text(&it["name"]), text(&it["value"])))
        .collect();
    let command = [words(&playing["command"]), words(&playing["args"])].concat().join(" ");
    let part = |index: u64| {
        // What the kubelet puts in.
        let command = command.replace("$(JOB_COMPLETION_INDEX)", &index.to_string());
        let variables = environment.join(" ");
        format!(
            "JOB_COMPLETION_INDEX={index} {variables} {}",
            command.replace("/results/", "results/")
        )
    };
    let completions = parts["spec"]["completions"].as_u64().expect("a number");
    let commands: Vec<String> = (0..completions).map(part).collect();
    let result = container(&read("kubernetes-result.yaml"));
    assert_eq!(words(&result["command"]), ["sh", "-c"]);
    let merge = words(&result["args"])[0].replace("/results/", "results/");
    let project = project();
    project.write("results/README", "the volume");
    parts_make_a_whole(&project, &commands, &merge);
    assert_eq!(parts["spec"]["completionMode"], "Indexed");
    // What a failed case ends with is not tried again.
    let rule = &parts["spec"]["podFailurePolicy"]["rules"][0];
    assert_eq!(rule["action"], "FailIndex");
    assert!(rule["onExitCodes"]["values"].as_array().expect("statuses").contains(&1.into()));
    assert!(!rule["onExitCodes"]["values"].as_array().expect("statuses").contains(&3.into()));
}
