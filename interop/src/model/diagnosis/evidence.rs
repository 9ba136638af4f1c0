//! What a diagnosis goes by, gathered from a transcript: what the peer read, what was due of it, what came.

use std::time::Duration;

use bytes::Bytes;
use rust_server::framing::{Fixed1024, Framing};

use super::wire::{messages, whole};
use crate::model::ledger::{Account, Ledger};
use crate::model::protocol::{NOTATION, Transport};
use crate::model::service::{Answer, Reaction, Service};
use crate::model::transcript::{
    Act, Channel, ChannelEnd, Conn, Exit, Setting, Sight, Transcript, What, Wire,
};

/// How many bytes a peer may have read, or sent, for what it said to be gone through again.
const LONGEST: usize = 4 << 20;

/// What is known of one channel.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// Messages are datagrams, each of which is written down as a frame.
    pub of_datagrams: bool,
    /// How messages are laid on the stream that the peer reads.
    pub read_as: Framing,
    /// How they are laid on the channel.
    pub out: Framing,
    /// What is made of a message, where what was read is answered.
    pub service: Option<Service>,
    /// The bytes that were due. What was due only after bytes too many had come is no part of it.
    pub due: &'a [u8],
    /// The bytes that came.
    pub seen: &'a [u8],
    /// Where the two part.
    pub offset: usize,
    /// Nothing wrong came; the rest did not come.
    pub stopped: bool,
    /// The longest body that the peer takes, where it promises that, in bytes.
    pub limit: Option<usize>,
    /// What the peer read, piece by piece.
    pub reads: Vec<Read>,
    /// After that many pieces its input ended, when so many bytes of the channel had been seen.
    pub finished: Option<usize>,
    /// How the channel ended, where it did.
    pub end: Option<End>,
    /// For a while nothing of it was read.
    pub unread: bool,
    /// There is too much of it to be gone through again.
    pub too_long: bool,
    /// The other connections of the case.
    pub others: Vec<Other<'a>>,
    /// Messages that somebody else sent, whose business it was not.
    pub strangers: Vec<Bytes>,
    pub channel: Channel,
}

/// Another connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other<'a> {
    pub conn: Conn,
    /// What was due on it.
    pub due: &'a [u8],
    /// What came.
    pub seen: &'a [u8],
}

/// A piece of the stream that was known to be read by itself.
#[derive(Debug)]
pub(super) struct Read {
    pub bytes: Bytes,
    /// How many bytes of the channel had been seen before it was written.
    pub seen: usize,
    /// When it was written.
    pub at: Duration,
}

/// How a channel ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// How many pieces had been written when it did.
    pub reads: usize,
    /// When it did.
    pub at: Duration,
    /// How long nothing had come or gone by then.
    pub quiet: Duration,
    /// What was still on its way was not lost by it.
    pub in_order: bool,
    /// The server died.
    pub died: bool,
    /// A signal ended the program.
    pub by_signal: bool,
}

impl<'a> Evidence<'a> {
    /// Gathers what is known of a channel; nothing where that is not enough, or too much.
    pub fn gather(transcript: &Transcript, ledger: &'a Ledger, channel: Channel) -> Option<Self> {
        let account = ledger.accounts().find(|(other, _)| *other == channel)?.1;
        let others = ledger.accounts().filter(|(other, _)| {
            *other != channel && std::mem::discriminant(other) == std::mem::discriminant(&channel)
        });
        let others = others.map(|(other, account)| Other {
            conn: other.conn(),
            due: account.due(),
            seen: account.seen(),
        });
        let others = others.collect();
        Self::of(transcript, account, channel, others)
    }

    /// The same of other connections, a few, in which no mistake was looked for.
    pub fn witnesses(&self, transcript: &Transcript, ledger: &'a Ledger, most: usize) -> Vec<Self> {
        let channels = ledger.accounts().filter(|(channel, _)| *channel != self.channel);
        self.of_all(transcript, channels, most)
    }

    /// The same of the connections of another case.
    pub fn elsewhere(&self, transcript: &Transcript, ledger: &'a Ledger, most: usize) -> Vec<Self> {
        self.of_all(transcript, ledger.accounts(), most)
    }

