//! The talk of `rust-client` with a server: one task sends what the input gives, meanwhile this one
//! shows what comes, so that neither direction can block the other (P13). Called by `client`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

use super::Failure;
use super::input::Input;
use super::output::Output;
use crate::client::{Client, ClientError, Receiver, Sender};
use crate::limits;
use crate::settings::Timeout;

/// What a conversation waits for when its input is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// An answer to each message.
    AllAnswered,
    /// The end of the server's stream, however many answers came.
    ServerCloses,
}

/// How far the speaking task is; it writes, the listener reads.
#[derive(Default)]
struct Progress {
    /// Messages that were taken from the input.
    sent: AtomicU64,
    /// Whether these are all.
    input_over: AtomicBool,
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
    /// With as many answers as were wanted.
    Enough,
    /// By the server, at a frame boundary.
    Closed,
    /// Nothing came for too long.
    Silence,
}

/// Sends all of `input` and shows all answers in `output`. After the end of the input it gives up when
/// nothing comes for `patience`.
pub(super) async fn hold(
    client: Client,
    input: Input,
    mut output: Output,
    until: Until,
    patience: Timeout,
) -> Result<(), Failure> {
    output.invite().await?;
    let (sender, receiver) = client.split();
    let progress = Arc::new(Progress::default());
    let mut listener = Listener { receiver, output, answers: 0 };
    let outstanding = |listener: &Listener| {
        let sent = progress.sent.load(Ordering::Acquire);
        sent.saturating_sub(listener.answers)
    };

    // A task of its own: it may wait in a read of the terminal, which nothing can interrupt.
    let mut speaking = tokio::spawn(speak(sender, input, progress.clone()));
    let first = tokio::select! {
        biased;
        spoken = &mut speaking => Ok(spoken?),
        heard = listener.listen(None, Timeout::OFF) => Err(heard?),
    };
    let (spoken, heard) = match first {
        Ok(spoken) => {
            let (enough, patience) = match (&spoken, until) {
                // Whatever is still on its way is delivered, but nothing is due any more.
                (Spoken::Lost(_), _) => (None, Timeout::after(limits::AFTER_SEND_FAILURE)),
                (_, Until::ServerCloses) => (None, patience),
                (_, Until::AllAnswered) => (Some(progress.sent.load(Ordering::Acquire)), patience),
            };
            (spoken, listener.listen(enough, patience).await?)
        }
        Err(heard) if progress.input_over.load(Ordering::Acquire) => {
            // The last of it is being sent: soon done, or never.
            let late = tokio::time::timeout(limits::AFTER_SEND_FAILURE, speaking);
            match late.await {
                Ok(spoken) => (spoken?, heard),
                Err(_) => return Err(closed_too_soon()),
            }
        }
        Err(_) => {
            return match (outstanding(&listener), until) {
                (0, Until::ServerCloses) => Ok(()),
                (0, Until::AllAnswered) => Err(closed_too_soon()),
                (outstanding, _) => Err(ClientError::Ended { outstanding }.into()),
            };
        }
    };
    match (spoken, heard) {
        (Spoken::UntilBadInput(why), _) => Err(why),
        (Spoken::Lost(error), _) => Err(error.into()),
        (Spoken::All, Heard::Enough) => Ok(()),
        (Spoken::All, Heard::Closed) if until == Until::ServerCloses => Ok(()),
        (Spoken::All, Heard::Closed) => match outstanding(&listener) {
            0 => Ok(()),
            outstanding => Err(ClientError::Ended { outstanding }.into()),
        },
        (Spoken::All, Heard::Silence) => Err(Failure::Said(format!(
            "gave up: nothing came for {patience}, with {} answers due and the connection open",
            outstanding(&listener)
        ))),
    }
}

fn closed_too_soon() -> Failure {
    Failure::Said("the server closed the connection before the end of the input".to_owned())
}

/// Sends the messages of `input` as they come, each at once, and half-closes behind the last (P13).
async fn speak(mut sender: Sender, mut input: Input, progress: Arc<Progress>) -> Spoken {
    loop {
        let bad_input = loop {
            match input.ready() {
                Ok(None) => break None,
                Err(why) => break Some(why),
                Ok(Some(message)) => {
                    progress.sent.fetch_add(1, Ordering::AcqRel);
                    match sender.feed(&message).await {
                        Ok(()) => {}
                        Err(error @ ClientError::Unsendable(_)) => {
                            progress.sent.fetch_sub(1, Ordering::AcqRel);
                            break Some(error.into());
                        }
                        Err(error) => return Spoken::Lost(error),
                    }
                }
            }
        };
        let over = bad_input.is_some() || input.is_over();
        progress.input_over.store(over, Ordering::Release);
        // What came together is sent together, and before anything else is waited for.
        let sent = match over {
            true => sender.finish().await,
            false => sender.flush().await,
        };
        match (sent, bad_input) {
            (Err(error), _) => return Spoken::Lost(error),
            (Ok(()), Some(why)) => return Spoken::UntilBadInput(why),
            (Ok(()), None) if over => return Spoken::All,
            (Ok(()), None) => {}
        }
        if let Err(why) = input.more().await {
            progress.input_over.store(true, Ordering::Release);
            return match sender.finish().await {
                Ok(()) => Spoken::UntilBadInput(why),
                Err(error) => Spoken::Lost(error),
            };
        }
    }
}

/// Receives answers and shows them.
struct Listener {
    receiver: Receiver,
    output: Output,
    /// Messages received.
    answers: u64,
}

impl Listener {
    /// Shows what comes until there were `enough` answers since the start, the server has closed, or
    /// no byte came for `patience`. Cancel-safe: called again, it goes on.
    async fn listen(&mut self, enough: Option<u64>, patience: Timeout) -> Result<Heard, Failure> {
        loop {
            self.output.flush().await?;
            if enough.is_some_and(|enough| self.answers >= enough) {
                return Ok(Heard::Enough);
            }
            let received = self.receiver.bytes_received();
            let message = tokio::select! {
                biased;
                message = self.receiver.receive() => message?,
                () = patience.since(Instant::now()) => {
                    if self.receiver.bytes_received() == received {
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

    fn show(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.answers += 1;
        self.output.put(message)
    }
}
