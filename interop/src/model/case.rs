//! A case: one test as pure data. What the harness does, the clauses it covers, the role it tests.
//!
//! The catalogue writes cases, the plan pairs them with peers, the stage acts them out. No case
//! carries its own expected bytes: those are the [ledger](super::ledger)'s to know.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::cut::Cut;
use super::names::{CaseId, Clause, Level, Role};
use super::shorter::TooLong;
use super::transcript::{Conn, Stop};

/// One test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Its name; the same name in several roles is the same idea.
    pub id: CaseId,
    /// The mistake that it catches, in a few words.
    pub catches: String,
    /// The clauses that it covers.
    pub clauses: Vec<Clause>,
    /// How much it binds.
    pub level: Level,
    /// How much it binds a peer that declares `max_frame`, where that differs.
    pub level_with_limit: Option<Level>,
    /// Who is tested.
    pub role: Role,
    /// What it is only about, where it is not about every protocol.
    pub only: Option<Only>,
    /// What becomes of messages that its peers are too small for; `None` where they are what it is about.
    pub too_long: Option<TooLong>,
    /// What the harness does, step by step.
    pub steps: Vec<Step>,
    /// The same with each message on a connection of its own, for protocols in which a connection has one.
    pub each_alone: Option<Vec<Step>>,
}

/// What a case is about that is not about every protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Only {
    /// These framings, by name.
    Framings(Vec<String>),
    /// These services, by name.
    Services(Vec<String>),
}

/// Something that the harness does, or waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Gives messages to a client program, which starts at its first one.
    Feed {
        /// Which client.
        conn: Conn,
        /// What it is told to send.
        messages: Vec<Body>,
    },
    /// Pairing: from here on the link cuts both directions of a connection so.
    Recut {
        /// Which connection.
        conn: Conn,
        /// Offsets count from here.
        cut: Cut,
    },
    /// Writes as the raw end; the connection is opened at the first write.
    Write(Write),
    /// Writes on several connections, their fragments mixed in a seeded order.
    Mixed {
        /// One for each connection.
        writes: Vec<Write>,
        /// Same seed, same order.
        seed: u64,
    },
    /// Waits until everything that is due has come.
    Settle,
    /// Tells the client program that there is no more to send.
    EndInput {
        /// Which client.
        conn: Conn,
    },
    /// Ends the raw end's direction (FIN).
    Finish {
        /// Which connection.
        conn: Conn,
    },
    /// Resets the connection (RST).
    Abort {
        /// Which connection.
        conn: Conn,
    },
    /// Sends a server of datagrams a message from a port where nobody takes the answer.
    AskInPassing {
        /// The message.
        body: Body,
    },
    /// Sends a message to a client of datagrams that is not from its server.
    Intrude {
        /// Which client.
        conn: Conn,
        /// The message.
        body: Body,
    },
    /// Closes the connection as a program does that ends: a FIN, and whatever still comes is answered by a RST.
    Close {
        /// Which connection.
        conn: Conn,
    },
    /// Plays several runs of steps side by side, each with connections of its own. It is over when all are.
    Lanes(Vec<Vec<Step>>),
    /// The raw end reads nothing from here on, and has a small receive buffer, if it is not connected yet.
    StopReading {
        /// Which connection.
        conn: Conn,
    },
    /// The raw end reads again, and writes what it could not get rid of before.
    ReadOn {
        /// Which connection.
        conn: Conn,
    },
    /// Writes the same messages again and again, until the peer takes no more of them for a while.
    Press {
        /// Where.
        conn: Conn,
        /// The messages.
        bodies: Vec<Body>,
        /// How often at most.
        at_most: u32,
        /// Who takes all of it has a queue without bound.
        bounded: bool,
    },
    /// Waits until something has come that is not read.
    Answered {
        /// Where.
        conn: Conn,
    },
    /// Has the same message answered again and again, until the memory of the program under test is seen not to grow
    /// with what was said.
    Soak {
        /// Where.
        conn: Conn,
        /// The message.
        body: Body,
    },
    /// Writes as the raw end, with a pause after each fragment.
    Drip {
        /// What, and in which fragments.
        write: Write,
        /// The pause, in milliseconds.
        ms: u64,
    },
    /// Counts the segments in which the answers of a connection came.
    CountSegments {
        /// Which connection.
        conn: Conn,
    },
    /// Leaves everybody alone.
    Idle {
        /// For so long, in milliseconds.
        ms: u64,
    },
    /// Waits until the program under test does nothing any more.
    Rest,
    /// The same, and it has to come to that.
    ComeToRest,
    /// The case's own server has to listen where only this machine can connect.
    StayOnLoopback,
    /// Notes what the program under test uses now, for [`Step::Within`] to compare with.
    Measure,
    /// Waits until the program under test uses no more than this above what was noted.
    Within(Budget),
    /// Starts a server of the case's own; again on the same port, when it has one already.
    Start,
    /// Waits until the case's own server listens, whatever it says, and notes where.
    Listening,
    /// Starts another one on the port of the first.
    StartSecond,
    /// Sends SIGTERM to the case's own server.
    Terminate,
    /// Starts a client where nobody listens.
    Refuse {
        /// Which client.
        conn: Conn,
    },
    /// Looks for what a program that has ended left behind.
    LookBehind,
}

