//! `rust-server` and `rust-client` as their users meet them: arguments, what they print, signals and
//! exit codes (P12, P13).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use predicates::prelude::*;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};

/// Far more than anything here takes: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(60);

#[expect(
    clippy::disallowed_methods,
    reason = "the programs under test are started here, and ended by `Running`"
)]
fn command(program: &str) -> Command {
    let mut command = match program {
        "rust-server" => Command::new(cargo_bin!("rust-server")),
        "rust-client" => Command::new(cargo_bin!("rust-client")),
        other => Command::new(other),
    };
    command.env_remove("RUST_LOG").env("COLUMNS", "100");
    command
}

fn server() -> assert_cmd::Command {
    assert_cmd::Command::from_std(command("rust-server"))
}

fn client() -> assert_cmd::Command {
    assert_cmd::Command::from_std(command("rust-client"))
}

/// A program that runs until the test is over, or for [`HANG`]: whoever waits for its output or its end
/// then sees it killed.
struct Running {
    child: Arc<Mutex<Child>>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = self.child.lock().expect("no panic while it is held");
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.stderr(Stdio::piped()).spawn().expect("it starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take();
        let child = Arc::new(Mutex::new(child));
        let watched = Arc::downgrade(&child);
        thread::spawn(move || {
            thread::sleep(HANG);
            if let Some(child) = watched.upgrade() {
                let _ = child.lock().expect("no panic while it is held").kill();
            }
        });
        Self { child, stdin, stdout, stderr }
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock().expect("no panic while it is held");
        kill_process(Pid::from_child(&child), signal).expect("it runs");
    }

    fn exit_code(&mut self) -> Option<i32> {
        loop {
            // The lock is free between two looks, for the watchdog.
            let ended = self.child.lock().expect("no panic while it is held").try_wait();
            if let Some(status) = ended.expect("its status") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.stderr.take().expect("taken once");
        stderr.read_to_string(&mut text).expect("text");
        text
    }
}

/// A `rust-server` that has said where it listens.
struct RunningServer {
    program: Running,
    address: String,
}

impl RunningServer {
    fn start(args: &[&str]) -> Self {
        let mut command = command("rust-server");
        command.args(args);
        Self::over(Running::start(command))
    }

    fn over(mut program: Running) -> Self {
        let mut line = String::new();
        let stdout = program.stdout.as_mut().expect("its stdout");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("not ready: {line:?}"));
        Self { address: address.to_owned(), program }
    }

    fn anywhere() -> Self {
        Self::start(&["--listen", "127.0.0.1:0"])
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(HANG)).expect("SO_RCVTIMEO");
        stream
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

fn round_trip(stream: &mut TcpStream, body: &[u8]) {
    stream.write_all(&frame(body)).expect("sent");
    let mut answer = vec![0; body.len() + 4];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, frame(body));
}

/// A server that takes one client, reads `takes` bytes of it, says `says`, ends its stream, and reads
/// to the end.
fn scripted(takes: usize, says: &'static [u8]) -> SocketAddr {
    play(says, move |stream| {
        let taken = stream.read_exact(&mut vec![0; takes]);
        taken.expect("what the client sends");
    })
}

/// As [`scripted`], but it says nothing before the client has ended its stream.
fn scripted_behind_the_end(says: &'static [u8]) -> SocketAddr {
    play(says, |stream| {
        let taken = std::io::copy(stream, &mut std::io::sink());
        taken.expect("the end of the client's stream");
    })
}

fn play(says: &'static [u8], first: impl FnOnce(&mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        first(&mut stream);
        stream.write_all(says).expect("written");
        stream.shutdown(Shutdown::Write).expect("half-closed");
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    address
}

fn one_line_of_stderr() -> impl Predicate<str> {
    predicate::function(|text: &str| text.lines().count() == 1)
}

// ---- rust-server

