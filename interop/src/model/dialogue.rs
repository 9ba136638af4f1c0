//! A conversation in a few lines: who said what to whom, and when. What a report shows of a transcript.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::Role;
use super::transcript::{Act, Channel, ChannelEnd, Conn, Sight, Transcript, What};

/// How many moments are kept from the beginning of a conversation.
const FIRST: usize = 12;
/// And how many from its end, where it goes wrong.
const LAST: usize = 20;
/// How many bytes of a piece are shown.
const BYTES: usize = 8;
/// What is said before the messages that a client program is fed.
const TOLD: &str = "is told to send ";
/// How many characters of a sentence are shown.
const CHARACTERS: usize = 160;

/// What was said in one conversation of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dialogue {
    /// Which of the case's conversations.
    pub conversation: Conn,
    /// In their order.
    pub moments: Vec<Moment>,
    /// How many are left out in the middle, behind the first so many.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap: Option<Gap>,
}

/// What is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Behind so many moments.
    pub behind: usize,
    /// So many are missing.
    pub moments: usize,
}

/// Something that happened at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Since the first of the dialogue, in microseconds.
    #[serde(with = "super::micros")]
    #[schemars(with = "u64")]
    pub at_us: Duration,
    /// From whom to whom.
    pub way: Way,
    /// What, in a few words.
    pub what: String,
}

/// From whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From the client to the server.
    Request,
    /// From the server to the client.
    Answer,
    /// Between the client program and the harness: what it is told, what it delivers, how it ends.
    AtClient,
    /// Between the server program and the harness.
    AtServer,
    /// What concerns both.
    Both,
}

/// A moment that may still grow by what follows at once.
struct Draft {
    at: Duration,
    way: Way,
    what: Said,
}

enum Said {
    Words(String),
    Bytes { verb: &'static str, shown: Vec<u8>, bytes: usize, pieces: usize },
}

impl Dialogue {
    /// The part of a transcript that belongs to a conversation; where none is named, to the first that was given
    /// up, or else to the first of all.
    #[must_use]
    pub fn of(transcript: &Transcript, conversation: Option<Conn>) -> Self {
        let given_up = || {
            transcript.events.iter().find_map(|event| match &event.what {
                What::Saw(Sight::Stalled { conn, .. }) => *conn,
                _ => None,
            })
        };
        let conversation = conversation.or_else(given_up).unwrap_or_default();
        let mut drafts: Vec<Draft> = Vec::new();
        for event in &transcript.events {
            let Some((conn, way, what)) = said(transcript.setting.role, &event.what) else {
                continue;
            };
            if conn.is_some_and(|conn| conn != conversation) {
                continue;
            }
            let draft = Draft { at: event.at, way, what };
            match drafts.last_mut() {
                Some(last) if last.takes(&draft) => last.add(draft),
                _ => drafts.push(draft),
            }
        }
        let begun = drafts.first().map(|draft| draft.at).unwrap_or_default();
        let missing = drafts.len().saturating_sub(FIRST + LAST);
        let gap = (missing > 0).then_some(Gap { behind: FIRST, moments: missing });
        let hidden = FIRST..FIRST + missing;
        let kept = drafts.into_iter().enumerate().filter(|(at, _)| !hidden.contains(at));
        let moments = kept.map(|(_, draft)| draft.finish(begun)).collect();
        Self { conversation, moments, gap }
    }
}

impl Draft {
    fn takes(&self, next: &Self) -> bool {
        let (Said::Bytes { verb, .. }, Said::Bytes { verb: then, .. }) = (&self.what, &next.what)
        else {
            return false;
        };
        self.way == next.way && verb == then
    }

    fn add(&mut self, next: Self) {
        if let (
            Said::Bytes { shown, bytes, pieces, .. },
            Said::Bytes { shown: more, bytes: further, pieces: others, .. },
        ) = (&mut self.what, next.what)
        {
            shown.extend(more.into_iter().take(BYTES.saturating_sub(shown.len())));
            *bytes += further;
            *pieces += others;
        }
    }