    fn of_all(
        &self,
        transcript: &Transcript,
        channels: impl Iterator<Item = (Channel, &'a Account)>,
        most: usize,
    ) -> Vec<Self> {
        let alike = channels.filter(|(channel, _)| {
            std::mem::discriminant(channel) == std::mem::discriminant(&self.channel)
        });
        alike
            .take(most)
            .filter_map(|(channel, account)| Self::of(transcript, account, channel, Vec::new()))
            .filter(|witness| !witness.too_long)
            .collect()
    }

    fn of(
        transcript: &Transcript,
        account: &'a Account,
        channel: Channel,
        others: Vec<Other<'a>>,
    ) -> Option<Self> {
        let setting = &transcript.setting;
        let answers = matches!(channel, Channel::Answers(_));
        let (due, offset) = match account.deviation {
            Some(deviation) if deviation.excess => {
                (&account.due()[..deviation.offset], deviation.offset)
            }
            Some(deviation) => (account.due(), deviation.offset),
            None => (account.due(), account.seen_len()),
        };
        let mut evidence = Self {
            of_datagrams: setting.protocol.transport == Transport::Udp,
            read_as: setting.protocol.written_as(),
            out: framing_of(setting, channel),
            service: answers.then_some(setting.protocol.service),
            due,
            seen: account.seen(),
            offset,
            stopped: account.deviation.is_none(),
            limit: setting.max_frame.and_then(|limit| usize::try_from(limit.get()).ok()),
            reads: Vec::new(),
            finished: None,
            end: None,
            unread: false,
            too_long: false,
            others,
            strangers: strangers(transcript, channel),
            channel,
        };
        // What a client sends does not depend on what it reads, and between two peers nobody knows the reads.
        if !matches!(channel, Channel::Requests(_)) && setting.wire == Wire::Seen {
            evidence.gather_reads(transcript, channel);
        }
        let read: usize = evidence.reads.iter().map(|read| read.bytes.len()).sum();
        evidence.too_long = read.max(account.seen_len()) > LONGEST;
        Some(evidence)
    }

    /// The length of the message that did not come, or not all of it; `None` where nothing is missing.
    pub fn missing(&self) -> Option<usize> {
        let mut end = 0;
        messages(self.out, self.due).iter().find_map(|body| {
            end += whole(self.out, body).len();
            (end > self.offset).then_some(body.len())
        })
    }

    /// The length of the longest message that came.
    pub fn longest(&self) -> usize {
        messages(self.out, &self.seen[..self.offset]).iter().map(Bytes::len).max().unwrap_or(0)
    }

    /// What a peer makes of a message that it takes for one.
    pub fn reaction(&self, message: &[u8]) -> Reaction {
        let message = Bytes::copy_from_slice(message);
        match self.service {
            Some(service) => {
                let reaction = service.react(self.read_as, &message);
                let overflows = match (&reaction.answer, self.out) {
                    (Some(Answer::Message(answer)), Framing::Fixed1024(_)) => {
                        answer.len() > Fixed1024::LEN
                    }
                    _ => false,
                };
                if overflows { Reaction::END } else { reaction }
            }
            None => Reaction { answer: Some(Answer::Message(message)), ends: false },
        }
    }

    fn gather_reads(&mut self, transcript: &Transcript, channel: Channel) {
        let conn = channel.conn();
        let (mut seen, mut moved) = (0, Duration::ZERO);
        for event in &transcript.events {
            match &event.what {
                What::Did(Act::Wrote { conn: to, bytes }) if *to == conn && !bytes.is_empty() => {
                    self.reads.push(Read { bytes: bytes.clone(), seen, at: event.at });
                    moved = event.at;
                }
                What::Did(Act::Finished { conn: to }) if *to == conn => {
                    self.finished.get_or_insert(seen);
                    moved = event.at;
                }
                What::Did(Act::StoppedReading { conn: of }) if *of == conn => self.unread = true,
                What::Saw(Sight::Connected { conn: of }) if *of == conn => moved = event.at,
                What::Saw(Sight::Bytes { channel: on, bytes }) if *on == channel => {
                    seen += bytes.len();
                    moved = event.at;
                }
                what if Self::is_its_end(what, channel) && self.end.is_none() => {
                    self.end = Some(End {
                        reads: self.reads.len(),
                        at: event.at,
                        quiet: event.at.saturating_sub(moved),
                        in_order: !matches!(
                            event.what,
                            What::Saw(Sight::Ended { end: ChannelEnd::Reset, .. })
                        ),
                        died: false,
                        by_signal: false,
                    });
                }
                _ => {}
            }
            let signal = matches!(
                event.what,
                What::Saw(
                    Sight::ServerExited { exit: Exit::Signal(_) }
                        | Sight::ClientExited { exit: Exit::Signal(_), .. }
                )
            );
            if let Some(end) = &mut self.end {
                end.by_signal |= signal;
                end.died |= matches!(event.what, What::Saw(Sight::ServerExited { .. }));
            }
        }
    }

    /// Whether nothing more can come of it.
    fn is_its_end(what: &What, channel: Channel) -> bool {
        match what {
            What::Saw(Sight::Ended { channel: on, end }) => {
                *on == channel
                    || (*on == Channel::Requests(channel.conn()) && *end == ChannelEnd::Reset)
            }
            What::Saw(Sight::ClientExited { conn, .. }) => channel == Channel::Delivered(*conn),
            What::Saw(Sight::ServerExited { .. }) => matches!(channel, Channel::Answers(_)),
            _ => false,
        }
    }
}

const fn framing_of(setting: &Setting, channel: Channel) -> Framing {
    match channel {
        Channel::Requests(_) | Channel::Answers(_) => setting.protocol.written_as(),
        Channel::Delivered(_) => NOTATION,
    }
}

fn strangers(transcript: &Transcript, channel: Channel) -> Vec<Bytes> {
    let sent = |what: &What| match what {
        What::Did(Act::Intruded { conn, message }) if *conn == channel.conn() => {
            Some(message.clone())
        }
        _ => None,
    };
    transcript.events.iter().filter_map(|event| sent(&event.what)).collect()
}
