//! The books of a case: for each channel, what was due so far and what was seen so far.
//!
//! The protocol's rules live here, once. The stage keeps a ledger while it acts, to know what to wait
//! for; the [oracle](super::oracle) replays a finished transcript into one, to know what was wrong.

mod due;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rust_server::framing::{Framing, MaxFrame};

use self::due::Due;
use crate::limits::{CLOCKS_APART, CUSTOMARY_LIMIT, FLOOD};

use super::names::{Clause, Role};
use super::protocol::{NOTATION, Transport, frames};
use super::service::{Answer, Reaction, TIME_LEN};
use super::transcript::{Act, Channel, ChannelEnd, Conn, Exit, Setting, Sight, Stop, What, Wire};

/// The books of one case.
#[derive(Debug)]
pub struct Ledger {
    setting: Setting,
    accounts: BTreeMap<Channel, Account>,
    clients: BTreeMap<Conn, ClientAccount>,
    written: BTreeMap<Conn, Written>,
    server: ServerAccount,
    blocked: Option<Channel>,
}

/// The conversations that somebody waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them, and the programs too.
    #[default]
    All,
    /// Those of one lane.
    Lane(BTreeSet<Conn>),
}

impl Scope {
    /// Whether it covers a conversation.
    #[must_use]
    pub fn has(&self, conn: Conn) -> bool {
        match self {
            Self::All => true,
            Self::Lane(conns) => conns.contains(&conn),
        }
    }
}

/// What is due of the server program, and what was seen of it.
#[derive(Debug, Default)]
struct ServerAccount {
    /// It was told to end.
    terminated: bool,
    /// It did not come up again.
    missing: bool,
    exit: Option<Exit>,
}

/// What is due and what was seen on one channel.
#[derive(Debug, Default)]
pub struct Account {
    /// The bytes due so far.
    due: Due,
    /// The bytes seen so far, where they are not simply the first of those due.
    apart: Option<Vec<u8>>,
    /// How many bytes from the start are as they should be.
    pub matched: usize,
    /// The first bytes that should not have come, or not yet.
    pub deviation: Option<Deviation>,
    /// The clause by which the channel has to end by now.
    pub due_end: Option<Clause>,
    /// How it ended.
    pub seen_end: Option<ChannelEnd>,
    /// We reset the connection, or ended the server, so nothing more is due.
    pub released: bool,
    /// We do not read it now, so nothing of it can come.
    pub unread: bool,
    /// The server was told to end in the middle of it, and may end it after any whole frame.
    pub cut_short: bool,
    /// Where times are due, as offsets: they are not known before they come.
    times: VecDeque<usize>,
    /// Answers of which only the beginning is known before they come, in order.
    openings: VecDeque<Opening>,
}

/// Where an answer is due of which only the beginning is known.
#[derive(Debug)]
struct Opening {
    /// Where its frame begins.
    at: usize,
    /// How many bytes stand for it as yet.
    len: usize,
    framing: Framing,
    beginning: &'static [u8],
}

/// Where a channel left the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Offset of the first such byte.
    pub offset: usize,
    /// Everything due at that moment had come already, so the byte is one too many, or came too early.
    pub excess: bool,
}

/// What is due of a client program's end, and what was seen.
#[derive(Debug, Default)]
pub struct ClientAccount {
    /// Its input has ended.
    pub input_ended: bool,
    /// How it has to end by now.
    pub due_exit: Option<DueExit>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// It ended, with success, although the connection stood and it had not been answered.
    pub left_early: bool,
    /// It was told a message that the framing cannot carry.
    cannot_say: bool,
    /// What it was told to send, where the end of its input is what completes it.
    begun: Option<Bytes>,
}

/// The exit status that tells the truth (clause P13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueExit {
    /// All went well.
    Zero,
    /// The connection ended inside a frame.
    NonZero,
    /// There was nobody to connect to.
    Refused,
    /// It was told a message that the framing cannot carry.
    Unsayable,
    /// Either is right, or it is not judged.
    Any,
}

