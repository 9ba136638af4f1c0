//! The server: a thread for each connection, which answers every message with the same bytes.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::process;
use std::sync::{mpsc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::bugs::{self, Bug, Output};
use crate::frames::{self, Fault};
use crate::signals;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100); // when accept fails for want of descriptors
const DRAIN: Duration = Duration::from_secs(1); // or a reset destroys the last answers
const STOP: Duration = Duration::from_secs(2); // from SIGTERM to the end at the latest
const STACK: usize = 256 * 1024;

static CONNECTIONS: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

fn connections() -> MutexGuard<'static, BTreeSet<RawFd>> {
    CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn run(bug: Bug, address: &str) -> ! {
    match serve(bug, address) {
        Ok(()) => process::exit(0),
        Err(error) => {
            eprintln!("cannot listen on {address}: {error}");
            process::exit(1);
        }
    }
}

fn serve(bug: Bug, address: &str) -> io::Result<()> {
    signals::heed_sigterm()?;
    let listener = TcpListener::bind(address)?; // sets SO_REUSEADDR
    listener.set_nonblocking(true)?;
    println!("listening on port {}", listener.local_addr()?.port());
    while signals::wait_for(&listener)? {
        match listener.accept() {
            Ok((stream, _)) => start(bug, stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_no_descriptors) => thread::sleep(ACCEPT_PAUSE),
        }
    }
    drop(listener);
    let deadline = Instant::now() + STOP;
    while !connections().is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    // What is unsent is reset away: half a frame and then FIN would look like the whole truth (P12).
    connections().iter().copied().for_each(signals::reset_on_close);
    Ok(())
}

fn start(bug: Bug, stream: TcpStream) {
    let descriptor = stream.as_raw_fd();
    connections().insert(descriptor);
    let run = move || {
        let _ended = answer_all(bug, &stream);
        connections().remove(&descriptor);
        drop(stream);
    };
    if bug == Bug::OneThread {
        run();
    } else if thread::Builder::new().stack_size(STACK).spawn(run).is_err() {
        connections().remove(&descriptor);
    }
}

/// What a client sends, until SIGTERM.
struct Input<'a>(&'a TcpStream);

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if signals::wait_for(self.0)? {
            self.0.read(buffer)
        } else {
            Err(io::Error::new(io::ErrorKind::Other, "the server stops"))
        }
    }
}

fn answer_all(bug: Bug, stream: &TcpStream) -> Result<(), Fault> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    let mut input = BufReader::with_capacity(64 * 1024, Input(stream));
    let result = if bug == Bug::ChannelUnbounded {
        answer_through_channel(bug, stream, &mut input)
    } else {
        let mut output = Output::new(bug, stream.try_clone()?);
        answer_each(bug, &mut input, |frame| output.send(bug, &frame))
    };
    let stopping =
        matches!(&result, Err(Fault::Lost(error)) if error.kind() == io::ErrorKind::Other);
    if let (Err(fault), false) = (&result, stopping) {
        bugs::fault(bug, fault);
    }
    if stopping || matches!(result, Err(Fault::TooLong(_))) {
        part(stream)?;
    }
    if stopping {
        Ok(())
    } else {
        result
    }
}

fn answer_each(
    bug: Bug,
    input: &mut BufReader<Input<'_>>,
    mut send: impl FnMut(Vec<u8>) -> io::Result<()>,
) -> Result<(), Fault> {
    while let Some(message) = frames::next(bug, input)? {
        send(frames::encode(bug, &message))?;
    }
    Ok(())
}

/// The mistake of [`Bug::ChannelUnbounded`]: who reads is never held back by who writes.
fn answer_through_channel(
    bug: Bug,
    stream: &TcpStream,
    input: &mut BufReader<Input<'_>>,
) -> Result<(), Fault> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let Ok(stream) = stream.try_clone() else { return };
            let mut output = Output::new(bug, stream);
            for frame in receiver {
                if output.send(bug, &frame).is_err() {
                    return;
                }
            }
        });
        answer_each(bug, input, move |frame| {
            sender.send(frame).map_err(|_| io::ErrorKind::BrokenPipe.into())
        })
    })
}

/// FIN behind the last answer, then what still comes is thrown away for a while.
fn part(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + DRAIN;
    let mut away = [0; 4096];
    while let Some(left) =
        deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        stream.set_read_timeout(Some(left))?;
        if stream.read(&mut away)? == 0 {
            break;
        }
    }
    Ok(())
}