#[test]
fn help_of_the_server_shows_every_default() {
    let mut help = server().arg("--help").assert().success();
    for default in [
        "[default: 127.0.0.1:9000]",
        "[default: u32be]",
        "[default: echo]",
        "[default: \"16 MiB\"]",
        "[default: 4096]",
        "[default: 5m]",
        "[default: 30s]",
        "[default: 3s]",
        "u16le-counted",
    ] {
        help = help.stdout(contains(default));
    }
}

#[test]
fn arguments_that_make_no_sense_are_named_and_exit_with_2() {
    for (flag, value, expected) in [
        ("--listen", "nowhere", "HOST:PORT"),
        ("--framing", "u24be", "known: u32be"),
        ("--service", "ecko", "known: echo"),
        ("--max-frame", "big", "16 MiB"),
        ("--max-connections", "0", "1 or more"),
        ("--idle-timeout", "0s", "off"),
        ("--frame-timeout", "soon", "30s"),
        ("--grace", "off", "3s"),
        ("--threads", "0", "1 to 1024"),
        ("--threads", "1025", "1 to 1024"),
        ("--allow-exec", "/bin/date", "such as date"),
    ] {
        let refused = server().args([flag, value]).assert().code(2);
        refused.stderr(contains(flag).and(contains(expected))).stdout("");
    }
}

#[test]
fn arguments_that_make_no_sense_together_exit_with_2_and_say_why() {
    let exec_on = |listen| ["--service", "exec", "--allow-exec", "date", "--listen", listen];
    let combinations: [(&[&str], &str); 12] = [
        (&["--service", "exec"], "--allow-exec"),
        (&exec_on("0.0.0.0:0"), "loopback"),
        (&exec_on("[::]:0"), "loopback"),
        (&exec_on("example.invalid:0"), "loopback"),
        (&["--service", "mnet"], "mnet and mnet-le"),
        (&["--service", "mnet", "--framing", "raw"], "mnet and mnet-le"),
        (&["--service", "upper", "--framing", "mnet"], "command"),
        (&["--service", "time", "--framing", "line"], "four bytes"),
        (&["--service", "time", "--framing", "fixed-1024"], "four bytes"),
        (&["--service", "time", "--framing", "mnet-le"], "command"),
        (&["--service", "exec", "--framing", "line"], "lines"),
        (&["--service", "exec", "--framing", "datagram"], "connection"),
    ];
    for (args, why) in combinations {
        let refused = server().args(args).timeout(HANG).assert().code(2);
        refused.stderr(contains(why).and(contains("Usage: rust-server"))).stdout("");
    }
}

#[test]
fn port_0_reports_the_port_that_the_system_chose() {
    for listen in ["127.0.0.1:0", "localhost:0"] {
        let server = RunningServer::start(&["--listen", listen]);
        assert!(!server.address.ends_with(":0"), "{}", server.address);
        round_trip(&mut server.connect(), b"hello");
    }
}

#[test]
fn clients_are_served_by_one_thread_or_by_many() {
    for threads in ["1", "3"] {
        let server = RunningServer::start(&["--listen", "127.0.0.1:0", "--threads", threads]);
        let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for client in &mut clients {
            round_trip(client, b"hello");
        }
    }
}

#[test]
fn ipv6_is_listened_on_where_there_is_any() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let server = RunningServer::start(&["--listen", "[::1]:0"]);
    assert!(server.address.starts_with("[::1]:"), "{}", server.address);
    round_trip(&mut server.connect(), b"hello");
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_1() {
    let first = RunningServer::anywhere();
    let second = server().args(["--listen", &first.address]).timeout(HANG).assert();
    second
        .code(1)
        .stdout("")
        .stderr(contains("cannot listen on").and(contains(first.address.as_str())))
        .stderr(one_line_of_stderr());

    // Also where fewer descriptors are allowed than the default of connections needs.
    let mut limited = command("sh");
    limited.args(["-c", "ulimit -n 64 && exec \"$0\" --listen \"$1\""]);
    limited.arg(cargo_bin!("rust-server")).arg(&first.address);
    let third = assert_cmd::Command::from_std(limited).timeout(HANG).assert();
    third.code(1).stderr(contains("cannot listen on")).stderr(one_line_of_stderr());
}

