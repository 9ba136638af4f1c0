//! The services as models to judge by: what a right server does with a message (clause P3).

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, Bytes, BytesMut};
use rust_server::framing::{ByteOrder, Framing};

use super::body::Body;

/// What a server does with a message, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Answers by the same bytes.
    #[default]
    Echo,
    /// Answers by saying what it received, and `PING` by `PONG`.
    Ack,
    /// Answers in upper case; `EXIT` ends the connection.
    Upper,
    /// Answers by saying how many bytes it received, and ends the connection.
    Count,
    /// Answers requests and parameters by an information, where an answer is wanted.
    Mnet,
    /// Runs a program and answers what it prints; `EXIT` ends the connection.
    Exec,
    /// Answers by the time.
    Time,
}

/// What is due of a server when a message is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The answer, if there is one.
    pub answer: Option<Answer>,
    /// Whether it ends the connection then.
    pub ends: bool,
}

/// An answer that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This message.
    Message(Bytes),
    /// A message that begins so. How it goes on is the server's to say.
    Beginning(&'static [u8]),
    /// The seconds since 1970-01-01 UTC, as four bytes, most significant first.
    Now,
}

/// Bytes of an answer that says the time.
pub const TIME_LEN: usize = 4;

/// What an `ack` server puts before what it received.
const ACK: &str = "服务器收到: ";

/// How an `exec` server begins to say that it runs nothing.
const REFUSAL: &[u8] = b"exec: ";

/// The only program that is ever asked for by a name that is allowed.
const PROGRAM: &[u8] = b"echo";

/// The commands of an `mnet` message: its first field.
mod command {
    pub const INFORM: u32 = 1;
    pub const REQUEST: u32 = 2;
    pub const PARAM: u32 = 3;
}

impl Service {
    /// Every service that the harness can judge.
    pub const ALL: [Self; 7] =
        [Self::Echo, Self::Ack, Self::Upper, Self::Count, Self::Mnet, Self::Exec, Self::Time];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Ack => "ack",
            Self::Upper => "upper",
            Self::Count => "count",
            Self::Mnet => "mnet",
            Self::Exec => "exec",
            Self::Time => "time",
        }
    }

    /// Whether it ends the connection behind each answer, so that a connection has one message.
    #[must_use]
    pub const fn answers_once(self) -> bool {
        matches!(self, Self::Count)
    }

    /// Whether messages are text to it.
    #[must_use]
    pub const fn takes_text_alone(self) -> bool {
        matches!(self, Self::Upper | Self::Exec | Self::Mnet)
    }

    /// Whether a framing can carry its answers, whatever it is asked.
    #[must_use]
    pub const fn goes_with(self, framing: Framing) -> bool {
        match (self, framing) {
            (Self::Mnet, framing) => matches!(framing, Framing::Mnet(_)),
            (Self::Echo, _) => true,
            (_, Framing::Mnet(_)) => false,
            (Self::Time, framing) => !matches!(framing, Framing::Line(_) | Framing::Fixed1024(_)),
            (Self::Exec, framing) => !matches!(framing, Framing::Line(_) | Framing::Datagram(_)),
            _ => true,
        }
    }

    /// A body of the catalogue as a message that this service answers. An `mnet` message is a request with
    /// that body, as JSON; `exec` is asked to run `echo`, with the body as its words.
    #[must_use]
    pub fn message(self, framing: Framing, body: &Body) -> Bytes {
        if self == Self::Mnet {
            return mnet(framing, command::REQUEST, 1, &json(body));
        }
        let body = body.bytes();
        match self {
            Self::Exec => [PROGRAM, b" ", &body[..]].concat().into(),
            _ => body,
        }
    }

    /// What is due for a message.
    #[must_use]
    pub fn react(self, framing: Framing, message: &Bytes) -> Reaction {
        let says = |bytes: Bytes| Reaction { answer: Some(Answer::Message(bytes)), ends: false };
        match self {
            Self::Echo => says(message.clone()),
            Self::Ack if **message == *b"PING" => says(Bytes::from_static(b"PONG")),
            Self::Ack => says(acknowledged(message).into()),
            Self::Upper | Self::Exec if is_exit(message) => Reaction::END,
            Self::Upper => match std::str::from_utf8(message) {
                Ok(text) => says(text.to_uppercase().into()),
                Err(_) => Reaction::END,
            },
            Self::Count => Reaction { ends: true, ..says(counted(message.len()).into()) },
            Self::Mnet => react_to_command(framing, message),
            Self::Exec => match printed(message) {
                Some(printed) => says(printed),
                None => Reaction { answer: Some(Answer::Beginning(REFUSAL)), ends: false },
            },
            Self::Time => Reaction { answer: Some(Answer::Now), ends: false },
        }
    }
}

