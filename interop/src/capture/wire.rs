//! From a transcript to packets: what went between us and the programs, in its order.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::packet;
use super::pcapng::Packet;
use super::stream::{End, Stream};
use crate::model::names::Role;
use crate::model::protocol::{NOTATION, Transport};
use crate::model::transcript::{
    Act, Channel, ChannelEnd, Conn, Event, Setting, Sight, Transcript, What,
};

/// The first wrong byte of what somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Of what.
    pub channel: Channel,
    /// Which byte of it.
    pub offset: usize,
    /// What is wrong, in words.
    pub what: String,
}

/// Makes packets of a transcript, and puts them where they are to go.
pub struct Wire<'a, P> {
    setting: &'a Setting,
    wrong: Option<&'a Wrong>,
    put: P,
    /// The way of what a program sends, and of what we send to it.
    ways: BTreeMap<Channel, Way>,
    /// What has come, and was not passed on yet.
    held: BTreeMap<Channel, VecDeque<Bytes>>,
    /// How much has come.
    seen: BTreeMap<Channel, usize>,
    /// How many connections there were.
    connections: u32,
}

/// Between a program and us.
struct Way {
    program: SocketAddr,
    us: SocketAddr,
    /// `None` where datagrams go.
    stream: Option<Stream>,
}

/// Which way something goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Program,
    Us,
}

/// A place in what is sent, and what is to be said of it.
type Mark = Option<(usize, String)>;

impl<'a, P: FnMut(Packet) -> io::Result<()>> Wire<'a, P> {
    /// Says of the first wrong byte that it is.
    pub fn new(setting: &'a Setting, wrong: Option<&'a Wrong>, put: P) -> Self {
        Self {
            setting,
            wrong,
            put,
            ways: BTreeMap::new(),
            held: BTreeMap::new(),
            seen: BTreeMap::new(),
            connections: 0,
        }
    }

    /// All packets of a transcript.
    ///
    /// # Errors
    /// When one cannot be put.
    pub fn carry(mut self, transcript: &Transcript) -> io::Result<()> {
        transcript.events.iter().try_for_each(|event| self.enter(event))
    }

    fn enter(&mut self, Event { at, what }: &Event) -> io::Result<()> {
        let at = self.setting.began + *at;
        match what {
            What::Saw(Sight::Located { channel, program, us }) => {
                self.open(at, *channel, *program, *us)
            }
            What::Saw(Sight::Bytes { channel, bytes }) => {
                let mark = self.mark(*channel, bytes.len());
                if self.setting.role == Role::Pairing {
                    self.held.entry(*channel).or_default().push_back(bytes.clone());
                }
                self.send(at, *channel, From::Program, bytes, mark)
            }
            What::Saw(Sight::Ended { channel, end }) => self.end(at, *channel, *end),
            What::Did(Act::PassedOn { channel, bytes }) => {
                let bytes = self.take(*channel, *bytes);
                self.send(at, onward(*channel), From::Us, &bytes, None)
            }
            What::Did(Act::Wrote { conn, bytes }) => {
                self.send(at, self.way_of(*conn), From::Us, bytes, None)
            }
            What::Did(Act::Finished { conn } | Act::Closed { conn }) => {
                self.close(at, self.way_of(*conn), From::Us, ChannelEnd::Fin, None)
            }
            What::Did(Act::Aborted { conn }) => {
                self.close(at, self.way_of(*conn), From::Us, ChannelEnd::Reset, None)
            }
            What::Did(_) | What::Saw(_) => Ok(()),
        }
    }

    /// The way on which the raw end is.
    const fn way_of(&self, conn: Conn) -> Channel {
        match self.setting.role {
            Role::Server => Channel::Answers(conn),
            Role::Client | Role::Pairing => Channel::Requests(conn),
        }
    }

    fn open(
        &mut self,
        at: Duration,
        channel: Channel,
        program: SocketAddr,
        us: SocketAddr,
    ) -> io::Result<()> {
        let stream = match self.setting.protocol.transport {
            Transport::Udp => None,
            Transport::Tcp => {
                let nth = self.connections;
                self.connections += 1;
                let (client, server) = match end(channel, From::Program) {
                    End::Client => (program, us),
                    End::Server => (us, program),
                };
                let interface = self.interface(channel);
                let put =
                    &mut |bytes, _| (self.put)(Packet { interface, at, bytes, comment: None });
                Some(Stream::open(client, server, nth, put)?)
            }
        };
        self.ways.insert(channel, Way { program, us, stream });
        Ok(())
    }