#[test]
fn a_number_of_connections_that_was_asked_for_and_cannot_be_had_is_warned_of() {
    let mut limited = command("sh");
    let script = "ulimit -n 64 && exec \"$0\" --listen 127.0.0.1:0 --max-connections 100";
    limited.args(["-c", script]).arg(cargo_bin!("rust-server"));
    let mut server = RunningServer::over(Running::start(limited));
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.exit_code(), Some(0));
    let stderr = server.program.stderr();
    assert!(stderr.contains("--max-connections"), "{stderr}");
    assert!(!stderr.contains('\x1b'), "colour in a pipe: {stderr:?}");
}

#[test]
fn each_signal_ends_an_idle_server_with_0_and_the_port_is_free_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut first = RunningServer::anywhere();
        let mut idle = first.connect();
        round_trip(&mut idle, b"hello");
        first.program.signal(signal);
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).expect("ended by FIN");
        assert_eq!(rest, b"");
        drop(idle);
        assert_eq!(first.program.exit_code(), Some(0));
        assert_eq!(first.program.stderr(), "");

        let again = RunningServer::start(&["--listen", &first.address]);
        round_trip(&mut again.connect(), b"again");
    }
}

#[test]
fn a_signal_leaves_answers_whole() {
    let mut server = RunningServer::anywhere();
    let mut stream = server.connect();
    let messages = frame(&[7; 1000]).repeat(100);
    round_trip(&mut stream, b"accepted");
    stream.write_all(&messages).expect("sent");
    stream.write_all(&frame(b"never finished")[..9]).expect("sent");
    server.program.signal(Signal::TERM);
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).expect("ended by FIN");
    assert!(answers == messages, "{} bytes", answers.len());
    drop(stream);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn a_second_signal_ends_a_server_that_is_still_waiting() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut server = RunningServer::start(&["--listen", "127.0.0.1:0", "--grace", "1h"]);
        let mut holder = server.connect();
        round_trip(&mut holder, b"accepted");
        holder.write_all(&[0, 0]).expect("half a header");
        server.program.signal(Signal::TERM);
        while TcpStream::connect(&server.address).is_ok() {
            thread::yield_now();
        }
        server.program.signal(signal);
        assert_eq!(server.program.exit_code(), Some(code));
    }
}

#[test]
fn a_second_signal_resets_an_answer_that_it_cuts() {
    let mut server = RunningServer::start(&["--listen", "127.0.0.1:0", "--grace", "1h"]);
    let mut stream = server.connect();
    let message = frame(&vec![7; 14 << 20]);
    stream.write_all(&message).expect("sent");
    stream.read_exact(&mut [0; 100]).expect("the begin of the answer");
    server.program.signal(Signal::TERM);
    while TcpStream::connect(&server.address).is_ok() {
        thread::yield_now();
    }
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.exit_code(), Some(143));
    let ended = stream.read_to_end(&mut Vec::new());
    let error = ended.expect_err("an answer that was cut is no orderly end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_stderr_that_nobody_reads_does_not_stop_a_server() {
    let mut command = command("rust-server");
    command.args(["--listen", "127.0.0.1:0"]).env("RUST_LOG", "info");
    let mut server = RunningServer::over(Running::start(command));
    drop(server.program.stderr.take());
    for _ in 0..3 {
        let mut bad = server.connect();
        bad.write_all(&[0xff; 4]).expect("sent");
        assert_eq!(bad.read(&mut [0; 1]).expect("ended by FIN"), 0);
    }
    round_trip(&mut server.connect(), b"still there");
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn more_connections_than_can_be_counted_are_as_many_as_there_can_be() {
    let all = u64::MAX.to_string();
    let server = RunningServer::start(&["--listen", "127.0.0.1:0", "--max-connections", &all]);
    round_trip(&mut server.connect(), b"hello");
}

#[test]
fn a_server_out_of_descriptors_says_so_and_goes_on_when_there_are_some() {
    let mut limited = command("sh");
    let script = "ulimit -n 24 && exec \"$0\" --listen 127.0.0.1:0";
    limited.args(["-c", script]).arg(cargo_bin!("rust-server"));
    let mut server = RunningServer::over(Running::start(limited));
    let mut clients: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(&frame(b"hello")).expect("sent");
    }
    // The first are served, the last wait in the backlog for descriptors that the first give back.
    for mut client in clients {
        let mut answer = [0; 9];
        client.read_exact(&mut answer).expect("an answer");
    }
    round_trip(&mut server.connect(), b"and on");
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.exit_code(), Some(0));
    let stderr = server.program.stderr();
    assert!(stderr.contains("cannot accept"), "{stderr}");
}

