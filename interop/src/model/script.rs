//! Transcripts that tests write by hand, and what is made of them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use rust_server::framing::Framing;

use super::case::Case;
use super::ledger::Ledger;
use super::names::{Clause, Level, Role};
use super::oracle::judge;
use super::outcome::{Blame, Verdict};
use super::protocol::{Protocol, frame};
use super::transcript::{
    Act, Channel, ChannelEnd, Conn, Event, Exit, Setting, Sight, Transcript, What,
};
use crate::catalogue;

/// The catalogue, which takes a while to write.
pub fn cases() -> &'static [Arc<Case>] {
    static CASES: LazyLock<Vec<Arc<Case>>> = LazyLock::new(catalogue::cases);
    &CASES
}

/// The frame of a short message.
pub fn hello() -> Bytes {
    frame(Framing::DEFAULT, b"hello")
}

/// A case of the catalogue, and what was done and seen in it.
#[derive(Clone)]
pub struct Script {
    case: Arc<Case>,
    transcript: Transcript,
}

impl Script {
    /// A case that a server plays.
    pub fn of_server(case: &str) -> Self {
        Self::of(case, Role::Server)
    }

    /// A case that a client plays.
    pub fn of_client(case: &str) -> Self {
        Self::of(case, Role::Client)
    }

    fn of(id: &str, role: Role) -> Self {
        let case = cases().iter().find(|case| case.id.as_str() == id && case.role == role);
        let setting = Setting::new(role, Protocol::default());
        let transcript = Transcript { setting, events: Vec::new(), after: Vec::new() };
        Self { case: case.expect("a case of the catalogue").clone(), transcript }
    }

    /// They speak this.
    pub fn in_protocol(mut self, protocol: &str) -> Self {
        self.transcript.setting.protocol = protocol.parse().expect("a protocol");
        self
    }

    pub fn did(self, act: Act) -> Self {
        self.then(What::Did(act))
    }

    pub fn saw(self, sight: Sight) -> Self {
        self.then(What::Saw(sight))
    }

    fn then(mut self, what: What) -> Self {
        self.transcript.events.push(Event { at: Duration::ZERO, what });
        self
    }

    pub fn wrote(self, conn: Conn, bytes: &[u8]) -> Self {
        self.did(Act::Wrote { conn, bytes: Bytes::copy_from_slice(bytes) })
    }

    /// The server did.
    pub fn said(self, conn: Conn, bytes: &[u8]) -> Self {
        let (channel, bytes) = (Channel::Answers(conn), Bytes::copy_from_slice(bytes));
        self.saw(Sight::Bytes { channel, bytes })
    }

    pub fn finished(self, conn: Conn) -> Self {
        self.did(Act::Finished { conn })
    }

    /// The server's end of a connection ended.
    pub fn ended(self, conn: Conn, end: ChannelEnd) -> Self {
        self.saw(Sight::Ended { channel: Channel::Answers(conn), end })
    }

    pub fn server_exited(self, exit: Exit) -> Self {
        self.saw(Sight::ServerExited { exit })
    }

    /// Something was waited for in vain; `None` for a wait for all conversations.
    pub fn stalled(self, conn: Option<Conn>) -> Self {
        self.saw(Sight::Stalled {
            conn,
            waiting_for: "this and that".to_owned(),
            found: Vec::new(),
        })
    }

    /// The same in a case of this level.
    pub fn at_level(mut self, level: Level) -> Self {
        Arc::make_mut(&mut self.case).level = level;
        self
    }

    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new(self.transcript.setting.clone());
        self.transcript.events.iter().for_each(|event| ledger.enter(&event.what));
        ledger
    }

    pub fn verdict(&self) -> Verdict {
        judge(&self.case, &self.transcript, &[])
    }

    #[track_caller]
    pub fn is_right(&self) {
        let finding = self.verdict().finding;
        assert!(finding.is_none(), "{finding:#?}");
    }

    /// Something is found, and it is this.
    #[track_caller]
    pub fn is_wrong(&self, clause: Clause, level: Level, blame: Blame, words: &str) {
        let finding = self.verdict().finding.expect("something is found");
        assert!(finding.summary.contains(words), "{}", finding.summary);
        let found = (finding.clause, finding.weight.of(self.case.level), finding.blame);
        assert_eq!(found, (clause, level, blame), "{}", finding.summary);
    }
}
