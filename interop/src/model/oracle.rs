//! The judge: the pure function from a case and its transcript to a verdict.
//!
//! It replays the transcript into a [`Ledger`] and looks where a message's way first went wrong:
//! requests, then answers, then deliveries, then how everything ended.

use std::sync::Arc;

use rust_server::framing::Framing;

use crate::limits::{CASE, CONNECTIONS};

use super::case::Case;
use super::conduct;
use super::diagnosis::{Witness, delay, diagnose};
use super::excerpt::Excerpt;
use super::ledger::{Account, ClientAccount, Deviation, DueExit, Ledger};
use super::names::{Clause, Role};
use super::outcome::{Blame, Close, Finding, Verdict, Weight};
use super::protocol::{NOTATION, Transport, frames};
use super::sweep;
use super::transcript::{
    Act, Channel, ChannelEnd, Conn, Event, Exit, Setting, Sight, Transcript, What, Wire,
};

/// Judges what was seen against what the protocol says was due. `witnesses` are other cases in which the peer was
/// right, and so does not make certain mistakes.
#[must_use]
pub fn judge(case: &Case, transcript: &Transcript, witnesses: &[Arc<Witness>]) -> Verdict {
    verdict(&Replay { witnesses, ..Replay::of(case, transcript) }, transcript)
}

/// The same without a diagnosis, where only right or wrong is asked.
#[must_use]
pub fn judge_briefly(case: &Case, transcript: &Transcript) -> Verdict {
    verdict(&Replay { brief: true, ..Replay::of(case, transcript) }, transcript)
}

fn verdict(replay: &Replay<'_>, transcript: &Transcript) -> Verdict {
    let finding = replay.finding();
    let close = replay.close();
    Verdict {
        finding,
        close,
        stalled: replay.stalled_for.is_some() || replay.ledger.blocked().is_some(),
        note: conduct::note(transcript),
        confirmed: transcript.confirmed(),
    }
}

struct Replay<'a> {
    case: &'a Case,
    transcript: &'a Transcript,
    setting: &'a Setting,
    ledger: Ledger,
    /// The raw end was in the middle of a message when the first excess byte came.
    early: bool,
    /// No diagnosis is asked for.
    brief: bool,
    /// What its diagnosis must not contradict.
    witnesses: &'a [Arc<Witness>],
    /// It was ended because it took too long.
    out_of_time: bool,
    /// What was waited for in vain.
    stalled_for: Option<String>,
    /// In which conversations; `None` for all.
    stalled_in: Vec<Option<Conn>>,
    /// What was found when the first of them was given up.
    found_then: Vec<String>,
}

impl<'a> Replay<'a> {
    fn of(case: &'a Case, transcript: &'a Transcript) -> Self {
        let mut ledger = Ledger::new(transcript.setting.clone());
        let (mut early, mut stalled_for, mut deviated) = (false, None, false);
        let mut out_of_time = false;
        let (mut stalled_in, mut found_then) = (Vec::new(), Vec::new());
        for event in &transcript.events {
            ledger.enter(&event.what);
            match &event.what {
                What::Saw(Sight::Bytes { channel, .. }) if !deviated => {
                    let account = ledger.account_of(*channel);
                    deviated = account.is_some_and(|account| account.deviation.is_some());
                    early = deviated && ledger.is_mid_message(channel.conn());
                }
                What::Saw(Sight::Stalled { conn, waiting_for, found }) => {
                    stalled_in.push(*conn);
                    if stalled_in.len() == 1 {
                        found_then.clone_from(found);
                    }
                    stalled_for.get_or_insert_with(|| waiting_for.clone());
                }
                What::Saw(Sight::OutOfTime) => out_of_time = true,
                _ => {}
            }
        }
        Self {
            case,
            transcript,
            setting: &transcript.setting,
            ledger,
            early,
            brief: false,
            witnesses: &[],
            out_of_time,
            stalled_for,
            stalled_in,
            found_then,
        }
    }

