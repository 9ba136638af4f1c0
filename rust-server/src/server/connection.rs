//! One connection: read, answer every complete message, write the answers together, again. Spawned by
//! `accept` as a task of its own, so that nothing of it is shared with another (P6).
//!
//! Reading and writing take turns. While answers wait for a client that does not read, nothing is
//! read from it, so its own sends block in the end: that is all the back-pressure there is (P10).

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use bytes::BytesMut;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::RecvFlags;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::config::Config;
use super::ending::{self, Shutdown};
use crate::framing::FrameError;
use crate::limits;
use crate::service::{Answers, Next, Pending, Service};

/// A connection and all that belongs to it.
pub(super) struct Connection<S> {
    stream: TcpStream,
    service: S,
    config: Arc<Config>,
    shutdown: Shutdown,
    /// Bytes read and not yet answered: after [`Connection::answer`] an unfinished frame, or nothing.
    input: BytesMut,
    /// Whether the client has ended its stream.
    input_ended: bool,
    /// When the first byte of the unfinished frame came, or when the wait for one began.
    waiting_since: Instant,
    /// Answers not yet written.
    output: BytesMut,
}

/// What answering came to.
enum Answered {
    /// Every complete message is answered.
    All,
    /// The output is full: write it first, then go on.
    OutputFull,
    /// Write these answers, then wait for the next one.
    Waiting(Pending),
    /// The connection ends behind these answers.
    Ending(End),
}

/// Why a connection ends, with its answers delivered.
#[derive(Debug)]
enum End {
    /// The client ended its stream at a frame boundary (P7).
    Finished,
    /// It ended it inside a frame (P8), or sent what is no frame of ours (P9), or the answer is none.
    Broken(FrameError),
    /// The service said so.
    Service,
    /// The service panicked.
    Panicked,
    /// No byte for the whole idle time-out.
    Idle,
    /// A frame took longer than the frame time-out.
    FrameTimeout,
    /// The server stops.
    Stopped,
}

/// Why a connection ends with answers undelivered.
#[derive(Debug)]
enum Lost {
    /// The transport failed, mostly a reset by the client (P11).
    Transport(io::Error),
    /// The client did not read for the whole idle time-out.
    Unread,
    /// The client did not read within the grace time.
    Cut,
}