#[test]
fn logs_go_to_stderr_and_only_when_asked_for() {
    let mut command = command("rust-server");
    command.args(["--listen", "127.0.0.1:0"]).env("RUST_LOG", "info");
    let mut program = Running::start(command);
    let mut stdout = BufReader::new(program.stdout.take().expect("its stdout"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("listening on ").expect("ready");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(&[0xff; 4]).expect("sent");
    assert_eq!(stream.read(&mut [0; 1]).expect("ended by FIN"), 0);
    drop(stream);
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code(), Some(0));
    let stderr = program.stderr();
    assert!(stderr.contains("longer than the limit"), "{stderr}");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "", "stdout carries the ready line alone");
}

// ---- rust-client: messages as arguments, as lines

#[test]
fn help_of_the_client_shows_every_default() {
    let mut help = client().arg("--help").assert().success();
    for default in [
        "[default: u32be]",
        "[default: \"16 MiB\"]",
        "[default: 10s]",
        "[default: 1]",
        "[default: 1s]",
        "[default: off]",
    ] {
        help = help.stdout(contains(default));
    }
}

#[test]
fn each_argument_is_sent_and_each_answer_printed() {
    let server = RunningServer::anywhere();
    let run = client().args([&server.address, "hello", "你好", ""]).timeout(HANG).assert();
    run.code(0).stdout("hello\n你好\n\n").stderr("");
}

#[test]
fn each_line_of_stdin_is_sent_and_each_answer_printed_without_a_prompt() {
    let server = RunningServer::anywhere();
    let run =
        client().arg(&server.address).write_stdin("one\ntwo\r\n\nlast").timeout(HANG).assert();
    run.code(0).stdout("one\ntwo\n\nlast\n").stderr("");
}

#[test]
fn a_line_is_answered_before_the_next_is_typed() {
    let server = RunningServer::anywhere();
    let mut command = command("rust-client");
    command.arg(&server.address);
    let mut program = Running::start(command);
    let mut stdout = BufReader::new(program.stdout.take().expect("its stdout"));
    let mut stdin = program.stdin.take().expect("its stdin");
    for text in ["first\n", "second\n"] {
        stdin.write_all(text.as_bytes()).expect("typed");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("an answer");
        assert_eq!(line, text);
    }
    drop(stdin);
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn an_answer_that_is_no_text_is_shown_with_marks() {
    let server = scripted(5, b"\0\0\0\x03a\xffb");
    let run = client().args([&server.to_string(), "x"]).timeout(HANG).assert();
    run.code(0).stdout("a\u{fffd}b\n");
}

#[test]
fn a_refused_connection_is_one_clear_line_and_exit_1() {
    // Bound, not listening: refused, and nobody else can take it meanwhile.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket());
    let address = address.expect("its address").to_string();
    let run = client().args([&address, "hello"]).timeout(HANG).assert();
    run.code(1)
        .stdout("")
        .stderr(contains("cannot connect to").and(contains(address.as_str())))
        .stderr(one_line_of_stderr());
}

#[test]
fn missing_answers_are_exit_1() {
    let server = scripted(10, b"\0\0\0\x01a").to_string();
    let run = client().args([&server, "a", "b"]).timeout(HANG).assert();
    run.code(1).stdout("a\n").stderr(contains("1 answers due"));
}

#[test]
fn more_answers_than_messages_are_all_printed_and_exit_1() {
    let server = scripted(10, b"\0\0\0\x01a\0\0\0\x01a\0\0\0\x01b").to_string();
    let run = client().args([&server, "a", "b"]).timeout(HANG).assert();
    run.code(1).stdout("a\na\nb\n").stderr(contains("3 messages in answer to 2"));
}

#[test]
fn a_truncated_message_behind_the_last_answer_is_exit_1() {
    let server = scripted(5, b"\0\0\0\x01a\0\0").to_string();
    let run = client().args([&server, "a"]).timeout(HANG).assert();
    run.code(1).stdout("a\n").stderr(contains("2 of 4 bytes"));
}

#[test]
fn a_carriage_return_at_the_end_of_the_input_is_part_of_the_message() {
    let server = RunningServer::anywhere();
    let run = client().arg(&server.address).write_stdin("abc\r").timeout(HANG).assert();
    run.code(0).stdout("abc\r\n");
}

#[test]
fn a_truncated_answer_is_exit_1_after_the_answers_before_it() {
    let server = scripted(10, b"\0\0\0\x01a\0\0\0\x09trunc").to_string();
    let run = client().args([&server, "a", "b"]).timeout(HANG).assert();
    run.code(1).stdout("a\n").stderr(contains("5 of 9 bytes"));
}

#[test]
fn a_silent_server_is_given_up_with_exit_1() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let run = client().args([&address, "--timeout", "100ms", "hello"]).timeout(HANG).assert();
    run.code(1).stdout("").stderr(contains("gave up").and(contains("1 answers due")));
}