    fn finding(&self) -> Option<Finding> {
        let deviation = || self.first(|channel, account| self.wrong_bytes(channel, account));
        let missing = || self.first(|channel, account| self.missing_bytes(channel, account));
        let crash = || self.crash();
        let conduct = || conduct::finding(self.case, self.transcript);
        let cut_short = || self.first(|channel, account| self.half_a_frame(channel, account));
        let obedience = || self.disobeyed();
        let end = || self.first(|channel, account| self.missing_end(channel, account));
        let exit =
            || self.ledger.clients().find_map(|(conn, client)| self.wrong_exit(conn, client));
        let refused = || self.first(|channel, account| self.refused(channel, account));
        // What binds most is told; of those that bind alike, what explains most.
        let findings = [
            self.out_of_time(),
            deviation(),
            crash(),
            refused(),
            self.ledger.blocked().map(|channel| self.took_nothing(channel)),
            missing(),
            cut_short(),
            end(),
            exit(),
            conduct(),
            obedience(),
            self.late(),
        ];
        let findings = findings.into_iter().flatten();
        findings
            .min_by_key(|finding| finding.weight.of(self.case.level))
            .map(|finding| self.ranged(finding))
    }

    /// Where several lanes of a sweep went wrong, says which.
    fn ranged(&self, finding: Finding) -> Finding {
        // An end that nobody judges may not have come yet.
        let wrong =
            |conn: Conn| Some(self.ledger.account_of(Channel::Answers(conn))?.has_wrong_bytes());
        match sweep::failing(self.case, wrong) {
            Some(ruler) => Finding { ruler: Some(ruler), ..finding },
            None => finding,
        }
    }

    /// P12: a server that is told to end may do so behind any frame, and not inside one.
    fn half_a_frame(&self, channel: Channel, account: &Account) -> Option<Finding> {
        let fin = account.cut_short && account.seen_end == Some(ChannelEnd::Fin);
        if !fin || !ends_inside_frame(self.framing(channel), account.seen()) {
            return None;
        }
        let summary = format!(
            "the server ended the stream inside a frame when it was told to end, {} bytes of {channel} in, as if all had been sent",
            account.seen_len()
        );
        Some(Finding::new(Clause::P12, self.blame(channel), summary))
    }

    /// P12: how a server ends that was told to.
    fn disobeyed(&self) -> Option<Finding> {
        const OBEDIENT: [Exit; 3] = [Exit::Code(0), Exit::Code(128 + 15), Exit::Signal(15)];
        if !self.case.clauses.contains(&Clause::P12) {
            return None;
        }
        if self.ledger.misses_the_servers_end() {
            let summary = "the server did not end after SIGTERM".to_owned();
            return Some(Finding::new(Clause::P12, Blame::Server, summary));
        }
        let exit = self.ledger.obeyed().filter(|exit| !OBEDIENT.contains(exit))?;
        let summary = format!("the server {exit} after SIGTERM, where 0 is expected");
        Some(Finding::new(Clause::P12, Blame::Server, summary).weighing(Weight::Informs))
    }

    /// P11: what the server had still to say when it died tells of what it died.
    fn crash(&self) -> Option<Finding> {
        let finding = crashed(self.ledger.crash()?);
        let missing = self.first(|channel, account| self.missing_bytes(channel, account));
        let diagnosis = missing.and_then(|missing| missing.diagnosis);
        Some(Finding { diagnosis: diagnosis.or_else(|| self.died_of_the_gone()), ..finding })
    }

    fn died_of_the_gone(&self) -> Option<String> {
        let gone = |event: &Event| matches!(event.what, What::Did(Act::AskedInPassing { .. }));
        self.transcript.events.iter().any(gone).then(|| {
            "an answer that nobody takes comes back as an error, which is not caught".to_owned()
        })
    }

