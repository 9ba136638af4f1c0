//! The talk of `rust-client` with a server: one task sends what the input gives, meanwhile this one
//! shows what comes, so that neither direction can block the other (P13). Called by `client`.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Failure;
use super::input::Input;
use super::output::Output;
use crate::client::{Client, ClientError, Receiver, Sender};
use crate::limits;
use crate::service::Ack;
use crate::settings::Timeout;

/// How many answers make a conversation a good one. In any case the server is listened to until it ends
/// its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// One to each message.
    OneEach,
    /// That is the server's business, once the input is over.
    AnyNumber,
}

/// How far the speaking task is; it writes, the listener reads.
#[derive(Default)]
struct Progress {
    /// Messages that were taken from the input.
    sent: AtomicU64,
    /// Whether these are all.
    input_over: AtomicBool,
    /// Bytes that were to be sent so far.
    to_send: AtomicU64,
    /// Those of them that the connection took.
    taken: AtomicU64,
    /// Which messages, counted from 0, are heartbeats whose answer is due: one at most.
    heartbeat: Mutex<Option<u64>>,
}

impl Progress {
    fn unsent(&self) -> u64 {
        let taken = self.taken.load(Ordering::Acquire);
        self.to_send.load(Ordering::Acquire).saturating_sub(taken)
    }

    /// Whether it is the server's turn: it should read what is being sent, or end its stream.
    fn waits_for_server(&self) -> bool {
        self.input_over.load(Ordering::Acquire) || self.unsent() > 0
    }

    fn heartbeat(&self) -> MutexGuard<'_, Option<u64>> {
        // Nothing that holds it panics, and a number is never half written.
        self.heartbeat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever something is to be sent, is sent, or will not come any more.
    fn steps(&self) -> (u64, u64, bool) {
        let input_over = self.input_over.load(Ordering::Acquire);
        (self.to_send.load(Ordering::Acquire), self.taken.load(Ordering::Acquire), input_over)
    }
}

/// How speaking ended.
enum Spoken {
    /// Everything was sent, then the connection half-closed.
    All,
    /// The input was bad; what came before was sent, then the connection half-closed.
    UntilBadInput(Failure),
    /// Sending failed.
    Lost(ClientError),
}

/// How listening ended.
enum Heard {
    /// By the server, at a frame boundary.
    Closed,
    /// Nothing came for too long.
    Silence,
}

/// Sends all of `input` and shows all answers in `output`. It gives up when it is the server's turn and
/// nothing comes or goes for `patience`. When nothing is sent for `heartbeat`, a heartbeat is.
pub(super) async fn hold(
    client: Client,
    input: Input,
    mut output: Output,
    expected: Expected,
    patience: Timeout,
    heartbeat: Timeout,
) -> Result<(), Failure> {
    output.invite().await?;
    let (sender, receiver) = client.split();
    let progress = Arc::new(Progress::default());
    let mut listener = Listener { receiver, output, answers: 0, progress: progress.clone() };

    // A task of its own: it may wait in a read of the terminal, which nothing can interrupt.
    let speaker = Speaker { sender, input, progress: progress.clone(), heartbeat };
    let mut speaking = tokio::spawn(speaker.speak());
    let first = tokio::select! {
        biased;
        spoken = &mut speaking => Ok(spoken?),
        heard = listener.listen(patience) => Err(heard?),
    };
    let (spoken, heard) = match first {
        Ok(spoken) => {
            let patience = match &spoken {
                // Whatever is still on its way is delivered, but nothing is due any more.
                Spoken::Lost(_) => Timeout::after(limits::AFTER_SEND_FAILURE),
                _ => patience,
            };
            (spoken, listener.listen(patience).await?)
        }
        Err(Heard::Silence) => return Err(gave_up(patience, &listener)),
        Err(Heard::Closed) if progress.input_over.load(Ordering::Acquire) => {
            // The last of it is being sent: soon done, or never.
            let late = tokio::time::timeout(limits::AFTER_SEND_FAILURE, speaking);
            match late.await {
                Ok(spoken) => (spoken?, Heard::Closed),
                Err(_) => return Err(closed_too_soon()),
            }
        }
        Err(Heard::Closed) => {
            return match (listener.outstanding(), expected) {
                (0, Expected::AnyNumber) => Ok(()),
                (0, Expected::OneEach) => Err(closed_too_soon()),
                (outstanding, _) => Err(ClientError::Ended { outstanding }.into()),
            };
        }
    };
    match (spoken, heard) {
        (Spoken::UntilBadInput(why), _) => Err(why),
        (Spoken::Lost(error), _) => Err(error.into()),
        (Spoken::All, Heard::Silence) => Err(gave_up(patience, &listener)),
        (Spoken::All, Heard::Closed) => match expected {
            Expected::AnyNumber => Ok(()),
            Expected::OneEach => listener.one_answer_each(),
        },
    }
}

fn closed_too_soon() -> Failure {
    Failure::Said("the server closed the connection before the end of the input".to_owned())
}

fn gave_up(patience: Timeout, listener: &Listener) -> Failure {
    let due = listener.outstanding();
    Failure::Said(match listener.progress.unsent() {
        0 => format!(
            "gave up: nothing came for {patience}, with {due} answers due and the connection open"
        ),
        unsent => format!(
            "gave up: nothing came or went for {patience}, with {due} answers due and {unsent} bytes \
             that the server does not take"
        ),
    })
}

