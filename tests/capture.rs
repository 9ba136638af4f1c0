//! Captures, and the dissector for them, in the hands of a packet analyser: that it finds nothing wrong with their
//! packets, puts the very bytes together that the programs saw, and shows the messages in them.

#[path = "command_line/support.rs"]
#[expect(dead_code, reason = "the tests of the command line use more of it")]
mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use assert_cmd::Command;
use bytes::Bytes;
use interop::capture::pcapng::Interface;
use interop::capture::{About, write};
use interop::model::names::Role;
use interop::model::protocol::{Protocol, Transport, frame};
use interop::model::transcript::{
    Channel, ChannelEnd, Conn, Event, Setting, Sight, Stop, Transcript, What, Wire,
};
use libtest_mimic::{Arguments, Failed, Trial};
use rust_server::framing::Framing;
use support::{HANG, Peer, Project, column};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tshark = which::which("tshark").ok();
    let trial = |name: &str, test: fn(&Tshark) -> Result<(), Failed>| -> Trial {
        let here = tshark.clone();
        // No peer needs it, so its lack is no failure where all peers are required.
        let kind = if here.is_some() { "" } else { "needs tshark" };
        let none = here.is_none();
        let test = move || test(&Tshark(here.ok_or("no tshark on PATH")?));
        Trial::test(name, test).with_kind(kind).with_ignored_flag(none)
    };
    let tests = vec![
        trial("capture::an_analyser_finds_nothing_wrong_with_a_run", nothing_is_wrong),
        trial("capture::a_reset_is_all_that_is_found_where_one_was_sent", resets_are_found),
        trial("capture::it_has_the_very_bytes_that_the_program_saw", bytes_are_the_same),
        trial("capture::the_failure_is_told_where_it_is", failure_is_told),
        trial("dissector::the_golden_vectors_are_read_as_by_every_decoder", golden_vectors),
        trial("dissector::every_framing_shows_its_messages_however_they_are_cut", framings),
        trial("dissector::other_captures_are_read_by_ports_and_preferences", preferences),
        trial("dissector::a_run_is_shown_message_by_message", messages_of_a_run),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// All the checks that it can make.
const CHECKS: [&str; 8] = [
    "-o",
    "ip.check_checksum:TRUE",
    "-o",
    "tcp.check_checksum:TRUE",
    "-o",
    "udp.check_checksum:TRUE",
    "-o",
    "tcp.analyze_sequence_numbers:TRUE",
];

/// The packet analyser.
struct Tshark(PathBuf);

impl Tshark {
    /// What it writes about a capture.
    fn say(&self, capture: &Path, arguments: &[&str]) -> Result<String, Failed> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut command = Command::new(&self.0);
        // Without what its user has set up.
        command.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path()).timeout(HANG);
        command.args(CHECKS).arg("-r").arg(capture).args(arguments);
        let output = command.output().map_err(|e| format!("tshark cannot be run: {e}"))?;
        let (said, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let complaint: Vec<&str> =
            complaint.lines().filter(|line| !line.starts_with("Running as user")).collect();
        match output.status.success() && complaint.is_empty() {
            true => Ok(said.into_owned()),
            false => Err(format!("{}: {complaint:?}\n{said}", capture.display()).into()),
        }
    }

    /// The same, by the dissector of this repository.
    fn dissect(&self, capture: &Path, arguments: &[&str]) -> Result<String, Failed> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wireshark/interop.lua");
        let script = format!("lua_script:{}", script.display());
        self.say(capture, &[&["-X", &script], arguments].concat())
    }

    /// What it finds to warn of, each with its count.
    fn warnings(&self, capture: &Path) -> Result<Vec<String>, Failed> {
        let said = self.say(capture, &["-q", "-z", "expert,warn"])?;
        let rows = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok(rows.filter(|row| row.starts_with(|c: char| c.is_ascii_digit())).collect())
    }

    /// These fields of the packets, a row for each.
    fn fields(&self, capture: &Path, arguments: &[&str]) -> Result<Vec<Vec<String>>, Failed> {
        let said = self.say(capture, &[&["-T", "fields"], arguments].concat())?;
        Ok(said.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect())
    }

    /// The bytes from client to server and back, of a connection.
    fn stream(&self, capture: &Path, nth: usize) -> Result<[Vec<u8>; 2], Failed> {
        let said = self.say(capture, &["-q", "-z", &format!("follow,tcp,raw,{nth}")])?;
        let mut ways = [Vec::new(), Vec::new()];
        let is_hex = |line: &&str| {
            let hex = line.trim_start_matches('\t');
            !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        for line in said.lines().filter(is_hex) {
            let back = usize::from(line.starts_with('\t'));
            ways[back].extend(unhex(line.trim_start())?);
        }
        Ok(ways)
    }
}