/// What the raw end wrote on a connection so far.
#[derive(Debug, Default)]
struct Written {
    undecoded: BytesMut,
    refused: bool,
    finished: bool,
    /// The service has ended the conversation: what comes behind it is not looked at.
    over: bool,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything due has come.
    Settled,
    /// All bytes have come; a connection or a process has still to end.
    EndsMissing,
    /// Bytes are still due.
    BytesMissing,
    /// What was seen cannot become right any more.
    Broken,
}

impl Ledger {
    /// Opens the books.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        Self {
            setting,
            accounts: BTreeMap::new(),
            clients: BTreeMap::new(),
            written: BTreeMap::new(),
            server: ServerAccount::default(),
            blocked: None,
        }
    }

    /// Enters one line of the transcript.
    pub fn enter(&mut self, what: &What) {
        match what {
            What::Did(act) => self.enter_act(act),
            What::Saw(sight) => self.enter_sight(sight),
        }
    }

    fn enter_act(&mut self, act: &Act) {
        match act {
            Act::Fed { conn, message } => {
                self.open_client(*conn);
                self.owe_message(*conn, message);
            }
            Act::InputEnded { conn } => {
                self.open_client(*conn);
                self.client(*conn).input_ended = true;
                if let Some(message) = self.client(*conn).begun.take() {
                    let reaction = self.setting.protocol.react(&message);
                    self.owe_reaction(*conn, reaction);
                }
                let transport = self.setting.protocol.transport;
                if self.setting.wire == Wire::Seen && transport == Transport::Tcp {
                    // P13: the client half-closes, or, interrupted, its end closes the connection.
                    self.account(Channel::Requests(*conn)).due_end.get_or_insert(Clause::P13);
                    if self.setting.role == Role::Pairing {
                        self.account(Channel::Answers(*conn)).due_end = Some(Clause::P7);
                    }
                }
                self.owe_exit(*conn);
            }
            Act::Wrote { conn, bytes } => self.enter_written(*conn, bytes),
            Act::PassedOn { .. } => {}
            Act::Finished { conn } => self.enter_finished(*conn),
            Act::Aborted { conn } | Act::Closed { conn } => {
                for (channel, account) in &mut self.accounts {
                    account.released |= channel.conn() == *conn;
                }
                self.written.entry(*conn).or_default().finished = true;
                self.owe_exit(*conn);
            }
            // Nobody takes the answer, and P13: what is not from the server is none.
            Act::AskedInPassing { .. } | Act::Intruded { .. } => {}
            Act::StoppedReading { conn } => {
                let channel = self.channel_of_the_peer(*conn);
                self.account(channel).unread = true;
            }
            Act::ReadOn { conn } => {
                let channel = self.channel_of_the_peer(*conn);
                self.account(channel).unread = false;
            }
            // P13: a client that finds nobody says so by its exit status.
            Act::Unserved { conn } => self.client(*conn).due_exit = Some(DueExit::Refused),
            Act::Started => self.server = ServerAccount::default(),
            Act::Terminated => {
                // One that had ended before was not told to.
                self.server.terminated = self.server.exit.is_none();
                for account in self.accounts.values_mut() {
                    account.cut_short |= account.seen_end.is_none() && !account.released;
                    account.released = true;
                }
            }
        }
    }

    fn enter_sight(&mut self, sight: &Sight) {
        match sight {
            Sight::Connected { conn } => match self.setting.role {
                Role::Server => drop(self.account(Channel::Answers(*conn))),
                Role::Client | Role::Pairing => self.open_client(*conn),
            },
            Sight::Bytes { channel, bytes } => {
                let now = self.setting.began;
                self.account(*channel).see(bytes, now);
            }
            Sight::Ended { channel, end } => {
                self.account(*channel).seen_end.get_or_insert(*end);
            }
            Sight::ClientExited { conn, exit } => {
                // P13: it waits for what is due; nobody else has ended the connection yet.
                let waited = self.client(*conn).due_exit.is_some()
                    || self.setting.role != Role::Client
                    || self.written.get(conn).is_some_and(|written| written.finished)
                    || self.every_request_is_answered(*conn);
                let client = self.client(*conn);
                client.exit = Some(*exit);
                client.left_early = !waited && *exit == Exit::Code(0);
            }
            Sight::ServerExited { exit } => self.server.exit = Some(*exit),
            Sight::NotReady { .. } => self.server.missing = true,
            // Who is told to end need not take any more.
            Sight::Blocked { .. } if self.server.terminated => {}
            Sight::Blocked { channel } => {
                self.blocked.get_or_insert(*channel);
            }
            Sight::Located { .. }
            | Sight::Delivered { .. }
            | Sight::Stalled { .. }
            | Sight::HeldBack { .. }
            | Sight::TookAll { .. }
            | Sight::Soaked { .. }
            | Sight::Segments { .. }
            | Sight::Exposed { .. }
            | Sight::OutOfTime
            | Sight::Ready { .. }
            | Sight::Second { .. }
            | Sight::Measured { .. }
            | Sight::Rested { .. }
            | Sight::LeftBehind { .. } => {}
        }
    }

    /// Enters bytes that were seen, and returns them for the transcript: where they are what was due, without a
    /// copy.
    #[must_use]
    pub fn take(&mut self, channel: Channel, bytes: &[u8]) -> Bytes {
        let now = self.setting.began;
        self.account(channel).take(bytes, now)
    }

    /// The first time that a client is heard of, its greeting is due.
    fn open_client(&mut self, conn: Conn) {
        if self.clients.contains_key(&conn) {
            return;
        }
        self.clients.insert(conn, ClientAccount::default());
        for message in self.setting.greeting.clone() {
            self.owe_message(conn, &message);
        }
    }

    /// A client was told a message: by P13 it is due on the wire, and between two peers by P3 its
    /// answer, and by P13 the delivery of that.
    fn owe_message(&mut self, conn: Conn, message: &Bytes) {
        let protocol = self.setting.protocol;
        if !protocol.carries(message) {
            self.client(conn).cannot_say = true;
            return;
        }
        if self.setting.wire == Wire::Seen {
            self.account(Channel::Requests(conn)).due.owe(protocol.written_as(), message);
        }
        if self.setting.role != Role::Pairing {
            return;
        }
        if protocol.framing.ends_with_stream() {
            self.client(conn).begun = Some(message.clone());
        } else {
            self.owe_reaction(conn, protocol.react(message));
        }
    }

    /// The raw end wrote: each message that is now complete is due an answer, or a delivery (P5).
    fn enter_written(&mut self, conn: Conn, bytes: &[u8]) {
        let limit = self.setting.max_frame.unwrap_or(CUSTOMARY_LIMIT);
        let written_as = self.setting.protocol.written_as();
        let written = self.written.entry(conn).or_default();
        if written.refused || written.over {
            return; // P9: nothing behind a refused header is a message
        }
        written.undecoded.extend_from_slice(bytes);
        let mut messages = Vec::new();
        let refused = loop {
            match written_as.decode(&mut written.undecoded, limit) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        written.refused = refused;
        self.enter_messages(conn, messages);
        if refused && !self.written.entry(conn).or_default().over {
            let channel = self.channel_of_the_peer(conn);
            self.account(channel).due_end = Some(Clause::P9);
        }
    }

    fn enter_messages(&mut self, conn: Conn, messages: Vec<Bytes>) {
        for message in messages {
            match self.setting.role {
                Role::Server if self.written.entry(conn).or_default().over => return,
                Role::Server => {
                    let reaction = self.setting.protocol.react(&message);
                    self.owe_reaction(conn, reaction);
                }
                Role::Client => {
                    self.account(Channel::Delivered(conn)).due.owe(NOTATION, &message);
                }
                Role::Pairing => {}
            }
        }
    }

    /// P3: what is due of the server for a message, and between two peers, by P13, the delivery of it.
    fn owe_reaction(&mut self, conn: Conn, Reaction { answer, ends }: Reaction) {
        let protocol = self.setting.protocol;
        let mut channels = Vec::new();
        if self.setting.wire == Wire::Seen {
            channels.push((Channel::Answers(conn), protocol.written_as()));
        }
        if self.setting.role == Role::Pairing {
            channels.push((Channel::Delivered(conn), NOTATION));
        }
        for (channel, framing) in channels {
            let account = self.account(channel);
            match &answer {
                Some(Answer::Message(answer)) => account.due.owe(framing, answer),
                Some(Answer::Beginning(beginning)) => account.owe_beginning(framing, beginning),
                Some(Answer::Now) => account.owe_the_time(framing),
                None => {}
            }
        }
        if ends && protocol.transport == Transport::Tcp {
            self.written.entry(conn).or_default().over = true;
            if self.setting.wire == Wire::Seen {
                self.account(Channel::Answers(conn)).due_end.get_or_insert(Clause::P3);
            }
        }
    }

    fn enter_finished(&mut self, conn: Conn) {
        let protocol = self.setting.protocol;
        if protocol.transport == Transport::Udp {
            return; // there is nothing to end
        }
        let limit = self.setting.max_frame.unwrap_or(CUSTOMARY_LIMIT);
        let written = self.written.entry(conn).or_default();
        written.finished = true;
        if !written.refused {
            match protocol.framing.finish(&mut written.undecoded, limit) {
                Ok(Some(last)) => self.enter_messages(conn, vec![last]),
                Ok(None) => written.undecoded.clear(), // nothing but blanks is left
                Err(_) => {}
            }
        }
        let written = self.written.entry(conn).or_default();
        let at_boundary = written.undecoded.is_empty() && !written.refused;
        match self.setting.role {
            Role::Server => {
                let clause = if at_boundary { Clause::P7 } else { Clause::P8 };
                self.account(Channel::Answers(conn)).due_end.get_or_insert(clause);
            }
            Role::Client => self.owe_exit(conn),
            Role::Pairing => {}
        }
    }

    /// P13: a client has to end once its input has, and, where the harness is its server, the connection.
    fn owe_exit(&mut self, conn: Conn) {
        let Some(client) = self.clients.get(&conn) else {
            return;
        };
        let interrupted = self.setting.stop == Stop::Interrupt;
        let written = self.written.get(&conn);
        // There is no connection whose end a client of datagrams could wait for.
        let over = self.setting.protocol.transport == Transport::Udp
            || written.is_some_and(|written| written.finished || written.refused);
        let due = match self.setting.role {
            _ if !client.input_ended => return,
            _ if interrupted => DueExit::Any,
            // The server may end the connection before the client's input does.
            Role::Pairing if written.is_some_and(|written| written.over) => DueExit::Any,
            Role::Pairing => DueExit::Zero,
            _ if !over => return,
            _ if client.cannot_say => DueExit::Unsayable,
            _ if written.is_some_and(|w| !w.undecoded.is_empty() || w.refused) => DueExit::NonZero,
            _ if self.setting.protocol.transport == Transport::Udp => DueExit::Zero,
            _ if self.every_request_is_answered(conn) => DueExit::Zero,
            _ => DueExit::Any,
        };
        self.client(conn).due_exit = Some(due);
    }

    fn every_request_is_answered(&self, conn: Conn) -> bool {
        let due = |channel| self.accounts.get(&channel).map_or(&[][..], Account::due);
        let requests = due(Channel::Requests(conn));
        let deliveries = due(Channel::Delivered(conn));
        let written_as = self.setting.protocol.written_as();
        frames(written_as, requests).count() == frames(NOTATION, deliveries).count()
    }

    const fn channel_of_the_peer(&self, conn: Conn) -> Channel {
        match self.setting.role {
            Role::Server => Channel::Answers(conn),
            Role::Client | Role::Pairing => Channel::Requests(conn),
        }
    }

    fn account(&mut self, channel: Channel) -> &mut Account {
        self.accounts.entry(channel).or_default()
    }

    fn client(&mut self, conn: Conn) -> &mut ClientAccount {
        self.clients.entry(conn).or_default()
    }

    /// Where the case stands now, as far as these conversations go.
    #[must_use]
    pub fn progress(&self, scope: &Scope) -> Progress {
        let exited = |channel: Channel| {
            !matches!(channel, Channel::Answers(_))
                && self.clients.get(&channel.conn()).is_some_and(|client| client.exit.is_some())
        };
        let blocked = self.blocked.is_some_and(|channel| scope.has(channel.conn()));
        if self.crash().is_some()
            || self.server.missing
            || blocked
            || self.accounts_of(scope).any(|(channel, account)| account.is_broken(exited(channel)))
        {
            return Progress::Broken;
        }
        if self.accounts_of(scope).any(|(_, account)| account.bytes_missing() > 0) {
            return Progress::BytesMissing;
        }
        if self.accounts_of(scope).any(|(_, account)| account.end_missing())
            || self.clients_of(scope).any(|(_, client)| client.exit_missing())
            || (*scope == Scope::All && self.misses_the_servers_end())
            || self.misses_a_last_end(scope)
        {
            return Progress::EndsMissing;
        }
        Progress::Settled
    }

    /// Whether an end is missing that one of these clauses asks for: only such ends are worth a long wait.
    #[must_use]
    pub fn misses_an_end_of(&self, clauses: &[Clause], scope: &Scope) -> bool {
        let judged = |clause| clauses.contains(&clause) && self.judges_end(clause);
        let stream =
            |account: &Account| account.end_missing() && account.due_end.is_some_and(judged);
        self.accounts_of(scope).any(|(_, account)| stream(account))
            || (judged(Clause::P13)
                && self.clients_of(scope).any(|(_, client)| client.exit_missing()))
            || (judged(Clause::P12) && self.misses_the_servers_end())
    }

    /// P12: a server that is told to end does.
    #[must_use]
    pub const fn misses_the_servers_end(&self) -> bool {
        self.server.terminated && self.server.exit.is_none()
    }

    /// A server that was told to end has, and the end of a stream that it left has not come yet: the kernel sees to that
    /// for it, behind what the server had still to say. Where children of the server live on, it may never come.
    #[must_use]
    pub fn misses_a_last_end(&self, scope: &Scope) -> bool {
        self.obeyed().is_some()
            && self.setting.protocol.transport == Transport::Tcp
            && self.accounts_of(scope).any(|(_, account)| account.is_left_open())
    }

    /// A lane has few of the accounts and asks often, so it looks for its own.
    fn accounts_of<'a>(
        &'a self,
        scope: &'a Scope,
    ) -> Box<dyn Iterator<Item = (Channel, &'a Account)> + 'a> {
        let Scope::Lane(conns) = scope else { return Box::new(self.accounts()) };
        let channels =
            |conn| [Channel::Requests(conn), Channel::Answers(conn), Channel::Delivered(conn)];
        let found = |channel| self.accounts.get(&channel).map(|account| (channel, account));
        Box::new(conns.iter().copied().flat_map(channels).filter_map(found))
    }

    fn clients_of<'a>(
        &'a self,
        scope: &'a Scope,
    ) -> Box<dyn Iterator<Item = (Conn, &'a ClientAccount)> + 'a> {
        let Scope::Lane(conns) = scope else { return Box::new(self.clients()) };
        let found = |conn| self.clients.get(conn).map(|client| (*conn, client));
        Box::new(conns.iter().filter_map(found))
    }

    /// The account of one channel.
    #[must_use]
    pub fn account_of(&self, channel: Channel) -> Option<&Account> {
        self.accounts.get(&channel)
    }

    /// Neither a half-close nor an exit status is asked of a client that is interrupted.
    #[must_use]
    pub fn judges_end(&self, clause: Clause) -> bool {
        clause != Clause::P13 || self.setting.stop != Stop::Interrupt
    }

    /// The first conversation in which something is still due.
    #[must_use]
    pub fn first_missing(&self, scope: &Scope) -> Option<Conn> {
        let missing = |account: &Account| account.bytes_missing() > 0 || account.end_missing();
        let mut accounts = self.accounts_of(scope);
        accounts.find(|(_, account)| missing(account)).map(|(channel, _)| channel.conn())
    }

    /// What is still due, in words, for a deadline's message.
    #[must_use]
    pub fn waiting_for(&self, scope: &Scope) -> String {
        for (channel, account) in self.accounts_of(scope) {
            let missing = account.bytes_missing();
            if missing > 0 {
                let due = account.due.len();
                return format!("{missing} of {due} {channel} bytes");
            }
            if account.end_missing() {
                return format!("the end of the {channel} stream");
            }
        }
        match self.clients_of(scope).find(|(_, client)| client.exit_missing()) {
            Some((0, _)) => "the client's exit".to_owned(),
            Some((conn, _)) => format!("the exit of client {conn}"),
            None if self.misses_the_servers_end() => "the server's end after SIGTERM".to_owned(),
            None => "nothing".to_owned(),
        }
    }

    /// The accounts, requests first, then answers, then deliveries: the way a message goes.
    pub fn accounts(&self) -> impl Iterator<Item = (Channel, &Account)> {
        self.accounts.iter().map(|(channel, account)| (*channel, account))
    }

    /// The client programs.
    pub fn clients(&self) -> impl Iterator<Item = (Conn, &ClientAccount)> {
        self.clients.iter().map(|(conn, client)| (*conn, client))
    }

    /// How the server ended, if it ended although nobody had told it to.
    #[must_use]
    pub const fn crash(&self) -> Option<Exit> {
        if self.server.terminated { None } else { self.server.exit }
    }

    /// How the server ended, after it was told to.
    #[must_use]
    pub const fn obeyed(&self) -> Option<Exit> {
        if self.server.terminated { self.server.exit } else { None }
    }

    /// The channel whose receiver takes nothing any more.
    #[must_use]
    pub const fn blocked(&self) -> Option<Channel> {
        self.blocked
    }

    /// Whether the raw end has written the beginning of a message and not yet its end.
    #[must_use]
    pub fn is_mid_message(&self, conn: Conn) -> bool {
        self.written.get(&conn).is_some_and(|written| !written.undecoded.is_empty())
    }

    /// How many bytes are due on a channel so far.
    #[must_use]
    pub fn due_len(&self, channel: Channel) -> usize {
        self.accounts.get(&channel).map_or(0, |account| account.due.len())
    }

    /// Whether a channel brought more than it ever can be due, so that reading on is of no use.
    #[must_use]
    pub fn is_flooded(&self, channel: Channel) -> bool {
        self.accounts.get(&channel).is_some_and(|account| {
            account.deviation.is_some() && account.seen_len() > account.due.len() + FLOOD
        })
    }
}

