//! A player: plays cases one after the other, in a house of its own.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{self, Patience};
use crate::model::case::Case;
use crate::model::dialogue::Dialogue;
use crate::model::names::Role;
use crate::model::oracle::{crashed, judge, judge_briefly};
use crate::model::outcome::{Blame, Close, Finding, Outcome, Verdict};
use crate::model::transcript::{Channel, Exit, Transcript};
use crate::peer::start::StartError;
use crate::stage::Acted;
use crate::stage::scene::Slowness;

use super::event::CaseResult;
use super::evidence::Seen;
use super::house::House;
use super::known;
use super::table::{End, PLAIN, Table};
use super::together::Together;

/// Plays cases one after the other.
pub(super) struct Player<'a> {
    table: &'a Table<'a>,
    house: House<'a>,
    /// Another plays too, and has the last word on whether the server comes up at all.
    is_beside: bool,
    /// Not yet told: a server that is found dead before the next case has died of this one.
    last: Option<Played>,
}

/// A case that was played.
struct Played {
    result: CaseResult,
    seen: Option<Seen>,
}

/// One look at a case.
pub(super) struct Look {
    result: CaseResult,
    seen: Option<Seen>,
    /// Something did not come in time: which says little on a loaded machine.
    stalled: bool,
    /// Looking again would show the same, and might cost a minute.
    certain: bool,
    /// The server ended although nobody had asked it to.
    crashed: bool,
    /// What a failure goes by, to be gone through again when more is known of the peer.
    transcript: Option<Transcript>,
    /// What its bytes betrayed.
    by_bytes: Option<String>,
}

/// One look at cases that are played together.
pub(super) struct JointLook {
    pub verdict: Verdict,
    /// Which case was being played when it ended.
    pub reached: usize,
    seen: Option<Seen>,
}

impl From<Look> for Played {
    fn from(Look { result, seen, .. }: Look) -> Self {
        Self { result, seen }
    }
}

impl<'a> Player<'a> {
    pub fn new(table: &'a Table<'a>, house: House<'a>) -> Self {
        Self { table, house, is_beside: false, last: None }
    }

    /// One that plays beside another.
    pub fn beside(table: &'a Table<'a>, house: House<'a>) -> Self {
        Self { is_beside: true, ..Self::new(table, house) }
    }

    /// Plays what is on the table until there is nothing more.
    pub async fn play(&mut self) {
        while let Some(at) = match self.is_beside {
            true => self.table.next().await,
            false => self.table.next_quick().await,
        } {
            match self.play_case(at).await {
                Ok(Some(played)) => self.tell(played).await,
                Ok(None) => {} // its turn comes again
                // There is another whose server may come up: four at once may be too many for the machine.
                Err(_) if self.is_beside => {
                    self.table.put_back(at);
                    break;
                }
                Err(error) => {
                    let unplayed = std::iter::once(at).chain(self.table.clear());
                    self.table.tell_all(unplayed, &End::of(&error, Blame::Server)).await;
                }
            }
        }
        self.leave().await;
    }

    /// A case by itself. A failure is looked at twice more, until the peer has shown that it does fail: behind
    /// others, which may tell of what it fails.
    async fn play_case(&mut self, at: usize) -> Result<Option<Played>, StartError> {
        let (case, level) = &self.table.unit.cases[at];
        let declared = known::reason(self.table.unit, case, Blame::Undecided).is_some();
        let hasty = declared || self.table.is_sure(*level);
        let (first, then) = match hasty {
            true => (limits::LESS_PATIENCE, limits::PATIENCE),
            false => (limits::PATIENCE, limits::LESS_PATIENCE),
        };
        let deferred = self.table.take_deferred(at);
        let is_first = deferred.is_none();
        let mut first = match deferred {
            Some(look) => look,
            None => self.look_at(at, self.table.patience(first)).await?,
        };
        if is_first && first.crashed && self.table.greets() {
            // It may have died of our greeting: what is wrong with it otherwise is not to be hidden by that.
            self.table.greet(false);
            first = self.look_at(at, self.table.patience(then)).await?;
            self.table.greet(first.crashed);
        }
        let failed = first.result.outcome == Outcome::Fail;
        if !failed || first.certain || self.table.is_sure(first.result.level) {
            return Ok(Some(first.into()));
        }
        if is_first {
            match self.table.defer(at, first) {
                None => return Ok(None),
                Some(look) => first = look,
            }
        }
        let mut passed = 0;
        for _ in 0..limits::LOOKS_AGAIN {
            match self.look_at(at, self.table.patience(then)).await {
                Ok(again) => passed += usize::from(again.result.outcome == Outcome::Pass),
                // It failed, and cannot be asked again.
                Err(_) => return Ok(Some(first.into())),
            }
        }
        let stalled = first.stalled;
        self.diagnose_again(at, &mut first);
        let mut played = Played::from(first);
        let result = &mut played.result;
        match passed {
            0 => self.table.confirm(result.level),
            // It was only not waited for.
            limits::LOOKS_AGAIN if hasty && stalled => {
                return Ok(Some(self.look_at(at, self.table.patience(then)).await?.into()));
            }
            _ => {
                result.flaky = true;
                // What does not happen each time has another cause than the bytes.
                result.diagnosis = None;
                let runs = limits::LOOKS_AGAIN + 1;
                result.summary.push_str(&format!(" (flaky: in {} of {runs} runs)", runs - passed));
            }
        }
        Ok(Some(played))
    }