/// Something that a program uses, of which it must not use much more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Memory that it has touched, at its highest, in bytes.
    Memory,
    /// Addresses that it has reserved, at their highest, in bytes. Reserved is not used, so this only warns.
    AddressSpace,
    /// Open files and sockets.
    Descriptors,
    /// Threads.
    Threads,
    /// Processes.
    Processes,
}

/// How much more of something a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Of what.
    pub of: Resource,
    /// How much more, in its unit.
    pub growth: u64,
    /// Whether more than that only warns.
    pub warns: bool,
}

/// For how long a frame may stay unfinished on a loaded machine while others are served, in milliseconds.
const HOLDS: u64 = 5000;

/// How the conversation of client 0 with the raw end ends well: its input does, then the connection.
pub const GOOD_END_OF_CLIENT: [Step; 4] =
    [Step::EndInput { conn: 0 }, Step::Settle, Step::Finish { conn: 0 }, Step::Settle];

/// How the conversation of client 0 with a server ends well.
pub const GOOD_END_OF_PAIRING: [Step; 2] = [Step::EndInput { conn: 0 }, Step::Settle];

/// What one write puts on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Where.
    pub conn: Conn,
    /// What, one after the other.
    pub parts: Vec<Part>,
    /// In which fragments.
    pub cut: Cut,
}

/// A piece of what is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A frame with this body.
    Frame(Body),
    /// The first so many bytes of the frame with this body.
    Head {
        /// The body that the header announces.
        body: Body,
        /// How much of the frame, header included, in bytes.
        keep: usize,
    },
    /// The rest of the frame with this body.
    Tail {
        /// The body that the header announced.
        body: Body,
        /// How much of the frame was written before, in bytes.
        skip: usize,
    },
    /// A header that claims a body of this many bytes, alone.
    Claim(u64),
    /// The same, for this many bytes more than the peer's limit: see [`Case::for_limit`].
    ClaimOver(u64),
    /// Bytes that are not of the framing's making.
    Raw(Body),
}

impl Case {
    /// Whether a client that is stopped so and takes `messages` in this form can be asked this case.
    ///
    /// An interrupted client never half-closes; a line cannot carry everything.
    #[must_use]
    pub fn suits_lines(&self, stop: Stop) -> bool {
        let fits = |body: &Body| body.fits_a_line();
        let every_message_fits = self.all_steps().all(|step| match step {
            Step::Feed { messages, .. } => messages.iter().all(fits),
            _ => true,
        });
        every_message_fits && (stop == Stop::EndOfInput || !self.needs_half_close())
    }

    /// The longest message that a peer is asked to take, in bytes.
    #[must_use]
    pub fn longest_message(&self) -> u64 {
        let bodies = self.all_steps().flat_map(Step::bodies);
        bodies.map(|body| body.len() as u64).max().unwrap_or(0)
    }

    /// The longest body that a header alone claims, in bytes.
    #[must_use]
    pub fn largest_claim(&self) -> u64 {
        let claim = |part: &Part| match part {
            Part::Claim(claim) => Some(*claim),
            _ => None,
        };
        let parts = self.all_steps().flat_map(Step::writes).flat_map(|write| &write.parts);
        parts.filter_map(claim).max().unwrap_or(0)
    }