/// Sends what the input gives.
struct Speaker {
    sender: Sender,
    input: Input,
    progress: Arc<Progress>,
    /// How long nothing is sent before a heartbeat is.
    heartbeat: Timeout,
}

impl Speaker {
    /// Sends the messages as they come, each at once, and half-closes behind the last (P13).
    async fn speak(mut self) -> Spoken {
        loop {
            let bad_input = match self.send_what_is_ready().await {
                Ok(()) => None,
                Err(Spoken::UntilBadInput(why)) => Some(why),
                Err(ended) => return ended,
            };
            let over = bad_input.is_some() || self.input.is_over();
            self.progress.input_over.store(over, Ordering::Release);
            // What came together is sent together, and before anything else is waited for.
            if let Err(error) = self.flush().await {
                return Spoken::Lost(error);
            }
            if over {
                return self.finish(bad_input).await;
            }
            let more = tokio::select! {
                biased;
                more = self.input.more() => more,
                () = self.heartbeat.since(Instant::now()) => match self.beat() {
                    Ok(()) => continue,
                    Err(error) => return Spoken::Lost(error),
                },
            };
            if let Err(why) = more {
                self.progress.input_over.store(true, Ordering::Release);
                return self.finish(Some(why)).await;
            }
        }
    }

    /// Half-closes; everything is sent.
    async fn finish(&mut self, bad_input: Option<Failure>) -> Spoken {
        match (self.sender.finish().await, bad_input) {
            (Err(error), _) => Spoken::Lost(error),
            (Ok(()), Some(why)) => Spoken::UntilBadInput(why),
            (Ok(()), None) => Spoken::All,
        }
    }

    /// Adds a heartbeat to what is to be sent, if the last one was answered.
    fn beat(&mut self) -> Result<(), ClientError> {
        let mut heartbeat = self.progress.heartbeat();
        if heartbeat.is_some() {
            return Err(ClientError::Heartbeat("nothing came"));
        }
        *heartbeat = Some(self.progress.sent.load(Ordering::Acquire));
        drop(heartbeat);
        self.put(Ack::PING.as_bytes())
    }

    /// Adds a message to what is to be sent.
    fn put(&mut self, message: &[u8]) -> Result<(), ClientError> {
        let unsent = self.sender.unsent();
        self.sender.put(message)?;
        let added = self.sender.unsent() - unsent;
        self.progress.sent.fetch_add(1, Ordering::AcqRel);
        self.progress.to_send.fetch_add(added as u64, Ordering::AcqRel);
        Ok(())
    }

    /// Takes the messages that have come, and sends most of them.
    async fn send_what_is_ready(&mut self) -> Result<(), Spoken> {
        while let Some(message) = self.input.ready().map_err(Spoken::UntilBadInput)? {
            self.put(&message).map_err(|error| Spoken::UntilBadInput(error.into()))?;
            if self.sender.is_full() {
                self.flush().await.map_err(Spoken::Lost)?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ClientError> {
        while self.sender.unsent() > 0 {
            let unsent = self.sender.unsent();
            self.sender.write().await?;
            let taken = unsent - self.sender.unsent();
            self.progress.taken.fetch_add(taken as u64, Ordering::AcqRel);
        }
        Ok(())
    }
}

/// Receives answers and shows them.
struct Listener {
    receiver: Receiver,
    output: Output,
    /// Messages received.
    answers: u64,
    progress: Arc<Progress>,
}

impl Listener {
    /// Shows what comes until the server has closed, or it is its turn and no byte came or went for
    /// `patience`. Cancel-safe: called again, it goes on.
    async fn listen(&mut self, patience: Timeout) -> Result<Heard, Failure> {
        loop {
            self.output.flush().await?;
            let before = (self.receiver.bytes_received(), self.progress.steps());
            let message = tokio::select! {
                biased;
                message = self.receiver.receive() => message?,
                () = patience.since(Instant::now()) => {
                    let now = (self.receiver.bytes_received(), self.progress.steps());
                    if now == before && self.progress.waits_for_server() {
                        return Ok(Heard::Silence);
                    }
                    continue;
                }
            };
            let Some(message) = message else {
                return Ok(Heard::Closed);
            };
            self.show(&message)?;
            // What came together is written together, in pieces that stay bounded. What is wrong
            // with the bytes behind is found by the next `receive`, once these are written.
            while self.output.has_room() {
                match self.receiver.received() {
                    Ok(Some(message)) => self.show(&message)?,
                    Ok(None) | Err(_) => break,
                }
            }
        }
    }

    /// Adds a message to what is shown, unless it is the answer to a heartbeat.
    fn show(&mut self, message: &[u8]) -> Result<(), Failure> {
        let answers_to = self.answers;
        self.answers += 1;
        if self.progress.heartbeat().take_if(|beat| *beat == answers_to).is_none() {
            return self.output.put(message);
        }
        match message == Ack::PONG.as_bytes() {
            true => Ok(()),
            false => Err(ClientError::Heartbeat("something else came").into()),
        }
    }

    fn sent(&self) -> u64 {
        self.progress.sent.load(Ordering::Acquire)
    }

    fn outstanding(&self) -> u64 {
        self.sent().saturating_sub(self.answers)
    }

    fn one_answer_each(&self) -> Result<(), Failure> {
        let (sent, answers) = (self.sent(), self.answers);
        match answers.cmp(&sent) {
            Equal => Ok(()),
            Less => Err(ClientError::Ended { outstanding: sent - answers }.into()),
            Greater => Err(Failure::Said(format!(
                "the server sent {answers} messages in answer to {sent}"
            ))),
        }
    }
}
