//! The mistakes. Each function is one decision of the correct programs, with what is wrong under each mistake beside what is
//! right. What each does wrong, in words, and which cases find it: ../mutants.toml.

use std::env;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::process;
use std::sync::{Mutex, MutexGuard};

use crate::frames::{Fault, HEADER_SIZE, MAX_FRAME};
use crate::signals;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    None,
    ReadHeader,
    ReadBody,
    ReadLine,
    WriteNotAll,
    BufWriterNotFlushed,
    LengthAsU16,
    LengthAsI32,
    FromUtf8Lossy,
    TrimmedString,
    VecResized,
    VecWithCapacity,
    UnwrapOnReset,
    UnwrapOnTooLong,
    OneThread,
    MutexAroundWrite,
    ChannelUnbounded,
    StdoutNotFlushed,
    PrintlnToStdout,
    ErrorIgnored,
    ReceiverNotJoined,
}

const SWITCHES: [(&str, Bug); 20] = [
    ("rust-read-header", Bug::ReadHeader),
    ("rust-read-body", Bug::ReadBody),
    ("rust-read-line", Bug::ReadLine),
    ("rust-write-not-all", Bug::WriteNotAll),
    ("rust-bufwriter-not-flushed", Bug::BufWriterNotFlushed),
    ("rust-length-as-u16", Bug::LengthAsU16),
    ("rust-length-as-i32", Bug::LengthAsI32),
    ("rust-from-utf8-lossy", Bug::FromUtf8Lossy),
    ("rust-trimmed-string", Bug::TrimmedString),
    ("rust-vec-resized", Bug::VecResized),
    ("rust-vec-with-capacity", Bug::VecWithCapacity),
    ("rust-unwrap-on-reset", Bug::UnwrapOnReset),
    ("rust-unwrap-on-too-long", Bug::UnwrapOnTooLong),
    ("rust-one-thread", Bug::OneThread),
    ("rust-mutex-around-write", Bug::MutexAroundWrite),
    ("rust-channel-unbounded", Bug::ChannelUnbounded),
    ("rust-stdout-not-flushed", Bug::StdoutNotFlushed),
    ("rust-println-to-stdout", Bug::PrintlnToStdout),
    ("rust-error-ignored", Bug::ErrorIgnored),
    ("rust-receiver-not-joined", Bug::ReceiverNotJoined),
];

/// The mistake that the environment asks for.
pub fn from_environment() -> Result<Bug, String> {
    let name = env::var("MUTANT").unwrap_or_default();
    if name.is_empty() {
        return Ok(Bug::None);
    }
    let names = SWITCHES.map(|(name, _)| name).join(" ");
    let found = SWITCHES.iter().find(|(switch, _)| *switch == name).map(|(_, bug)| *bug);
    found.ok_or_else(|| format!("MUTANT={name}: no such switch; there are: {names}"))
}

// The length field.

pub fn header(bug: Bug, body: &[u8]) -> [u8; HEADER_SIZE] {
    match bug {
        Bug::LengthAsU16 => u32::from(body.len() as u16).to_be_bytes(),
        _ => (body.len() as u32).to_be_bytes(),
    }
}

pub fn length(bug: Bug, header: [u8; HEADER_SIZE]) -> usize {
    match bug {
        Bug::LengthAsI32 => i32::from_be_bytes(header).max(0) as usize,
        _ => u32::from_be_bytes(header) as usize,
    }
}

// Reading. What the correct programs read is read whole, or is `Fault::Truncated`.

pub fn read_header(bug: Bug, input: &mut impl Read) -> Result<Option<[u8; HEADER_SIZE]>, Fault> {
    let mut header = [0; HEADER_SIZE];
    let mut filled = 0;
    while filled < HEADER_SIZE {
        let read = input.read(&mut header[filled..])?;
        match (read, filled) {
            (0, 0) => return Ok(None),
            (0, _) => return Err(Fault::Truncated),
            _ => filled += read,
        }
        if bug == Bug::ReadHeader {
            break; // read() in place of read_exact(): what has come is all there is
        }
    }
    Ok(Some(header))
}