    async fn look_at(&mut self, at: usize, patience: Patience) -> Result<Look, StartError> {
        let (case, level) = &self.table.unit.cases[at];
        self.prepare(case).await?;
        let begun = Instant::now();
        let mut result = CaseResult::blank(self.table.unit, case, *level);
        let (mut stalled, mut certain, mut seen, mut transcript) = (false, false, None, None);
        match self.house.act(case, patience).await {
            Ok(acted) => {
                let verdict = judge(case, &acted.transcript, &self.table.witnesses());
                stalled = verdict.stalled;
                certain = acted.transcript.is_certain();
                match verdict.finding {
                    Some(_) => transcript = Some(acted.transcript.clone()),
                    None => {
                        self.table.waited(acted.slowest);
                        self.table.saw_it_right(&acted.transcript);
                    }
                }
                seen = self.enter(verdict, acted, case, &mut result);
            }
            Err(error) => {
                let role = if case.has_own_server() { Blame::Server } else { Blame::Client };
                End::of(&error, role).mark(&mut result);
            }
        }
        result.duration_us = begun.elapsed();
        let crashed = matches!(result.close, Some(Close::Exit | Close::Signal));
        let by_bytes = result.diagnosis.clone();
        if result.outcome == Outcome::Pass {
            return Ok(Look { result, seen, stalled, certain, crashed, transcript, by_bytes });
        }
        self.hear(&result, patience).await;
        self.table.diagnose_silence(&mut result, self.house.dialect()).await;
        self.house.tear_down().await;
        Ok(Look { result, seen, stalled, certain, crashed, transcript, by_bytes })
    }

    /// Others have played meanwhile: what was right there may rule a mistake out that explains this case.
    fn diagnose_again(&self, at: usize, look: &mut Look) {
        let Some(transcript) = look.transcript.take() else { return };
        if look.by_bytes != look.result.diagnosis {
            return; // it was told by something else than the bytes
        }
        let verdict = judge(&self.table.unit.cases[at].0, &transcript, &self.table.witnesses());
        look.result.diagnosis = verdict.finding.and_then(|finding| finding.diagnosis);
    }

    /// A client that says nothing may say nothing ever, or only where an answer came in pieces: it is asked what it
    /// makes of one that is whole, unless that is known.
    async fn hear(&self, result: &CaseResult, patience: Patience) {
        let silent = result.blame == Some(Blame::Client) && result.got_nothing();
        if !silent || result.case.as_str() == PLAIN || self.table.has_heard_it_speak() {
            return;
        }
        let is_plain = |case: &Case| case.id.as_str() == PLAIN && case.role == Role::Client;
        let plain = self.table.unit.cases.iter().find(|(case, _)| is_plain(case));
        if let Some((plain, _)) = plain
            && let Ok(acted) = self.house.act(plain, patience).await
            && judge_briefly(plain, &acted.transcript).finding.is_none()
            && acted.transcript.peer_has_spoken()
        {
            self.table.heard_it_speak();
        }
    }

    /// Enters what became of it into the result, and returns what has to be kept for a capture.
    fn enter(
        &self,
        verdict: Verdict,
        acted: Acted,
        case: &Case,
        result: &mut CaseResult,
    ) -> Option<Seen> {
        let wrong = verdict.finding.as_ref().and_then(Finding::place);
        result.close = verdict.close;
        result.confirmed = verdict.confirmed;
        match verdict.finding {
            Some(finding) => {
                result.tail = match finding.blame {
                    Blame::Server if case.has_own_server() => acted.tails.server,
                    Blame::Server => self.house.server_tail(),
                    _ => acted.tails.client,
                };
                let reason = known::reason(self.table.unit, case, finding.blame);
                result.dialogue =
                    Some(Dialogue::of(&acted.transcript, finding.channel.map(Channel::conn)));
                result.accuse(finding, reason);
            }
            None if !acted.transcript.has_stimulus() => {
                result.outcome = Outcome::Error;
                result.blame = Some(Blame::Harness);
                result.summary = "nothing was put before the peer".to_owned();
            }
            None => {
                result.summary = verdict.note.unwrap_or_default();
                if acted.transcript.peer_has_spoken() {
                    self.table.heard_it_speak();
                }
            }
        }
        self.table.captures.map(|_| Seen { transcript: acted.transcript, wrong })
    }

