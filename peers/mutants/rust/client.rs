//! The client: a netcat for messages. The main thread receives, a second one sends, so it reads while it writes.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::bugs::{self, Bug, Output};
use crate::frames::{self, Fault};

const SILENCE: Duration = Duration::from_secs(10); // without a byte in either direction, when it is the server's turn
const TICK: Duration = Duration::from_millis(500); // how often that is looked at
const PIECE: usize = 64 * 1024; // bytes handed to the system at once

/// What both threads know of the conversation.
struct Exchange {
    sent: usize,
    received: usize,
    input_ended: bool,
    input_error: Option<String>,
    servers_turn: bool,
    moved_at: Instant, // when a byte last went or came
}

type Shared = Arc<Mutex<Exchange>>;

fn lock(exchange: &Shared) -> MutexGuard<'_, Exchange> {
    exchange.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn run(bug: Bug, address: &str) -> ! {
    match converse(bug, address) {
        Ok(()) => process::exit(bugs::exit_status(bug, 0)),
        Err(message) => fail(bug, &message),
    }
}

fn fail(bug: Bug, message: &str) -> ! {
    eprintln!("client: {message}");
    process::exit(bugs::exit_status(bug, 1));
}

fn converse(bug: Bug, address: &str) -> Result<(), String> {
    let connect = || -> io::Result<(TcpStream, TcpStream)> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        Ok((stream.try_clone()?, stream))
    };
    let (receiving, sending) =
        connect().map_err(|e| format!("cannot connect to {address}: {e}"))?;
    bugs::connected(bug);
    let exchange = Arc::new(Mutex::new(Exchange {
        sent: 0,
        received: 0,
        input_ended: false,
        input_error: None,
        servers_turn: false,
        moved_at: Instant::now(),
    }));
    let shared = exchange.clone();
    thread::spawn(move || send_input(bug, sending, &shared));
    receive_all(bug, receiving, &exchange)
}

/// The second thread: stdin, which always speaks the contract's framing, to the server.
fn send_input(bug: Bug, stream: TcpStream, exchange: &Shared) {
    let Ok(clone) = stream.try_clone() else { fail(bug, "no descriptors left") };
    let mut output = Output::new(bug, clone);
    let mut input = BufReader::new(io::stdin());
    loop {
        match frames::next(Bug::None, &mut input) {
            Ok(Some(message)) => {
                let frame = frames::encode(bug, &message);
                lock(exchange).sent += 1;
                if let Err(error) = send(bug, &mut output, &frame, exchange) {
                    fail(bug, &format!("cannot send: {error}"));
                }
            }
            Ok(None) => {
                lock(exchange).input_ended = true;
                bugs::input_ended(bug);
                break;
            }
            Err(fault) => {
                lock(exchange).input_error = Some(format!("stdin: {fault}"));
                break; // what was sent is still answered
            }
        }
    }
    drop(output);
    {
        let mut exchange = lock(exchange);
        exchange.servers_turn = true;
        exchange.moved_at = Instant::now();
    }
    let _gone_already = stream.shutdown(Shutdown::Write);
}

fn send(bug: Bug, output: &mut Output, frame: &[u8], exchange: &Shared) -> io::Result<()> {
    lock(exchange).servers_turn = true;
    lock(exchange).moved_at = Instant::now();
    for piece in frame.chunks(PIECE) {
        output.send(bug, piece)?;
        lock(exchange).moved_at = Instant::now();
    }
    lock(exchange).servers_turn = false;
    Ok(())
}

/// What the server sends; an error after a silence that was too long.
struct Input<'a>(TcpStream, &'a Shared);

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = self.0.read(buffer);
            let mut exchange = lock(self.1);
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if exchange.servers_turn && exchange.moved_at.elapsed() > SILENCE {
                        return Err(io::Error::new(
                            io::ErrorKind::TimedOut,
                            "the server was silent",
                        ));
                    }
                }
                result => {
                    exchange.moved_at = Instant::now();
                    return result;
                }
            }
        }
    }
}

fn receive_all(bug: Bug, stream: TcpStream, exchange: &Shared) -> Result<(), String> {
    let from_server = |fault: Fault| format!("from the server: {fault}");
    let mut input = BufReader::with_capacity(64 * 1024, Input(stream, exchange));
    let mut stdout = io::stdout().lock();
    while let Some(message) = frames::next(bug, &mut input).map_err(from_server)? {
        lock(exchange).received += 1;
        stdout
            .write_all(&frames::encode(Bug::None, &message))
            .and_then(|()| bugs::flush_stdout(bug, &mut stdout))
            .map_err(|e| format!("cannot write to stdout: {e}"))?;
    }
    // The server has closed. That was too early if answers are missing, or if stdin was not to be understood.
    let exchange = lock(exchange);
    match &exchange.input_error {
        Some(error) => Err(error.clone()),
        None if !exchange.input_ended && exchange.received < exchange.sent => Err(format!(
            "the server closed the connection, {} answers are missing",
            exchange.sent - exchange.received
        )),
        None => Ok(()),
    }
}