impl ClientAccount {
    const fn exit_missing(&self) -> bool {
        self.due_exit.is_some() && self.exit.is_none()
    }
}

impl Account {
    /// The bytes due so far.
    #[must_use]
    pub fn due(&self) -> &[u8] {
        self.due.bytes()
    }

    /// The bytes seen so far.
    #[must_use]
    pub fn seen(&self) -> &[u8] {
        match &self.apart {
            Some(seen) => seen,
            None => &self.due()[..self.matched],
        }
    }

    /// How many bytes were seen so far.
    #[must_use]
    pub fn seen_len(&self) -> usize {
        self.apart.as_ref().map_or(self.matched, Vec::len)
    }

    /// What was seen, by itself from here on.
    fn seen_apart(&mut self) -> &mut Vec<u8> {
        self.apart.get_or_insert_with(|| self.due.bytes()[..self.matched].to_vec())
    }

    fn owe_the_time(&mut self, framing: Framing) {
        self.seen_apart();
        self.due.owe(framing, &[0; TIME_LEN]);
        self.times.push_back(self.due.len() - TIME_LEN);
    }

    fn owe_beginning(&mut self, framing: Framing, beginning: &'static [u8]) {
        self.seen_apart();
        let at = self.due.len();
        self.due.owe(framing, beginning);
        self.openings.push_back(Opening { at, len: self.due.len() - at, framing, beginning });
    }

