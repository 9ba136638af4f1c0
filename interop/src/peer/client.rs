//! A client program and its contract: how messages are given to it and taken from it.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use regex::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::family::Family;
use super::manifest::Contract;
use super::process::{Ended, Launch, Lines, Process, Tail, make_room, wait_exit};
use crate::limits;
use crate::model::protocol::{NOTATION, frame};
use crate::model::transcript::{Exit, Stop};

/// Something that a client program did.
#[derive(Debug)]
pub enum ClientEvent {
    /// It delivered bytes, in the [notation](NOTATION).
    Delivered(Bytes),
    /// It ended, and everything that it delivered has been told.
    Exited(Exit),
}

/// A client program that runs.
#[derive(Debug)]
pub struct RunningClient {
    process: Process,
    stdin: mpsc::Sender<Bytes>,
    stop: Stop,
    lines: bool,
    tail: Tail,
    ended: watch::Receiver<Option<Exit>>,
}

/// How many writes may wait for a client that does not read its stdin.
const WAITING_WRITES: usize = 16;

impl RunningClient {
    /// Starts a client; what it does is told through `events`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(
        launch: &Launch,
        contract: &Contract,
        events: mpsc::Sender<ClientEvent>,
    ) -> io::Result<Self> {
        let (process, pipes) = Process::start(launch).await?;
        let tail = Tail::default();
        let (stdin, writes) = mpsc::channel(WAITING_WRITES);
        tokio::spawn(write_stdin(pipes.stdin, writes));
        let logs = tail.clone();
        let stderr = tokio::spawn(async move {
            let mut lines = Lines::of(pipes.stderr);
            while let Some(line) = lines.next().await {
                logs.push(&line);
            }
        });
        let deliver = events.clone();
        let stdout = match contract {
            Contract::Frames => tokio::spawn(read_frames(pipes.stdout, deliver)),
            Contract::Lines { received, .. } => {
                tokio::spawn(read_received(pipes.stdout, received.clone(), deliver, tail.clone()))
            }
        };
        let mut exit = process.watch_exit();
        let (told, ended) = watch::channel(None);
        tokio::spawn(async move {
            let exit = wait_exit(&mut exit).await;
            // Its output is whole once the pipes have ended; a grandchild may keep them open.
            let _ = timeout(limits::DRAIN, async { tokio::join!(stdout, stderr) }).await;
            let _ = told.send(exit);
            if let Some(exit) = exit {
                let _ = events.send(ClientEvent::Exited(exit)).await;
            }
        });
        let (stop, lines) = (contract.stop(), matches!(contract, Contract::Lines { .. }));
        Ok(Self { process, stdin, stop, lines, tail, ended })
    }

    /// Gives it messages to send. Waits where it does not take them.
    pub async fn feed(&self, messages: &[Bytes]) {
        let mut input = BytesMut::new();
        for message in messages {
            if self.lines {
                input.extend_from_slice(message);
                input.put_u8(b'\n');
            } else {
                input.extend_from_slice(&frame(NOTATION, message));
            }
        }
        // It fails only when the client has ended, which is seen by itself.
        let _ = self.stdin.send(input.freeze()).await;
    }

    /// Tells it that there is no more: by the end of its stdin, or by an interrupt.
    pub async fn end_input(&mut self) {
        match self.stop {
            Stop::EndOfInput => self.stdin = mpsc::channel(1).0,
            Stop::Interrupt => self.process.interrupt(),
        }
    }

    /// It and all that it started.
    #[must_use]
    pub const fn family(&self) -> &Family {
        self.process.family()
    }

    /// The last lines of its stderr, and of its stdout where that is chatter.
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// A handle that waits for its end, and for all that it wrote before. Cancel safe.
    #[must_use]
    pub fn watch_end(&self) -> watch::Receiver<Option<Exit>> {
        self.ended.clone()
    }

    /// Ends it if it still runs, and what it left behind. Returns how that went.
    pub async fn stop(self) -> Ended {
        self.process.stop(limits::GRACE).await
    }
}

/// The sender's end closes the pipe; so does the client's.
async fn write_stdin(mut stdin: ChildStdin, mut writes: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = writes.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_frames(mut stdout: ChildStdout, events: mpsc::Sender<ClientEvent>) {
    let mut room = BytesMut::new();
    loop {
        make_room(&mut room);
        match stdout.read_buf(&mut room).await {
            Ok(0) | Err(_) => return,
            // Nobody listening any more is no reason to stop draining.
            Ok(_) => drop(events.send(ClientEvent::Delivered(room.split().freeze())).await),
        }
    }
}

async fn read_received(
    stdout: ChildStdout,
    received: Regex,
    events: mpsc::Sender<ClientEvent>,
    tail: Tail,
) {
    let mut lines = Lines::of(stdout);
    while let Some(line) = lines.next().await {
        match received.captures(&line).and_then(|found| found.get(1)) {
            Some(text) => {
                let message = frame(NOTATION, text.as_str().as_bytes());
                let _ = events.send(ClientEvent::Delivered(message)).await;
            }
            None => tail.push(&line),
        }
    }
}