fn unhex(text: &str) -> Result<Vec<u8>, Failed> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect::<Option<_>>().ok_or_else(|| format!("no hex: {text}").into())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, due: &T) -> Result<(), Failed> {
    let clip = |it: &T| format!("{it:?}").chars().take(2000).collect::<String>();
    match got == due {
        true => Ok(()),
        false => Err(format!("{what}: got {}\ndue {}", clip(got), clip(due)).into()),
    }
}

/// A server that keeps what it was sent and what it answered, by the port of its client.
fn keeps_all() -> Peer {
    const KEEP: &str = "open(f\"{connection.getpeername()[1]}.NAME\", \"ab\").write";
    let keep = |name: &str| KEEP.replace("NAME", name);
    let answers = "connection.sendall(struct.pack(\">I\", len(body)) + body)";
    let indent = " ".repeat(16);
    Peer::server("keeps")
        .but(
            "        data += chunk\n",
            &format!("        data += chunk\n        {}(chunk)\n", keep("asked")),
        )
        .but(
            answers,
            &format!(
                "{}(struct.pack(\">I\", len(body)) + body)\n{indent}{answers}",
                keep("answered")
            ),
        )
}

fn little_endian() -> Peer {
    Peer::server("little-endian").but("struct.pack(\">I\"", "struct.pack(\"<I\"")
}

fn captures(project: &Project) -> Result<Vec<PathBuf>, Failed> {
    let entries = fs::read_dir(project.path("interop-captures")).map_err(|e| e.to_string())?;
    let paths: Result<Vec<PathBuf>, _> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(|e| e.to_string())?;
    paths.sort();
    Ok(paths)
}

fn nothing_is_wrong(tshark: &Tshark) -> Result<(), Failed> {
    let project = Project::of([Peer::server("echo"), little_endian(), Peer::client("frames")]);
    let (status, document) = project.json(
        "--capture all --case framing.single --case payload.empty --case payload.large \
         --case connection.half-close --case concurrency.interleaved",
    );
    same("the exit status", &status, &1)?;
    let captures = captures(&project)?;
    same("captures", &captures.len(), &column(&document, "case").len())?;
    for outcome in ["pass", "fail"] {
        if !column(&document, "outcome").contains(&outcome) {
            return Err(format!("none came to {outcome}: {document:#}").into());
        }
    }
    for capture in captures {
        let due = vec![];
        same(&capture.display().to_string(), &tshark.warnings(&capture)?, &due)?;
    }
    Ok(())
}

fn resets_are_found(tshark: &Tshark) -> Result<(), Failed> {
    let project = Project::of([Peer::client("frames")]);
    project.json("--capture all --case connection.server-resets");
    let captures = captures(&project)?;
    same("captures", &captures.len(), &1)?;
    let due = vec!["1 Sequence TCP Connection reset (RST)".to_owned()];
    same("warnings", &tshark.warnings(&captures[0])?, &due)
}