    /// An answer that begins as it has to is the one that was due, as soon as it is whole.
    fn fill_openings(&mut self, seen: &[u8]) {
        while let Some(Opening { at, len, framing, beginning }) = self.openings.front_mut() {
            let Some(seen) = seen.get(*at..) else { return };
            let Some(whole) = frames(*framing, seen).next() else { return };
            let message = framing.decode(&mut seen[whole.clone()].into(), MaxFrame::new(u64::MAX));
            // A stream without frames is one message, as far as it has come.
            let message =
                message.ok().flatten().unwrap_or_else(|| seen[whole.clone()].to_vec().into());
            let is_due = message.starts_with(beginning);
            let grown = if is_due { whole.len().saturating_sub(*len) } else { 0 };
            if is_due {
                self.due.replace(*at..*at + *len, &seen[whole.clone()]);
                *len = whole.len();
            }
            if framing.ends_with_stream() {
                return;
            }
            self.openings.pop_front();
            self.openings.iter_mut().for_each(|later| later.at += grown);
        }
    }

    /// A time that is about right is the one that was due.
    fn set_clocks(&mut self, seen: &[u8], now: Duration) {
        while let Some(&at) = self.times.front()
            && let Some(seen) = seen.get(at..at + TIME_LEN)
        {
            let said = seen.iter().fold(0, |said, byte| said << 8 | u64::from(*byte));
            let right = now.as_secs().abs_diff(said) <= CLOCKS_APART.as_secs();
            let due =
                if right { seen.to_vec() } else { (now.as_secs() as u32).to_be_bytes().to_vec() };
            self.due.replace(at..at + TIME_LEN, &due);
            self.times.pop_front();
        }
    }