    fn first(&self, look: impl Fn(Channel, &Account) -> Option<Finding>) -> Option<Finding> {
        self.ledger.accounts().find_map(|(channel, account)| {
            let finding = look(channel, account)?;
            Some(Finding { channel: Some(channel), ..finding })
        })
    }

    fn diagnose(&self, channel: Channel) -> Option<String> {
        let diagnosis = || diagnose(self.transcript, &self.ledger, channel, self.witnesses);
        (!self.brief).then(diagnosis).flatten()
    }

    fn framing(&self, channel: Channel) -> Framing {
        match channel {
            Channel::Requests(_) | Channel::Answers(_) => self.setting.protocol.written_as(),
            Channel::Delivered(_) => NOTATION,
        }
    }

    fn blame(&self, channel: Channel) -> Blame {
        match channel {
            Channel::Requests(_) => Blame::Client,
            Channel::Answers(_) => Blame::Server,
            Channel::Delivered(_) if self.setting.wire == Wire::Unseen => Blame::Undecided,
            Channel::Delivered(_) => Blame::Client,
        }
    }

    fn wrong_bytes(&self, channel: Channel, account: &Account) -> Option<Finding> {
        let Deviation { offset, excess } = account.deviation?;
        let framing = self.framing(channel);
        let place = Place::of(framing, account.due(), offset);
        let (clause, summary) = if self.is_of_datagrams(channel) {
            self.wrong_datagram(channel, account)
        } else if excess && self.early {
            let summary = format!("{channel} sent before the message it belongs to was complete");
            (Clause::P5, summary)
        } else if excess {
            let more = account.seen_len() - offset;
            let plural = if more == 1 { "" } else { "s" };
            let ended =
                if offset == 0 { "where nothing was due" } else { "behind the last one due" };
            (Clause::P3, format!("{more} byte{plural} of {channel} {ended}"))
        } else {
            let Place { index, of, part } = place;
            let clause = match (part, channel) {
                (FramePart::Header, Channel::Requests(_) | Channel::Answers(_)) => Clause::P1,
                (_, Channel::Answers(_)) => Clause::P3,
                _ => Clause::P13,
            };
            let part = part.name(channel);
            (
                clause,
                format!(
                    "{channel} {index} of {of} is wrong in its {part}, at byte {offset} of the stream"
                ),
            )
        };
        // What was due only later is no part of what was due then.
        let due = if excess { &account.due()[..offset] } else { account.due() };
        Some(Finding {
            diagnosis: self.diagnose(channel),
            excerpt: Some(Excerpt::around(framing, offset, due, account.seen())),
            ..Finding::new(clause, self.blame(channel), summary)
        })
    }

    /// The frames of the notation stand for datagrams there, and nobody under test has written their lengths.
    fn is_of_datagrams(&self, channel: Channel) -> bool {
        let wire = !matches!(channel, Channel::Delivered(_));
        wire && self.setting.protocol.transport == Transport::Udp
    }

    fn wrong_datagram(&self, channel: Channel, account: &Account) -> (Clause, String) {
        let framing = self.framing(channel);
        let lens = |stream| frames(framing, stream).map(|frame| frame.len() - framing.header_len());
        let same = |(due, seen): &(std::ops::Range<usize>, std::ops::Range<usize>)| {
            account.due()[due.clone()] == account.seen()[seen.clone()]
        };
        let both = frames(framing, account.due()).zip(frames(framing, account.seen()));
        let (at, of) = (both.take_while(same).count(), lens(account.due()).count());
        let clause = match channel {
            Channel::Answers(_) => Clause::P3,
            _ => Clause::P13,
        };
        let got = lens(account.seen()).nth(at).unwrap_or_default();
        let summary = match lens(account.due()).nth(at) {
            None => format!("a datagram of {} where no {channel} was due", bytes(got)),
            Some(due) if due == got => format!("{channel} {} of {of} is wrong", at + 1),
            Some(due) => {
                format!("{channel} {} of {of} has {}, and {due} are due", at + 1, bytes(got))
            }
        };
        (clause, summary)
    }

