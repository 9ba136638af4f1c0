//! Which cases make sense in a protocol, and why the others do not.
//!
//! The catalogue is written for frames with a length and a service that answers each message. Other protocols
//! have no length to lie about, one message a connection, or messages that not every byte may stand in.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use rust_server::framing::{Framing, MaxFrame};

use crate::limits;

use super::body::Body;
use super::case::{Case, Only, Part, Step, Write};
use super::cut::Cut;
use super::names::{Clause, Role};
use super::protocol::{Protocol, Transport};
use super::service::Service;
use super::transcript::Conn;

/// How many programs a server of `exec` is made to start in one case.
const COMMANDS: usize = 30;

/// How many datagrams are on their way at once, and the bytes of all of them together: what a socket's buffer holds
/// by default.
const DATAGRAMS: (usize, usize) = (100, 64 * 1024);

/// How many datagrams are sent in one case, most of them one after the other.
const ONE_BY_ONE: usize = 2000;

/// Why peers are not asked a case, in words that go on from "not asked, since".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// What they speak has no room for it.
    Protocol(String),
    /// It makes no sense with messages as short as they promise to take.
    Limit {
        /// The longest message that it needs, in bytes.
        needs: u64,
        /// What they promise to take, in bytes.
        promised: u64,
    },
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(since) => f.write_str(since),
            Self::Limit { needs, promised } if needs > promised => {
                write!(f, "it needs messages of {needs} bytes, and max_frame is {promised}")
            }
            Self::Limit { promised, .. } => {
                write!(f, "its answers are longer than max_frame, which is {promised}")
            }
        }
    }
}

