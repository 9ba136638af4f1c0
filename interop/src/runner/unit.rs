//! One unit: a server, a client, or both, and its cases.
//!
//! What can be played together is, first. Whoever fails is asked again, on a fresh server and with more
//! patience, before he is accused.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::limits;
use crate::model::case::Case;
use crate::model::names::Level;
use crate::model::oracle::{crashed, judge};
use crate::model::outcome::{Blame, Outcome, Verdict};
use crate::model::transcript::Exit;
use crate::peer::start::StartError;
use crate::stage::{Acted, Heard};

use super::event::CaseResult;
use super::house::{House, hard_coded_ports};
use super::known;
use super::plan::Unit;
use super::run::{Context, Teller};
use super::together::Together;

/// Plays all cases of a unit, once it has a seat, and tells what they come to.
pub(super) async fn play(unit: &Unit, context: &Context, seats: &Semaphore, tell: &Teller) {
    let all = &unit.cases;
    if let Some(reason) = unit.unavailable() {
        let end = End { outcome: Outcome::Skipped, blame: Blame::Environment, summary: reason };
        return end.tell(unit, all, tell).await;
    }
    // Ports first: a unit that waits for one must not keep a seat from those that could play.
    let ports = match hard_coded_ports(unit).await {
        Ok(ports) => ports,
        Err(error) => {
            return End::of(&error.into(), Blame::Environment).tell(unit, all, tell).await;
        }
    };
    let Ok(_seat) = seats.acquire().await else { return };
    let house = match House::open(unit, context, ports).await {
        Ok(house) => house,
        Err(error) => {
            return End::of(&error.into(), Blame::Environment).tell(unit, all, tell).await;
        }
    };
    let mut player = Player {
        unit,
        house,
        tell,
        last: None,
        accused: 0,
        dialect: None,
        alive: false,
        mute: false,
    };
    let played = player.play_all().await;
    player.leave().await;
    if let Err(NoServer { error, unplayed }) = played {
        let cases: Vec<_> = unplayed.into_iter().map(|at| all[at].clone()).collect();
        End::of(&error, Blame::Server).tell(unit, &cases, tell).await;
    }
}

/// Why cases could not be played.
struct End {
    outcome: Outcome,
    blame: Blame,
    summary: String,
}

impl End {
    fn of(error: &StartError, role: Blame) -> Self {
        Self { outcome: error.outcome(), blame: error.blame(role), summary: error.to_string() }
    }

    fn mark(&self, result: &mut CaseResult) {
        result.outcome = self.outcome;
        result.blame = Some(self.blame);
        result.summary.clone_from(&self.summary);
    }

    async fn tell(&self, unit: &Unit, cases: &[(Arc<Case>, Level)], tell: &Teller) {
        for (case, level) in cases {
            let mut result = CaseResult::blank(unit, case, *level);
            self.mark(&mut result);
            tell.case(result).await;
        }
    }
}

/// The server does not come up (any more).
struct NoServer {
    error: StartError,
    unplayed: Vec<usize>,
}

struct Player<'a> {
    unit: &'a Unit,
    house: House<'a>,
    tell: &'a Teller,
    /// Not yet told: a server that is found dead before the next case has died of this one.
    last: Option<CaseResult>,
    /// How often a failure was confirmed by a second look.
    accused: u32,
    /// What a server that answers nothing would answer to, once it has been asked.
    dialect: Option<Heard>,
    /// It was right in a case in which it had to say something.
    alive: bool,
    /// It is silent even when one message comes in one piece: how others come explains nothing.
    mute: bool,
}

/// The case of one message in one piece. It is the first of a run.
const PLAIN: &str = "framing.single";

/// One look at a case.
struct Look {
    result: CaseResult,
    /// Something did not come in time: which says little on a loaded machine.
    stalled: bool,
}

/// One look at cases that are played together.
struct JointLook {
    verdict: Verdict,
    /// Which case was being played when it ended.
    reached: usize,
    took: Duration,
}