    /// P11: whatever came before, the next connection is accepted.
    fn refused(&self, channel: Channel, account: &Account) -> Option<Finding> {
        if account.seen_end != Some(ChannelEnd::Refused) {
            return None;
        }
        let blame = self.blame(channel);
        let own = self.case.has_own_server();
        let (clause, summary) = match (blame, self.setting.protocol.transport) {
            (Blame::Server, Transport::Tcp) if own => {
                (Clause::P12, "the server said that it was ready, and did not accept a connection")
            }
            (Blame::Server, Transport::Udp) if own => (
                Clause::P12,
                "the server said that it was ready, and nobody took datagrams at its port",
            ),
            (Blame::Server, Transport::Tcp) => {
                (Clause::P11, "the server did not accept a connection, or reset it at once")
            }
            (Blame::Server, Transport::Udp) => {
                (Clause::P11, "nobody took datagrams at the server's port")
            }
            _ => (Clause::P11, "the client reset its connection at once"),
        };
        // More than it has to take at once may be too many.
        let many = self.ledger.accounts().count() > CONNECTIONS;
        let weight = if many { Weight::OfCase } else { Weight::Binds };
        let finding = Finding::new(clause, blame, summary.to_owned()).weighing(weight);
        // The system refuses for a socket that is closed, and for one that is connected to somebody else.
        let elsewhere = blame == Blame::Server && self.is_of_datagrams(channel) && !own;
        let diagnosis =
            elsewhere.then(|| "its socket is connected to another client, or closed".to_owned());
        Some(Finding { diagnosis, ..finding })
    }

    fn missing_bytes(&self, channel: Channel, account: &Account) -> Option<Finding> {
        let missing = account.bytes_missing();
        let still_coming = self.out_of_time && account.seen_end.is_none();
        if missing == 0 || still_coming {
            return None;
        }
        let (due, seen) = (account.due().len(), account.seen_len());
        let Place { index, of, .. } = Place::of(self.framing(channel), account.due(), seen);
        let exit = self.ledger.clients().find(|(conn, _)| *conn == channel.conn());
        let exit = exit.and_then(|(_, client)| client.exit);
        let how = match (channel, account.seen_end, exit) {
            (Channel::Requests(_) | Channel::Delivered(_), _, Some(exit)) => {
                format!("the client {exit}")
            }
            (_, Some(ChannelEnd::Fin), _) => "the stream ended".to_owned(),
            (_, Some(ChannelEnd::Reset | ChannelEnd::Refused), _) => {
                "the connection was reset".to_owned()
            }
            (_, None, _) => "nothing more came".to_owned(),
        };
        let clause = self.case.clauses.first().copied().unwrap_or(Clause::P3);
        let mut summary = format!("{how} with {channel} {index} of {of} due");
        if !self.is_of_datagrams(channel) {
            summary.push_str(&format!(": {seen} of {due} bytes were seen"));
        }
        let delay = delay(self.transcript, &self.ledger, channel);
        let weight = if delay.is_some() { Weight::Warns } else { Weight::OfCase };
        let silent = account.seen_end.is_none() && exit.is_none();
        let concerned = self
            .stalled_in
            .first()
            .is_some_and(|stalled| stalled.is_none_or(|conn| conn == channel.conn()));
        if silent && concerned && !self.found_then.is_empty() {
            summary.push_str(&format!("; {}", self.found_then.join(", ")));
        }
        Some(Finding {
            diagnosis: self.diagnose(channel),
            excerpt: Some(Excerpt::around(
                self.framing(channel),
                seen,
                account.due(),
                account.seen(),
            )),
            ..Finding::new(clause, self.blame(channel), summary).weighing(weight)
        })
    }