    fn see(&mut self, bytes: &[u8], now: Duration) {
        if self.apart.is_none() {
            let same = self.due.matches(self.matched, bytes);
            if same == bytes.len() {
                self.matched += same;
                return;
            }
        }
        self.seen_apart().extend_from_slice(bytes);
        let seen = self.apart.take().unwrap_or_default();
        self.set_clocks(&seen, now);
        self.fill_openings(&seen);
        self.compare(&seen);
        self.apart = Some(seen);
    }

    fn compare(&mut self, seen: &[u8]) {
        if self.deviation.is_some() {
            return;
        }
        // What is behind the beginning of an answer that is not known yet is not judged yet.
        let open = self.openings.front().filter(|opening| !opening.framing.ends_with_stream());
        let known = open.map_or(seen.len(), |opening| opening.at.min(seen.len()));
        self.matched += self.due.matches(self.matched, &seen[self.matched..known]);
        if self.matched < known {
            let excess = self.matched == self.due.len();
            self.deviation = Some(Deviation { offset: self.matched, excess });
        }
    }

    /// Sees these bytes, and returns them, as a part of what was due where they are that.
    fn take(&mut self, bytes: &[u8], now: Duration) -> Bytes {
        let at = self.seen_len();
        self.see(bytes, now);
        let as_due = match self.apart {
            None => self.due.refer(at..at + bytes.len()),
            Some(_) => None,
        };
        as_due.unwrap_or_else(|| Bytes::copy_from_slice(bytes))
    }

