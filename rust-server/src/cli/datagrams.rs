//! The talk of `rust-client` with a server over UDP, where nothing ends a stream and anything may be
//! lost. Called by `client`.

use tokio::time::Instant;

use super::Failure;
use super::conversation::Expected;
use super::input::Input;
use super::output::Output;
use crate::client::{ClientError, DatagramClient};
use crate::settings::Timeout;

/// Sends all of `input` and shows all answers in `output`. Behind the end of the input it waits until as
/// many answers came as messages were sent, or nothing came for `wait`.
pub(super) async fn hold(
    client: DatagramClient,
    input: Input,
    mut output: Output,
    expected: Expected,
    wait: Timeout,
) -> Result<(), Failure> {
    output.invite().await?;
    let mut talk = Talk { client, output, sent: 0, answers: 0 };
    let spoken = talk.speak(input).await;
    if let Err(Spoken::Lost(why)) = spoken {
        return Err(why);
    }
    talk.listen(wait).await?;
    if let Err(Spoken::UntilBadInput(why)) = spoken {
        return Err(why);
    }
    match (expected, talk.sent - talk.answers.min(talk.sent)) {
        (Expected::AnyNumber, _) | (Expected::OneEach, 0) => Ok(()),
        (Expected::OneEach, due) => {
            Err(Failure::Said(format!("nothing came for {wait}, with {due} answers due")))
        }
    }
}

/// Why speaking ended before the input did.
enum Spoken {
    /// The input was bad; what came before is sent.
    UntilBadInput(Failure),
    /// Nothing can be sent or received any more.
    Lost(Failure),
}

struct Talk {
    client: DatagramClient,
    output: Output,
    /// Messages sent.
    sent: u64,
    /// Messages received.
    answers: u64,
}

impl Talk {
    /// Sends the messages as they come, each at once, and shows what is answered meanwhile.
    async fn speak(&mut self, mut input: Input) -> Result<(), Spoken> {
        loop {
            while let Some(message) = input.ready().map_err(Spoken::UntilBadInput)? {
                match self.client.send(&message).await {
                    Ok(()) => self.sent += 1,
                    Err(error @ ClientError::Unsendable(_)) => {
                        return Err(Spoken::UntilBadInput(error.into()));
                    }
                    Err(error) => return Err(Spoken::Lost(error.into())),
                }
                // What has come is taken at once: the kernel keeps little, and drops the rest.
                self.show_what_came().await.map_err(Spoken::Lost)?;
            }
            if input.is_over() {
                return Ok(());
            }
            tokio::select! {
                more = input.more() => more.map_err(Spoken::UntilBadInput)?,
                answer = self.client.receive() => {
                    let answer = answer.map_err(|error| Spoken::Lost(error.into()))?;
                    self.show(&answer).await.map_err(Spoken::Lost)?;
                }
            }
        }
    }

    /// Shows what is still due, until nothing came for `wait`.
    async fn listen(&mut self, wait: Timeout) -> Result<(), Failure> {
        while self.answers < self.sent {
            tokio::select! {
                answer = self.client.receive() => self.show(&answer?).await?,
                () = wait.since(Instant::now()) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn show_what_came(&mut self) -> Result<(), Failure> {
        while let Some(answer) = self.client.received()? {
            self.show(&answer).await?;
        }
        Ok(())
    }

    async fn show(&mut self, answer: &[u8]) -> Result<(), Failure> {
        self.answers += 1;
        self.output.put(answer)?;
        self.output.flush().await
    }
}