impl Reaction {
    pub(super) const NONE: Self = Self { answer: None, ends: false };
    pub(super) const END: Self = Self { answer: None, ends: true };
}

/// What `ack` says of a message.
pub(super) fn acknowledged(message: &[u8]) -> Vec<u8> {
    [ACK.as_bytes(), message].concat()
}

/// What `count` says of a message of so many bytes.
pub(super) fn counted(len: usize) -> Vec<u8> {
    format!("you messagge is {len} bytes").into_bytes()
}

/// ASCII white space; the standard library's leaves out the vertical tab.
const fn is_white(byte: &u8) -> bool {
    matches!(byte, 0x09..=0x0d | b' ')
}

fn is_exit(message: &[u8]) -> bool {
    let text = |byte: &u8| !is_white(byte);
    let start = message.iter().position(text).unwrap_or(message.len());
    let end = message.iter().rposition(text).map_or(start, |last| last + 1);
    message[start..end].eq_ignore_ascii_case(b"EXIT")
}

/// What `echo` prints; `None` where it is not what is asked for, or what is asked for is no text.
fn printed(message: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?.as_bytes();
    let mut words = text.split(is_white).filter(|word| !word.is_empty());
    if words.next()? != PROGRAM {
        return None;
    }
    let words: Vec<&[u8]> = words.collect();
    Some([words.join(&b' '), b"\n".to_vec()].concat().into())
}

fn react_to_command(framing: Framing, message: &[u8]) -> Reaction {
    let Some((command, rest)) = integer(framing, message) else { return Reaction::END };
    let Some((wanted, body)) = integer(framing, rest) else { return Reaction::END };
    match command {
        command::INFORM => Reaction::NONE,
        command::REQUEST | command::PARAM if wanted == 0 => Reaction::NONE,
        command::REQUEST | command::PARAM => {
            let answer = mnet(framing, command::INFORM, 0, body);
            Reaction { answer: Some(Answer::Message(answer)), ends: false }
        }
        _ => Reaction::END,
    }
}

/// A body as JSON that is written the same by everybody: a string, or, where the length is what matters, a string or
/// a digit of that length; nothing shorter than a digit is JSON. What is no text stays as it is.
fn json(body: &Body) -> Bytes {
    let bytes = body.bytes();
    match (body, bytes.len()) {
        (Body::Letters { .. }, 0 | 1) => Bytes::from_static(b"7"),
        (Body::Letters { .. }, len) => [b"\"", &bytes[1..len - 1], b"\""].concat().into(),
        _ => match std::str::from_utf8(&bytes) {
            Ok("") | Err(_) => bytes,
            Ok(text) => serde_json::Value::from(text).to_string().into(),
        },
    }
}

/// Whether a program that reads JSON takes this body.
#[must_use]
pub(super) fn is_json(body: &Body) -> bool {
    let is_text = || !body.is_empty() && std::str::from_utf8(&body.bytes()).is_ok();
    matches!(body, Body::Letters { .. }) || is_text()
}

/// An `mnet` message: command, reply wanted, body. Its integers are in the framing's byte order.
pub(super) fn mnet(framing: Framing, command: u32, wanted: u32, body: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(8 + body.len());
    for field in [command, wanted] {
        match byte_order(framing) {
            ByteOrder::Big => message.put_u32(field),
            ByteOrder::Little => message.put_u32_le(field),
        }
    }
    message.put_slice(body);
    message.freeze()
}

fn integer(framing: Framing, bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (field, rest) = bytes.split_first_chunk()?;
    let field = match byte_order(framing) {
        ByteOrder::Big => u32::from_be_bytes(*field),
        ByteOrder::Little => u32::from_le_bytes(*field),
    };
    Some((field, rest))
}

