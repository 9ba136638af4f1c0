//! What two peers agree on: the framing, the service, the transport, and the limit on a message.

use std::fmt;
use std::str::FromStr;

use bytes::{Bytes, BytesMut};
use rust_server::framing::{Framing, LengthPrefix, MaxFrame};
use serde::{Serialize, Serializer};

/// The messages of a stream as the harness itself writes them down, whatever the wire's framing is:
/// the frames of contract `frames`, and the form in which deliveries are compared.
pub const NOTATION: Framing = Framing::LengthPrefix(LengthPrefix::U32BE);

/// What a server answers to a message, as a model to judge by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The same bytes (clause P3).
    #[default]
    Echo,
}

impl Service {
    /// Every service that the harness can judge.
    pub const ALL: [Self; 1] = [Self::Echo];

    /// The answer that is due to a message.
    #[must_use]
    pub fn answer(self, message: &Bytes) -> Bytes {
        match self {
            Self::Echo => message.clone(),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Echo => "echo",
        })
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|service| service.to_string() == name).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
            format!("unknown service `{name}`: expected one of {}", known.join(", "))
        })
    }
}

/// How the bytes travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A byte stream, which may be cut anywhere.
    #[default]
    Tcp,
}

/// Framing, service and transport: two peers can be paired where all three are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (framing, service) = text.split_once('/').ok_or_else(|| {
            format!("`{text}` is not a protocol: expected FRAMING/SERVICE, as in u32be/echo")
        })?;
        Ok(Self {
            framing: framing.parse().map_err(|e| format!("{e}"))?,
            service: service.parse()?,
            transport: Transport::Tcp,
        })
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
    framing
        .encode(message, MaxFrame::new(u64::MAX), &mut out)
        .expect("a message of the catalogue fits every framing it is asked of");
    out.freeze()
}
