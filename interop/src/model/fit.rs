//! Which cases make sense in a protocol, and why the others do not.
//!
//! The catalogue is written for frames with a length and a service that answers each message. Other protocols
//! have no length to lie about, one message a connection, or messages that not every byte may stand in.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_server::framing::{Framing, MaxFrame};

use super::body::Body;
use super::case::{Case, Only, Part, Step, Write};
use super::cut::Cut;
use super::names::{Clause, Role};
use super::protocol::{Protocol, Transport};
use super::service::Service;
use super::transcript::Conn;
use crate::limits::LANES;

/// How many programs a server of `exec` is made to start in one case.
const COMMANDS: usize = 300;

/// How many datagrams are on their way at once, and the bytes of all of them together: what a socket's buffer holds
/// by default.
const DATAGRAMS: (usize, usize) = (100, 64 * 1024);

/// How many datagrams are sent in one case, most of them one after the other.
const ONE_BY_ONE: usize = 2000;

impl Case {
    /// The case as peers of this protocol can be asked it, which take messages of up to `max`.
    ///
    /// # Errors
    /// Why they cannot, in words that go on from "not asked, since".
    pub fn in_protocol(
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
        case.fits_the_framing(protocol.framing)?;
        if protocol.service == Service::Exec && case.sends_anything() {
            return Err("what it sends might be run".to_owned());
        }
        if protocol.transport == Transport::Udp {
            case.fits_datagrams()?;
        }
        let messages = case.all_steps().map(Step::messages).sum::<usize>();
        if protocol.service == Service::Exec && messages > COMMANDS {
            return Err(format!("it would start {messages} programs"));
        }
        case.fits_messages(protocol, max)?;
        Ok(case)
    }

    fn is_about(&self, protocol: &Protocol) -> Result<(), String> {
        match &self.only {
            Some(Only::Framings(names)) if !names.contains(&protocol.framing.to_string()) => {
                Err(format!("it is about {}", names.join(", ")))
            }
            Some(Only::Service(name)) if name != protocol.service.name() => {
                Err(format!("it is about the service {name}"))
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
                Step::Press { conn, at_most, .. } => {
                    *written.entry(*conn).or_default() += *at_most as usize;
                }
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
                Part::Claim(len) if framing.header_len() == 0 => {
                    return Err(format!("there is no header that could claim {len} bytes"));
                }
                Part::Claim(len) if framing.header(*len).is_err() => {
                    return Err(format!("the header has no room for a claim of {len} bytes"));
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
                | Step::StopReading { .. }
                | Step::ReadOn { .. }
                | Step::Press { .. }
                | Step::Drip { .. }
                | Step::CountSegments { .. } => return Err("it is about a stream".to_owned()),
                _ => {}
            }
        }
        let (count, bytes) = most_under_way(&self.steps);
        if count > DATAGRAMS.0 || bytes > DATAGRAMS.1 {
            return Err("datagrams would be lost".to_owned());
        }
        let messages = self.all_steps().map(Step::messages).sum::<usize>();
        if messages > ONE_BY_ONE {
            return Err(format!("{messages} datagrams, one after the other, take long"));
        }
        Ok(())
    }

    fn fits_messages(&self, protocol: &Protocol, max: MaxFrame) -> Result<(), String> {
        let is_answered = self.role != Role::Client;
        for body in self.all_steps().flat_map(Step::bodies) {
            if let Some(reason) = protocol.refuses(body, is_answered, max) {
                return Err(format!("a message of it {reason}"));
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
                let at_once = lanes.len().min(LANES);
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
            Self::Press { at_most, .. } => *at_most as usize,
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

    /// Why peers of this protocol are not asked a case; `None` where they are.
    fn refusal(id: &str, role: Role, protocol: &str) -> Option<String> {
        let asked = |case: &&Arc<Case>| case.id.as_str() == id && case.role == role;
        let case = cases().iter().find(asked).expect("a case of the catalogue");
        let protocol: Protocol = protocol.parse().unwrap();
        let max = MaxFrame::new(protocol.framing.largest_body());
        case.in_protocol(&protocol, max).err()
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