fn bytes_are_the_same(tshark: &Tshark) -> Result<(), Failed> {
    for (case, role) in [
        ("payload.large", "server"),
        ("payload.large", "pairing"),
        ("framing.byte-by-byte", "server"),
        ("concurrency.pipelined", "pairing"),
    ] {
        let project = Project::of([keeps_all(), Peer::client("frames")]);
        let words = format!("--capture all --role {role} --case {case}");
        same("the exit status", &project.json(&words).0, &0)?;
        let captures = captures(&project)?;
        same("captures", &captures.len(), &1)?;
        // The last connection is with the server; where there is another before it, it is with the client.
        let ports = tshark.fields(
            &captures[0],
            &["-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "-e", "tcp.srcport"],
        )?;
        same("connections", &ports.len(), &if role == "pairing" { 2 } else { 1 })?;
        let port = &ports[ports.len() - 1][0];
        let kept = |name: &str| fs::read(project.path("keeps").join(format!("{port}.{name}")));
        let kept = [kept("asked"), kept("answered")].map(Result::unwrap_or_default);
        if kept[0].is_empty() || kept[1].is_empty() {
            return Err(format!("the server saw nothing from port {port}").into());
        }
        for nth in 0..ports.len() {
            let streams = tshark.stream(&captures[0], nth)?;
            same(&format!("{case}, {role}, connection {nth}"), &streams, &kept)?;
        }
    }
    Ok(())
}

fn failure_is_told(tshark: &Tshark) -> Result<(), Failed> {
    let project = Project::of([little_endian()]);
    project.json("--capture failed --case framing.single");
    let told = tshark.fields(
        &captures(&project)?[0],
        &["-Y", "frame.comment", "-e", "tcp.payload", "-e", "frame.comment"],
    )?;
    let due = "byte 0 of this segment: byte 0 of what the server sent: P1: answer 1 of 1 is wrong in its length \
               header, at byte 0 of the stream; likely: length field is little-endian";
    same("what is told", &told, &vec![vec!["0500000068656c6c6f".to_owned(), due.to_owned()]])
}

/// What a decoder has to make of a stream.
#[derive(Debug)]
struct Vector {
    name: String,
    limit: u64,
    stream: Vec<u8>,
    messages: Vec<Vec<u8>>,
    /// Nothing behind this is looked at.
    is_refused: bool,
}

impl Vector {
    fn parse(line: &str) -> Result<Self, Failed> {
        let columns: Vec<&str> = line.split(" | ").collect();
        let &[name, limit, stream, messages, end] = &columns[..] else {
            return Err(format!("no vector: {line}").into());
        };
        let messages = match messages {
            "-" => Vec::new(),
            messages => messages.split(',').map(bytes_of).collect::<Result<_, _>>()?,
        };
        let refused = ["too-long", "not-a-digit", "header-too-small"];
        Ok(Self {
            name: name.to_owned(),
            limit: limit.parse().map_err(|e| format!("{limit}: {e}"))?,
            stream: bytes_of(stream)?,
            messages,
            is_refused: refused.iter().any(|word| end.starts_with(word)),
        })
    }
}

/// The bytes that a bytes value of `tests/vectors/README.md` stands for.
fn bytes_of(value: &str) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    for part in value.split('+').filter(|part| *part != "\"\"") {
        let (hex, times) = part.split_once('*').unwrap_or((part, "1"));
        let times: usize = times.parse().map_err(|e| format!("{part}: {e}"))?;
        bytes.extend(unhex(hex)?.repeat(times));
    }
    Ok(bytes)
}

