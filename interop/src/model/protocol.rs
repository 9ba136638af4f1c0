//! What two peers agree on: the framing, the service, the transport, and the limit on a message.

use std::fmt;
use std::str::FromStr;

use bytes::{Bytes, BytesMut};
use rust_server::framing::{FrameError, Framing, LengthPrefix, MaxFrame, Parse};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::body::Body;
use super::service::{Answer, Reaction, Service, is_json, mnet};

/// The messages of a stream as the harness itself writes them down, whatever the wire's framing is:
/// the frames of contract `frames`, and the form in which deliveries are compared.
pub const NOTATION: Framing = Framing::LengthPrefix(LengthPrefix::U32BE);

/// How the bytes travel.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A byte stream, which may be cut anywhere.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// The transport that a framing travels on.
    #[must_use]
    pub const fn of(framing: Framing) -> Self {
        if framing.is_datagram() { Self::Udp } else { Self::Tcp }
    }
}

/// Framing, service and transport: two peers can be paired where all three are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Protocol {
    /// How messages are laid on the stream.
    #[serde(serialize_with = "as_text")]
    pub framing: Framing,
    /// What a server answers.
    #[serde(serialize_with = "as_text")]
    pub service: Service,
    /// How the bytes travel.
    pub transport: Transport,
}

impl Protocol {
    /// This framing and service, on the transport that the framing travels on.
    #[must_use]
    pub const fn new(framing: Framing, service: Service) -> Self {
        Self { framing, service, transport: Transport::of(framing) }
    }

    /// How the wire's bytes are written down: as they are, but datagrams as frames of the [notation](NOTATION),
    /// since nothing in them says where one ends.
    #[must_use]
    pub const fn written_as(&self) -> Framing {
        match self.transport {
            Transport::Tcp => self.framing,
            Transport::Udp => NOTATION,
        }
    }

    /// Whether a connection carries one message, and no more, in each direction.
    #[must_use]
    pub const fn has_one_message(&self) -> bool {
        self.framing.ends_with_stream() || self.service.answers_once()
    }

    /// A body of the catalogue as a message of this protocol. Where only text passes, letters stand for random
    /// bytes.
    #[must_use]
    pub fn message(&self, body: &Body) -> Bytes {
        match body {
            Body::Random { seed, len } if self.passes_text_alone() => {
                self.message(&Body::Letters { seed: *seed, len: *len })
            }
            Body::Message(message) => Bytes::copy_from_slice(message),
            Body::TooLong => {
                let len = usize::try_from(self.framing.largest_body()).unwrap_or(usize::MAX);
                self.message(&Body::Letters { seed: 0, len: len.saturating_add(1) })
            }
            Body::Command { command, wanted, body } => mnet(self.framing, *command, *wanted, body),
            body => self.service.message(self.framing, body),
        }
    }

    /// That message as a frame.
    #[must_use]
    pub fn frame(&self, body: &Body) -> Bytes {
        frame(self.written_as(), &self.message(body))
    }

    /// What is due of a server for a message. It ends the connection where the framing cannot carry the answer.
    #[must_use]
    pub fn react(&self, message: &Bytes) -> Reaction {
        let reaction = self.service.react(self.framing, message);
        match &reaction.answer {
            Some(Answer::Message(answer)) if !self.carries(answer) => Reaction::END,
            _ => reaction,
        }
    }

    /// Why a message that stands for this body cannot be sent, or, where `answered`, not be answered by a message
    /// as long as the limit allows, in words; `None` when all is well.
    #[must_use]
    pub fn refuses(&self, body: &Body, answered: bool, max: MaxFrame) -> Option<String> {
        if *body == Body::TooLong {
            return answered.then(|| "cannot be sent".to_owned());
        }
        let is_message = matches!(body, Body::Message(_));
        let limit = max.get().min(self.framing.largest_body());
        if !is_message && body.len() as u64 > limit {
            return Some(TOO_LONG.to_owned());
        }
        // Bytes that are made by rule may be many, and differ from fewer by the same rule in their number alone.
        let (less, spared) = body.shortened();
        let left = MaxFrame::new(limit.saturating_sub(spared));
        let message = self.message(&less);
        if let Err(error) = self.framing.can_carry(&message, left) {
            return Some(refusal(&error));
        }
        if !answered || is_message || matches!(body, Body::Command { .. }) {
            return None;
        }
        if self.service == Service::Mnet && !is_json(body) {
            return Some("is no JSON".to_owned());
        }
        if self.service == Service::Exec && !is_a_command(body) {
            return Some("is no command line of words".to_owned());
        }
        let Reaction { answer, ends } = self.service.react(self.framing, &message);
        match answer {
            Some(Answer::Message(answer)) => {
                let refused = self.framing.can_carry(&answer, left).err();
                refused.map(|error| format!("has an answer that {}", refusal(&error)))
            }
            None if ends => Some("ends the connection".to_owned()),
            Some(Answer::Beginning(_)) => Some("is refused".to_owned()),
            Some(Answer::Now) | None => None,
        }
    }

