//! What each service answers, asked through a server and the client library; and that the programs of
//! `exec` stay within their bounds.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rust_server::client::Client;
use rust_server::framing::{Framing, MaxFrame};
use rust_server::limits;
use rust_server::server::{Config, Server};
use rust_server::service::{BuiltIn, Exec};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::unix::pipe;

/// Far more than anything here takes: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, future).await {
        Ok(value) => value,
        Err(_) => panic!("hangs: {what}"),
    }
}

/// A server that lives as long as the test.
async fn serve(framing: &str, service: BuiltIn) -> SocketAddr {
    let framing = framing.parse().expect("a framing");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = Config::default().listen(listen).framing(framing);
    let server = Server::bind_service(config, service).await.expect("a free port");
    let address = server.local_addr();
    tokio::spawn(server.serve_until(std::future::pending()));
    address
}

fn named(service: &str) -> BuiltIn {
    service.parse().expect("a service")
}

fn exec(allowed: &[&str]) -> BuiltIn {
    let programs = allowed.iter().map(|name| name.parse().expect("a program"));
    BuiltIn::Exec(Exec::allowing(programs))
}

async fn connect(address: SocketAddr, framing: &str) -> Client {
    let framing: Framing = framing.parse().expect("a framing");
    let address = address.into();
    let connecting = Client::connect_with(&address, framing, MaxFrame::DEFAULT);
    within("connecting", connecting).await.expect("a connection")
}

/// All that a server answers to these messages and to the end of the stream.
async fn answers_from(address: SocketAddr, framing: &str, messages: &[&[u8]]) -> Vec<Bytes> {
    let mut client = connect(address, framing).await;
    for message in messages {
        client.send(message).await.expect("sent");
    }
    client.finish().await.expect("half-closed");
    let mut answers = Vec::new();
    while let Some(answer) = within("an answer", client.receive()).await.expect("a whole stream") {
        answers.push(answer);
    }
    answers
}

async fn answers(framing: &str, service: BuiltIn, messages: &[&[u8]]) -> Vec<Bytes> {
    answers_from(serve(framing, service).await, framing, messages).await
}

// ---- ack, upper, count, time

#[tokio::test]
async fn ack_says_that_the_message_came_and_answers_a_heartbeat() {
    for framing in ["u32be", "line", "fixed-1024"] {
        let messages: &[&[u8]] = &[b"hello", b"PING", "你好".as_bytes(), b"ping"];
        let said = answers(framing, named("ack"), messages).await;
        assert_eq!(
            said,
            ["服务器收到: hello", "PONG", "服务器收到: 你好", "服务器收到: ping"],
            "{framing}"
        );
    }
}

#[tokio::test]
async fn an_acknowledgement_that_has_no_room_ends_the_connection_behind_those_before_it() {
    let (fits, too_long) = ([b'a'; 1007], [b'a'; 1008]);
    let said = answers("fixed-1024", named("ack"), &[&fits, &too_long, b"not looked at"]).await;
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].len(), 1024);
}

#[tokio::test]
async fn upper_maps_as_unicode_does_and_answers_the_empty_message() {
    let messages: [&[u8]; 4] = ["straße".as_bytes(), "héllo ǆ ŉ".as_bytes(), b"", "i".as_bytes()];
    let said = answers("u32be", named("upper"), &messages).await;
    assert_eq!(said, ["STRASSE", "HÉLLO Ǆ ʼN", "", "I"]);
}

#[tokio::test]
async fn upper_answers_all_of_a_raw_stream_once() {
    assert_eq!(answers("raw", named("upper"), &[b"all of it"]).await, ["ALL OF IT"]);
    assert_eq!(answers("raw", named("upper"), &[]).await, [""; 0], "no bytes are no message");
}

#[tokio::test]
async fn upper_is_ended_by_exit_and_by_what_is_no_text() {
    for end in [&b"EXIT"[..], b" exit\r\n", b"Exit\x0b", b"\xff"] {
        let said = answers("u32be", named("upper"), &[b"before", end, b"not looked at"]).await;
        assert_eq!(said, ["BEFORE"], "{end:?}");
    }
    assert_eq!(answers("u32be", named("upper"), &[b"exits", b"after"]).await, ["EXITS", "AFTER"]);
}

#[tokio::test]
async fn count_counts_bytes_and_ends() {
    let said = answers("ascii4", named("count"), &["你好".as_bytes(), b"not looked at"]).await;
    assert_eq!(said, ["you messagge is 6 bytes"]);
    assert_eq!(
        answers("raw", named("count"), &[&[0; 70_000]]).await,
        ["you messagge is 70000 bytes"]
    );
    assert_eq!(answers("u32be", named("count"), &[b""]).await, ["you messagge is 0 bytes"]);
}

