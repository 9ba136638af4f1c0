//! Whether the programs under test sleep: nothing that is due will come of a program that does nothing,
//! unless it set itself an alarm.
//!
//! A deadline alone cannot tell a slow machine from a program that waits for ever. The processor time that a
//! program asks for can: on a loaded machine it waits for a processor, and that counts as asking.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits;
use crate::peer::family::Family;
use crate::peer::vitals::{Demand, Spent};

/// A virtual machine's housekeeping wakes it now and then: up to this part of the time is sleep all the same.
const DOZING: u32 = 20;

/// Watches programs for sleep, for everybody who waits for them.
#[derive(Debug, Default)]
pub(super) struct Sleep {
    programs: Vec<Family>,
    /// What they asked for at the last look; `None` for one that had ended.
    last: Option<(Instant, Vec<Option<Demand>>)>,
    /// For how long. A look that comes late is one that we did not get to, and adds only what it should have.
    asleep: Duration,
}

impl Sleep {
    /// Watches this one too.
    pub fn watch(&mut self, program: Family) {
        self.programs.push(program);
        self.last = None;
    }

    /// For how long all of them have been asleep now. Zero where that cannot be known, and where there is none.
    pub fn lasted(&mut self) -> Duration {
        let now = Instant::now();
        if self.last.as_ref().is_none_or(|(then, _)| now - *then > limits::GLANCE / 2) {
            self.look(now);
        }
        self.asleep
    }

    /// What the programs do, in words; `None` where it cannot be known.
    pub fn describe(&self) -> Option<&'static str> {
        let (_, demand) = self.last.as_ref()?;
        let mut living = demand.iter().flatten().peekable();
        living.peek()?;
        Some(match living.any(Demand::is_busy) {
            true => "busy",
            false if self.asleep > Duration::ZERO => "asleep",
            false => "awake now and then",
        })
    }

    fn look(&mut self, now: Instant) {
        let demand: Vec<Option<Demand>> = self.programs.iter().map(Demand::of).collect();
        if demand.iter().all(Option::is_none) {
            self.asleep = Duration::ZERO;
            return;
        }
        let look = self.last.replace((now, demand));
        let (Some((then, before)), Some((_, demand))) = (look, &self.last) else {
            return;
        };
        let allowed = (now - then) / DOZING;
        let dozed = |pair: (&Option<Demand>, &Option<Demand>)| match pair {
            (Some(now), Some(before)) => match now.since(before) {
                Spent::Idle => true,
                Spent::Busy(spent) => !now.is_busy() && spent > Duration::ZERO && spent < allowed,
            },
            // One that has ended does nothing; one that has just ended did.
            (now, before) => now.is_none() && before.is_none(),
        };
        if demand.iter().zip(&before).all(dozed) {
            self.asleep += (now - then).min(limits::GLANCE * 2);
        } else {
            self.asleep = Duration::ZERO;
        }
    }
}
