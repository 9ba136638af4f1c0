//! The words in which the catalogue is written: entries, and conversations that suit every role.

use crate::model::body::Body;
use crate::model::case::{Case, GOOD_END_OF_CLIENT, GOOD_END_OF_PAIRING, Only, Part, Step, Write};
use crate::model::cut::Cut;
use crate::model::names::{CaseId, Clause, Level, Role};
use crate::model::service::Service;
use crate::model::shorter::TooLong;

/// The header of the frames that the catalogue's offsets are counted by, in bytes.
pub const HEADER: usize = 4;

/// A row of the catalogue: one idea, played in one or more roles.
#[derive(Clone, Debug)]
pub struct Entry {
    id: CaseId,
    catches: String,
    clauses: Vec<Clause>,
    level: Level,
    level_with_limit: Option<Level>,
    only: Option<Only>,
    too_long: Option<TooLong>,
    plays: Vec<Play>,
}

/// What is done to one role.
#[derive(Clone, Debug)]
struct Play {
    role: Role,
    steps: Vec<Step>,
    each_alone: Option<Vec<Step>>,
}

/// Begins a row: its id, and the mistake that it catches.
pub fn entry(id: &str, catches: &str) -> Entry {
    Entry {
        id: CaseId::new(id),
        catches: catches.to_owned(),
        clauses: Vec::new(),
        level: Level::Must,
        level_with_limit: None,
        only: None,
        too_long: None,
        plays: Vec::new(),
    }
}

impl Entry {
    /// The clauses that it covers, the most telling first.
    pub fn covers(mut self, clauses: &[Clause]) -> Self {
        self.clauses = clauses.to_vec();
        self
    }

    /// A failure only warns.
    pub fn should(mut self) -> Self {
        self.level = Level::Should;
        self
    }

    /// A failure is only told.
    pub fn info(mut self) -> Self {
        self.level = Level::Info;
        self
    }

    /// A failure fails a peer that declares `max_frame`.
    pub fn must_with_limit(mut self) -> Self {
        self.level_with_limit = Some(Level::Must);
        self
    }

    /// Only of these framings.
    pub fn of_framings(mut self, names: &[&str]) -> Self {
        self.only = Some(Only::Framings(names.iter().copied().map(str::to_owned).collect()));
        self
    }

    /// Only of these services.
    pub fn of_services(mut self, services: &[Service]) -> Self {
        let names = services.iter().map(|service| service.name().to_owned());
        self.only = Some(Only::Services(names.collect()));
        self
    }

    /// What becomes of messages that a peer is too small for. Where nothing is said, it is not asked.
    pub fn too_long(mut self, rule: TooLong) -> Self {
        self.too_long = Some(rule);
        self
    }

    /// Played in one role, with these steps.
    pub fn play(mut self, role: Role, steps: Vec<Step>) -> Self {
        self.plays.push(Play { role, steps, each_alone: None });
        self
    }

    /// What is played instead of the last steps where a connection has one message.
    pub fn or_each_alone(mut self, steps: Vec<Step>) -> Self {
        if let Some(play) = self.plays.last_mut() {
            play.each_alone = Some(steps);
        }
        self
    }

    /// One conversation for a server and a pairing: what is about a service is no business of a client.
    pub fn of_servers(self, talk: &[Exchange]) -> Self {
        self.talk(Role::Server, server_steps, talk).talk(Role::Pairing, pairing_steps, talk)
    }

    /// One conversation for a server, a client and a pairing.
    pub fn everywhere(self, talk: &[Exchange]) -> Self {
        self.at_both_ends(talk).talk(Role::Pairing, pairing_steps, talk)
    }

    /// One conversation for a server and a client, each facing the raw end.
    pub fn at_both_ends(self, talk: &[Exchange]) -> Self {
        self.talk(Role::Server, server_steps, talk).talk(Role::Client, client_steps, talk)
    }

    fn talk(
        mut self,
        role: Role,
        steps: impl Fn(&[Exchange]) -> Vec<Step>,
        talk: &[Exchange],
    ) -> Self {
        let each_alone = each_alone(role, talk);
        self.plays.push(Play { role, steps: steps(talk), each_alone });
        self
    }

    pub(super) fn into_cases(self) -> Vec<Case> {
        let Self { id, catches, clauses, level, level_with_limit, only, too_long, plays } = self;
        let case = |Play { role, steps, each_alone }| Case {
            id: id.clone(),
            catches: catches.clone(),
            // P13 is about clients alone.
            clauses: clauses
                .iter()
                .copied()
                .filter(|&it| it != Clause::P13 || role != Role::Server)
                .collect(),
            level,
            level_with_limit,
            role,
            only: only.clone(),
            too_long,
            steps,
            each_alone,
        };
        plays.into_iter().map(case).collect()
    }
}

/// Messages that go to the server in one run and come back in one run, both cut the same way.
#[derive(Clone, Debug)]
pub struct Exchange {
    messages: Vec<Body>,
    cut: Cut,
}

/// One exchange, cut so.
pub fn exchange(cut: Cut, messages: impl IntoIterator<Item = impl Into<Body>>) -> Exchange {
    Exchange { messages: messages.into_iter().map(Into::into).collect(), cut }
}

/// One exchange, in one run.
pub fn whole(messages: impl IntoIterator<Item = impl Into<Body>>) -> Exchange {
    exchange(Cut::Whole, messages)
}

/// Frames with these bodies, on connection 0.
pub fn write(cut: Cut, parts: Vec<Part>) -> Step {
    write_on(0, cut, parts)
}