impl Case {
    /// The case as peers of this protocol can be asked it, which promise to take messages of so many bytes, or
    /// promise nothing.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn as_asked(
        self: &Arc<Self>,
        protocol: &Protocol,
        promised: Option<MaxFrame>,
    ) -> Result<Arc<Self>, NotAsked> {
        let largest = protocol.framing.largest_body();
        let limit = promised.unwrap_or(limits::CUSTOMARY_LIMIT).get().min(largest);
        let taken = promised.map_or(u64::MAX, MaxFrame::get).min(largest).min(limits::MESSAGE);
        let case = match self.is_about_the_limit() {
            true => Arc::new(self.for_limit(limit)),
            false => self.clone(),
        };
        let asked = case.in_protocol(protocol, MaxFrame::new(taken));
        asked.map_err(|since| match promised {
            Some(promised) if self.as_asked(protocol, None).is_ok() => {
                NotAsked::Limit { needs: case.needs(), promised: promised.get() }
            }
            _ => NotAsked::Protocol(since),
        })
    }

    fn in_protocol(
        self: &Arc<Self>,
        protocol: &Protocol,
        max: MaxFrame,
    ) -> Result<Arc<Self>, String> {
        self.is_about(protocol)?;
        let case = match protocol.has_one_message() && self.has_several_messages() {
            false => self.clone(),
            true => match &self.each_alone {
                Some(steps) => {
                    Arc::new(Self { steps: steps.clone(), each_alone: None, ..Self::clone(self) })
                }
                None => return Err("a connection has one message".to_owned()),
            },
        };
        if protocol.framing.ends_with_stream() && case.has_several_messages() {
            return Err("a connection has one message".to_owned());
        }
        let longest = protocol.longest(self.role != Role::Client, max);
        let case = match case.shorter(longest) {
            Some(more) if protocol.has_one_message() && more.has_several_messages() => case,
            Some(shorter) => Arc::new(shorter),
            None => case,
        };
        case.fits_the_framing(protocol.framing)?;
        if protocol.service == Service::Exec && case.sends_anything() {
            return Err("what it sends might be run".to_owned());
        }
        if protocol.transport == Transport::Udp {
            case.fits_datagrams()?;
        }
        let messages = case.all_steps().map(Step::messages).fold(0, usize::saturating_add);
        if protocol.service == Service::Exec && messages > COMMANDS {
            return Err("it would start too many programs".to_owned());
        }
        case.fits_messages(protocol, max)?;
        Ok(case)
    }

    fn is_about(&self, protocol: &Protocol) -> Result<(), String> {
        match &self.only {
            Some(Only::Framings(names)) if !names.contains(&protocol.framing.to_string()) => {
                Err("it is about other framings".to_owned())
            }
            Some(Only::Services(names))
                if !names.iter().any(|it| it == protocol.service.name()) =>
            {
                Err("it is about other services".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether it sends bytes that are no message of ours.
    fn sends_anything(&self) -> bool {
        let mut parts = self.all_steps().flat_map(Step::writes).flat_map(|write| &write.parts);
        self.role == Role::Server && parts.any(|part| matches!(part, Part::Raw(_)))
    }

    fn has_several_messages(&self) -> bool {
        let mut written: BTreeMap<Conn, usize> = BTreeMap::new();
        let mut fed = BTreeMap::new();
        for step in self.all_steps() {
            match step {
                Step::Feed { conn, messages } => *fed.entry(*conn).or_default() += messages.len(),
                Step::Press { conn, .. } => {
                    *written.entry(*conn).or_default() += step.messages();
                }
                Step::Soak { conn, .. } => *written.entry(*conn).or_default() += 2,
                step => {
                    for write in step.writes() {
                        let begun = write.parts.iter().filter(|part| part.begins_a_message());
                        *written.entry(write.conn).or_default() += begun.count();
                    }
                }
            }
        }
        written.into_values().chain(fed.into_values()).any(|messages| messages > 1)
    }

    fn fits_the_framing(&self, framing: Framing) -> Result<(), String> {
        for part in self.all_steps().flat_map(Step::writes).flat_map(|write| &write.parts) {
            match part {
                Part::Claim(_) if framing.header_len() == 0 => {
                    return Err("there is no header that could claim a length".to_owned());
                }
                Part::Claim(len) if framing.header(*len).is_err() => {
                    return Err("the header has no room for the length that it claims".to_owned());
                }
                Part::Head { .. } | Part::Tail { .. } if framing.ends_with_stream() => {
                    return Err("a message cannot break off".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A datagram comes whole or not at all, and there is nothing to end.
    fn fits_datagrams(&self) -> Result<(), String> {
        let about_streams =
            [Clause::P4, Clause::P5, Clause::P7, Clause::P8, Clause::P9, Clause::P10];
        if self.clauses.first().is_some_and(|first| about_streams.contains(first)) {
            return Err("it is about a stream".to_owned());
        }
        for step in self.all_steps() {
            // What a link would cut goes on as it is.
            let plain = |write: &Write| matches!(write.cut, Cut::AsItComes | Cut::Whole);
            let whole = |part: &Part| matches!(part, Part::Frame(_));
            match step {
                Step::Write(write) if !plain(write) => {
                    return Err("datagrams are not cut".to_owned());
                }
                Step::Write(write) if !write.parts.iter().all(whole) => {
                    return Err("it writes what is no message".to_owned());
                }
                Step::Mixed { .. }
                | Step::Abort { .. }
                | Step::Close { .. }
                | Step::StopReading { .. }
                | Step::ReadOn { .. }
                | Step::Press { .. }
                | Step::Soak { .. }
                | Step::Answered { .. }
                | Step::Drip { .. }
                | Step::CountSegments { .. } => return Err("it is about a stream".to_owned()),
                _ => {}
            }
        }
        let (count, bytes) = most_under_way(&self.steps);
        if count > DATAGRAMS.0 || bytes > DATAGRAMS.1 {
            return Err("datagrams would be lost".to_owned());
        }
        let messages = self.all_steps().map(Step::messages).fold(0, usize::saturating_add);
        if messages > ONE_BY_ONE {
            return Err(format!("{messages} datagrams, one after the other, take long"));
        }
        Ok(())
    }

    fn fits_messages(&self, protocol: &Protocol, max: MaxFrame) -> Result<(), String> {
        let repeats = self.all_steps().any(|step| matches!(step, Step::Soak { .. }));
        if repeats && protocol.service == Service::Time {
            return Err("the answer is another each time".to_owned());
        }
        let is_answered = self.role != Role::Client;
        // Of letters it is their number alone that may be refused, and many have the same.
        let mut lens = HashSet::new();
        for body in self.all_steps().flat_map(Step::bodies) {
            if matches!(body, Body::Letters { .. }) && !lens.insert(body.len()) {
                continue;
            }
            if let Some(reason) = protocol.refuses(body, is_answered, max) {
                return Err(format!("a message {reason}"));
            }
        }
        Ok(())
    }
}

/// How many datagrams are on their way at once at most, and the bytes of all of them together. In a conversation
/// each follows when the one before was answered.
fn most_under_way(steps: &[Step]) -> (usize, usize) {
    let mut most = (0, 0);
    let mut longest: BTreeMap<Conn, usize> = BTreeMap::new();
    for step in steps {
        let mut beside = (0, 0);
        match step {
            Step::Settle => longest.clear(),
            Step::Lanes(lanes) => {
                let each = lanes.iter().map(|lane| most_under_way(lane));
                let (count, bytes) = each.reduce(larger).unwrap_or_default();
                let at_once = lanes.len().min(limits::LANES);
                beside = (at_once * count, at_once * bytes);
            }
            step => {
                let len = step.bodies().map(Body::len).max();
                for (conn, len) in step.conns().into_iter().zip(len) {
                    let longest = longest.entry(conn).or_default();
                    *longest = len.max(*longest);
                }
            }
        }
        let bytes: usize = longest.values().sum();
        most = larger(most, (longest.len() + beside.0, bytes + beside.1));
    }
    most
}

fn larger(one: (usize, usize), other: (usize, usize)) -> (usize, usize) {
    (one.0.max(other.0), one.1.max(other.1))
}

impl Step {
    /// How many messages it sends.
    fn messages(&self) -> usize {
        match self {
            Self::Feed { messages, .. } => messages.len(),
            Self::Press { bodies, at_most, .. } => bodies.len() * *at_most as usize,
            Self::Soak { .. } => usize::MAX,
            step => step.writes().iter().map(|write| write.parts.len()).sum(),
        }
    }
}

impl Part {
    const fn begins_a_message(&self) -> bool {
        !matches!(self, Self::Tail { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::script::cases;

    fn asked(id: &str, role: Role, protocol: &str) -> Result<Arc<Case>, String> {
        promising(None, id, role, protocol)
    }

    fn promising(
        promised: Option<u64>,
        id: &str,
        role: Role,
        protocol: &str,
    ) -> Result<Arc<Case>, String> {
        let case = cases().iter().find(|case| case.id.as_str() == id && case.role == role);
        let asked =
            case.expect("a case").as_asked(&protocol.parse().unwrap(), promised.map(MaxFrame::new));
        asked.map_err(|since| since.to_string())
    }

    fn server(id: &str, protocol: &str) -> Result<Arc<Case>, String> {
        asked(id, Role::Server, protocol)
    }

    #[track_caller]
    fn not_asked(id: &str, protocol: &str, since: &str) {
        assert_eq!(server(id, protocol).expect_err("not asked"), since);
    }

    #[test]
    fn the_default_is_asked_all_that_is_about_no_other() {
        for case in cases() {
            let asked = case.as_asked(&Protocol::default(), None).is_ok();
            assert_eq!(asked, case.only.is_none(), "{} as {}", case.id, case.role);
        }
    }

    #[test]
    fn a_case_about_a_framing_or_a_service_is_asked_of_that_alone() {
        assert!(server("framing.blank-lines", "line/ack").is_ok());
        not_asked("framing.blank-lines", "u32be/ack", "it is about other framings");
        assert!(server("service.exit", "u32be/exec").is_ok());
        not_asked("service.exit", "u32be/ack", "it is about other services");
    }

    #[test]
    fn where_a_connection_has_one_message_each_has_its_own() {
        let joined = server("framing.sticky-two", "u32be/upper").unwrap();
        let alone = server("framing.sticky-two", "raw/upper").unwrap();
        let conns = |case: &Case| {
            case.all_steps().flat_map(Step::conns).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!((conns(&joined).len(), conns(&alone).len()), (1, 2));
        not_asked("connection.many-messages", "raw/upper", "a connection has one message");
        not_asked("connection.many-messages", "ascii4/count", "a connection has one message");
    }

    #[test]
    fn a_second_message_can_be_sent_where_the_service_ends_and_not_where_the_stream_does() {
        assert!(server("service.one-message", "ascii4/count").is_ok());
        not_asked("service.one-message", "raw/count", "a connection has one message");
    }

    #[test]
    fn what_has_no_header_cannot_lie_in_it() {
        let claim = "limits.oversize-refused";
        not_asked(claim, "line/ack", "there is no header that could claim a length");
        not_asked(claim, "ascii4/echo", "the header has no room for the length that it claims");
        not_asked("limits.slowloris", "raw/upper", "a message cannot break off");
    }

    #[test]
    fn messages_that_cannot_be_sent_or_answered_are_not() {
        not_asked("payload.empty", "line/ack", "a message is empty");
        not_asked("payload.whitespace", "line/ack", "a message begins or ends with white space");
        not_asked("payload.all-bytes", "u32be/upper", "a message ends the connection");
        not_asked("payload.large", "ascii4/count", "a message is too long");
        not_asked("limits.at-max", "u32be/ack", "a message has an answer that is too long");
    }

    #[test]
    fn a_promised_limit_makes_messages_shorter_where_the_case_keeps_its_sense() {
        for (id, longest) in [
            ("concurrency.slow-reader-bounded", 4096),
            ("concurrency.bulk-both-ways", 4096),
            ("payload.empty-behind-large", 4096),
            ("framing.length-bytes", 256),
            ("framing.buffer-edges", 4096),
            ("limits.at-max", 4096),
            ("lifecycle.sigterm-busy", 4096),
        ] {
            let case = promising(Some(4096), id, Role::Server, "u32be/echo").unwrap();
            assert_eq!(case.longest_message(), longest, "{id}");
        }
        // An answer has to fit, too.
        let case = promising(Some(4096), "concurrency.bulk-both-ways", Role::Server, "u32be/ack");
        assert!((3000..4096).contains(&case.unwrap().longest_message()));
    }

    #[test]
    fn a_framing_has_a_limit_of_its_own() {
        let case = server("concurrency.slow-reader-bounded", "ascii4/echo").unwrap();
        assert_eq!(case.longest_message(), 9999);
    }

    #[test]
    fn a_case_that_needs_longer_messages_than_are_promised_says_so() {
        for (id, promised, protocol, since) in [
            (
                "payload.large",
                4096,
                "u32be/echo",
                "it needs messages of 1048576 bytes, and max_frame is 4096",
            ),
            (
                "concurrency.bulk-both-ways",
                100,
                "u32be/echo",
                "it needs messages of 512 bytes, and max_frame is 100",
            ),
            ("limits.at-max", 4096, "u32be/ack", "a message has an answer that is too long"),
            ("payload.large", 4096, "ascii4/echo", "a message is too long"),
        ] {
            let said = promising(Some(promised), id, Role::Server, protocol);
            assert_eq!(said.expect_err("not asked"), since, "{id} of {promised}");
        }
    }

    #[test]
    fn a_client_may_be_told_what_a_server_could_not_answer() {
        assert!(asked("framing.full-frame", Role::Client, "fixed-1024/ack").is_ok());
        assert!(asked("limits.at-max", Role::Client, "u32be/ack").is_ok());
        not_asked("limits.at-max", "u32be/ack", "a message has an answer that is too long");
        // The name of the program comes on top.
        let exec = asked("limits.at-max", Role::Client, "u32be/exec");
        assert_eq!(exec.expect_err("not asked"), "a message is too long");
    }

    #[test]
    fn exec_is_sent_nothing_that_might_be_run() {
        not_asked("limits.foreign", "u32be/exec", "what it sends might be run");
        not_asked("connection.thousand", "u32be/exec", "it would start too many programs");
    }

    /// Why peers of this protocol are not asked a case; `None` where they are.
    fn refusal(id: &str, role: Role, protocol: &str) -> Option<String> {
        asked(id, role, protocol).err()
    }

    #[test]
    fn datagrams_are_asked_what_comes_whole() {
        for (id, role) in [
            ("framing.single", Role::Server),
            ("framing.every-length", Role::Pairing),
            ("framing.datagram-sizes", Role::Client),
            ("payload.control", Role::Server),
            ("connection.thousand", Role::Server),
            ("connection.refused", Role::Client),
            ("concurrency.interleaved", Role::Pairing),
            ("lifecycle.rebind", Role::Server),
        ] {
            assert_eq!(refusal(id, role, "datagram/echo"), None, "{id} as {role}");
        }
        for (id, role, reason) in [
            ("framing.header-split", Role::Server, "it is about a stream"),
            ("connection.half-close", Role::Pairing, "it is about a stream"),
            ("connection.connect-close", Role::Server, "it is about a stream"),
            ("lifecycle.sigterm-busy", Role::Server, "it is about a stream"),
            ("lifecycle.exit-truth", Role::Client, "it writes what is no message"),
            ("limits.garbage", Role::Server, "it writes what is no message"),
        ] {
            let said = refusal(id, role, "datagram/echo");
            assert_eq!(said.as_deref(), Some(reason), "{id} as {role}");
        }
        assert!(refusal("framing.datagram-sizes", Role::Client, "u32be/echo").is_some());
    }

    #[test]
    fn no_more_datagrams_are_on_their_way_than_a_buffer_holds() {
        let refused = |id| refusal(id, Role::Server, "datagram/echo");
        assert_eq!(refused("concurrency.accept-storm"), None);
        let reason = refused("concurrency.accept-storm-500");
        assert_eq!(reason.as_deref(), Some("datagrams would be lost"));
        let reason = refused("connection.many-messages").expect("it is not asked");
        assert!(reason.ends_with("datagrams, one after the other, take long"), "{reason}");
    }
}
