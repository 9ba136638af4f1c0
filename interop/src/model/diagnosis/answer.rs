//! Mistaken services: what is answered is not what the service says (P3). Each mistake is a rule for the bytes
//! that a server which makes it would have sent for a message.

use bytes::Bytes;
use rust_server::framing::{Fixed1024, Framing};

use super::evidence::Evidence;
use super::peer::TELLING;
use super::wire::{claim, messages, whole};
use crate::model::service::{self, Answer, Service};

/// A mistake in words that the peer's author understands.
struct Mistake {
    words: &'static str,
    /// Of these services.
    of: &'static [Service],
    answer: fn(&Asked<'_>) -> Option<Vec<u8>>,
}

/// A message, and what is due for it.
struct Asked<'a> {
    framing: Framing,
    message: &'a [u8],
    /// Before anybody asks whether the framing can carry it.
    answer: Option<&'a [u8]>,
}

const ANSWERING: &[Service] = &[Service::Ack, Service::Upper, Service::Count, Service::Mnet];

const MISTAKES: &[Mistake] = &[
    Mistake {
        words: "the length is that of the message before it was upper-cased",
        of: &[Service::Upper],
        answer: length_of_the_message,
    },
    Mistake {
        words: "the length is that of the message, not of the answer",
        of: &[Service::Ack, Service::Count],
        answer: length_of_the_message,
    },
    Mistake {
        words: "PING is answered like any other message",
        of: &[Service::Ack],
        answer: |asked| match asked.framing {
            Framing::Fixed1024(_) => asked.right(),
            _ => asked.unknown_heartbeat(),
        },
    },
    Mistake {
        // With padding behind it, it is another message, and what is too much then is cut off.
        words: "PING is answered like any other message: its padding is not taken off, or it is not known",
        of: &[Service::Ack],
        answer: |asked| match asked.framing {
            Framing::Fixed1024(_) => asked.unknown_heartbeat(),
            _ => asked.right(),
        },
    },
    Mistake {
        words: "PING in any case is taken for the heartbeat",
        of: &[Service::Ack],
        answer: |asked| asked.heartbeat(|message| message.eq_ignore_ascii_case(PING)),
    },
    Mistake {
        words: "what begins with PING is taken for the heartbeat",
        of: &[Service::Ack],
        answer: |asked| asked.heartbeat(|message| message.starts_with(PING)),
    },
    Mistake {
        words: "PING with white space around it is taken for the heartbeat",
        of: &[Service::Ack],
        answer: |asked| asked.heartbeat(|message| message.trim_ascii() == PING),
    },
    Mistake {
        words: "an answer that does not fit is cut at 1024 bytes",
        of: ANSWERING,
        answer: |asked| match asked.framing {
            Framing::Fixed1024(_) => asked.answer.map(|answer| whole(asked.framing, answer)),
            _ => asked.right(),
        },
    },
    Mistake {
        words: "EXIT is answered like any other message",
        of: &[Service::Upper],
        answer: |asked| asked.text(str::to_uppercase),
    },
    Mistake {
        words: "only a to z are upper-cased",
        of: &[Service::Upper],
        answer: |asked| asked.mapped(str::to_ascii_uppercase),
    },
    Mistake {
        words: "characters are upper-cased one by one, and left alone where that makes several",
        of: &[Service::Upper],
        answer: |asked| asked.mapped(|text| text.chars().map(one_capital).collect()),
    },
    Mistake {
        words: "i is upper-cased as in Turkish",
        of: &[Service::Upper],
        answer: |asked| asked.mapped(|text| text.replace('i', "İ").to_uppercase()),
    },
    Mistake {
        words: "characters are counted instead of bytes",
        of: &[Service::Count],
        answer: |asked| asked.counted(|text| text.chars().count()),
    },
    Mistake {
        words: "UTF-16 units are counted instead of bytes",
        of: &[Service::Count],
        answer: |asked| asked.counted(|text| text.encode_utf16().count()),
    },
    Mistake {
        words: "the header is counted, too",
        of: &[Service::Count],
        answer: |asked| {
            let counted = asked.framing.header_len() + asked.message.len();
            Some(whole(asked.framing, &service::counted(counted)))
        },
    },
    Mistake {
        words: "the answer has the command of the request",
        of: &[Service::Mnet],
        answer: |asked| asked.keeping(0..4),
    },
    Mistake {
        words: "the answer has the reply wanted of the request",
        of: &[Service::Mnet],
        answer: |asked| asked.keeping(4..8),
    },
    Mistake {
        words: "messages are sent back as they are",
        of: ANSWERING,
        answer: |asked| Some(whole(asked.framing, asked.message)),
    },
];