/// Frames with these bodies, on a connection of choice.
pub fn write_on(conn: u16, cut: Cut, parts: Vec<Part>) -> Step {
    Step::Write(Write { conn, parts, cut })
}

/// Lanes of steps, played side by side.
pub fn side_by_side(lanes: impl IntoIterator<Item = Vec<Step>>) -> Step {
    Step::Lanes(lanes.into_iter().collect())
}

/// Bytes of a message where much has to be sent: many fit into no buffer, and each is below the limits that people
/// declare, 65535 among them.
pub const PRESSED_LEN: usize = 60_000;

/// Messages for client 0.
pub fn feed(messages: impl IntoIterator<Item = impl Into<Body>>) -> Step {
    feed_to(0, messages)
}

/// Messages for a client of choice.
pub fn feed_to(conn: u16, messages: impl IntoIterator<Item = impl Into<Body>>) -> Step {
    Step::Feed { conn, messages: messages.into_iter().map(Into::into).collect() }
}

/// One frame for each body.
pub fn frames(bodies: &[Body]) -> Vec<Part> {
    bodies.iter().cloned().map(Part::Frame).collect()
}

/// A fresh client that is served: whatever came before, the server lives.
pub fn health_ping(conn: u16) -> Vec<Step> {
    vec![
        write_on(conn, Cut::Whole, vec![Part::Frame("still there?".into())]),
        Step::Settle,
        Step::Finish { conn },
        Step::Settle,
    ]
}

/// What happens to others is no business of a connection that was there before: it is served afterwards too.
pub fn beside(bystander: u16, steps: Vec<Step>) -> Vec<Step> {
    let ask = |text: &str| {
        let asked = write_on(bystander, Cut::Whole, vec![Part::Frame(text.into())]);
        vec![asked, Step::Settle]
    };
    [ask("before"), steps, ask("and after"), vec![Step::Finish { conn: bystander }]].concat()
}

/// The good end of a conversation with a server: whatever it still sends comes before its FIN.
pub fn finish_server() -> Vec<Step> {
    finish_on(0)
}

/// The same, on a connection of choice.
pub fn finish_on(conn: u16) -> Vec<Step> {
    vec![Step::Finish { conn }, Step::Settle]
}

/// The good end of a conversation with a client: its input ends, then the connection does.
pub fn finish_client() -> Vec<Step> {
    GOOD_END_OF_CLIENT.to_vec()
}

/// How many clients are started at most for a conversation that needs one for each message.
const CLIENTS: usize = 8;

/// A conversation with each message on a connection of its own, cut as it was where it was alone already.
/// `None` where that is too many programs to start.
fn each_alone(role: Role, talk: &[Exchange]) -> Option<Vec<Step>> {
    let messages = talk.iter().flat_map(|Exchange { messages, cut }| {
        let cut = match (messages.len(), cut) {
            (1, cut) | (_, cut @ Cut::EachByte) => cut.clone(),
            _ => Cut::Whole,
        };
        messages.iter().map(move |message| (message.clone(), cut.clone()))
    });
    let messages: Vec<_> = (0..).zip(messages).collect();
    let end = |conn| [Step::Finish { conn }, Step::Settle];
    let asked = |(conn, (body, cut)): (u16, (Body, Cut))| {
        let ask = [write_on(conn, cut, vec![Part::Frame(body)]), Step::Settle];
        [ask, end(conn)].concat()
    };
    let answered = |(conn, (body, cut)): (u16, (Body, Cut))| {
        let ask = [feed_to(conn, [body.clone()]), Step::Settle];
        let answer = [write_on(conn, cut, vec![Part::Frame(body)]), Step::Settle];
        [ask, answer, [Step::EndInput { conn }, Step::Settle], end(conn)].concat()
    };
    let relayed = |(conn, (body, cut)): (u16, (Body, Cut))| {
        let ask = [Step::Recut { conn, cut }, feed_to(conn, [body])];
        [&ask[..], &[Step::Settle, Step::EndInput { conn }, Step::Settle]].concat()
    };
    match role {
        Role::Server => Some(vec![side_by_side(messages.into_iter().map(asked))]),
        _ if messages.len() > CLIENTS => None,
        Role::Client => Some(messages.into_iter().flat_map(answered).collect()),
        Role::Pairing => Some(messages.into_iter().flat_map(relayed).collect()),
    }
}

/// The harness asks, message by message, and ends in good order.
pub fn server_steps(talk: &[Exchange]) -> Vec<Step> {
    let asked = |Exchange { messages, cut }: &Exchange| {
        [write(cut.clone(), frames(messages)), Step::Settle]
    };
    [talk.iter().flat_map(asked).collect(), finish_server()].concat()
}

/// The client is told what to ask; the harness answers, cut so, and waits for the deliveries.
pub fn client_steps(talk: &[Exchange]) -> Vec<Step> {
    let answered = |Exchange { messages, cut }: &Exchange| {
        [feed(messages.clone()), Step::Settle, write(cut.clone(), frames(messages)), Step::Settle]
    };
    [talk.iter().flat_map(answered).collect(), finish_client()].concat()
}

/// The client is told what to ask; the link cuts both ways.
fn pairing_steps(talk: &[Exchange]) -> Vec<Step> {
    let relayed = |Exchange { messages, cut }: &Exchange| {
        [Step::Recut { conn: 0, cut: cut.clone() }, feed(messages.clone()), Step::Settle]
    };
    [talk.iter().flat_map(relayed).collect(), GOOD_END_OF_PAIRING.to_vec()].concat()
}