    /// How many bytes are still due.
    #[must_use]
    pub fn bytes_missing(&self) -> usize {
        if self.released || self.unread {
            return 0;
        }
        let open = self.openings.iter().any(|opening| !opening.framing.ends_with_stream());
        self.due.len().saturating_sub(self.seen_len()).max(usize::from(open))
    }

    /// Whether it should have ended and has not.
    #[must_use]
    pub fn end_missing(&self) -> bool {
        !self.released && !self.unread && self.due_end.is_some() && self.seen_end.is_none()
    }

    /// Whether the server was told to end in the middle of it, and its end would be seen and was not.
    const fn is_left_open(&self) -> bool {
        self.cut_short && !self.unread && self.seen_end.is_none()
    }

    /// Whether anything came that should not have, or did not come that should have.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.has_wrong_bytes() || self.end_missing()
    }

    /// The same, of bytes alone.
    #[must_use]
    pub fn has_wrong_bytes(&self) -> bool {
        self.deviation.is_some() || self.bytes_missing() > 0
    }

    fn is_broken(&self, source_exited: bool) -> bool {
        let over = self.seen_end.is_some() || source_exited;
        let refused = self.seen_end == Some(ChannelEnd::Refused);
        self.deviation.is_some() || refused || (over && self.bytes_missing() > 0)
    }
}

#[cfg(test)]
mod tests;