const PING: &[u8] = b"PING";

/// Names the mistake that made what was seen of what a server was asked.
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Option<String> {
    let service = evidence.service?;
    let read: Vec<u8> = evidence.reads.iter().flat_map(|read| read.bytes.to_vec()).collect();
    let asked = messages(evidence.read_as, &read);
    let (seen, offset) = (evidence.seen, evidence.offset);
    let right = stream(service, evidence.out, &asked, |asked| asked.right());
    let explains = |mistake: &&Mistake| {
        let made = stream(service, evidence.out, &asked, mistake.answer);
        // All that came, or, where not all of it was waited for, clearly more than the first wrong byte.
        let begun = made.starts_with(seen) && seen.len() >= offset + TELLING;
        !right.starts_with(seen) && (made == seen || begun)
    };
    let mut of_service = MISTAKES.iter().filter(|mistake| mistake.of.contains(&service));
    of_service.find(explains).map(|mistake| mistake.words.to_owned())
}

/// All that a server sends which answers so.
fn stream(
    service: Service,
    framing: Framing,
    asked: &[Bytes],
    answer: impl Fn(&Asked<'_>) -> Option<Vec<u8>>,
) -> Vec<u8> {
    let mut stream = Vec::new();
    for message in asked {
        let reaction = service.react(framing, message);
        let due = match &reaction.answer {
            Some(Answer::Message(answer)) => Some(&answer[..]),
            _ => None,
        };
        let asked = Asked { framing, message, answer: due };
        let (made, right) = (answer(&asked), asked.right());
        stream.extend_from_slice(made.as_deref().unwrap_or_default());
        // Who answers what ends the connection has not understood that it does.
        let understood = due.is_some() || made == right;
        if reaction.ends && understood {
            break;
        }
    }
    stream
}

impl Asked<'_> {
    fn right(&self) -> Option<Vec<u8>> {
        let fits = |answer: &&[u8]| {
            !matches!(self.framing, Framing::Fixed1024(_)) || answer.len() <= Fixed1024::LEN
        };
        self.answer.filter(fits).map(|answer| whole(self.framing, answer))
    }

    fn unknown_heartbeat(&self) -> Option<Vec<u8>> {
        match self.message {
            PING => Some(whole(self.framing, &service::acknowledged(PING))),
            _ => self.right(),
        }
    }

    fn heartbeat(&self, is_one: fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        if is_one(self.message) { Some(whole(self.framing, b"PONG")) } else { self.right() }
    }

    fn text(&self, map: impl Fn(&str) -> String) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(self.message).ok()?;
        Some(whole(self.framing, map(text).as_bytes()))
    }

    /// The same of what is due an answer.
    fn mapped(&self, map: impl Fn(&str) -> String) -> Option<Vec<u8>> {
        self.answer.and_then(|_| self.text(map))
    }

    fn counted(&self, count: fn(&str) -> usize) -> Option<Vec<u8>> {
        let counted = count(&String::from_utf8_lossy(self.message));
        Some(whole(self.framing, &service::counted(counted)))
    }

    /// A number of the request stands in the answer.
    fn keeping(&self, number: std::ops::Range<usize>) -> Option<Vec<u8>> {
        let mut answer = self.answer?.to_vec();
        answer[number.clone()].copy_from_slice(&self.message[number]);
        Some(whole(self.framing, &answer))
    }
}

fn length_of_the_message(asked: &Asked<'_>) -> Option<Vec<u8>> {
    match asked.framing {
        Framing::LengthPrefix(_) | Framing::Ascii4(_) => {
            asked.answer.map(|answer| claim(asked.framing, asked.message.len(), answer))
        }
        _ => asked.right(),
    }
}

fn one_capital(character: char) -> char {
    let mut capitals = character.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => character,
    }
}
