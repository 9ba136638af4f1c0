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

/// How many programs a server of `exec` is made to start in one case.
const COMMANDS: usize = 300;

/// How many datagrams are sent at once, and the bytes of all of them together: what a socket's buffer holds by default.
const DATAGRAMS: (usize, usize) = (100, 64 * 1024);

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
        if protocol.framing.ends_with_stream() && case.has_several_messages() {
            return Err("a connection has one message".to_owned());
        }
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
            Some(Only::Services(names))
                if !names.iter().any(|it| it == protocol.service.name()) =>
            {
                Err(format!("it is about {}", names.join(", ")))
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
        let about_streams = [Clause::P7, Clause::P8, Clause::P9, Clause::P10];
        if self.clauses.first().is_some_and(|first| about_streams.contains(first)) {
            return Err("it is about a stream".to_owned());
        }
        for step in self.all_steps() {
            let plain = |cut: &Cut| matches!(cut, Cut::AsItComes | Cut::Whole);
            let whole = |write: &Write| {
                plain(&write.cut) && write.parts.iter().all(|part| matches!(part, Part::Frame(_)))
            };
            match step {
                Step::Recut { cut, .. } if !plain(cut) => {
                    return Err("datagrams are not cut".to_owned());
                }
                Step::Write(write) if !whole(write) => {
                    return Err("datagrams are not cut".to_owned());
                }
                Step::Write(Write { parts, .. }) => {
                    let bytes: usize = parts.iter().filter_map(Part::body).map(Body::len).sum();
                    if parts.len() > DATAGRAMS.0 || bytes > DATAGRAMS.1 {
                        return Err("datagrams would be lost".to_owned());
                    }
                }
                Step::Feed { messages, .. } => {
                    let bytes: usize = messages.iter().map(Body::len).sum();
                    if messages.len() > DATAGRAMS.0 || bytes > DATAGRAMS.1 {
                        return Err("datagrams would be lost".to_owned());
                    }
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