    /// Every step, those in lanes included.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().flat_map(Step::all)
    }

    /// Whether it starts and ends servers of its own, and so needs a command that can be started.
    #[must_use]
    pub fn has_own_server(&self) -> bool {
        self.all_steps().any(|step| matches!(step, Step::Start))
    }

    /// Whether it waits, or holds its peer in a bad state, so that it is played beside the others and not
    /// among them.
    #[must_use]
    pub fn is_played_apart(&self) -> bool {
        let waits = |step: &Step| {
            matches!(
                step,
                Step::Start
                    | Step::Drip { .. }
                    | Step::Idle { .. }
                    | Step::Press { .. }
                    | Step::Soak { .. }
                    | Step::StopReading { .. }
                    | Step::Rest
                    | Step::ComeToRest
                    | Step::Refuse { .. }
            )
        };
        self.all_steps().any(waits)
    }

    /// For how long at most it leaves a connection alone.
    #[must_use]
    pub fn idles(&self) -> Duration {
        let pause = |step: &Step| match step {
            Step::Idle { ms } | Step::Drip { ms, .. } => *ms,
            _ => 0,
        };
        let pause = self.all_steps().map(pause).max().unwrap_or(0);
        // Somebody stops inside a frame and goes on when others have been served.
        let parts = || self.all_steps().flat_map(Step::writes).flat_map(|write| &write.parts);
        let holds = parts().any(|part| matches!(part, Part::Head { .. }))
            && parts().any(|part| matches!(part, Part::Tail { .. }));
        Duration::from_millis(if holds { pause.max(HOLDS) } else { pause })
    }

    /// Whether it asks for messages of the very length that the peer still takes.
    #[must_use]
    pub fn is_about_the_limit(&self) -> bool {
        let limited = |step: &Step| {
            let claims = step.writes().iter().flat_map(|write| &write.parts);
            step.bodies().any(|body| *body == Body::AtLimit)
                || claims.into_iter().any(|part| matches!(part, Part::ClaimOver(_)))
        };
        self.all_steps().any(limited)
    }

    /// The same case with the limit of a peer filled in, in bytes.
    #[must_use]
    pub fn for_limit(&self, limit: u64) -> Self {
        let mut case = self.clone();
        case.steps.iter_mut().for_each(|step| step.fill_in(limit));
        case
    }

    /// The same case with other random bytes, cuts and orders: its seeds are moved on by so many.
    #[must_use]
    pub fn reseeded(mut self, by: u64) -> Self {
        let steps = self.steps.iter_mut().chain(self.each_alone.iter_mut().flatten());
        steps.for_each(|step| step.reseed(by));
        self
    }

    /// Whether messages are due after the client's input has ended.
    fn needs_half_close(&self) -> bool {
        let mut ends = self.steps.iter().enumerate().filter_map(|(at, step)| match step {
            Step::EndInput { conn } => Some((at, *conn)),
            _ => None,
        });
        let writes_to =
            |conn| move |step: &Step| step.writes().iter().any(|write| write.conn == conn);
        ends.any(|(at, conn)| match self.role {
            Role::Server => false,
            Role::Client => self.steps[at..].iter().any(writes_to(conn)),
            Role::Pairing => {
                at > 0 && !matches!(self.steps[at - 1], Step::Settle | Step::EndInput { .. })
            }
        })
    }
}

impl Step {
    pub(super) fn writes(&self) -> &[Write] {
        match self {
            Self::Write(write) | Self::Drip { write, .. } => std::slice::from_ref(write),
            Self::Mixed { writes, .. } => writes,
            _ => &[],
        }
    }

    /// The step, and those in its lanes.
    fn all(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        let inner: &[Vec<Self>] = match self {
            Self::Lanes(lanes) => lanes,
            _ => &[],
        };
        Box::new(std::iter::once(self).chain(inner.iter().flatten().flat_map(Self::all)))
    }

    /// The conversations that it is about; none where it is about all, or about programs.
    #[must_use]
    pub fn conns(&self) -> BTreeSet<Conn> {
        let of = |step: &Self| match step {
            Self::Feed { conn, .. }
            | Self::Recut { conn, .. }
            | Self::EndInput { conn }
            | Self::Finish { conn }
            | Self::Abort { conn }
            | Self::Close { conn }
            | Self::Intrude { conn, .. }
            | Self::StopReading { conn }
            | Self::Answered { conn }
            | Self::ReadOn { conn }
            | Self::Press { conn, .. }
            | Self::Soak { conn, .. }
            | Self::CountSegments { conn }
            | Self::Refuse { conn } => vec![*conn],
            _ => step.writes().iter().map(|write| write.conn).collect(),
        };
        self.all().flat_map(of).collect()
    }