#[test]
fn a_server_that_reads_nothing_is_given_up_while_there_is_still_something_to_send() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let mut command = command("rust-client");
    command.args([&address, "--timeout", "100ms", "--frames"]);
    let mut program = Running::start(command);
    // More than all buffers on the way to the server hold. The end of stdin is never reached.
    let mut stdin = program.stdin.take().expect("its stdin");
    while stdin.write_all(&frame(&[0; 100_000])).is_ok() {}
    assert_eq!(program.exit_code(), Some(1));
    let stderr = program.stderr();
    assert!(stderr.contains("gave up") && stderr.contains("does not take"), "{stderr}");
}

#[test]
fn waiting_for_more_input_is_not_silence() {
    let server = RunningServer::anywhere();
    let mut command = command("rust-client");
    command.args([&server.address, "--timeout", "100ms", "--frames"]);
    let mut program = Running::start(command);
    let mut stdout = program.stdout.take().expect("its stdout");
    let mut stdin = program.stdin.take().expect("its stdin");
    for _ in 0..2 {
        stdin.write_all(&frame(b"x")).expect("taken");
        let mut answer = [0; 5];
        stdout.read_exact(&mut answer).expect("an answer");
        thread::sleep(Duration::from_millis(300));
    }
    let ended = program.child.lock().expect("no panic while it is held").try_wait();
    assert!(ended.expect("its status").is_none(), "it gave up");
}

#[test]
fn both_programs_speak_the_framing_they_are_told() {
    for framing in ["u8", "u16le", "u64be", "u32le-counted"] {
        let server = RunningServer::start(&["--listen", "127.0.0.1:0", "--framing", framing]);
        let run =
            client().args([&server.address, "--framing", framing, "hello"]).timeout(HANG).assert();
        run.code(0).stdout("hello\n");
    }
}

#[test]
fn both_programs_speak_the_other_framings_and_services() {
    let mnet = "\0\0\0\x02\0\0\0\x01".to_owned();
    for (framing, service, message, answer) in [
        ("line", "ack", "hello", "服务器收到: hello"),
        ("fixed-1024", "ack", "hello", "服务器收到: hello"),
        ("u32be", "upper", "straße", "STRASSE"),
        ("raw", "upper", "straße", "STRASSE"),
        ("u32be", "exec", "echo hello", "hello\n"),
        ("raw", "exec", "echo hello", "hello\n"),
        ("raw", "count", "你好", "you messagge is 6 bytes"),
        ("ascii4", "count", "你好", "you messagge is 6 bytes"),
        ("datagram", "upper", "straße", "STRASSE"),
        ("mnet", "mnet", &format!("{mnet}hello"), "\0\0\0\x01\0\0\0\0hello"),
    ] {
        let args = ["--framing", framing, "--service", service, "--allow-exec", "echo"];
        let server = RunningServer::start(&[&["--listen", "127.0.0.1:0"], &args[..]].concat());
        let args = [&server.address, "--framing", framing, "--frames"];
        let run = client().args(args).write_stdin(frame(message.as_bytes())).timeout(HANG).output();
        let output = run.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{framing}/{service}: {output:?}");
        assert_eq!(output.stdout, frame(answer.as_bytes()), "{framing}/{service}");
    }
}