    /// P10: whoever is written to while he is read from has to go on reading.
    fn took_nothing(&self, channel: Channel) -> Finding {
        let blame = match channel {
            Channel::Requests(_) => Blame::Server,
            Channel::Answers(_) | Channel::Delivered(_) => Blame::Client,
        };
        let summary = format!("the {blame} stopped reading, and everything it sends is read");
        Finding::new(Clause::P10, blame, summary)
    }

    /// Nothing was wrong yet when the time was over: how soon is not a rule.
    fn out_of_time(&self) -> Option<Finding> {
        self.out_of_time.then(|| {
            let clause = self.case.clauses.first().copied().unwrap_or(Clause::P5);
            let summary = format!("the case was not over after {} s", CASE.as_secs());
            Finding::new(clause, self.program_under_test(), summary).weighing(Weight::Warns)
        })
    }

    const fn program_under_test(&self) -> Blame {
        match self.setting.role {
            Role::Server => Blame::Server,
            Role::Client => Blame::Client,
            Role::Pairing => Blame::Undecided,
        }
    }

    /// Everything is right by now, but something was waited for in vain, and the case was not played on.
    fn late(&self) -> Option<Finding> {
        let waited_for = self.stalled_for.as_ref()?;
        let blame = self.program_under_test();
        let clause = self.case.clauses.first().copied().unwrap_or(Clause::P5);
        let summary = format!("too late to be waited for: {waited_for}");
        // How soon is not a rule.
        Some(Finding::new(clause, blame, summary).weighing(Weight::Warns))
    }

    /// How a connection ends is judged by the cases that cover the clause and wait for it, not by all.
    fn missing_end(&self, channel: Channel, account: &Account) -> Option<Finding> {
        let clause = account.due_end.filter(|clause| self.case.clauses.contains(clause))?;
        let waited = |stalled: &Option<Conn>| stalled.is_none_or(|conn| conn == channel.conn());
        if !account.end_missing()
            || !self.ledger.judges_end(clause)
            || !self.stalled_in.iter().any(waited)
        {
            return None;
        }
        let who = self.blame(channel);
        let after = match clause {
            Clause::P3 => "the message by which it ends",
            Clause::P7 => "the client's FIN at a message boundary",
            Clause::P8 => "the client's FIN inside a frame",
            Clause::P9 => "a length above the limit",
            _ => "the end of its input",
        };
        let summary = format!("the {who} did not end the connection after {after}");
        Some(Finding::new(clause, who, summary))
    }

    fn wrong_exit(&self, conn: Conn, client: &ClientAccount) -> Option<Finding> {
        if !self.case.clauses.contains(&Clause::P13) || !self.ledger.judges_end(Clause::P13) {
            return None;
        }
        if client.left_early {
            let summary = "the client exited with status 0 although the connection stood and what it had asked was not answered";
            return Some(Finding::new(Clause::P13, Blame::Client, summary.to_owned()));
        }
        let due = client.due_exit?;
        let summary = match (due, client.exit) {
            (DueExit::Any, Some(_)) | (DueExit::Zero, Some(Exit::Code(0))) => return None,
            (DueExit::NonZero | DueExit::Refused | DueExit::Unsayable, Some(Exit::Code(code)))
                if code != 0 =>
            {
                return None;
            }
            // Not success, but not the client's own word either.
            (
                DueExit::NonZero | DueExit::Refused | DueExit::Unsayable,
                Some(exit @ Exit::Signal(_)),
            ) => {
                let summary =
                    format!("the client {exit} where it had to say by its status that it failed");
                let finding = Finding::new(Clause::P13, Blame::Client, summary);
                return Some(finding.weighing(Weight::Warns));
            }
            (DueExit::Unsayable, Some(_)) => {
                "the client exited with status 0 although it was told a message that the framing cannot carry"
                    .to_owned()
            }
            (DueExit::Refused, None) => {
                "the client did not exit although nobody listens where it has to connect".to_owned()
            }
            (DueExit::Refused, Some(_)) => {
                "the client exited with status 0 although nobody listens where it has to connect"
                    .to_owned()
            }
            (_, None) if self.setting.protocol.transport == Transport::Udp => {
                "the client did not exit although its input has ended and nothing comes any more"
                    .to_owned()
            }
            (_, None) => "the client did not exit although its input and the connection have ended"
                .to_owned(),
            (DueExit::Zero, Some(exit)) => {
                format!("the client {exit} although everything it asked for was answered")
            }
            (DueExit::NonZero, Some(_)) => {
                "the client exited with status 0 although the connection ended inside a frame"
                    .to_owned()
            }
        };
        let blame = match self.setting.wire {
            Wire::Seen => Blame::Client,
            Wire::Unseen => Blame::Undecided,
        };
        let summary = if conn == 0 { summary } else { format!("{summary} (connection {conn})") };
        Some(Finding::new(Clause::P13, blame, summary))
    }

