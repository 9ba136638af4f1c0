//! Many messages on their way at once. Called by `Client::call_all`.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{ClientError, Receiver, Sender};
use crate::limits;

/// One message is on its way, and one answer due.
struct Due;

/// Sends and receives at once. The channel between the two sides holds one [`Due`] for each answer
/// that is waited for, and its capacity is the depth of the pipeline.
pub(super) async fn call_all<M: AsRef<[u8]>>(
    sender: &mut Sender,
    receiver: &mut Receiver,
    messages: impl IntoIterator<Item = M>,
) -> Result<Vec<Bytes>, ClientError> {
    let (due, mut dues) = mpsc::channel(limits::PIPELINE_DEPTH);
    let send_all = async move {
        for message in messages {
            if let Err(refused) = sender.put(message.as_ref()) {
                // What was sent is answered: the answers are taken, or the next call would get them.
                sender.flush().await?;
                return Ok(Some(refused));
            }
            if let Err(TrySendError::Full(one)) = due.try_send(Due) {
                // The pipeline is full. The answers that make room are not due before the messages
                // that still wait here are sent.
                sender.flush().await?;
                if due.send(one).await.is_err() {
                    break; // The receiving side has failed, and says why.
                }
            }
            sender.flush_if_full().await?;
        }
        sender.flush().await?;
        Ok(None)
    };
    let receive_all = async move {
        let mut answers = Vec::new();
        while let Some(Due) = dues.recv().await {
            match receiver.receive().await? {
                Some(answer) => answers.push(answer),
                None => {
                    return Err(ClientError::Ended { outstanding: 1 + dues.len() as u64 });
                }
            }
        }
        Ok(answers)
    };
    let (refused, answers) = tokio::try_join!(send_all, receive_all)?;
    match refused {
        Some(error) => Err(error),
        None => Ok(answers),
    }
}