    fn reseed(&mut self, by: u64) {
        match self {
            Self::Feed { messages, .. } => messages.iter_mut().for_each(|body| body.reseed(by)),
            Self::Press { bodies, .. } => bodies.iter_mut().for_each(|body| body.reseed(by)),
            Self::Soak { body, .. } => body.reseed(by),
            Self::Write(write) | Self::Drip { write, .. } => write.reseed(by),
            Self::Recut { cut, .. } => cut.reseed(by),
            Self::Mixed { writes, seed } => {
                *seed = seed.wrapping_add(by);
                writes.iter_mut().for_each(|write| write.reseed(by));
            }
            Self::Lanes(lanes) => lanes.iter_mut().flatten().for_each(|step| step.reseed(by)),
            _ => {}
        }
    }

    fn fill_in(&mut self, limit: u64) {
        match self {
            Self::Feed { messages, .. } => messages.iter_mut().for_each(|body| body.fill_in(limit)),
            Self::Press { bodies, .. } => bodies.iter_mut().for_each(|body| body.fill_in(limit)),
            Self::Soak { body, .. } => body.fill_in(limit),
            Self::Write(write) | Self::Drip { write, .. } => {
                write.parts.iter_mut().for_each(|part| part.fill_in(limit))
            }
            Self::Mixed { writes, .. } => {
                let parts = writes.iter_mut().flat_map(|write| &mut write.parts);
                parts.for_each(|part| part.fill_in(limit));
            }
            Self::Lanes(lanes) => lanes.iter_mut().flatten().for_each(|step| step.fill_in(limit)),
            _ => {}
        }
    }

    /// The messages that pass between the peers because of it.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &Body> {
        let fed: &[Body] = match self {
            Self::Feed { messages, .. } => messages,
            Self::Press { bodies, .. } => bodies,
            Self::Soak { body, .. } => std::slice::from_ref(body),
            _ => &[],
        };
        let written = self.writes().iter().flat_map(|write| &write.parts).filter_map(Part::body);
        fed.iter().chain(written)
    }
}

impl Write {
    fn reseed(&mut self, by: u64) {
        self.cut.reseed(by);
        for part in &mut self.parts {
            match part {
                Part::Frame(body)
                | Part::Head { body, .. }
                | Part::Tail { body, .. }
                | Part::Raw(body) => body.reseed(by),
                Part::Claim(_) | Part::ClaimOver(_) => {}
            }
        }
    }
}

impl Part {
    pub(super) const fn body(&self) -> Option<&Body> {
        match self {
            Self::Frame(body) | Self::Head { body, .. } | Self::Tail { body, .. } => Some(body),
            Self::Claim(_) | Self::ClaimOver(_) | Self::Raw(_) => None,
        }
    }

