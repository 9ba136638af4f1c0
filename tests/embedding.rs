//! The harness in somebody's own tests: the examples do what they say, and what is wrong fails the test with a report.

#[path = "../interop/examples/in_process_server.rs"]
mod in_process_server;
#[path = "../interop/examples/own_client.rs"]
mod own_client;
#[path = "support/tcp.rs"]
mod tcp;

use std::io::{Read, Write};
use std::panic;

use interop::embed::{Check, ServerPeer};

#[test]
fn a_server_of_the_test_itself_passes() {
    in_process_server::main().unwrap();
}

#[test]
fn a_client_of_the_test_itself_is_answered_by_a_program() {
    let all_are_required = std::env::var_os("INTEROP_REQUIRE").is_some_and(|value| value == "all");
    if which::which("python3").is_err() && !all_are_required {
        return eprintln!("left out: it needs python3");
    }
    own_client::main().unwrap();
}

#[test]
fn a_server_that_is_wrong_fails_the_test_with_a_report_that_names_the_mistake() {
    let address = tcp::served(|mut stream| {
        let mut frame = [0; 9];
        stream.read_exact(&mut frame)?;
        frame[..4].reverse();
        stream.write_all(&frame)
    });
    let played = Check::server_at(address).cases("framing.single").unwrap().run().unwrap();
    assert_eq!(played.failures().count(), 1);
    let failed = panic::catch_unwind(|| played.assert_passes()).unwrap_err();
    let said = failed.downcast_ref::<String>().unwrap();
    assert!(said.contains("✗ fail  framing.single") || said.contains("X fail"), "{said}");
    assert!(said.contains("length field is little-endian"), "{said}");
}

#[test]
fn a_pattern_that_matches_no_case_is_refused_and_what_was_meant_is_named() {
    let refused = Check::server_at(([127, 0, 0, 1], 1).into()).cases("framing.singel").unwrap_err();
    assert!(refused.contains("framing.single"), "{refused}");
}

#[test]
fn a_folder_without_a_peer_is_refused_and_named() {
    let refused = Check::peer("no/such/folder").unwrap_err().to_string();
    assert!(refused.contains("no/such/folder"), "{refused}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = ServerPeer::start("no/such/folder", "u32be/echo".parse().unwrap());
    assert!(runtime.block_on(started).unwrap_err().to_string().contains("no/such/folder"));
}

#[test]
fn a_server_that_is_not_there_is_an_error_and_no_pass() {
    let played = Check::server_at(([127, 0, 0, 1], tcp::closed_port()).into());
    let played = played.cases("framing.single").unwrap().run().unwrap();
    assert_eq!((played.summary.pass, played.summary.error), (0, 1));
    panic::catch_unwind(|| played.assert_passes()).unwrap_err();
}