    async fn prepare(&mut self, case: &Case) -> Result<(), StartError> {
        if let Some(exit) = self.house.server_exit() {
            self.died_of_the_last(exit);
        }
        self.keep_the_last().await;
        let begun = Instant::now();
        let prepared = self.house.prepare(case).await;
        self.table.add_start(begun.elapsed());
        let greeted = case.role == Role::Server && self.table.answers() && self.table.greets();
        if prepared? && greeted {
            match self.house.warm_up().await {
                Some(waited) => self.table.waited(Slowness { waited, slept: waited }),
                None => self.table.saw_it_mute(),
            }
        }
        Ok(())
    }

    fn died_of_the_last(&mut self, exit: Exit) {
        let passed = |result: &&mut CaseResult| result.outcome == Outcome::Pass;
        let last = self.last.as_mut().map(|last| &mut last.result);
        if let Some(result) = last.filter(passed) {
            let unit = self.table.unit;
            let case = unit.cases.iter().find(|(case, _)| case.id == result.case);
            let reason = case.and_then(|(case, _)| known::reason(unit, case, Blame::Server));
            result.accuse(crashed(exit), reason);
            result.tail = self.house.server_tail();
        }
    }

    /// Nothing can change any more what the last case came to.
    async fn keep_the_last(&mut self) {
        if let Some(last) = &mut self.last {
            self.table.keep(&mut last.result, last.seen.take()).await;
        }
    }

    async fn tell(&mut self, played: Played) {
        if let Some(last) = self.last.replace(played) {
            self.table.tell(last.result).await;
        }
    }

    /// Ends the server, and tells of the last case, of which it may have died.
    pub async fn leave(&mut self) {
        if let Some(exit) = self.house.server_exit_soon().await {
            self.died_of_the_last(exit);
        }
        self.keep_the_last().await;
        if let Some(last) = self.last.take() {
            self.table.tell(last.result).await;
        }
        self.house.take_down().await;
    }

    /// Plays cases together; `None` when the client could not be started.
    pub async fn look_at_all(
        &mut self,
        together: &Together,
        patience: Patience,
    ) -> Result<Option<JointLook>, StartError> {
        self.prepare(&together.case).await?;
        let Ok(acted) = self.house.act(&together.case, patience).await else { return Ok(None) };
        let verdict = judge_briefly(&together.case, &acted.transcript);
        match verdict.finding {
            Some(_) => self.house.tear_down().await,
            None => {
                self.table.waited(acted.slowest);
                self.table.saw_it_right(&acted.transcript);
            }
        }
        let reached = together.reached(&acted.transcript);
        let wrong = verdict.finding.as_ref().and_then(Finding::place);
        let seen = self.table.captures.map(|_| Seen { transcript: acted.transcript, wrong });
        Ok(Some(JointLook { verdict, reached, seen }))
    }

    /// The result of a case that was played together with others, all of which passed.
    pub fn passed_together(&self, at: usize, verdict: &Verdict, took: Duration) -> CaseResult {
        let (case, level) = &self.table.unit.cases[at];
        let mut result = CaseResult::blank(self.table.unit, case, *level);
        result.close = verdict.close;
        result.confirmed = verdict.confirmed;
        result.duration_us = took;
        result
    }

    /// Cases were wrong together. Where none of them is by itself, and it shows again when they are together, it
    /// is the fault of the case in which it does.
    pub async fn judge_suspect(
        &mut self,
        mut result: CaseResult,
        others_pass: bool,
        together: &Together,
    ) -> CaseResult {
        if !others_pass || result.outcome != Outcome::Pass {
            return result;
        }
        let patience = self.table.patience(limits::PATIENCE);
        let Ok(Some(again)) = self.look_at_all(together, patience).await else { return result };
        if let Some(finding) = again.verdict.finding {
            let at =
                together.parts.iter().find(|at| self.table.unit.cases[**at].0.id == result.case);
            let reason = at.and_then(|&at| {
                known::reason(self.table.unit, &self.table.unit.cases[at].0, finding.blame)
            });
            // It took several cases to show it, so no single one's level speaks for it.
            result.accuse(finding.weighing(crate::model::outcome::Weight::Binds), reason);
            result.summary.push_str(" (only after other cases on the same connection)");
            self.table.keep(&mut result, again.seen).await;
        }
        result
    }
}
