//! Everything that was done and seen while a case was acted out, in order and with its time.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use rust_server::framing::MaxFrame;

use super::case::Budget;
use super::names::Role;
use super::protocol::Protocol;

/// Which conversation of a case: a connection, and the client process behind it where there is one.
pub type Conn = u16;

/// Where bytes are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// What the client puts on the wire.
    Requests(Conn),
    /// What the server puts on the wire.
    Answers(Conn),
    /// What the client program delivers on its stdout, as frames of the
    /// [notation](super::protocol::NOTATION).
    Delivered(Conn),
}

impl Channel {
    /// The conversation it belongs to.
    #[must_use]
    pub const fn conn(self) -> Conn {
        match self {
            Self::Requests(conn) | Self::Answers(conn) | Self::Delivered(conn) => conn,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Requests(_) => "request",
            Self::Answers(_) => "answer",
            Self::Delivered(_) => "delivery",
        };
        match self.conn() {
            0 => f.write_str(what),
            conn => write!(f, "{what} (connection {conn})"),
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// Who put an end to a channel, and how the end looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelEnd {
    /// An orderly end of the stream.
    Fin,
    /// The connection was reset.
    Reset,
    /// The connection could not be made at all, or was reset as soon as it was.
    Refused,
}

/// What the harness did.
#[derive(Clone, Debug)]
pub enum Act {
    /// Gave a message to the client program.
    Fed {
        /// Which client.
        conn: Conn,
        /// The message.
        message: Bytes,
    },
    /// Told the client program that there is no more: end of stdin, or the interrupt.
    InputEnded {
        /// Which client.
        conn: Conn,
    },
    /// Put a fragment on the wire, as the raw end. Recorded before it is written, so that no answer to
    /// it can be taken for an early one.
    Wrote {
        /// Where.
        conn: Conn,
        /// The fragment.
        bytes: Bytes,
    },
    /// Passed on what came, as the link. Recorded before it is written.
    PassedOn {
        /// Where it had come.
        channel: Channel,
        /// The next so many bytes of it.
        bytes: usize,
    },
    /// Ended its direction of the connection, as the raw end.
    Finished {
        /// Where.
        conn: Conn,
    },
    /// Reset the connection, as the raw end.
    Aborted {
        /// Where.
        conn: Conn,
    },
    /// Closed the connection, as the raw end: a FIN, and nothing is taken any more.
    Closed {
        /// Where.
        conn: Conn,
    },
    /// Sent a server of datagrams a message from a port where nobody takes the answer.
    AskedInPassing {
        /// The message.
        message: Bytes,
    },
    /// Sent a client of datagrams something that is not from its server.
    Intruded {
        /// Which client.
        conn: Conn,
        /// What a client that takes it would take for a message.
        message: Bytes,
    },
    /// Read nothing from here on, as the raw end.
    StoppedReading {
        /// Where.
        conn: Conn,
    },
    /// Read again, as the raw end.
    ReadOn {
        /// Where.
        conn: Conn,
    },
    /// Started a client where nobody listens.
    Unserved {
        /// Which client.
        conn: Conn,
    },
    /// Started a server of the case's own.
    Started,
    /// Sent it SIGTERM.
    Terminated,
}

/// What the harness saw.
#[derive(Clone, Debug)]
pub enum Sight {
    /// A connection stands.
    Connected {
        /// Which.
        conn: Conn,
    },
    /// Where a program sends from from here on, and where to: a connection, or datagrams.
    Located {
        /// What it sends.
        channel: Channel,
        /// Its address.
        program: SocketAddr,
        /// Ours.
        us: SocketAddr,
    },
    /// Bytes came.
    Bytes {
        /// Where.
        channel: Channel,
        /// The bytes of one read.
        bytes: Bytes,
    },
    /// A channel ended.
    Ended {
        /// Which.
        channel: Channel,
        /// How.
        end: ChannelEnd,
    },
    /// A client program ended.
    ClientExited {
        /// Which.
        conn: Conn,
        /// How.
        exit: Exit,
    },
    /// The server program ended by itself.
    ServerExited {
        /// How.
        exit: Exit,
    },
    /// A fragment that has to arrive by itself was delivered; `confirmed` where the kernel said that the
    /// receiver has read it.
    Delivered {
        /// Where.
        conn: Conn,
        /// Whether it is known, or only likely.
        confirmed: bool,
    },
    /// Whoever receives on this channel took nothing for as long as the deadline allows.
    Blocked {
        /// Which.
        channel: Channel,
    },
    /// Nothing moved for as long as the deadline allows.
    Stalled {
        /// In which conversation; `None` where it is about all of them.
        conn: Option<Conn>,
        /// What was waited for.
        waiting_for: String,
        /// What was found of the programs and their sockets, in words.
        found: Vec<String>,
    },
    /// A peer that was pressed took no more for a while, as it should.
    HeldBack {
        /// Where.
        conn: Conn,
    },
    /// A peer took all that it was pressed with.
    TookAll {
        /// Where.
        conn: Conn,
        /// So many bytes.
        bytes: u64,
    },
    /// The memory of the program under test had grown, in bytes, when so many had been said and answered.
    Soaked {
        /// Where.
        conn: Conn,
        /// So many bytes.
        said: u64,
        /// By how much.
        growth: u64,
        /// By how much it is right to grow at most.
        right: u64,
    },
    /// In how many segments the frames of a channel came, where the kernel tells.
    Segments {
        /// Of which channel.
        channel: Channel,
        /// So many.
        segments: u32,
    },
    /// A server of the case's own is ready.
    Ready {
        /// The addresses on which it listens; none where that cannot be known.
        listens_on: Vec<IpAddr>,
    },
    /// A server of the case's own did not come up again on the port that it had.
    NotReady {
        /// What it did instead.
        reason: String,
        /// It will do so for a while: the port is not ours to change.
        lasts: bool,
    },
    /// The addresses on which a server of the case's own listens and which other machines may reach.
    Exposed {
        /// None is right.
        on: Vec<IpAddr>,
    },
    /// The case took longer than any case may, although something moved all the time.
    OutOfTime,
    /// What a second server did, on a port that was taken.
    Second {
        /// Its exit; `None` when it went on running.
        exit: Option<Exit>,
    },
    /// What the program under test uses, after what it used when it was last measured.
    Measured {
        /// What was measured, and how much more of it is right.
        budget: Budget,
        /// How much more it is, in its unit.
        growth: u64,
    },
    /// Whether the program under test came to rest.
    Rested {
        /// It stopped using the processor.
        at_rest: bool,
    },
    /// A program has ended, and these processes of it have not.
    LeftBehind {
        /// Their commands.
        commands: Vec<String>,
        /// One of them listens on the server's port.
        listen: bool,
    },
}

/// One line of a transcript.
#[derive(Clone, Debug)]
pub enum What {
    /// Something that the harness did.
    Did(Act),
    /// Something that the harness saw.
    Saw(Sight),
}

impl What {
    /// The bytes that went one way or the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Did(Act::Wrote { bytes, .. }) | Self::Saw(Sight::Bytes { bytes, .. }) => bytes,
            _ => &[],
        }
    }
}