pub fn read_body(
    bug: Bug,
    input: &mut BufReader<impl Read>,
    length: usize,
) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    match bug {
        Bug::ReadBody if length > 0 => {
            body.resize(length, 0);
            input.read(&mut body)?;
            return Ok(body);
        }
        Bug::ReadLine if length > 0 => {
            input.take(length as u64).read_until(b'\n', &mut body)?;
            return Ok(body);
        }
        _ => input.take(length as u64).read_to_end(&mut body)?,
    };
    if body.len() < length {
        Err(Fault::Truncated)
    } else {
        Ok(body)
    }
}

/// What is done with a claimed length before it is looked at. Nothing.
pub fn reserve(bug: Bug, claimed: usize) {
    const AT_MOST: usize = 512 * 1024 * 1024; // to be found by the harness, not by the machine
    let mut body: Vec<u8> = Vec::new();
    match bug {
        Bug::VecResized if claimed > MAX_FRAME => body.resize(claimed.min(AT_MOST), 1),
        Bug::VecWithCapacity if claimed > MAX_FRAME => body.reserve_exact(claimed),
        _ => {}
    }
    std::hint::black_box(&mut body);
}

pub fn received(bug: Bug, body: Vec<u8>) -> Vec<u8> {
    match bug {
        Bug::FromUtf8Lossy => String::from_utf8_lossy(&body).into_owned().into_bytes(),
        Bug::TrimmedString => match String::from_utf8(body) {
            Ok(text) => text.trim().as_bytes().to_vec(),
            Err(error) => error.into_bytes(),
        },
        _ => body,
    }
}

// Writing.

/// What messages are written to.
pub enum Output {
    Direct(TcpStream),
    Buffered(BufWriter<TcpStream>),
}

impl Output {
    pub fn new(bug: Bug, stream: TcpStream) -> Self {
        match bug {
            Bug::BufWriterNotFlushed => Self::Buffered(BufWriter::new(stream)), // flushed when full, and when dropped
            _ => Self::Direct(stream),
        }
    }

    pub fn send(&mut self, bug: Bug, frame: &[u8]) -> io::Result<()> {
        static WRITING: Mutex<()> = Mutex::new(());
        let _guard: Option<MutexGuard<()>> =
            if bug == Bug::MutexAroundWrite { WRITING.lock().ok() } else { None };
        match self {
            Self::Buffered(writer) => writer.write_all(frame),
            Self::Direct(stream) if bug == Bug::WriteNotAll => {
                let _taken = signals::send_what_fits(stream, frame);
                Ok(())
            }
            Self::Direct(stream) => stream.write_all(frame),
        }
    }
}

// The server.

/// The end of a connection by a fault of its client.
pub fn fault(bug: Bug, fault: &Fault) {
    match (bug, fault) {
        (Bug::UnwrapOnReset, Fault::Lost(_)) | (Bug::UnwrapOnTooLong, Fault::TooLong(_)) => {
            Err::<(), _>(fault).unwrap(); // panic=abort
        }
        _ => {}
    }
}

// The client.

pub fn connected(bug: Bug) {
    if bug == Bug::PrintlnToStdout {
        println!("connected");
    }
}

pub fn flush_stdout(bug: Bug, stdout: &mut impl Write) -> io::Result<()> {
    match bug {
        Bug::StdoutNotFlushed => Ok(()), // written with each newline that happens to be in it, and when the buffer is full
        _ => stdout.flush(),
    }
}

pub fn input_ended(bug: Bug) {
    if bug == Bug::ReceiverNotJoined {
        process::exit(0);
    }
}

pub fn exit_status(bug: Bug, status: i32) -> i32 {
    if bug == Bug::ErrorIgnored {
        0
    } else {
        status
    }
}
