//! Who is slow, who is wrong, and who is wrong only now and then.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, results};

const ANSWERS: &str = "connection.sendall(struct.pack(\">I\", len(body)) + body)";

/// A server that does something else the first time that it is started.
fn first_time(name: &str, instead: &str) -> Peer {
    let counted = "import os\nimport socket\nFIRST = not os.path.exists('started')\n\
                   open('started', 'w').close()\n";
    let answers = format!("{instead} if FIRST else {ANSWERS}");
    Peer::server(name).but("import socket\n", counted).but(ANSWERS, &answers)
}

fn only_result(peer: Peer) -> (i32, Value) {
    let (status, document) = Project::of([peer]).json("--case framing.single");
    let [result] = results(&document) else { panic!("one result: {document:#}") };
    (status, result.clone())
}

#[test]
fn a_server_that_is_wrong_one_time_in_three_fails_and_is_called_flaky() {
    let wrong = "connection.sendall(struct.pack('<I', len(body)) + body)";
    for (name, instead) in [("wrong", wrong), ("mute", "None")] {
        let (status, result) = only_result(first_time(name, instead));
        assert_eq!((status, &result["outcome"]), (1, &"fail".into()), "{result:#}");
        assert_eq!(result["flaky"], true, "{result:#}");
        let said = result["summary"].as_str().expect("a sentence");
        assert!(said.ends_with("(flaky: in 1 of 3 runs)"), "{said}");
    }
}

#[test]
fn a_server_that_is_always_wrong_is_not_called_flaky() {
    let wrong = Peer::server("wrong").but("\">I\", len", "\"<I\", len");
    let (status, result) = only_result(wrong);
    assert_eq!((status, &result["flaky"]), (1, &false.into()), "{result:#}");
    let said = result["summary"].as_str().expect("a sentence");
    assert!(!said.contains("flaky"), "{said}");
}

#[test]
fn a_server_that_is_slow_is_not_wrong() {
    // Longer than the first look waits for a program that sleeps.
    let slow = Peer::server("slow")
        .but("import sys\n", "import sys\nimport time\n")
        .but(ANSWERS, &format!("time.sleep(0.7)\n                {ANSWERS}"));
    let (status, result) = only_result(slow);
    assert_eq!((status, &result["outcome"]), (0, &"pass".into()), "{result:#}");
    assert_eq!(result["flaky"], false, "{result:#}");
}

#[test]
fn how_patient_a_run_is_can_be_said_in_reasonable_numbers() {
    let project = Project::of([Peer::server("echo")]);
    for wrong in ["0", "0.01", "-1", "101", "inf", "NaN", "fast", "1,5", ""] {
        let flag = format!("--timeout-scale={wrong}");
        for words in [&["run", &flag][..], &["check", "echo", &flag]] {
            let run = project.interop(words.iter().copied()).assert().code(2);
            run.stdout("").stderr(contains("--timeout-scale").and(contains("from 0.1 to 100")));
        }
    }
    let mut run = project.interop(["run", "--case", "framing.single"]);
    run.env("INTEROP_TIMEOUT_SCALE", "slow").assert().code(2).stderr(contains("from 0.1 to 100"));
    for right in ["0.1", "1", "2.5", "100"] {
        project.run(&format!("run --case framing.single --timeout-scale {right}")).code(0);
    }
}