#[test]
fn a_second_message_that_a_raw_stream_has_no_room_for_is_exit_1_after_the_answer() {
    let server = RunningServer::start(&["--listen", "127.0.0.1:0", "--framing", "raw"]);
    let args = [&server.address, "--framing", "raw", "--frames"];
    let stdin = [frame(b"first"), frame(b"second")].concat();
    let output = client().args(args).write_stdin(stdin).timeout(HANG).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, frame(b"first"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("second message"), "{output:?}");
}

#[test]
fn a_message_that_the_framing_cannot_carry_is_exit_1_after_the_answers_before_it() {
    let server = RunningServer::start(&["--listen", "127.0.0.1:0", "--framing", "line"]);
    for (bad, why) in [("two\nlines", "line feed"), (" ", "white space"), ("", "empty")] {
        let args = [&server.address, "--framing", "line", "good", bad];
        let run = client().args(args).timeout(HANG).assert();
        run.code(1).stdout("good\n").stderr(contains(why)).stderr(one_line_of_stderr());
    }
}

// ---- rust-client: manners

#[test]
fn arguments_of_the_client_that_make_no_sense_are_named_and_exit_with_2() {
    for (flag, value, expected) in [
        ("--connect-timeout", "0s", "off"),
        ("--connect-tries", "0", "--connect-tries"),
        ("--retry-delay", "soon", "--retry-delay"),
        ("--heartbeat", "0s", "off"),
    ] {
        let refused = client().args(["127.0.0.1:1", flag, value]).timeout(HANG).assert().code(2);
        refused.stderr(contains(flag).and(contains(expected))).stdout("");
    }
    for framing in ["raw", "datagram", "mnet"] {
        let args = ["127.0.0.1:1", "--heartbeat", "1s", "--framing", framing];
        let refused = client().args(args).timeout(HANG).assert().code(2);
        refused.stderr(contains("--heartbeat").and(contains(framing))).stdout("");
    }
}

#[test]
fn a_refused_connect_is_tried_as_often_as_told() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket());
    let address = address.expect("its address").to_string();
    let mut asked = command("rust-client");
    asked.args([&address, "--connect-tries", "4", "--retry-delay", "1ms", "x"]);
    asked.env("RUST_LOG", "info");
    let run = assert_cmd::Command::from_std(asked).timeout(HANG).assert().code(1);
    let stderr = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(stderr.matches("trying again").count(), 3, "{stderr}");
    assert!(stderr.ends_with("(os error 111)\n"), "{stderr}");
}

/// A client whose input does not end, and a server that answers each of its heartbeats by `answer`.
/// The third heartbeat is told.
fn beating(answer: &'static [u8]) -> (Running, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let (third, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut ping = [0; 8];
        for beat in 1.. {
            if stream.read_exact(&mut ping).is_err() {
                break;
            }
            assert_eq!(&ping[..], frame(b"PING"));
            let _ = stream.write_all(answer);
            if beat == 3 {
                let _ = third.send(());
            }
        }
    });
    let mut command = command("rust-client");
    command.args([&address, "--frames", "--heartbeat", "100ms", "--keep-alive"]);
    (Running::start(command), told)
}