    /// How the connection of interest ended: the one that went wrong, or else the first.
    fn close(&self) -> Option<Close> {
        let wire = |channel: &Channel| match self.setting.role {
            Role::Server | Role::Pairing => matches!(channel, Channel::Answers(_)),
            Role::Client => matches!(channel, Channel::Requests(_)),
        };
        let mut accounts: Vec<_> =
            self.ledger.accounts().filter(|(channel, _)| wire(channel)).collect();
        accounts.sort_by_key(|(_, account)| !account.is_wrong());
        let (channel, account) = accounts.first()?;
        match (account.seen_end, self.ledger.crash()) {
            (_, Some(Exit::Signal(_))) => Some(Close::Signal),
            (_, Some(Exit::Code(_))) => Some(Close::Exit),
            (Some(ChannelEnd::Reset | ChannelEnd::Refused), _) => Some(Close::Reset),
            (Some(ChannelEnd::Fin), _)
                if ends_inside_frame(self.framing(*channel), account.seen()) =>
            {
                Some(Close::FinInsideFrame)
            }
            (Some(ChannelEnd::Fin), _) => Some(Close::Fin),
            (None, _) => self.stalled_for.is_some().then_some(Close::Stall),
        }
    }
}

/// The server process ended in, or right after, a case.
#[must_use]
pub fn crashed(exit: Exit) -> Finding {
    let summary = format!("the server process {exit} although nobody had asked it to");
    Finding::new(Clause::P11, Blame::Server, summary).weighing(Weight::Binds)
}

/// Where an offset stands in a stream of frames.
struct Place {
    /// Which frame, from 1.
    index: usize,
    /// Of how many.
    of: usize,
    part: FramePart,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FramePart {
    Header,
    Body,
}

impl FramePart {
    /// A delivery's header is the notation's and not the peer's, unless the contract made it write one.
    const fn name(self, channel: Channel) -> &'static str {
        match (self, channel) {
            (Self::Header, Channel::Delivered(_)) => "length",
            (Self::Header, _) => "length header",
            (Self::Body, _) => "body",
        }
    }
}

impl Place {
    fn of(framing: Framing, stream: &[u8], offset: usize) -> Self {
        let header = framing.header_len();
        let (mut index, mut of, mut part) = (0, 0, FramePart::Body);
        for frame in frames(framing, stream) {
            of += 1;
            if frame.contains(&offset) {
                index = of;
                part =
                    if offset < frame.start + header { FramePart::Header } else { FramePart::Body };
            }
        }
        Self { index: if index == 0 { of } else { index }, of, part }
    }
}

fn bytes(count: usize) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}

fn ends_inside_frame(framing: Framing, stream: &[u8]) -> bool {
    frames(framing, stream).last().map_or(0, |last| last.end) < stream.len()
}

#[cfg(test)]
mod tests;
