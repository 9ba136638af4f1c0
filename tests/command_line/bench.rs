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
fn what_makes_a_row_doubtful_is_numbered_in_it_and_told_once_below() {
    let slow = |name| {
        let wait = "import time; time.sleep(0.1); connection.sendall";
        Peer::server(name).but("connection.sendall", wait)
    };
    let project = Project::of([slow("one"), slow("other")]);
    let run = project.run(&format!("bench --rounds 1 --rate 1000 {PACED}")).success();
    let text = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    let doubted = |server| text.lines().any(|line| line.contains(server) && line.contains(" ? "));
    assert!(doubted(" one ") && doubted(" other "), "{text}");
    assert_eq!(text.matches("had no answer at the end").count(), 1, "{text}");
}

#[test]
fn a_server_that_answers_wrongly_has_no_figures() {
    let wrong = Peer::server("wrong").but(") + body)", ") + body[:-1] + b'?')");
    let run = Project::of([wrong]).run(&format!("bench --rounds 1 {SHORT}"));
    run.code(3).stdout("").stderr(contains("wrong").and(contains("is not what was sent")));
}

/// A server that notes on which cores it may run.
fn that_notes_its_cores(name: &str) -> Peer {
    let note = "import os\nopen('cores', 'w').write(str(sorted(os.sched_getaffinity(0))))\n";
    Peer::server(name)
        .but("listener = socket.socket()", &format!("{note}listener = socket.socket()"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_and_the_generator_have_a_core_each_where_there_are_two() {
    let project = Project::of([that_notes_its_cores("one")]);
    let (code, report) = document(&project.run(&format!("bench --rounds 1 {SHORT} --format json")));
    assert_eq!(code, 0);
    let noted = std::fs::read_to_string(project.path("one/cores")).expect("the server was started");
    let cores = &report["cores"];
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        assert!(report["doubts"].to_string().contains("one processor alone"), "{report}");
    } else {
        assert_eq!(noted, format!("[{}]", cores["server"]));
        assert_ne!(cores["server"], cores["generator"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_leaves_the_core_it_was_given_is_doubted() {
    let leave = "import os\nos.sched_setaffinity(0, range(os.cpu_count()))\n";
    let restless = Peer::server("restless")
        .but("listener = socket.socket()", &format!("{leave}listener = socket.socket()"));
    let words = format!("bench --rounds 1 {SHORT} --format json");
    let (code, report) = document(&Project::of([Peer::server("calm"), restless]).run(&words));
    assert_eq!(code, 0);
    let has_left = |row: usize| {
        report["results"][row]["figures"]["doubts"].to_string().contains("other cores")
    };
    assert!(!has_left(0), "{report}");
    assert_eq!(has_left(1), !report["cores"].is_null(), "{report}");
}

#[test]
fn who_does_not_want_cores_to_be_bound_says_so_and_reads_it() {
    let project = Project::of([that_notes_its_cores("one")]);
    let run = project.run(&format!("bench --rounds 1 {SHORT} --no-pin")).success();
    run.stdout(contains("Not pinned"));
    let noted = std::fs::read_to_string(project.path("one/cores")).expect("the server was started");
    let cores = noted.split(',').count();
    assert!(cores >= std::thread::available_parallelism().map_or(1, usize::from), "{noted}");
}

const PACED: &str = "--connections 3 --size 100B --time 300ms --warm-up 50ms";

#[test]
fn messages_are_sent_at_fixed_times_and_latency_counts_from_those() {
    let project = Project::of([Peer::server("one")]);
    let words = format!("bench --rounds 1 --rate 100 {PACED}");
    let (code, report) = document(&project.run(&format!("{words} --format json")));
    assert_eq!(code, 0);
    let row = &report["results"][0];
    assert_eq!(row["load"], "3:100B:100/s");
    for figure in ["messages", "p50_us", "p90_us", "p99_us", "p999_us", "max_us", "late_us"] {
        assert!(row["figures"][figure]["median"].as_f64() > Some(0.0), "{figure}: {row}");
    }
    assert_eq!(row["figures"]["unanswered"], 0);
    project.run(&words).success().stdout(contains("p99.9 us").and(contains("late us")));
}

#[test]
fn a_server_that_cannot_keep_up_with_the_rate_is_said_to_be_saturated() {
    let slow = Peer::server("slow")
        .but("connection.sendall", "import time; time.sleep(0.1); connection.sendall");
    let words = format!("bench --rounds 1 --rate 1000 {PACED} --format json");
    let (code, report) = document(&Project::of([slow]).run(&words));
    assert_eq!(code, 0);
    let figures = &report["results"][0]["figures"];
    // Three connections, ten answers a second each: of 300 messages most have none two seconds later.
    assert!(figures["unanswered"].as_u64() > Some(100), "{figures}");
    assert!(figures["p50_us"]["median"].as_f64() > Some(1_000_000.0), "{figures}");
    let doubts = figures["doubts"].to_string();
    let who =
        doubts.contains("the server was saturated") || doubts.contains("the generator fell behind");
    assert!(who && doubts.contains("had no answer at the end"), "{doubts}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_connection_takes_of_memory_is_told_fresh_and_after_a_message() {
    let greedy = Peer::server("greedy").but(
        "        try:\n            while",
        "        kept = b'm' * 1000000\n        try:\n            while",
    );
    let project = Project::of([Peer::server("modest"), greedy]);
    let (code, report) =
        document(&project.run(&format!("bench --rounds 1 {SHORT} --idle 20 --format json")));
    assert_eq!(code, 0);
    let private = |server: &str, when: &str| {
        let all = report["idle"].as_array().expect("a list");
        let one = all.iter().find(|idle| idle["server"] == server).expect("the server");
        assert_eq!(one["connections"], 20);
        one[when]["private"].as_f64().expect("a number")
    };
    assert!(private("greedy", "fresh") > 900_000.0, "{}", report["idle"]);
    assert!(private("modest", "fresh") < 900_000.0, "{}", report["idle"]);
    assert!(private("greedy", "after_a_message") > 900_000.0, "{}", report["idle"]);
}

#[test]
fn who_cannot_take_part_is_left_out_with_the_reason_unless_he_was_named() {
    let absent = Peer::server("absent").top("requires = [\"no-such-program\"]");
    let broken = Peer::server("broken").script("import sys; sys.exit('no luck today')");
    let project = Project::of([Peer::server("one"), absent, broken]);
    let (code, report) = document(&project.run(&format!("bench --rounds 1 {SHORT} --format json")));
    assert_eq!(code, 0);
    let left_out = &report["left_out"];
    assert_eq!(
        (&left_out[0]["server"], &left_out[1]["server"]),
        (&"absent".into(), &"broken".into())
    );
    assert!(left_out[0]["why"].to_string().contains("no-such-program"), "{left_out}");
    assert!(left_out[1]["why"].to_string().contains("no luck today"), "{left_out}");
    let named = project.run(&format!("bench one broken --rounds 1 {SHORT}"));
    named.code(3).stdout("").stderr(contains("no luck today"));
}

#[test]
fn the_result_is_also_written_into_files_as_their_names_say() {
    let project = Project::of([Peer::server("one"), Peer::server("other")]);
    let words = format!("bench --rounds 1 {SHORT} --output bench.html --output bench.json");
    project.run(&words).success().stdout(contains("ratios to one"));
    let read = |name: &str| std::fs::read_to_string(project.path(name)).expect("the file");
    let page = read("bench.html");
    for part in
        ["<svg", "3 connections, messages of 100 B, 2 on their way on each", ">other</text>"]
    {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let json: serde_json::Value = serde_json::from_str(&read("bench.json")).expect("JSON");
    assert_eq!(json["results"][1]["server"], "other");
    let nowhere = project.run("bench --output no/such/folder/bench.html");
    nowhere.code(3).stdout("").stderr(contains("cannot write no/such/folder/bench.html"));
}

#[test]
fn the_harness_measures_itself_beside_what_needs_no_harness() {
    let project = Project::of([Peer::server("one")]);
    let (code, report) = document(&project.run("bench --harness one --rounds 1 --format json"));
    assert_eq!(code, 0);
    assert_eq!(report["server"], "one");
    let results = report["results"].as_array().expect("a list");
    let left_out = report["left_out"].as_array().expect("a list");
    let socat = |what: &serde_json::Value| what.to_string().contains("socat");
    assert_eq!(results.len() + left_out.len(), 8, "{report}");
    assert!(left_out.iter().all(|one| socat(&one["what"])), "{left_out:?}");
    for result in results {
        assert!(result["speed"]["median"].as_f64() > Some(0.0), "{result}");
    }
    let compared = results.iter().flat_map(|result| result["by"].as_array().expect("a list"));
    let ratios: Vec<_> = compared.map(|by| by[1]["ratio"].as_f64()).collect();
    assert!(ratios.len() >= 5 && ratios.iter().all(|ratio| *ratio > Some(0.0)), "{report}");
    let doubts = report["doubts"].to_string();
    assert!(!doubts.contains("not proved"), "{doubts}");
}

#[test]
fn a_server_that_fails_cases_is_none_to_measure_the_harness_with() {
    let hasty = Peer::server("hasty")
        .but("if header is None:", "if header is None or header == b'\\0\\0\\0\\0':");
    let run = Project::of([hasty]).run("bench --harness --rounds 1");
    run.code(3).stdout("").stderr(contains("hasty passed"));
}

#[test]
fn a_bench_that_makes_no_sense_is_refused_with_2_and_one_of_nobody_with_4() {
    let absent = Peer::server("absent").top("requires = [\"no-such-program\"]");
    let (echo, other) = (Peer::server("echo"), Peer::server("other"));
    let project = Project::of([echo, other, Peer::client("client"), absent]);
    for (words, named) in [
        ("bench nobody", "expected one of absent, client, echo, other"),
        ("bench client", "has no server of u32be/echo"),
        ("bench echo --baseline nobody", "not among them: expected one of echo"),
        ("bench --connections 4", "--rate"),
        ("bench --size 4B", "--siege"),
        ("bench --hostile 4", "--siege"),
        ("bench --siege --hostile 1001", "0 to 1000"),
        ("bench --siege --idle 0", "1 to 20000"),
        ("bench --siege --rate 5", "--rate"),
        ("bench --soak 1m echo other", "one server"),
        ("bench --soak 1m --time 0s", "--time is 0s"),
        ("bench --soak 0s", "--soak is 0s"),
        ("bench --depth 4", "--connections"),
        ("bench --depth 4 --rate 4 --connections 1 --size 1B", "--rate"),
        ("bench --rate 0", "1 to 1000000"),
        ("bench --rate 1 --grid full", "--grid"),
        ("bench --idle 5000", "--idle"),
        ("bench --output bench.pdf", ".html, .json"),
        ("bench --harness --rate 5", "--rate"),
        ("bench --harness echo other", "one server"),
        ("bench --connections 0 --size 1B --depth 1", "1 to 10000"),
        ("bench --connections 1 --size 1B --depth 1 --grid full", "--grid"),
        ("bench --rounds 0", "--rounds"),
        ("bench --grid huge", "quick, full"),
    ] {
        project.run(words).code(2).stdout("").stderr(contains(named));
    }
    project.run("bench absent").code(4).stderr(contains("no-such-program"));
}