#[test]
fn heartbeats_are_sent_while_nothing_else_is_and_their_answers_are_not_shown() {
    let (mut program, third) = beating(b"\0\0\0\x04PONG");
    third.recv_timeout(HANG).expect("three heartbeats");
    drop(program.stdin.take());
    assert_eq!(program.exit_code(), Some(0), "{}", program.stderr());
    let mut shown = Vec::new();
    program.stdout.take().expect("its stdout").read_to_end(&mut shown).expect("its end");
    assert_eq!(shown, b"");
}

#[test]
fn a_server_that_does_not_answer_heartbeats_is_given_up_with_exit_1() {
    for answer in [&b""[..], b"\0\0\0\x04PING"] {
        let (mut program, _third) = beating(answer);
        assert_eq!(program.exit_code(), Some(1));
        let said = program.stderr();
        assert!(said.contains("PONG"), "{said}");
    }
}

// ---- datagrams

#[test]
fn a_server_of_datagrams_is_ready_and_is_ended_by_each_signal_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let args = ["--listen", "127.0.0.1:0", "--framing", "datagram", "--service", "time"];
        let mut server = RunningServer::start(&args);
        let args = [&server.address, "--framing", "datagram", "--frames"];
        let run = client().args(args).write_stdin(frame(b"")).timeout(HANG).output();
        let output = run.expect("it runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 8), "{output:?}");
        server.program.signal(signal);
        assert_eq!(server.program.exit_code(), Some(0));
        assert_eq!(server.program.stderr(), "");
    }
}

#[test]
fn datagrams_that_are_not_answered_are_not_waited_for_for_ever() {
    let args = ["--listen", "127.0.0.1:0", "--framing", "datagram", "--service", "upper"];
    let server = RunningServer::start(&args);
    let args = [&server.address, "--framing", "datagram", "--wait", "100ms"];
    let stdin = [frame(b"first"), frame(b"exit"), frame(b"third")].concat();
    let frames = client().args(args).arg("--frames").write_stdin(stdin).timeout(HANG).output();
    let output = frames.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, [frame(b"FIRST"), frame(b"THIRD")].concat());

    let run = client().args(args).args(["first", "exit"]).timeout(HANG).assert();
    run.code(1).stdout("FIRST\n").stderr(contains("1 answers due"));
}

#[test]
fn datagrams_that_nobody_receives_are_exit_1() {
    // Bound, and connected to itself: it takes from no other, and nobody else can have it meanwhile.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("its address").to_string();
    socket.connect(&address).expect("an address");
    let args = [&address, "--framing", "datagram", "--frames", "--wait", "1h"];
    let run = client().args(args).write_stdin(frame(b"hello")).timeout(HANG).assert();
    run.code(1).stdout("").stderr(contains(address.as_str())).stderr(one_line_of_stderr());
}

#[test]
fn a_datagram_over_the_limit_is_refused_after_the_answers_before_it() {
    let args = ["--listen", "127.0.0.1:0", "--framing", "datagram"];
    let server = RunningServer::start(&args);
    let args = [&server.address, "--framing", "datagram", "--frames"];
    let stdin = [frame(&[7; 65_507]), frame(&[7; 65_508])].concat();
    let output = client().args(args).write_stdin(stdin).timeout(HANG).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout == frame(&[7; 65_507]), "{} bytes", output.stdout.len());
    assert!(String::from_utf8_lossy(&output.stderr).contains("65507"), "{output:?}");
}

#[test]
fn a_message_over_the_limit_is_refused_after_the_answers_before_it() {
    let server = RunningServer::anywhere();
    let run = client()
        .args([&server.address, "--max-frame", "4", "four", "fiver"])
        .timeout(HANG)
        .assert();
    run.code(1).stdout("four\n").stderr(contains("5 bytes is longer than the limit of 4"));
}

// ---- rust-client --frames

fn run_frames(address: &str, stdin: impl Into<Vec<u8>>) -> Output {
    client().args([address, "--frames"]).write_stdin(stdin).timeout(HANG).output().expect("it runs")
}

#[test]
fn frames_on_stdin_come_back_as_frames_on_stdout() {
    let server = RunningServer::anywhere();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let stdin = [frame(b""), frame(&all_bytes), frame(&[0xff; 100_000])].concat();
    let output = run_frames(&server.address, stdin.clone());
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == stdin, "{} bytes", output.stdout.len());
    assert_eq!(output.stderr, b"");
}