impl<S: Service> Connection<S> {
    pub(super) fn new(
        stream: TcpStream,
        service: S,
        config: Arc<Config>,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            stream,
            service,
            config,
            shutdown,
            input: BytesMut::new(),
            input_ended: false,
            waiting_since: Instant::now(),
            output: BytesMut::new(),
        }
    }

    /// Serves the client to the end.
    pub(super) async fn run(mut self) {
        match self.serve().await {
            Ok(end) => {
                match &end {
                    End::Broken(error) => tracing::info!(%error, "connection ended"),
                    End::Panicked => tracing::error!("connection ended: the service panicked"),
                    end => tracing::debug!(?end, "connection ended"),
                }
                // At the client's FIN everything is read, so that a plain close sends a FIN too.
                if !self.input_ended {
                    ending::close_after_drain(self.stream, &self.shutdown).await;
                }
            }
            Err(Lost::Transport(error)) => tracing::debug!(%error, "connection lost"),
            Err(lost @ (Lost::Unread | Lost::Cut)) => {
                tracing::info!(?lost, unsent = self.output.len(), "connection reset");
                ending::abort(self.stream);
            }
        }
    }

    async fn serve(&mut self) -> Result<End, Lost> {
        loop {
            let unanswered = self.input.len();
            let answered = self.answer();
            self.write().await?;
            if self.input.len() != unanswered {
                // A message was complete, so what is left is the start of a new frame. The time in
                // which the client did not read does not count: its frame could not be read either.
                self.waiting_since = Instant::now();
            }
            match answered {
                Answered::Ending(end) => return Ok(end),
                Answered::OutputFull => continue,
                Answered::Waiting(answer) => match self.wait_for(answer).await? {
                    Some(end) => return Ok(end),
                    None => continue,
                },
                Answered::All => {}
            }
            if let Some(end) = self.read().await? {
                return Ok(end);
            }
        }
    }

    /// Answers the complete messages of the input, as far as the output takes them.
    fn answer(&mut self) -> Answered {
        let Config { framing, max_frame, .. } = *self.config;
        while self.output.len() < limits::ANSWER_BUFFER {
            let message = match self.input_ended {
                false => framing.decode(&mut self.input, max_frame),
                true => framing.finish(&mut self.input, max_frame),
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) if self.input_ended => return Answered::Ending(End::Finished),
                Ok(None) => return Answered::All,
                Err(error) => return Answered::Ending(End::Broken(error)),
            };
            let answered = self.output.len();
            let mut answers = Answers::new(framing, max_frame, &mut self.output);
            // Neither the service nor half of its answers is used after a panic.
            let next = AssertUnwindSafe(|| self.service.answer(message, &mut answers));
            match panic::catch_unwind(next) {
                Ok(Ok(Next::Continue)) => {}
                Ok(Ok(Next::Wait(answer))) => return Answered::Waiting(answer),
                Ok(Ok(Next::End)) => return Answered::Ending(End::Service),
                Ok(Err(error)) => return Answered::Ending(End::Broken(error)),
                Err(_) => {
                    self.output.truncate(answered);
                    return Answered::Ending(End::Panicked);
                }
            }
        }
        Answered::OutputFull
    }

    /// Waits for an answer that takes its time; `Some` when the connection ends instead. Only a reset
    /// tells that the client is gone: one that has ended its stream still reads (P7).
    async fn wait_for(&mut self, answer: Pending) -> Result<Option<End>, Lost> {
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = self.shutdown.cut.cancelled() => return Err(Lost::Cut),
            gone = self.stream.ready(Interest::ERROR) => {
                let reset = || io::ErrorKind::ConnectionReset.into();
                return Err(Lost::Transport(gone.err().unwrap_or_else(reset)));
            }
        };
        // The client's frame could not be read meanwhile.
        self.waiting_since = Instant::now();
        let Config { framing, max_frame, .. } = *self.config;
        let sent = Answers::new(framing, max_frame, &mut self.output).send(&answer);
        Ok(sent.err().map(End::Broken))
    }

    /// Writes all answers that wait, in as few pieces as the socket takes.
    async fn write(&mut self) -> Result<(), Lost> {
        while !self.output.is_empty() {
            let stalled = self.config.idle_timeout.since(Instant::now());
            tokio::select! {
                biased;
                written = self.stream.write_buf(&mut self.output) => match written {
                    Ok(0) => return Err(Lost::Transport(io::ErrorKind::WriteZero.into())),
                    Ok(_) => {}
                    Err(error) => return Err(Lost::Transport(error)),
                },
                () = self.shutdown.cut.cancelled() => return Err(Lost::Cut),
                () = stalled => return Err(Lost::Unread),
            }
        }
        Ok(())
    }

    /// Waits for more input and takes it; `Some` when the connection ends instead.
    async fn read(&mut self) -> Result<Option<End>, Lost> {
        let at_boundary = self.input.is_empty();
        let (timeout, too_late) = match at_boundary {
            true => (self.config.idle_timeout, End::Idle),
            false => (self.config.frame_timeout, End::FrameTimeout),
        };
        let release = async {
            // Reached when there is nothing to read at once: an idle connection holds no buffers.
            if at_boundary {
                self.input = BytesMut::new();
                self.output = BytesMut::new();
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            biased;
            // Before reading, or a client that never pauses would never hear it.
            () = self.shutdown.last_call.cancelled() => return Ok(Some(End::Stopped)),
            ready = self.stream.readable() => ready.map_err(Lost::Transport)?,
            () = self.shutdown.stop.cancelled(), if at_boundary => {
                let came = self.take_what_came()?;
                self.waiting_since = Instant::now();
                return Ok((!came).then_some(End::Stopped));
            }
            () = timeout.since(self.waiting_since) => return Ok(Some(too_late)),
            () = release => {}
        }
        self.input.reserve(limits::READ_STEP);
        // Not `try_read`: only a polled read knows that a short one has emptied the socket, and
        // saves the call that would find it empty.
        tokio::select! {
            biased;
            read = self.stream.read_buf(&mut self.input) => match read {
                Ok(0) => self.input_ended = true,
                Ok(_) => {}
                Err(error) => return Err(Lost::Transport(error)),
            },
            () = std::future::ready(()) => {}
        }
        if at_boundary && !self.input.is_empty() {
            self.waiting_since = Instant::now();
        }
        Ok(None)
    }

    /// Takes input that the kernel has already, so that what came before the order to stop is
    /// answered (P12). The runtime may not know of it yet: its own reads begin when the poller has
    /// seen it. `false`: there is none.
    fn take_what_came(&mut self) -> Result<bool, Lost> {
        let mut buffer = vec![0; limits::READ_STEP];
        let received =
            retry_on_intr(|| rustix::net::recv(&self.stream, &mut buffer[..], RecvFlags::DONTWAIT));
        match received {
            Ok((0, _)) => self.input_ended = true,
            Ok((got, _)) => self.input.extend_from_slice(&buffer[..got]),
            Err(Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(Lost::Transport(error.into())),
        }
        Ok(true)
    }
}
