//! One connection: read, answer every complete message, write the answers together, again. Spawned by
//! `accept` as a task of its own, so that nothing of it is shared with another (P6).
//!
//! Reading and writing take turns. While answers wait for a client that does not read, nothing is
//! read from it, so its own sends block in the end: that is all the back-pressure there is (P10).
//!
//! What a message costs is system calls, then copies. So as much as there is is read into the thread's
//! buffer at once, and all answers are written at once. Where each message is answered by itself, the
//! whole frames that came are what is to be sent, and are sent from where they were read; for
//! all other services they move to the connection's own input first. All else is the same for both.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::config::Config;
use super::register::{Entry, Order};
use super::{buffers, ending};
use crate::framing::{FrameError, Run};
use crate::limits;
use crate::service::{Answers, Next, Pending, Service};

/// A connection and all that belongs to it.
pub(super) struct Connection<S> {
    stream: TcpStream,
    service: S,
    /// Whether the answers to whole frames are these frames.
    alike: bool,
    config: Arc<Config>,
    entry: Entry,
    /// Bytes read and not yet answered: when all is answered, an unfinished frame, or nothing.
    input: BytesMut,
    /// Bytes that the unfinished frame will have at least, where that is known: a claim.
    wanted: usize,
    /// Bytes that the next frame is taken to have, where the last one was large; else 0.
    expected: usize,
    /// Whether the client has ended its stream.
    input_ended: bool,
    /// Answers that the socket has not taken yet, behind those that it has.
    output: BytesMut,
    /// Bytes of the output that it has.
    written: usize,
    /// What is to be done when it has.
    then: Then,
    /// When what is waited for began to be waited for: the rest of a frame, the next frame, or the
    /// client's taking some of the output. `None` until there is a wait.
    waiting_since: Option<Instant>,
}

/// What a connection does next, as soon as its output is written.
enum Then {
    /// Read: every complete message is answered.
    Read,
    /// Answer more of the input.
    Answer,
    /// Wait for an answer.
    Wait(Pending),
    /// End.
    End(End),
}

/// Why serving pauses.
enum Pause {
    /// An answer takes its time.
    Wait(Pending),
    /// The connection ends; its answers are delivered.
    End(End),
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
    pub(super) fn new(stream: TcpStream, service: S, config: Arc<Config>, entry: Entry) -> Self {
        Self {
            stream,
            alike: service.answers_alike() && config.framing.has_one_form(),
            service,
            config,
            entry,
            input: BytesMut::new(),
            wanted: 0,
            expected: 0,
            input_ended: false,
            output: BytesMut::new(),
            written: 0,
            then: Then::Read,
            waiting_since: None,
        }
    }