#[tokio::test]
async fn time_is_four_bytes_of_seconds_whatever_was_asked() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as u32;
    let before = now();
    let said = answers("u32be", named("time"), &[b"", b"what time is it?"]).await;
    assert_eq!(said.len(), 2);
    for answer in said {
        let seconds = u32::from_be_bytes(answer[..].try_into().expect("four bytes"));
        assert!((before..=now()).contains(&seconds), "{seconds}");
    }
}

// ---- mnet

#[tokio::test]
async fn mnet_informs_whoever_wants_a_reply_in_the_order_of_its_framing() {
    for framing in ["mnet", "mnet-le"] {
        let message = |command: u32, reply_wanted: u32, body: &[u8]| {
            let bytes = |number: u32| match framing {
                "mnet" => number.to_be_bytes(),
                _ => number.to_le_bytes(),
            };
            [&bytes(command)[..], &bytes(reply_wanted), body].concat()
        };
        let said = answers(
            framing,
            named("mnet"),
            &[
                &message(1, 1, b"inform"),
                &message(2, 1, b"request"),
                &message(2, 0, b"request without reply"),
                &message(3, 0x0100_0000, b"param"),
                &message(2, 1, b""),
            ],
        )
        .await;
        let expected = [message(1, 0, b"request"), message(1, 0, b"param"), message(1, 0, b"")];
        assert_eq!(said, expected, "{framing}");

        for end in [0, 4, 5, 0x0200_0000] {
            let before = message(2, 1, b"before");
            let messages: [&[u8]; 3] = [&before, &message(end, 1, b"the end"), &before];
            let said = answers(framing, named("mnet"), &messages).await;
            assert_eq!(said, [message(1, 0, b"before")], "{framing}, command {end}");
        }
    }
}

// ---- exec

#[tokio::test]
async fn exec_answers_stdout_and_then_stderr_and_goes_on() {
    let server = serve("u32be", exec(&["echo", "ls"])).await;
    let said = answers_from(server, "u32be", &[b"\techo  one two\n", b"echo"]).await;
    assert_eq!(said, ["one two\n", "\n"]);

    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("present"), "").expect("written");
    let command = format!("ls {0}/present {0}/absent", dir.path().display());
    let said = answers_from(server, "u32be", &[command.as_bytes()]).await;
    let said = String::from_utf8_lossy(&said[0]).into_owned();
    let (stdout, stderr) = said.split_once('\n').expect("two lines");
    assert!(stdout.ends_with("/present") && stderr.contains("absent"), "{said}");
}

#[tokio::test]
async fn exec_answers_all_of_a_raw_stream_once() {
    assert_eq!(answers("raw", exec(&["echo"]), &[b"echo hello"]).await, ["hello\n"]);
}

#[tokio::test]
async fn exec_refuses_what_is_not_allowed_and_goes_on() {
    let refusals: [(&[u8], &str); 9] = [
        (b"cat /etc/passwd", "not on the list"),
        (b"/bin/echo hello", "not on the list"),
        (b"./echo", "not on the list"),
        (b"ECHO", "not on the list"),
        (b"echo;cat", "not on the list"),
        (b"", "is empty"),
        (b" \t\n", "is empty"),
        (b"echo \xff", "no UTF-8"),
        (b"no-such-program", "cannot be run"),
    ];
    let server = serve("u32be", exec(&["echo", "no-such-program"])).await;
    for (command, reason) in refusals {
        let said = answers_from(server, "u32be", &[command, b"echo on"]).await;
        assert_eq!(said.len(), 2, "{command:?}");
        let refusal = String::from_utf8_lossy(&said[0]);
        assert!(refusal.starts_with("exec: ") && refusal.ends_with('\n'), "{refusal}");
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{refusal}");
        assert_eq!(said[1], "on\n");
    }
}

#[tokio::test]
async fn exec_knows_no_shell_and_gives_no_input() {
    let server = serve("u32be", exec(&["echo", "cat"])).await;
    let said = answers_from(server, "u32be", &[b"echo $HOME `id` * > /tmp/x ; id", b"cat"]).await;
    assert_eq!(said, ["$HOME `id` * > /tmp/x ; id\n", ""]);
}

#[tokio::test]
async fn exec_is_ended_by_exit_and_allows_nothing_by_itself() {
    let said = answers("u32be", exec(&["echo"]), &[b"echo 1", b" exit ", b"echo 2"]).await;
    assert_eq!(said, ["1\n"]);
    let said = answers("u32be", named("exec"), &[b"echo 1"]).await;
    assert!(said[0].starts_with(b"exec: "), "{said:?}");
}