impl Player<'_> {
    async fn play_all(&mut self) -> Result<(), NoServer> {
        let every: Vec<usize> = (0..self.unit.cases.len()).collect();
        let Some(together) = Together::of(&self.unit.cases) else {
            return self.play_alone(&every).await.map(drop);
        };
        let look = self.look_at_all(&together, limits::PATIENCE).await;
        match look.map_err(|error| NoServer { error, unplayed: every.clone() })? {
            // A client that cannot be started says so for each case.
            None => self.play_alone(&every).await.map(drop),
            Some(look) if look.verdict.finding.is_none() => {
                self.tell_all_pass(&together, &look).await;
                let rest = |at: &usize| !together.parts.contains(at);
                let rest: Vec<usize> = every.into_iter().filter(rest).collect();
                self.play_alone(&rest).await.map(drop)
            }
            Some(look) => self.find_culprit(&together, look.reached).await,
        }
    }

    /// Something was wrong when the cases were played together: each by itself has the next word. Where none
    /// of them shows it, and it shows again when they are together, it is the fault of the case in which it does.
    async fn find_culprit(&mut self, together: &Together, suspect: usize) -> Result<(), NoServer> {
        let is_other = |at: &usize| *at != suspect;
        let parts: Vec<usize> = together.parts.iter().copied().filter(is_other).collect();
        let is_apart = |at: &usize| !together.parts.contains(at);
        let apart: Vec<usize> = (0..self.unit.cases.len()).filter(is_apart).collect();
        let unplayed =
            |error, first: &[usize]| NoServer { error, unplayed: [first, &apart].concat() };
        let parts_pass =
            self.play_alone(&parts).await.map_err(|NoServer { error, unplayed: left }| {
                unplayed(error, &[&left[..], &[suspect]].concat())
            })?;
        let result = self.play_case(suspect).await;
        let mut result = result.map_err(|error| unplayed(error, &[suspect]))?;
        if parts_pass && result.outcome == Outcome::Pass {
            let again = self.look_at_all(together, limits::MORE_PATIENCE).await;
            let again = again.map_err(|error| unplayed(error, &[suspect]))?;
            if let Some(finding) = again.and_then(|look| look.verdict.finding) {
                let (case, _) = &self.unit.cases[suspect];
                let reason = known::reason(self.unit, case, finding.blame);
                // It took several cases to show it, so no single one's level speaks for it.
                result.accuse(finding.binding(), reason);
                result.summary.push_str(" (only after other cases on the same connection)");
            }
        }
        self.tell(result).await;
        self.play_alone(&apart).await.map(drop)
    }

    /// Plays cases one by one; `true` when all of them were as they should be.
    async fn play_alone(&mut self, cases: &[usize]) -> Result<bool, NoServer> {
        let mut all_pass = true;
        for (nth, &at) in cases.iter().enumerate() {
            let unplayed = |error| NoServer { error, unplayed: cases[nth..].to_vec() };
            let result = self.play_case(at).await.map_err(unplayed)?;
            all_pass &= result.outcome == Outcome::Pass;
            self.tell(result).await;
        }
        Ok(all_pass)
    }

    /// A case by itself. A failure is looked at twice, until the peer has shown that it does fail.
    async fn play_case(&mut self, at: usize) -> Result<CaseResult, StartError> {
        let sure = self.accused >= limits::SECOND_LOOKS;
        let (case, _) = &self.unit.cases[at];
        let declared = known::reason(self.unit, case, Blame::Undecided).is_some();
        let patience = if sure || declared { limits::LESS_PATIENCE } else { limits::PATIENCE };
        let first = self.look_at(at, patience).await?;
        if first.result.outcome != Outcome::Fail || sure {
            return Ok(first.result);
        }
        let second = self.look_at(at, limits::MORE_PATIENCE).await?;
        if second.result.outcome != Outcome::Pass {
            self.accused += 1;
            return Ok(second.result);
        }
        if first.stalled {
            return Ok(second.result); // it was late, and not wrong
        }
        let mut result = first.result;
        result.summary.push_str(" (in one of two runs)");
        Ok(result)
    }

    async fn look_at(&mut self, at: usize, patience: Duration) -> Result<Look, StartError> {
        self.stand_up().await?;
        let (case, level) = &self.unit.cases[at];
        let begun = Instant::now();
        let mut result = CaseResult::blank(self.unit, case, *level);
        let mut stalled = false;
        match self.house.act(case, patience).await {
            Ok(acted) => {
                let verdict = judge(case, &acted.transcript);
                stalled = verdict.stalled;
                self.enter(verdict, acted, case, &mut result);
            }
            Err(error) => End::of(&error, Blame::Client).mark(&mut result),
        }
        result.duration_us = begun.elapsed();
        self.diagnose_silence(&mut result).await;
        if result.outcome != Outcome::Pass {
            self.house.tear_down().await;
        }
        Ok(Look { result, stalled })
    }

    /// Who says nothing may do so for other reasons than the way in which this came.
    async fn diagnose_silence(&mut self, result: &mut CaseResult) {
        if result.outcome == Outcome::Pass || !result.fell_silent() {
            return;
        }
        self.mute |= result.case.as_str() == PLAIN;
        let heard = match (result.blame, &self.dialect) {
            (Some(Blame::Server), Some(heard)) => heard.clone(),
            (Some(Blame::Server), None) if result.got_nothing() => self.dialect().await,
            (Some(Blame::Server), None) => Heard::Rightly,
            _ => Heard::Nothing,
        };
        match heard {
            Heard::As(difference) => result.diagnosis = Some(difference),
            _ if self.mute => result.diagnosis = None,
            Heard::Nothing if !self.alive && result.got_nothing() => result.diagnosis = None,
            Heard::Rightly | Heard::Nothing => {}
        }
    }

    fn enter(&mut self, verdict: Verdict, acted: Acted, case: &Case, result: &mut CaseResult) {
        result.close = verdict.close;
        result.confirmed = verdict.confirmed;
        match verdict.finding {
            Some(finding) => {
                result.tail = match finding.blame {
                    Blame::Server => self.house.server_tail(),
                    _ => acted.client_tail,
                };
                let reason = known::reason(self.unit, case, finding.blame);
                result.accuse(finding, reason);
            }
            None if !acted.transcript.has_stimulus() => {
                result.outcome = Outcome::Error;
                result.blame = Some(Blame::Harness);
                result.summary = "nothing was put before the peer".to_owned();
            }
            None => self.alive |= acted.transcript.peer_has_spoken(),
        }
    }

    async fn stand_up(&mut self) -> Result<(), StartError> {
        if let Some(exit) = self.house.server_exit() {
            self.died_of_the_last(exit);
        }
        self.house.stand_up().await
    }

    fn died_of_the_last(&mut self, exit: Exit) {
        let passed = |result: &&mut CaseResult| result.outcome == Outcome::Pass;
        if let Some(result) = self.last.as_mut().filter(passed) {
            let cases = &self.unit.cases;
            let case = cases.iter().find(|(case, _)| case.id == result.case);
            let reason = case.and_then(|(case, _)| known::reason(self.unit, case, Blame::Server));
            result.accuse(crashed(exit), reason);
            result.tail = self.house.server_tail();
        }
    }

    async fn tell(&mut self, result: CaseResult) {
        if let Some(last) = self.last.replace(result) {
            self.tell.case(last).await;
        }
    }

    /// Ends the server, and tells of the last case, of which it may have died.
    async fn leave(&mut self) {
        if let Some(exit) = self.house.server_exit_soon().await {
            self.died_of_the_last(exit);
        }
        if let Some(last) = self.last.take() {
            self.tell.case(last).await;
        }
        self.house.take_down().await;
    }

    async fn dialect(&mut self) -> Heard {
        if let Some(heard) = &self.dialect {
            return heard.clone();
        }
        self.dialect.insert(self.house.dialect().await).clone()
    }

    /// `None` when the client could not be started.
    async fn look_at_all(
        &mut self,
        together: &Together,
        patience: Duration,
    ) -> Result<Option<JointLook>, StartError> {
        self.stand_up().await?;
        let begun = Instant::now();
        let Ok(acted) = self.house.act(&together.case, patience).await else { return Ok(None) };
        let took = begun.elapsed();
        let verdict = judge(&together.case, &acted.transcript);
        if verdict.finding.is_some() {
            self.house.tear_down().await;
        }
        let reached = together.reached(&acted.transcript);
        Ok(Some(JointLook { verdict, reached, took }))
    }

    async fn tell_all_pass(&mut self, together: &Together, look: &JointLook) {
        let share = look.took / u32::try_from(together.parts.len()).unwrap_or(1);
        for &at in &together.parts {
            let (case, level) = &self.unit.cases[at];
            let mut result = CaseResult::blank(self.unit, case, *level);
            result.close = look.verdict.close;
            result.confirmed = look.verdict.confirmed;
            result.duration_us = share;
            self.tell(result).await;
        }
    }
}