/// What a server answers, on a connection for each list of pieces.
fn capture_of(
    protocol: &str,
    description: &str,
    streams: &[Vec<Bytes>],
) -> Result<tempfile::NamedTempFile, Failed> {
    let protocol: Protocol = protocol.parse()?;
    let mut events = Vec::new();
    for (nth, pieces) in streams.iter().enumerate() {
        let channel = Channel::Answers(Conn::try_from(nth)?);
        let us = ([127, 0, 0, 1], 40_000 + u16::try_from(nth)?).into();
        let program = ([127, 0, 0, 1], 9000).into();
        events.push(What::Saw(Sight::Located { channel, program, us }));
        for bytes in pieces.iter().cloned() {
            events.push(What::Saw(Sight::Bytes { channel, bytes }));
        }
        events.push(What::Saw(Sight::Ended { channel, end: ChannelEnd::Fin }));
    }
    let setting = Setting {
        role: Role::Server,
        protocol,
        max_frame: None,
        greeting: Vec::new(),
        stop: Stop::EndOfInput,
        wire: Wire::Seen,
        began: Duration::from_secs(1_700_000_000),
    };
    let events = (0..).map(Duration::from_micros).zip(events);
    let events = events.map(|(at, what)| Event { at, what }).collect();
    let interfaces = vec![Interface { name: "server", description: description.to_owned() }];
    let about = About { name: String::new(), comment: String::new(), interfaces, wrong: None };
    let file = tempfile::NamedTempFile::new()?;
    let transcript = Transcript { setting, events, after: Vec::new() };
    write(File::create(file.path())?, u64::MAX, &about, &transcript)?;
    Ok(file)
}

/// A stream in pieces of so many bytes.
fn cut(stream: &[u8], piece: usize) -> Vec<Bytes> {
    stream.chunks(piece).map(Bytes::copy_from_slice).collect()
}

/// How many bytes of a stream come in one piece: few, where that does not make too many of them.
const fn sizes(stream: &[u8]) -> [usize; 2] {
    match stream.len() {
        ..64 => [1, 3],
        64..4096 => [500, 4096],
        _ => [50_000, 1 << 20],
    }
}

/// The messages that are shown of a connection, and whether it is said to be wrong.
type Shown = (Vec<Vec<u8>>, bool);

/// What is shown of each connection.
fn shown(
    tshark: &Tshark,
    capture: &Path,
    options: &[&str],
) -> Result<BTreeMap<usize, Shown>, Failed> {
    // An empty message is shown by its size alone.
    const FIELDS: [&str; 5] =
        ["tcp.stream", "udp.stream", "interop.size", "interop.message", "interop.refused"];
    let fields = FIELDS.map(|field| ["-e", field]).concat();
    let said = tshark.dissect(capture, &[options, &["-T", "fields"], &fields].concat())?;
    let mut shown: BTreeMap<usize, Shown> = BTreeMap::new();
    for line in said.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[tcp, udp, sizes, messages, refused] = &columns[..] else {
            return Err(format!("not five columns: {line}").into());
        };
        let stream = if tcp.is_empty() { udp } else { tcp };
        let (all, is_refused) = shown.entry(stream.parse()?).or_default();
        let mut bodies = messages.split(',').filter(|body| !body.is_empty());
        for size in sizes.split(',').filter(|size| !size.is_empty()) {
            let body = if size == "0" { "" } else { bodies.next().unwrap_or_default() };
            same("the size of a message", &(body.len() / 2), &size.parse()?)?;
            all.push(unhex(body)?);
        }
        *is_refused |= !refused.is_empty();
    }
    Ok(shown)
}

fn golden_vectors(tshark: &Tshark) -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(framing) = path.to_str().and_then(|path| path.strip_suffix(".txt")) else {
            continue;
        };
        let framing = framing.rsplit('/').next().unwrap_or_default();
        let protocol = format!("{framing}/{}", service_of(framing));
        let mut by_limit: BTreeMap<u64, Vec<Vector>> = BTreeMap::new();
        for line in fs::read_to_string(&path)?.lines() {
            if !line.is_empty() && !line.starts_with('#') {
                let vector = Vector::parse(line)?;
                by_limit.entry(vector.limit).or_default().push(vector);
            }
        }
        for (limit, vectors) in by_limit {
            let played: Vec<(&Vector, usize)> = vectors
                .iter()
                .flat_map(|vector| sizes(&vector.stream).map(|size| (vector, size)))
                .collect();
            let streams: Vec<_> =
                played.iter().map(|(vector, size)| cut(&vector.stream, *size)).collect();
            let capture = capture_of(&protocol, &format!("the server, in {protocol}"), &streams)?;
            // The preference has room for 32 bits.
            let limit = format!("interop.limit:{}", limit.min(u32::MAX.into()));
            let shown = shown(tshark, capture.path(), &["-o", &limit])?;
            for (nth, (vector, size)) in played.into_iter().enumerate() {
                let what = format!("{framing} {} in pieces of {size}", vector.name);
                let due = (vector.messages.clone(), vector.is_refused);
                same(&what, shown.get(&nth).unwrap_or(&(Vec::new(), false)), &due)?;
            }
        }
        files += 1;
    }
    match files {
        0 => Err("there are no vectors".into()),
        _ => Ok(()),
    }
}