    fn fill_in(&mut self, limit: u64) {
        match self {
            Self::Frame(body) | Self::Head { body, .. } | Self::Tail { body, .. } => {
                body.fill_in(limit);
            }
            Self::ClaimOver(more) => *self = Self::Claim(limit.saturating_add(*more)),
            Self::Claim(_) | Self::Raw(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::script::cases;

    fn case(steps: Vec<Step>) -> Case {
        Case { steps, ..Case::clone(&cases()[0]) }
    }

    fn write(conn: Conn, part: Part) -> Write {
        Write { conn, parts: vec![part], cut: Cut::Whole }
    }

    fn nested(step: Step) -> Step {
        Step::Lanes(vec![vec![Step::Settle], vec![Step::Lanes(vec![vec![step]])]])
    }

    /// A step of each kind that has a message in it.
    fn with(body: &Body) -> Vec<Step> {
        let frame = || write(0, Part::Frame(body.clone()));
        let steps = vec![
            Step::Feed { conn: 0, messages: vec![body.clone()] },
            Step::Press { conn: 0, bodies: vec![body.clone()], at_most: 1, bounded: false },
            Step::Soak { conn: 0, body: body.clone() },
            Step::Write(frame()),
            Step::Write(write(0, Part::Head { body: body.clone(), keep: 2 })),
            Step::Write(write(0, Part::Tail { body: body.clone(), skip: 2 })),
            Step::Mixed { writes: vec![frame()], seed: 1 },
            Step::Drip { write: frame(), ms: 1 },
        ];
        let lanes = steps.iter().cloned().map(nested).collect();
        [steps, lanes].concat()
    }

    #[test]
    fn the_limit_of_a_peer_is_filled_in_wherever_a_message_stands() {
        for step in with(&Body::AtLimit) {
            let open = case(vec![step.clone()]);
            assert!(open.is_about_the_limit(), "{step:?}");
            let filled = open.for_limit(1000);
            assert!(!filled.is_about_the_limit(), "{step:?}");
            assert_eq!(filled.longest_message(), 1000, "{step:?}");
        }
        for step in with(&"hello".into()) {
            let other = case(vec![step.clone()]);
            assert!(!other.is_about_the_limit(), "{step:?}");
            assert_eq!(other.for_limit(1000).steps, other.steps);
        }
    }

    #[test]
    fn a_claim_over_the_limit_is_made_of_the_limit_and_never_wraps_around() {
        let claims = |over, limit| {
            let step = nested(Step::Write(write(0, Part::ClaimOver(over))));
            let open = case(vec![step]);
            assert!(open.is_about_the_limit());
            open.for_limit(limit).largest_claim()
        };
        assert_eq!(claims(0, 1000), 1000);
        assert_eq!(claims(1, 1000), 1001);
        assert_eq!(claims(1, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_limit_that_is_filled_in_leaves_no_case_of_the_catalogue_open() {
        for case in cases() {
            assert!(!case.for_limit(64).is_about_the_limit(), "{} as {}", case.id, case.role);
        }
    }

    #[test]
    fn a_case_that_starts_a_server_anywhere_has_its_own() {
        assert!(case(vec![Step::Settle, Step::Start]).has_own_server());
        assert!(case(vec![nested(Step::Start)]).has_own_server());
        assert!(!case(vec![Step::Rest, Step::Settle]).has_own_server());
        for case in cases() {
            let lifecycle = case.id.as_str().starts_with("lifecycle.") && case.role == Role::Server;
            assert_eq!(case.has_own_server(), lifecycle, "{} as {}", case.id, case.role);
        }
    }

    #[test]
    fn what_waits_is_played_apart_and_what_talks_is_not() {
        let drip = Step::Drip { write: write(0, Part::Frame("x".into())), ms: 1 };
        for waits in [
            Step::Start,
            drip,
            Step::Idle { ms: 1 },
            Step::Press { conn: 0, bodies: vec!["x".into()], at_most: 1, bounded: false },
            Step::StopReading { conn: 0 },
            Step::Rest,
            Step::Refuse { conn: 0 },
        ] {
            assert!(case(vec![waits.clone()]).is_played_apart(), "{waits:?}");
            assert!(case(vec![nested(waits.clone())]).is_played_apart(), "{waits:?}");
        }
        let talk = Step::Write(write(0, Part::Frame("x".into())));
        assert!(!case(vec![talk, Step::Settle, Step::Finish { conn: 0 }]).is_played_apart());
        let named = |id: &str| {
            cases().iter().find(|case| case.id.as_str() == id && case.role == Role::Server).unwrap()
        };
        assert!(named("lifecycle.ready").is_played_apart());
        assert!(named("limits.spin").is_played_apart());
        assert!(!named("framing.single").is_played_apart());
        assert!(!named("framing.every-offset").is_played_apart());
    }

    #[test]
    fn the_longest_pause_is_how_long_a_case_idles() {
        let drip = Step::Drip { write: write(0, Part::Frame("x".into())), ms: 7 };
        let idles = |steps| case(steps).idles().as_millis();
        assert_eq!(idles(vec![Step::Settle]), 0);
        assert_eq!(idles(vec![Step::Idle { ms: 5 }, nested(drip), Step::Idle { ms: 3 }]), 7);
    }

    #[test]
    fn lanes_are_about_all_conversations_in_them() {
        let lanes = Step::Lanes(vec![
            vec![Step::Finish { conn: 3 }, Step::Settle],
            vec![nested(Step::Abort { conn: 7 })],
            vec![
                Step::Write(write(1, Part::Claim(9))),
                Step::Press { conn: 3, bodies: vec!["x".into()], at_most: 1, bounded: false },
            ],
        ]);
        assert_eq!(lanes.conns(), BTreeSet::from([1, 3, 7]));
        let writes = vec![write(4, Part::Claim(9)), write(5, Part::Claim(9))];
        assert_eq!(Step::Mixed { writes, seed: 1 }.conns(), BTreeSet::from([4, 5]));
        for about_programs in [Step::Settle, Step::Start, Step::Rest, Step::Idle { ms: 1 }] {
            assert!(about_programs.conns().is_empty(), "{about_programs:?}");
        }
    }
}