#[test]
fn frames_are_u32be_whatever_the_framing_to_the_server_is() {
    let server = RunningServer::start(&["--listen", "127.0.0.1:0", "--framing", "u16le"]);
    let output = client()
        .args([&server.address, "--frames", "--framing", "u16le"])
        .write_stdin(frame(b"hello"))
        .output()
        .expect("it runs");
    assert_eq!(output.stdout, frame(b"hello"));
}

#[test]
fn each_frame_is_sent_and_each_answer_written_at_once() {
    let server = RunningServer::anywhere();
    let mut command = command("rust-client");
    command.args([&server.address, "--frames"]);
    let mut program = Running::start(command);
    let mut stdout = program.stdout.take().expect("its stdout");
    let mut stdin = program.stdin.take().expect("its stdin");
    for body in [&b"first"[..], b"", b"third"] {
        stdin.write_all(&frame(body)).expect("taken");
        let mut answer = vec![0; body.len() + 4];
        stdout.read_exact(&mut answer).expect("an answer before the end of stdin");
        assert_eq!(answer, frame(body));
    }
    drop(stdin);
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn more_than_all_buffers_goes_both_ways_at_once() {
    let server = RunningServer::anywhere();
    let stdin: Vec<u8> = (0..24_u8).flat_map(|n| frame(&vec![n; 1 << 20])).collect();
    let output = run_frames(&server.address, stdin.clone());
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == stdin, "{} bytes", output.stdout.len());
}

#[test]
fn a_truncated_frame_on_stdin_is_exit_1_after_what_is_due() {
    let server = RunningServer::anywhere();
    let output = run_frames(&server.address, [frame(b"whole"), vec![0, 0, 0, 9, 1]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, frame(b"whole"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("stdin") && stderr.contains("1 of 9 bytes"), "{stderr}");
}

#[test]
fn a_connection_that_ends_inside_a_frame_is_exit_1_after_the_messages_before_it() {
    for says in [&b"\0\0\0\x02hi\0\0"[..], b"\0\0\0\x02hi\0\0\0\x05", b"\0\0\0\x02hi\0\0\0\x05hel"]
    {
        let output = run_frames(&scripted(5, says).to_string(), frame(b"x"));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, frame(b"hi"));
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn after_the_end_of_stdin_the_server_decides_how_many_answers_there_are() {
    let server = scripted_behind_the_end(b"\0\0\0\x02hi").to_string();
    let output = run_frames(&server, [frame(b"a"), frame(b"b")].concat());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, frame(b"hi"));
}

/// Runs `--frames` with one message and with stdin held open until the program has ended.
fn exit_while_stdin_is_open(server: SocketAddr) -> Option<i32> {
    let mut command = command("rust-client");
    command.args([&server.to_string(), "--frames"]);
    let mut program = Running::start(command);
    let mut stdin = program.stdin.take().expect("its stdin");
    stdin.write_all(&frame(b"x")).expect("taken");
    let code = program.exit_code();
    drop(stdin);
    code
}

#[test]
fn a_server_that_closes_first_ends_the_client_at_once_with_the_truth() {
    let answered = scripted(5, b"\0\0\0\x01x");
    assert_eq!(exit_while_stdin_is_open(answered), Some(0));
    let unanswered = scripted(5, b"");
    assert_eq!(exit_while_stdin_is_open(unanswered), Some(1));
}

#[test]
fn a_closed_stdout_ends_the_client_without_a_panic() {
    let server = RunningServer::anywhere();
    let mut command = command("rust-client");
    command.args([&server.address, "--frames"]);
    let mut program = Running::start(command);
    drop(program.stdout.take());
    let mut stdin = program.stdin.take().expect("its stdin");
    stdin.write_all(&frame(b"x")).expect("taken");
    assert_eq!(program.exit_code(), Some(1));
    assert_eq!(program.stderr(), "");
}