/// One line of a transcript with its time.
#[derive(Clone, Debug)]
pub struct Event {
    /// Since the case began.
    pub at: Duration,
    /// What was done or seen.
    pub what: What,
}

/// How a client program is told to stop, and therefore what can be asked of its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// Its stdin ends: it half-closes, waits for what is due, exits with the truth (clause P13).
    #[default]
    EndOfInput,
    /// It is interrupted: neither a half-close nor an exit status is judged.
    Interrupt,
}

/// What the harness can see of the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// It is one of the ends, or the link between them.
    #[default]
    Seen,
    /// Both programs hard-code the same port, so nothing can stand between them: deliveries alone are seen.
    Unseen,
}

/// What the case was played with.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Who is under test.
    pub role: Role,
    /// What they speak.
    pub protocol: Protocol,
    /// The limit that the receiving peer promises to enforce; `None` when it promises none.
    pub max_frame: Option<MaxFrame>,
    /// What the client sends by itself, before any input.
    pub greeting: Vec<Bytes>,
    /// How the client is stopped.
    pub stop: Stop,
    /// What is seen of the wire.
    pub wire: Wire,
    /// When the case began, since 1970-01-01 UTC.
    pub began: Duration,
}

impl Setting {
    /// One in which nothing is out of the ordinary, and no time is told.
    #[must_use]
    pub const fn new(role: Role, protocol: Protocol) -> Self {
        Self {
            role,
            protocol,
            max_frame: None,
            greeting: Vec::new(),
            stop: Stop::EndOfInput,
            wire: Wire::Seen,
            began: Duration::ZERO,
        }
    }
}

/// Everything seen while one case was acted out.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// What the case was played with.
    pub setting: Setting,
    /// In the order in which the harness did or saw them.
    pub events: Vec<Event>,
    /// What was done and seen when the case had been given up, because something was waited for in vain. Nobody is
    /// judged by that.
    pub after: Vec<Event>,
}

impl Transcript {
    /// Whether every fragment is known to have been read by its receiver before the next was sent, which
    /// is so where nothing was cut as well, as with datagrams. Never where the wire is not seen.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        let unconfirmed = |event: &Event| {
            matches!(event.what, What::Saw(Sight::Delivered { confirmed: false, .. }))
        };
        self.setting.wire == Wire::Seen && !self.events.iter().any(unconfirmed)
    }

    /// Whether looking again would show the same, and might cost a minute: a port that is in use stays so.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        let lasts =
            |event: &Event| matches!(event.what, What::Saw(Sight::NotReady { lasts: true, .. }));
        self.events.iter().any(lasts)
    }

    /// Whether a peer said anything, on the wire or by what it delivered.
    #[must_use]
    pub fn peer_has_spoken(&self) -> bool {
        let on = |channel: &Channel| match self.setting.role {
            Role::Server => matches!(channel, Channel::Answers(_)),
            Role::Client | Role::Pairing => matches!(channel, Channel::Delivered(_)),
        };
        let speaks = |event: &Event| matches!(&event.what, What::Saw(Sight::Bytes { channel, .. }) if on(channel));
        self.events.iter().any(speaks)
    }

    /// Whether anything was put before a peer at all. A case that did not is an error, never a pass.
    #[must_use]
    pub fn has_stimulus(&self) -> bool {
        self.events.iter().any(|event| match &event.what {
            What::Did(Act::Fed { .. } | Act::Wrote { .. } | Act::Finished { .. }) => true,
            What::Did(Act::Aborted { .. } | Act::Closed { .. } | Act::AskedInPassing { .. }) => {
                true
            }
            What::Did(Act::Unserved { .. } | Act::Started) => true,
            What::Saw(Sight::Bytes { .. }) => !self.setting.greeting.is_empty(),
            _ => false,
        })
    }
}