#[tokio::test]
async fn exec_ends_a_program_that_writes_too_much() {
    let said = answers("u32be", exec(&["cat", "echo"]), &[b"cat /dev/zero", b"echo on"]).await;
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with(b"exec: the output is longer"), "{} bytes", said[0].len());
    assert_eq!(said[1], "on\n");
}

/// A pipe with a name. Whoever reads it waits until somebody writes; whoever writes to it learns when
/// its readers are gone.
struct Fifo(PathBuf);

impl Fifo {
    fn new(dir: &tempfile::TempDir) -> Self {
        let path = dir.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).expect("a fifo");
        Self(path)
    }

    /// Waits until a program reads it.
    async fn is_read(&self) -> pipe::Sender {
        let opened = async {
            loop {
                match pipe::OpenOptions::new().open_sender(&self.0) {
                    Ok(sender) => return sender,
                    Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        };
        within("a program that reads", opened).await
    }
}

#[tokio::test]
async fn exec_works_for_others_while_a_program_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = Fifo::new(&dir);
    let server = serve("u32be", exec(&["cat", "echo"])).await;
    let mut waiting = connect(server, "u32be").await;
    waiting.send(format!("cat {}", fifo.0.display()).as_bytes()).await.expect("sent");
    waiting.send(b"echo behind it").await.expect("sent");
    let mut sender = fifo.is_read().await;
    assert_eq!(answers_from(server, "u32be", &[b"echo others"]).await, ["others\n"]);
    sender.write_all(b"late").await.expect("written");
    drop(sender);
    for answer in ["late", "behind it\n"] {
        let said = within("an answer", waiting.receive()).await.expect("no error");
        assert_eq!(said, Some(answer.into()));
    }
}

/// A command that reads a pipe as long as it may and writes nothing, so that it ends neither by what it
/// writes nor by nobody reading that. The shell waits for the program that does so.
fn reads_for_ever(dir: &tempfile::TempDir, fifo: &Fifo) -> String {
    let script = dir.path().join("script");
    let reading = format!("cat {} > /dev/null; true\n", fifo.0.display());
    std::fs::write(&script, reading).expect("written");
    format!("sh {}", script.display())
}

/// Waits until a program reads the pipe. While a blocking task waits, a clock of the test's stands still.
async fn is_read(fifo: Fifo) -> std::fs::File {
    let open = move || std::fs::OpenOptions::new().write(true).open(fifo.0);
    tokio::task::spawn_blocking(open).await.expect("no panic").expect("a program that reads")
}

/// Writes until nobody can read it any more. The clock stands still, as in [`is_read`].
async fn nobody_reads(mut pipe: std::fs::File) {
    let until_it_breaks = move || {
        let begin = std::time::Instant::now();
        while pipe.write_all(b"still there?").is_ok() {
            assert!(begin.elapsed() < HANG, "the program still runs");
        }
    };
    tokio::task::spawn_blocking(until_it_breaks).await.expect("it has ended");
}

/// The clock stands still, so that it is not the time-out that ends the program.
#[tokio::test(start_paused = true)]
async fn exec_ends_a_program_whose_client_has_reset_its_connection() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = Fifo::new(&dir);
    let command = reads_for_ever(&dir, &fifo);
    let server = serve("u32be", exec(&["sh"])).await;
    let asking = async {
        let mut stream = TcpStream::connect(server).await.expect("a connection");
        stream.write_u32(command.len() as u32).await.expect("sent");
        stream.write_all(command.as_bytes()).await.expect("sent");
        stream
    };
    let (pipe, stream) = tokio::join!(is_read(fifo), asking);
    stream.set_zero_linger().expect("SO_LINGER");
    drop(stream);
    nobody_reads(pipe).await;
}

/// The clock is the test's: it jumps to the time-out as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn exec_ends_a_program_that_takes_too_long_and_what_it_has_started() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = Fifo::new(&dir);
    let command = reads_for_ever(&dir, &fifo);
    let server = serve("u32be", exec(&["sh"])).await;
    let mut client = connect(server, "u32be").await;
    let (pipe, sent) = tokio::join!(is_read(fifo), client.send(command.as_bytes()));
    sent.expect("sent");
    let said = client.receive().await.expect("no error").expect("an answer");
    assert_eq!(said, format!("exec: timed out after {} s\n", limits::EXEC_TIME.as_secs()));
    nobody_reads(pipe).await;
}