/// A service that goes with a framing.
fn service_of(framing: &str) -> &'static str {
    if framing.starts_with("mnet") { "mnet" } else { "echo" }
}

fn framings(tshark: &Tshark) -> Result<(), Failed> {
    for name in Framing::names() {
        let protocol: Protocol = format!("{name}/{}", service_of(name)).parse()?;
        let of = |text: &str| Bytes::from(format!("\0\0\0\x02\0\0\0\0{text}"));
        let messages: Vec<Bytes> = ["first", "and a second", "3", "you messagge is of more bytes"]
            .into_iter()
            .map(of)
            .take(if protocol.has_one_message() { 1 } else { usize::MAX })
            .collect();
        let frames: Vec<Bytes> =
            messages.iter().map(|message| frame(protocol.written_as(), message)).collect();
        let stream = frames.concat();
        let streams = match protocol.transport {
            Transport::Tcp => [1, 7, 50, stream.len()].map(|size| cut(&stream, size)).into(),
            Transport::Udp => vec![frames],
        };
        let description = format!("the harness and the server rust, in {protocol}");
        let capture = capture_of(&protocol.to_string(), &description, &streams)?;
        let shown = shown(tshark, capture.path(), &[])?;
        same("streams", &shown.len(), &streams.len())?;
        let due: Vec<Vec<u8>> = messages.iter().map(|message| message.to_vec()).collect();
        for (nth, got) in shown {
            let what = format!("{name} in {} pieces", streams[nth].len());
            same(&what, &got, &(due.clone(), false))?;
        }
    }
    Ok(())
}

fn preferences(tshark: &Tshark) -> Result<(), Failed> {
    let stream = b"\x05\0hello\0\0".to_vec();
    let capture = capture_of("u16le/echo", "some interface", &[cut(&stream, 4)])?;
    let due = (vec![b"hello".to_vec(), Vec::new()], false);
    let nothing = (Vec::new(), false);
    for (options, due) in [
        (&["-o", "interop.framing:u16le", "-o", "interop.ports:9000"][..], &due),
        (&["-o", "interop.framing:u16le", "-d", "tcp.port==9000,interop"], &due),
        (&["-o", "interop.framing:u16le", "-o", "interop.ports:9001"], &nothing),
    ] {
        let shown = shown(tshark, capture.path(), options)?;
        same(&format!("{options:?}"), &shown[&0], due)?;
    }
    let (_, refused) = &shown(tshark, capture.path(), &["-o", "interop.ports:9000"])?[&0];
    same("as u32be it is refused", refused, &true)
}

fn messages_of_a_run(tshark: &Tshark) -> Result<(), Failed> {
    let project = Project::of([Peer::server("echo"), Peer::client("frames")]);
    project.json("--capture all --role pairing --case framing.single");
    let said = tshark.dissect(
        &captures(&project)?[0],
        &["-Y", "interop", "-T", "fields", "-e", "tcp.stream", "-e", "_ws.col.Info"],
    )?;
    let rows: Vec<&str> = said.lines().collect();
    // From the client to the link and on to the server, and back.
    let due = ["0", "1", "1", "0"].map(|connection| format!("{connection}\tu32be: 5 bytes: hello"));
    same("messages", &rows, &due.each_ref().map(String::as_str).to_vec())
}