    fn finish(self, begun: Duration) -> Moment {
        let what = match self.what {
            Said::Words(words) => words,
            Said::Bytes { verb, shown, bytes, pieces } => {
                let hex: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                let more = if bytes > shown.len() { " .." } else { "" };
                let piece = if verb == TOLD { "messages" } else { "pieces" };
                let in_pieces =
                    if pieces > 1 { format!(" in {pieces} {piece}") } else { String::new() };
                let noun = if bytes == 1 { "byte" } else { "bytes" };
                let colon = if bytes == 0 { "" } else { ": " };
                format!("{verb}{bytes} {noun}{in_pieces}{colon}{}{more}", hex.join(" "))
            }
        };
        let what = what.chars().filter(|c| !c.is_control()).take(CHARACTERS).collect();
        Moment { at_us: self.at.saturating_sub(begun), way: self.way, what }
    }
}

/// In which conversation, which way, and what; `None` for what is no part of a dialogue.
fn said(role: Role, what: &What) -> Option<(Option<Conn>, Way, Said)> {
    // The raw end stands where the other peer would.
    let raw = match role {
        Role::Client => Way::Answer,
        Role::Server | Role::Pairing => Way::Request,
    };
    let words = |text: &str| Said::Words(text.to_owned());
    let bytes = |verb, bytes: &[u8]| Said::Bytes {
        verb,
        shown: bytes.iter().take(BYTES).copied().collect(),
        bytes: bytes.len(),
        pieces: 1,
    };
    Some(match what {
        What::Did(act) => match act {
            Act::Fed { conn, message } => (Some(*conn), Way::AtClient, bytes(TOLD, message)),
            Act::InputEnded { conn } => (Some(*conn), Way::AtClient, words("end of its input")),
            Act::Wrote { conn, bytes: piece } => (Some(*conn), raw, bytes("", piece)),
            Act::PassedOn { .. } => return None,
            Act::Finished { conn } => (Some(*conn), raw, words("FIN")),
            Act::Aborted { conn } => (Some(*conn), raw, words("RST")),
            Act::Closed { conn } => (Some(*conn), raw, words("FIN, and takes nothing more")),
            Act::AskedInPassing { message } => (None, raw, bytes("in passing: ", message)),
            Act::Intruded { conn, message } => {
                (Some(*conn), Way::AtClient, bytes("a stranger sends ", message))
            }
            Act::StoppedReading { conn } => (Some(*conn), raw, words("reads no more")),
            Act::ReadOn { conn } => (Some(*conn), raw, words("reads on")),
            Act::Unserved { conn } => (Some(*conn), Way::AtServer, words("nobody listens")),
            Act::Started => (None, Way::AtServer, words("is started")),
            Act::Terminated => (None, Way::AtServer, words("SIGTERM")),
        },
        What::Saw(sight) => match sight {
            Sight::Connected { conn } => (Some(*conn), Way::Both, words("connected")),
            Sight::Bytes { channel, bytes: piece } => {
                let verb = if matches!(channel, Channel::Delivered(_)) { "delivers " } else { "" };
                (Some(channel.conn()), way(*channel), bytes(verb, piece))
            }
            Sight::Ended { channel, end } => {
                let end = match (channel, end) {
                    (Channel::Delivered(_), _) => "ends its output",
                    (_, ChannelEnd::Fin) => "FIN",
                    (_, ChannelEnd::Reset) => "RST",
                    (_, ChannelEnd::Refused) => "refused",
                };
                (Some(channel.conn()), way(*channel), words(end))
            }
            Sight::ClientExited { conn, exit } => {
                (Some(*conn), Way::AtClient, words(&exit.to_string()))
            }
            Sight::ServerExited { exit } => (None, Way::AtServer, words(&exit.to_string())),
            Sight::Blocked { channel } => {
                let taker = match channel {
                    Channel::Requests(_) => Way::AtServer,
                    _ => Way::AtClient,
                };
                (Some(channel.conn()), taker, words("takes nothing more"))
            }
            Sight::Stalled { conn, waiting_for, .. } => {
                (*conn, Way::Both, words(&format!("waited in vain: {waiting_for}")))
            }
            Sight::HeldBack { conn } => (Some(*conn), raw, words("is held back")),
            Sight::TookAll { conn, bytes } => {
                (Some(*conn), raw, words(&format!("all {bytes} bytes were taken")))
            }
            Sight::Soaked { conn, said, .. } => {
                (Some(*conn), raw, words(&format!("{said} bytes were answered")))
            }
            Sight::Ready { .. } => (None, Way::AtServer, words("ready")),
            Sight::NotReady { reason, .. } => {
                (None, Way::AtServer, words(&format!("not ready: {reason}")))
            }
            Sight::Second { exit: Some(exit) } => {
                (None, Way::AtServer, words(&format!("a second server {exit}")))
            }
            Sight::Second { exit: None } => {
                (None, Way::AtServer, words("a second server goes on running"))
            }
            Sight::LeftBehind { commands, .. } => {
                (None, Way::Both, words(&format!("left behind: {}", commands.join(", "))))
            }
            Sight::OutOfTime => (None, Way::Both, words("out of time")),
            Sight::Located { .. }
            | Sight::Delivered { .. }
            | Sight::Segments { .. }
            | Sight::Exposed { .. }
            | Sight::Measured { .. }
            | Sight::Rested { .. } => return None,
        },
    })
}

const fn way(channel: Channel) -> Way {
    match channel {
        Channel::Requests(_) => Way::Request,
        Channel::Answers(_) => Way::Answer,
        Channel::Delivered(_) => Way::AtClient,
    }
}
