//! Programs that exchange datagrams, by UDP.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Peer, Project, column, document, fixed_port, results};

/// An echo server of datagrams that makes no mistake. Its argument is the port.
const SERVER: &str = include_str!("peers/datagram_server.py");
/// A client of datagrams, of contract `frames`, that makes no mistake. Its argument is the port.
const CLIENT: &str = include_str!("peers/datagram_client.py");

fn server() -> Peer {
    Peer::server("server").script(SERVER).with("framing = \"datagram\"")
}

fn client() -> Peer {
    Peer::client("client").script(CLIENT).with("framing = \"datagram\"")
}

/// The outcomes of these cases, by name, for a peer on its own.
fn outcomes(peer: Peer, cases: [&str; 2]) -> (Vec<(String, String)>, Value) {
    let words = cases.map(|case| format!("--case {case}")).join(" ");
    let (_, document) = Project::of([peer]).json(&words);
    let of = |result: &Value| {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        (text("case"), text("outcome"))
    };
    (results(&document).iter().map(of).collect(), document)
}

/// A peer with a mistake passes the one case, and fails the other.
fn passes_and_fails(peer: Peer, passes: &str, fails: &str) -> Value {
    let (mut outcomes, document) = outcomes(peer, [passes, fails]);
    outcomes.sort_by(|(_, one), (_, other)| other.cmp(one));
    let due = [(passes.to_owned(), "pass".to_owned()), (fails.to_owned(), "fail".to_owned())];
    assert_eq!(outcomes, due, "{document:#}");
    let failed = |result: &&Value| result["outcome"] == "fail";
    results(&document).iter().find(failed).expect("one failed").clone()
}

#[test]
fn programs_that_make_no_mistake_pass_everything_that_datagrams_are_asked() {
    let (status, document) = Project::of([server(), client()]).json("");
    assert_eq!(status, 0, "{document:#}");
    let passed = column(&document, "outcome").iter().all(|outcome| *outcome == "pass");
    assert!(passed, "{document:#}");
    assert!(column(&document, "transport").iter().all(|transport| *transport == "udp"));
    for role in ["server", "client", "pairing"] {
        let played = column(&document, "role").iter().filter(|played| **played == role).count();
        assert!(played > 10, "{played} as {role}");
    }
    for about_streams in ["framing.header-split", "connection.half-close", "limits.over-max"] {
        assert!(!column(&document, "case").contains(&about_streams), "{about_streams}");
    }
}

#[test]
fn a_second_answer_to_the_same_message_is_found() {
    let answer = "    server.sendto(message, client)\n";
    let wrong = server().but(answer, &format!("{answer}{answer}"));
    let (outcomes, document) = outcomes(wrong, ["framing.single", "payload.multibyte"]);
    assert!(outcomes.iter().all(|(_, outcome)| outcome == "fail"), "{document:#}");
    assert!(column(&document, "summary")[0].starts_with("P3"), "{document:#}");
}

#[test]
fn answers_to_the_wrong_client_are_found() {
    // It takes all that is there, and answers it to whoever sent the last.
    let right =
        "    message, client = server.recvfrom(65536)\n    server.sendto(message, client)\n";
    let wrong = "    message, client = server.recvfrom(65536)\n    messages = [message]\n    time.sleep(0.05)\n    \
                 try:\n        while True:\n            \
                 message, client = server.recvfrom(65536, socket.MSG_DONTWAIT)\n            \
                 messages.append(message)\n    except BlockingIOError:\n        pass\n    \
                 for message in messages:\n        server.sendto(message, client)\n";
    let wrong = server().but(right, wrong).but("import sys\n", "import sys\nimport time\n");
    let result = passes_and_fails(wrong, "framing.nothing-extra", "concurrency.accept-storm");
    assert_eq!(result["blame"], "server");
}

#[test]
fn a_buffer_that_is_shorter_than_a_datagram_is_found() {
    let wrong = server().but("recvfrom(65536)", "recvfrom(1024)");
    passes_and_fails(wrong, "framing.single", "framing.datagram-sizes");
    let wrong = client().but("server.recv(65536)", "server.recv(1024)");
    passes_and_fails(wrong, "framing.single", "framing.datagram-sizes");
}