    /// Serves the client to the end.
    ///
    /// All that does not belong to reading and writing is apart, or each connection would have the room for
    /// it all its life; the connection goes there and back.
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would hold the connection twice: as its argument and while it runs"
    )]
    pub(super) fn run(mut self) -> impl Future<Output = ()> + Send {
        async move {
            loop {
                let paused = poll_fn(|cx| self.poll_serve(cx)).await;
                match Box::pin(self.pause(paused)).await {
                    Some(goes_on) => self = goes_on,
                    None => return,
                }
            }
        }
    }

    /// Does what serving paused for; gives the connection back if it goes on.
    async fn pause(mut self, pause: Result<Pause, Lost>) -> Option<Self> {
        let ended = match pause {
            Ok(Pause::Wait(answer)) => match self.wait_for(answer).await {
                Ok(None) => return Some(self),
                Ok(Some(end)) => Ok(end),
                Err(lost) => Err(lost),
            },
            Ok(Pause::End(end)) => Ok(end),
            Err(lost) => Err(lost),
        };
        match ended {
            Ok(end) => {
                match &end {
                    End::Broken(error) => tracing::info!(%error, "connection ended"),
                    End::Panicked => tracing::error!("connection ended: the service panicked"),
                    end => tracing::debug!(?end, "connection ended"),
                }
                // At the client's FIN everything is read, so that a plain close sends a FIN too.
                if !self.input_ended {
                    ending::close_after_drain(self.stream, self.entry).await;
                }
            }
            Err(Lost::Transport(error)) => tracing::debug!(%error, "connection lost"),
            Err(lost @ (Lost::Unread | Lost::Cut)) => {
                let unsent = self.output.len() - self.written;
                tracing::info!(?lost, unsent, "connection reset");
                ending::abort(self.stream);
            }
        }
        None
    }

    /// Serves the client until it has to be waited for.
    fn poll_serve(&mut self, cx: &mut Context<'_>) -> Poll<Result<Pause, Lost>> {
        let order = self.entry.hear();
        let mut completed = 0;
        loop {
            if !self.output.is_empty() {
                let Poll::Ready(written) = self.poll_write_output(cx) else {
                    return self.poll_until_written(cx).map(Err);
                };
                written?;
                continue;
            }
            match mem::replace(&mut self.then, Then::Read) {
                Then::Answer => completed += self.answer(),
                Then::Wait(answer) => return Poll::Ready(Ok(Pause::Wait(answer))),
                Then::End(end) => return Poll::Ready(Ok(Pause::End(end))),
                // Before reading, or a client that never pauses would never hear it.
                Then::Read if order >= Order::LastCall => {
                    return Poll::Ready(Ok(Pause::End(End::Stopped)));
                }
                Then::Read if completed >= limits::TURN => {
                    // Wakes this task again when the others have had their turn.
                    ready!(pin!(yield_now()).poll(cx));
                    completed = 0;
                }
                Then::Read => match self.poll_read(cx) {
                    Poll::Ready(read) => completed += read?,
                    Poll::Pending if self.stops_here() => {
                        if !self.take_what_came()? {
                            return Poll::Ready(Ok(Pause::End(End::Stopped)));
                        }
                    }
                    Poll::Pending => {
                        return self.poll_until_read(cx).map(|end| Ok(Pause::End(end)));
                    }
                },
            }
        }
    }

    /// Whether a connection that has nothing to read ends for it.
    fn stops_here(&self) -> bool {
        self.input.is_empty() && self.entry.heard() >= Order::Stop
    }

    /// Waits for input; ready when that is too long.
    fn poll_until_read(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let (timeout, too_late) = match self.input.is_empty() {
            true => (self.config.idle_timeout, End::Idle),
            false => (self.config.frame_timeout, End::FrameTimeout),
        };
        // Whoever waits holds no buffers.
        buffers::give_back(mem::take(&mut self.output));
        if self.input.is_empty() {
            buffers::give_back(mem::take(&mut self.input));
        }
        let now = Instant::now();
        let since = *self.waiting_since.get_or_insert(now);
        ready!(self.entry.poll_alarm(cx, now, timeout.deadline(since)));
        Poll::Ready(too_late)
    }

    /// Waits for the client to take some of the output; ready when that is too long.
    fn poll_until_written(&mut self, cx: &mut Context<'_>) -> Poll<Lost> {
        if self.entry.heard() >= Order::Cut {
            return Poll::Ready(Lost::Cut);
        }
        let now = Instant::now();
        let since = *self.waiting_since.get_or_insert(now);
        ready!(self.entry.poll_alarm(cx, now, self.config.idle_timeout.deadline(since)));
        Poll::Ready(Lost::Unread)
    }

    /// Writes some of the output.
    fn poll_write_output(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        let written =
            ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output[self.written..]));
        match written {
            Ok(0) => return Poll::Ready(Err(Lost::Transport(io::ErrorKind::WriteZero.into()))),
            Ok(written) => self.written += written,
            Err(error) => return Poll::Ready(Err(Lost::Transport(error))),
        }
        if self.written == self.output.len() {
            self.written = 0;
            self.output.clear();
        }
        // Nor does the time in which the client did not read count for its next frame, which could
        // not be read either.
        self.waiting_since = None;
        Poll::Ready(Ok(()))
    }

    /// Reads what there is; gives how many bytes of it are dealt with.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Lost>> {
        let come = self.input.len();
        if come >= limits::LARGE_START || self.expected > 0 {
            // The rest of the frame, but no more than as much again as has come, or as the last frame had,
            // and a step (P9).
            let missing = self.wanted.max(self.expected).saturating_sub(come);
            let most = come.max(self.expected) + limits::RESERVE_STEP;
            let room = missing.clamp(limits::RESERVE_STEP, most);
            self.make_room(room);
            let mut input = (&mut self.input).limit(room);
            let read = ready!(pin!(self.stream.read_buf(&mut input)).poll(cx));
            self.input_ended = read.map_err(Lost::Transport)? == 0;
            self.then = Then::Answer;
            return Poll::Ready(Ok(0));
        }
        buffers::lend(|buffer| {
            let start = self.input.len();
            buffer[..start].copy_from_slice(&self.input);
            let mut read = ReadBuf::new(&mut buffer[start..]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)).map_err(Lost::Transport)?;
            let end = start + read.filled().len();
            Poll::Ready(self.take(&buffer[..end], cx))
        })
    }

    /// Takes input that the kernel has already, so that what came before the order to stop is
    /// answered (P12). The runtime may not know of it yet: its own reads begin when the poller has
    /// seen it. `false`: there is none.
    fn take_what_came(&mut self) -> Result<bool, Lost> {
        self.waiting_since = None;
        self.then = Then::Answer;
        let received = buffers::lend(|buffer| {
            let flags = RecvFlags::DONTWAIT;
            let (got, _) = retry_on_intr(|| rustix::net::recv(&self.stream, &mut *buffer, flags))?;
            self.input.extend_from_slice(&buffer[..got]);
            Ok(got)
        });
        match received {
            Ok(got) => self.input_ended = got == 0,
            Err(Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(Lost::Transport(error.into())),
        }
        Ok(true)
    }

    /// Takes `came`, which is the input and what was read behind it; gives how many bytes of it are
    /// dealt with. Where answers are alike the frames go to the socket from here, and what it refuses
    /// to the output.
    fn take(&mut self, came: &[u8], cx: &mut Context<'_>) -> Result<usize, Lost> {
        let known = self.input.len();
        if known == 0 {
            self.waiting_since = None;
        }
        if came.len() == known {
            self.input_ended = true;
            self.then = Then::Answer;
            return Ok(0);
        }
        if !self.alike {
            self.input.extend_from_slice(&came[known..]);
            self.then = Then::Answer;
            return Ok(0);
        }
        let (run, unfinished) = came.split_at(self.whole_frames(came));
        if run.is_empty() {
            self.keep(&unfinished[known..]);
            return Ok(0);
        }
        self.input = BytesMut::new();
        self.keep(unfinished);
        let sent = match Pin::new(&mut self.stream).poll_write(cx, run) {
            Poll::Ready(sent) => sent.map_err(Lost::Transport)?,
            Poll::Pending => 0,
        };
        self.output.extend_from_slice(&run[sent..]);
        self.waiting_since = None;
        Ok(run.len())
    }

    /// Keeps this behind the input.
    fn keep(&mut self, unfinished: &[u8]) {
        if unfinished.len() >= limits::LARGE_START {
            self.make_room(unfinished.len() + limits::RESERVE_STEP);
        }
        self.input.extend_from_slice(unfinished);
    }

    /// How many bytes the whole frames at the front of `bytes` have. Decides what follows them.
    fn whole_frames(&mut self, bytes: &[u8]) -> usize {
        let Run { len, behind } = self.config.framing.run(bytes, self.config.max_frame);
        self.then = match behind {
            Ok(wanted) => {
                self.wanted = wanted;
                Then::Read
            }
            Err(error) => Then::End(End::Broken(error)),
        };
        len
    }

    /// Makes room for so many bytes behind the input.
    fn make_room(&mut self, behind: usize) {
        let needed = self.input.len() + behind;
        if self.input.capacity() < needed {
            let mut larger = buffers::take_spare();
            larger.reserve(needed);
            larger.extend_from_slice(&self.input);
            buffers::give_back(mem::replace(&mut self.input, larger));
        }
    }

    /// Answers the complete messages of the input, as far as the output takes them; gives how many
    /// bytes of it are dealt with.
    fn answer(&mut self) -> usize {
        let unanswered = self.input.len();
        if self.alike && !self.input_ended {
            let input = mem::take(&mut self.input);
            let wanted = self.wanted;
            let run = self.whole_frames(&input);
            if run == 0 {
                self.input = input;
                return 0;
            }
            let was_large = (limits::READ_BUFFER..=limits::SPARE_BUFFER).contains(&wanted);
            self.expected = match was_large {
                true => wanted,
                // What was expected came at once.
                false if run >= self.expected => self.expected,
                false => 0,
            };
            // Not the start of the next frame in the memory of a large one.
            self.input = BytesMut::from(&input[run..]);
            self.output = input;
            self.output.truncate(run);
        } else {
            self.then = self.ask();
        }
        let answered = unanswered - self.input.len();
        if answered > 0 {
            // What is left is the start of a new frame.
            self.waiting_since = None;
        }
        answered
    }

    /// Has the service answer the complete messages of the input, as far as the output takes them.
    fn ask(&mut self) -> Then {
        let Config { framing, max_frame, .. } = *self.config;
        while self.output.len() < limits::ANSWER_BUFFER {
            let message = match self.input_ended {
                false => framing.decode(&mut self.input, max_frame),
                true => framing.finish(&mut self.input, max_frame),
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) if self.input_ended => return Then::End(End::Finished),
                Ok(None) => return Then::Read,
                Err(error) => return Then::End(End::Broken(error)),
            };
            let answered = self.output.len();
            let mut answers = Answers::new(framing, max_frame, &mut self.output);
            // Neither the service nor half of its answers is used after a panic.
            let next = AssertUnwindSafe(|| self.service.answer(message, &mut answers));
            match panic::catch_unwind(next) {
                Ok(Ok(Next::Continue)) => {}
                Ok(Ok(Next::Wait(answer))) => return Then::Wait(answer),
                Ok(Ok(Next::End)) => return Then::End(End::Service),
                Ok(Err(error)) => return Then::End(End::Broken(error)),
                Err(_) => {
                    self.output.truncate(answered);
                    return Then::End(End::Panicked);
                }
            }
        }
        Then::Answer
    }

    /// Waits for an answer that takes its time; `Some` when the connection ends instead. Only a reset
    /// tells that the client is gone: one that has ended its stream still reads (P7).
    async fn wait_for(&mut self, answer: Pending) -> Result<Option<End>, Lost> {
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = self.entry.reach(Order::Cut) => return Err(Lost::Cut),
            gone = self.stream.ready(Interest::ERROR) => {
                let reset = || io::ErrorKind::ConnectionReset.into();
                return Err(Lost::Transport(gone.err().unwrap_or_else(reset)));
            }
        };
        // The client's frame could not be read meanwhile.
        self.waiting_since = None;
        self.then = Then::Answer;
        let Config { framing, max_frame, .. } = *self.config;
        let sent = Answers::new(framing, max_frame, &mut self.output).send(&answer);
        Ok(sent.err().map(End::Broken))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::register::Register;
    use super::*;
    use crate::service::BuiltIn;

    /// What tokio puts beside a future that it runs, on a 64-bit machine, and what it aligns both to.
    const BESIDE: usize = 104;
    const ALIGNED: usize = 128;

    #[tokio::test]
    async fn a_connection_with_its_task_fits_into_384_bytes() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        let (config, register) = (Arc::default(), Register::new());
        let served = Connection::new(stream, BuiltIn::default(), config, register.enter()).run();
        assert!((size_of_val(&served) + BESIDE).next_multiple_of(ALIGNED) <= 384);
        Ok(())
    }
}