    /// How long a message may be that is not refused, or, where `answered`, nor its answer, in bytes.
    pub(super) fn longest(&self, answered: bool, max: MaxFrame) -> usize {
        /// What a service adds to a message is less.
        const ADDED: usize = 64;
        let most = max.get().min(self.framing.largest_body());
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let refused = |len| self.refuses(&Body::Letters { seed: 0, len }, answered, max).is_some();
        if refused(most) { most.saturating_sub(ADDED) } else { most }
    }

    /// What a right server answers to a message, now.
    #[must_use]
    pub fn answer(&self, message: &Bytes) -> Option<Bytes> {
        match self.react(message).answer? {
            Answer::Message(answer) => Some(answer),
            Answer::Beginning(beginning) => Some(Bytes::from_static(beginning)),
            Answer::Now => {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
                Some(Bytes::copy_from_slice(&(now.as_secs() as u32).to_be_bytes()))
            }
        }
    }

    /// Whether the framing can carry a message, however long it may be.
    pub(super) fn carries(&self, message: &[u8]) -> bool {
        self.framing.can_carry(message, MaxFrame::new(u64::MAX)).is_ok()
    }

    const fn passes_text_alone(&self) -> bool {
        matches!(self.framing, Framing::Line(_) | Framing::Fixed1024(_))
            || self.service.takes_text_alone()
    }
}

const TOO_LONG: &str = "is too long";

/// What is wrong with a message that a framing cannot carry, without what differs from message to message.
fn refusal(error: &FrameError) -> String {
    match error {
        FrameError::TooLong { .. } => TOO_LONG.to_owned(),
        FrameError::TooShort { .. } => "is too short".to_owned(),
        FrameError::Empty => "is empty".to_owned(),
        FrameError::HoldsLineFeed { .. } => "holds a line feed".to_owned(),
        FrameError::OuterWhiteSpace => "begins or ends with white space".to_owned(),
        FrameError::EndsInNul => "ends in NUL".to_owned(),
        other => format!("cannot be carried: {other}"),
    }
}

/// Whether it is words that a program can be given as they are: printable, and not too many of them.
fn is_a_command(body: &Body) -> bool {
    const LONGEST: usize = 32 * 1024;
    body.len() <= LONGEST
        && std::str::from_utf8(&body.bytes()).is_ok_and(|text| !text.chars().any(char::is_control))
}

/// The frames of a stream, as ranges of it; an incomplete one at its end is not among them. A stream without
/// frames is one message, as far as it has come.
pub(super) fn frames(
    framing: Framing,
    stream: &[u8],
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = stream.get(start..).filter(|rest| !rest.is_empty())?;
        let len = match framing.parse(rest, MaxFrame::new(u64::MAX)) {
            Ok(Parse::Frame { len, .. } | Parse::Blank { len }) => len,
            Ok(Parse::Incomplete { .. }) if framing.ends_with_stream() => rest.len(),
            Ok(Parse::Incomplete { .. }) | Err(_) => return None,
        };
        let frame = start..start + len;
        start = frame.end;
        Some(frame)
    })
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.framing, self.service)
    }
}

/// Writes a value as it is shown: framings and services by their names.
pub(crate) fn as_text<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (framing, service) = text.split_once('/').ok_or_else(|| {
            format!("`{text}` is not a protocol: expected FRAMING/SERVICE, as in u32be/echo")
        })?;
        Ok(Self::new(framing.parse().map_err(|e| format!("{e}"))?, service.parse()?))
    }
}

/// The frame of a message that the harness made itself.
///
/// # Panics
/// When the message does not fit the framing, which no case of the catalogue asks for: a case that
/// claims more than it may writes its header by hand.
#[must_use]
pub fn frame(framing: Framing, message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(framing.header_len() + message.len());
    frame_into(framing, message, &mut out);
    out.freeze()
}

/// The same, behind what is there already.
pub(super) fn frame_into(framing: Framing, message: &[u8], out: &mut BytesMut) {
    framing
        .encode(message, MaxFrame::new(u64::MAX), out)
        .expect("a message of the catalogue fits every framing it is asked of");
}