    fn send(
        &mut self,
        at: Duration,
        channel: Channel,
        from: From,
        bytes: &[u8],
        mark: Mark,
    ) -> io::Result<()> {
        let interface = self.interface(channel);
        let Some(way) = self.ways.get_mut(&channel) else { return Ok(()) };
        let Some(stream) = &mut way.stream else {
            let (from, to) = match from {
                From::Program => (way.program, way.us),
                From::Us => (way.us, way.program),
            };
            let datagram = bytes.get(NOTATION.header_len()..).unwrap_or_default();
            let bytes = packet::udp(from, to, datagram)?;
            let comment = mark.map(|(_, what)| what);
            return (self.put)(Packet { interface, at, bytes, comment });
        };
        let put = &mut |bytes, range: std::ops::Range<usize>| {
            let marked = mark.as_ref().filter(|(place, _)| range.contains(place));
            let comment = marked.map(|(place, what)| {
                format!("byte {} of this segment: {what}", place - range.start)
            });
            (self.put)(Packet { interface, at, bytes, comment })
        };
        stream.data(end(channel, from), bytes, put)
    }

    /// What ends one side of the link ends the other, too.
    fn end(&mut self, at: Duration, channel: Channel, end: ChannelEnd) -> io::Result<()> {
        let seen = self.seen.get(&channel).copied().unwrap_or_default();
        let is_due = |wrong: &&Wrong| wrong.channel == channel && wrong.offset == seen;
        let comment = self.wrong.filter(is_due).map(|wrong| wrong.what.clone());
        self.close(at, channel, From::Program, end, comment)?;
        match self.setting.role {
            Role::Pairing => self.close(at, onward(channel), From::Us, end, None),
            Role::Server | Role::Client => Ok(()),
        }
    }

    fn close(
        &mut self,
        at: Duration,
        channel: Channel,
        from: From,
        how: ChannelEnd,
        mut comment: Option<String>,
    ) -> io::Result<()> {
        let interface = self.interface(channel);
        let stream = self.ways.get_mut(&channel).and_then(|way| way.stream.as_mut());
        let Some(stream) = stream else { return Ok(()) };
        let put =
            &mut |bytes, _| (self.put)(Packet { interface, at, bytes, comment: comment.take() });
        match how {
            ChannelEnd::Fin => stream.finish(end(channel, from), put),
            ChannelEnd::Reset | ChannelEnd::Refused => stream.reset(end(channel, from), put),
        }
    }

    /// So many bytes more have come on a channel: whether the first wrong one is among them.
    fn mark(&mut self, channel: Channel, bytes: usize) -> Mark {
        let seen = self.seen.entry(channel).or_default();
        let come = *seen..*seen + bytes;
        *seen = come.end;
        let wrong = self.wrong.filter(|wrong| wrong.channel == channel)?;
        come.contains(&wrong.offset).then(|| (wrong.offset - come.start, wrong.what.clone()))
    }

    /// The next bytes of what has come.
    fn take(&mut self, channel: Channel, bytes: usize) -> Bytes {
        let held = self.held.entry(channel).or_default();
        let mut taken = BytesMut::new();
        while taken.len() < bytes
            && let Some(first) = held.front_mut()
        {
            let missing = bytes - taken.len();
            if taken.is_empty() && first.len() == missing {
                return held.pop_front().unwrap_or_default();
            }
            taken.extend_from_slice(&first.split_to(missing.min(first.len())));
            if first.is_empty() {
                held.pop_front();
            }
        }
        taken.freeze()
    }

    /// On which of the interfaces a way is: each side of a link has one.
    const fn interface(&self, channel: Channel) -> u32 {
        matches!((self.setting.role, channel), (Role::Pairing, Channel::Answers(_))) as u32
    }
}

/// Who sends on a way.
const fn end(channel: Channel, from: From) -> End {
    let program = match channel {
        Channel::Requests(_) | Channel::Delivered(_) => End::Client,
        Channel::Answers(_) => End::Server,
    };
    match from {
        From::Program => program,
        From::Us => program.other(),
    }
}

/// On which way a link passes on what comes on this one.
const fn onward(channel: Channel) -> Channel {
    match channel {
        Channel::Requests(conn) => Channel::Answers(conn),
        Channel::Answers(conn) => Channel::Requests(conn),
        Channel::Delivered(conn) => Channel::Delivered(conn),
    }
}
