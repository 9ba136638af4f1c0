//! Conversations in which a peer was right. A mistake that it would have made there is not its mistake.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::limits;
use crate::model::ledger::Ledger;
use crate::model::names::Role;
use crate::model::transcript::{Event, Sight, Transcript, What};

/// A case in which a peer did everything right, each fragment having been read by itself.
#[derive(Debug)]
pub struct Witness {
    pub(super) transcript: Transcript,
    ledger: OnceLock<Ledger>,
    bytes: usize,
}

impl Witness {
    /// Keeps of a case what tells something of its peer; `None` where that is nothing, or too much.
    #[must_use]
    pub fn of(transcript: &Transcript) -> Option<Self> {
        let bytes = transcript.events.iter().map(|event| event.what.bytes().len()).sum();
        let of_one = transcript.setting.role != Role::Pairing && transcript.confirmed();
        (of_one && bytes <= limits::TESTIMONY).then(|| Self {
            transcript: Transcript {
                events: transcript.events.iter().map(copied).collect(),
                ..transcript.clone()
            },
            ledger: OnceLock::new(),
            bytes,
        })
    }

    /// How many bytes it holds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| {
            let mut ledger = Ledger::new(self.transcript.setting.clone());
            self.transcript.events.iter().for_each(|event| ledger.enter(&event.what));
            ledger
        })
    }
}

/// Bytes that came share the memory of a whole read.
fn copied(event: &Event) -> Event {
    let what = match &event.what {
        What::Saw(Sight::Bytes { channel, bytes }) => {
            What::Saw(Sight::Bytes { channel: *channel, bytes: Bytes::copy_from_slice(bytes) })
        }
        what => what.clone(),
    };
    Event { at: event.at, what }
}
