//! `interop bench --siege` and `--soak`. How long anything takes is no test's business; that honest clients lose nothing,
//! that a server gives back what it took, and that it is found when they do or it does not, is.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, document};

const FEW: &str = "--idle 50 --connections 10 --hostile 8 --warm-up 50ms";
const SHORT: &str = "--time 200ms";

/// The program of `peers/mutants/python`, with this mistake.
fn mutant(mistake: &str) -> Peer {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/mutants/python/peer.py");
    Peer::server(mistake).section(&format!(
        "[server]\nready = 'listening on port (?P<port>\\d+)'\nmax_frame = \"16 MiB\"\n\
         command = [\"python3\", \"-S\", \"{program}\", \"server\", \"127.0.0.1\", \"{{port}}\", \"u32be\", \"echo\"]\n\
         env = {{ MUTANT = \"{mistake}\", MALLOC_ARENA_MAX = \"1\" }}\n"
    ))
}

/// The exit status and the only result of a siege of this server.
fn besieged(server: Peer, words: &str) -> (i32, Value) {
    let project = Project::of([server]);
    let words = format!("bench --siege --rounds 1 {FEW} --format json {words}");
    let (code, mut report) = document(&project.run(&words));
    (code, report["results"][0].take())
}

#[test]
fn a_server_that_stands_a_siege_loses_nothing_and_gives_back_what_it_took() {
    let (code, stand) = besieged(Peer::server("one"), SHORT);
    assert_eq!(code, 0, "{stand}");
    assert_eq!(stand["failures"], serde_json::json!([]), "{stand}");
    assert_eq!((&stand["faults"]["lost"], &stand["faults"]["wrong"]), (&0.into(), &0.into()));
    // Each of the idle says a word when it comes, and one before it goes.
    assert!(stand["words"].as_u64() >= Some(100), "{stand}");
    for case in ["quiet", "siege"] {
        assert!(stand[case]["messages"]["median"].as_f64() > Some(0.0), "{case}: {stand}");
        assert!(stand[case]["p99_us"]["median"].as_f64() > Some(0.0), "{case}: {stand}");
    }
    for ratio in ["p50", "p99", "processor"] {
        assert!(stand["ratios"][ratio]["ratio"].as_f64() > Some(0.0), "{ratio}: {stand}");
    }
    for act in ["half_frames", "slow_readers", "claims", "resets"] {
        assert!(stand["hostile"][act].as_u64() >= Some(2), "{act}: {stand}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn all_connections_stand_at_once_and_none_is_left() {
    let (code, stand) = besieged(Peer::server("one"), SHORT);
    assert_eq!(code, 0, "{stand}");
    let [before, most, after] =
        ["before", "most", "after"].map(|when| stand["descriptors"][when].as_u64());
    assert!(most >= before.map(|before| before + 60), "50 idle and 10 busy: {stand}");
    assert!(after <= before, "{stand}");
    assert!(stand["memory"]["per_connection"].as_f64() > Some(0.0), "{stand}");
}

#[test]
fn rounds_in_the_quiet_and_under_siege_are_told_in_tables() {
    let project = Project::of([Peer::server("one"), Peer::server("other")]);
    let run = project.run(&format!("bench --siege --rounds 1 {FEW} {SHORT}")).success();
    let text = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    for server in ["one", "other"] {
        assert!(text.contains(&format!("✓ {server}: every honest message")), "{text}");
    }
    for part in ["quiet", "siege", "50 idle, 10 busy with 10:64B:1 and 8 hostile", "KiB/connection"]
    {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

/// That a siege fails, and what is said of it.
fn is_found(server: Peer, words: &str, named: &str) {
    let (code, stand) = besieged(server, words);
    assert_eq!(code, 1, "{stand}");
    assert!(stand["failures"].to_string().contains(named), "{named}: {stand}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_keeps_descriptors_of_hostile_clients_is_found() {
    is_found(mutant("reset-leaks"), SHORT, "descriptors are open that were not before");
}

#[test]
fn a_server_that_a_hostile_client_ends_is_found() {
    is_found(mutant("reset-kills"), SHORT, "the server exited with status 1");
}

#[test]
fn a_server_that_slow_readers_hold_up_is_found() {
    is_found(mutant("write-lock-for-all"), SHORT, "an answer did not come in time");
}

#[test]
fn a_server_that_mixes_up_its_clients_is_found() {
    is_found(mutant("answers-to-newest"), SHORT, "honest messages were lost");
}

#[test]
fn a_server_that_drops_idle_clients_is_found() {
    is_found(mutant("idle-dropped"), "--time 600ms", "the server ended a connection");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_takes_more_memory_than_was_said_is_found() {
    is_found(
        Peer::server("one"),
        "--time 200ms --memory-limit 1KiB",
        "bytes of memory for each connection",
    );
}

#[test]
fn who_cannot_hold_so_many_is_left_out_unless_he_was_named() {
    let few = Peer::server("few").but(
        "    with connection:",
        "    if threading.active_count() > 21:\n        connection.close()\n        return\n    with connection:",
    );
    let project = Project::of([Peer::server("one"), few]);
    let words = format!("bench --siege --rounds 1 {FEW} {SHORT}");
    let (code, report) = document(&project.run(&format!("{words} --format json")));
    assert_eq!(code, 0, "{report}");
    let left_out = &report["left_out"][0];
    assert_eq!(left_out["server"], "few", "{report}");
    assert!(left_out["why"].to_string().contains("of 50 idle connections"), "{left_out}");
    assert_eq!(report["results"][0]["server"], "one");
    let named = project.run(&format!("{words} few"));
    named.code(3).stdout("").stderr(contains("few cannot be besieged: it held"));
}

#[test]
fn a_siege_that_the_system_does_not_allow_names_what_it_lacks() {
    let project = Project::of([Peer::server("one")]);
    let interop = assert_cmd::cargo::cargo_bin!("interop").display();
    let run = project.shell(&format!("ulimit -n 1000; {interop} bench --siege --idle 3000"));
    let lacks = contains("3000 idle, 1000 busy and 100 hostile connections need 4356 open files");
    run.code(3).stdout("").stderr(lacks.and(contains("allows 1000")).and(contains("ulimit")));
}

/// The exit status and the document of a soak of this server, in so many parts.
fn soaked(server: Peer, parts: usize) -> (i32, Value) {
    let lasting = parts * 100;
    let words = format!("bench --soak {lasting}ms --time 100ms {FEW} --format json");
    document(&Project::of([server]).run(&words))
}

#[test]
fn a_soak_tells_of_each_part_and_of_the_quiet_before_and_after() {
    let (code, report) = soaked(Peer::server("one"), 3);
    assert_eq!(code, 0, "{report}");
    let soak = &report["results"][0]["soak"];
    let parts = soak["parts"].as_array().expect("a list");
    let is_quiet: Vec<bool> = parts.iter().map(|part| part["at"].is_null()).collect();
    assert_eq!(is_quiet, [true, false, false, false, true], "{soak}");
    for part in parts {
        assert!(part["messages"].as_u64() > Some(0), "{part}");
        assert!(part["p99_us"].as_f64() > Some(0.0), "{part}");
        assert_eq!(part["faults"], 0, "{part}");
    }
    assert_eq!(soak["growth"]["memory"], "too_short", "{soak}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_memory_grows_in_a_soak_is_found() {
    let (code, report) = soaked(mutant("memory-leaks"), 12);
    assert_eq!(code, 1, "{report}");
    let stand = &report["results"][0];
    assert!(stand["failures"].to_string().contains("memory grew"), "{stand}");
    assert_eq!(stand["soak"]["growth"]["memory"], "grew", "{stand}");
}