/// That of the integers inside a message.
fn byte_order(framing: Framing) -> ByteOrder {
    match framing {
        Framing::Mnet(mnet) => mnet.order,
        _ => ByteOrder::Big,
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|service| service.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("unknown service `{name}`: expected one of {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn react(protocol: &str, message: &[u8]) -> Reaction {
        let (framing, service) = protocol.split_once('/').unwrap();
        let service: Service = service.parse().unwrap();
        service.react(framing.parse().unwrap(), &Bytes::copy_from_slice(message))
    }

    #[track_caller]
    fn says(protocol: &str, message: &[u8], answer: &[u8]) {
        let answer = Some(Answer::Message(Bytes::copy_from_slice(answer)));
        assert_eq!(react(protocol, message), Reaction { answer, ends: false });
    }

    #[test]
    fn ping_alone_is_the_heartbeat_and_all_else_is_acknowledged() {
        says("line/ack", b"PING", b"PONG");
        for other in ["ping", " PING", "PINGPING", ""] {
            says("u32be/ack", other.as_bytes(), format!("服务器收到: {other}").as_bytes());
        }
    }

    #[test]
    fn upper_maps_as_unicode_does_and_without_regard_to_a_locale() {
        says("u32be/upper", "straße ﬁ ŉ i".as_bytes(), "STRASSE FI ʼN I".as_bytes());
        says("u32be/upper", b"", b"");
        assert_eq!(react("u32be/upper", b"caf\xc3"), Reaction::END);
    }

    #[test]
    fn exit_in_any_case_and_with_white_space_around_it_ends_and_is_not_answered() {
        for exit in ["EXIT", "exit", " eXit\r\n", "\t\u{b}EXIT"] {
            assert_eq!(react("u32be/upper", exit.as_bytes()), Reaction::END, "{exit:?}");
            assert_eq!(react("u32be/exec", exit.as_bytes()), Reaction::END, "{exit:?}");
        }
        says("u32be/upper", b"EXIT 0", b"EXIT 0");
        says("u32be/upper", "\u{a0}exit".as_bytes(), "\u{a0}EXIT".as_bytes());
    }

    #[test]
    fn count_counts_bytes_and_ends() {
        let Reaction { answer, ends } = react("raw/count", "你好".as_bytes());
        let said = Answer::Message(Bytes::from_static(b"you messagge is 6 bytes"));
        assert_eq!((answer, ends), (Some(said), true));
    }

    #[test]
    fn commands_are_read_in_the_byte_order_of_their_framing() {
        says("mnet/mnet", b"\0\0\0\x02\0\0\0\x01hi", b"\0\0\0\x01\0\0\0\0hi");
        says("mnet-le/mnet", b"\x03\0\0\0\0\0\x01\0hi", b"\x01\0\0\0\0\0\0\0hi");
        assert_eq!(react("mnet-le/mnet", b"\0\0\0\x02\0\0\0\x01hi"), Reaction::END);
    }

    #[test]
    fn a_command_is_answered_where_a_reply_is_wanted_and_exit_or_an_unknown_one_ends() {
        let reaction = |command, wanted| {
            let message = mnet("mnet".parse().unwrap(), command, wanted, b"body");
            react("mnet/mnet", &message)
        };
        for unanswered in [reaction(1, 1), reaction(2, 0), reaction(3, 0)] {
            assert_eq!(unanswered, Reaction::NONE);
        }
        for ends in [reaction(4, 1), reaction(0, 1), reaction(5, 1), reaction(u32::MAX, 0)] {
            assert_eq!(ends, Reaction::END);
        }
        assert_eq!(react("mnet/mnet", b"short"), Reaction::END);
    }

    #[test]
    fn exec_prints_words_as_they_are_and_refuses_what_is_not_echo() {
        says("u32be/exec", b"echo  $HOME\t`id` ; * ", b"$HOME `id` ; *\n");
        says("u32be/exec", b"echo", b"\n");
        for refused in [&b""[..], b"  ", b"ls", b"/bin/echo a", b"ECHO a", b"echo \xff"] {
            let Reaction { answer, ends } = react("u32be/exec", refused);
            assert_eq!((answer, ends), (Some(Answer::Beginning(b"exec: ")), false));
        }
    }

    #[test]
    fn a_service_goes_with_the_framings_that_can_carry_its_answers() {
        let goes = |service: Service, framing: &str| service.goes_with(framing.parse().unwrap());
        assert!(
            Service::ALL
                .iter()
                .all(|service| { goes(*service, "u32be") || *service == Service::Mnet })
        );
        assert!(goes(Service::Mnet, "mnet-le") && !goes(Service::Mnet, "raw"));
        assert!(goes(Service::Echo, "mnet") && !goes(Service::Ack, "mnet"));
        assert!(!goes(Service::Time, "line") && !goes(Service::Exec, "datagram"));
    }
}