#[test]
fn a_port_that_is_shared_with_a_second_server_is_found() {
    let bind = "server.bind(";
    let shared = "server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\nserver.bind(";
    passes_and_fails(server().but(bind, shared), "lifecycle.rebind", "lifecycle.port-taken");
}

#[test]
fn a_server_that_says_too_early_that_it_is_ready_is_found() {
    let says = "print(\"listening on\", server.getsockname()[1], flush=True)\n";
    let hasty = server()
        .but(says, "")
        .but(
            "server.bind(",
            "print(\"listening on\", sys.argv[1], flush=True)\ntime.sleep(2)\nserver.bind(",
        )
        .but("import sys\n", "import sys\nimport time\n")
        .section(
            "[server]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\n\
             ready = 'listening on'\nframing = \"datagram\"\n",
        );
    let result = passes_and_fails(hasty, "framing.single", "lifecycle.ready");
    let summary = result["summary"].as_str().expect("a summary");
    assert!(summary.contains("said that it was ready"), "{summary}");
}

#[test]
fn a_server_that_every_machine_can_reach_is_found() {
    let open = server().but("127.0.0.1", "0.0.0.0");
    passes_and_fails(open, "lifecycle.address", "lifecycle.loopback");
}

#[test]
fn a_server_without_a_ready_line_is_waited_for_until_its_port_is_bound() {
    let project = Project::empty();
    let late = "import time\ntime.sleep(1)\nserver.bind(";
    project.write("server.py", &SERVER.replace("server.bind(", late));
    let check = "check server --framing datagram --case framing.single --case lifecycle";
    let run = project.run(&format!("{check} -- python3 server.py {{port}}"));
    run.code(0).stdout(contains("passed"));
}

#[test]
fn an_address_where_nobody_takes_datagrams_is_an_error_that_names_it() {
    let port = fixed_port();
    let check = "check server --framing datagram --case framing.single";
    let run = Project::empty().run(&format!("{check} --addr 127.0.0.1:{port}"));
    run.code(3).stdout(contains(format!("127.0.0.1:{port}")).and(contains("refused")));
}

#[test]
fn mistakes_of_a_client_are_found() {
    let flush = client().but("        sys.stdout.buffer.flush()\n", "");
    passes_and_fails(flush, "connection.refused", "lifecycle.flush");
    let send = "            server.send(stdin[4:end])\n";
    let skips = client().but(send, "            end > 4 and server.send(stdin[4:end])\n");
    passes_and_fails(skips, "framing.single", "payload.empty");
    let twice = client().but(send, &format!("{send}{send}"));
    passes_and_fails(twice, "connection.refused", "framing.single");
    let calm = client()
        .but("        message = server.recv(65536)\n", "        message = receive()\n")
        .but("stdin, has_input", "\n\ndef receive():\n    try:\n        return server.recv(65536)\n    except OSError:\n        os._exit(0)\n\n\nstdin, has_input");
    let result = passes_and_fails(calm, "framing.single", "connection.refused");
    let summary = result["summary"].as_str().expect("a summary");
    assert!(summary.contains("exited with status 0 although nobody"), "{summary}");
}

#[test]
fn a_client_that_says_that_it_does_not_support_datagrams_is_not_judged() {
    let says = client().but("stdin, has_input", "sys.exit(77)\nstdin, has_input");
    let run = Project::of([says]).run("run --case framing.single --format json");
    let (status, document) = document(&run);
    assert_eq!((status, column(&document, "outcome")), (77, vec!["unsupported"]), "{document:#}");
}

#[test]
fn a_client_that_hard_codes_its_port_is_paired_and_has_one_of_itself_at_a_time() {
    let port = fixed_port().to_string();
    let section = format!(
        "[client]\ncommand = [\"python3\", \"peer.py\", \"{port}\"]\ncontract = \"frames\"\nport = {port}\n\
         framing = \"datagram\"\n"
    );
    let project = Project::of([server(), client().section(&section)]);
    let cases = "--role pairing --case framing.single --case concurrency.interleaved";
    let (status, document) = project.json(cases);
    assert_eq!((status, column(&document, "case")), (0, vec!["framing.single"]), "{document:#}");
}
