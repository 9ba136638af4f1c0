//! What the program under test uses: looked at while a case is acted out, and written down.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::act::Actor;
use crate::limits;
use crate::model::case::{Budget, Resource};
use crate::model::transcript::Sight;
use crate::peer::family::Family;
use crate::peer::vitals::{Demand, Spent, Vitals, forget_peaks};

impl Actor<'_> {
    /// The program under test: the server, or the first client.
    pub(super) fn program(&self) -> Option<Family> {
        match self.server() {
            Some(server) => server.family.clone(),
            None => self.clients.values().next().map(|client| client.family().clone()),
        }
    }

    /// Waits until the program under test does nothing any more. `None` where it did not come to that and did
    /// not get enough of a processor to be blamed for it, or where nothing can be known.
    pub(super) async fn rest(&mut self) -> Option<bool> {
        let program = self.program()?;
        self.have_all_read().await;
        let patience = self.scene.patience().silent;
        let begun = Instant::now();
        let mut before = Demand::of(&program)?;
        let ran_before = before.ran();
        loop {
            let then = Instant::now();
            while then.elapsed() < limits::GLANCE {
                self.sample(&program);
                sleep(limits::GLANCE / 8).await;
            }
            let Some(now) = Demand::of(&program) else { return Some(true) };
            let rests = match now.since(&before) {
                Spent::Idle => true,
                // A virtual machine's housekeeping is rest. One that waits for a processor shows no time yet.
                Spent::Busy(spent) => {
                    !now.is_busy() && spent > Duration::ZERO && spent < then.elapsed() / 2
                }
            };
            if rests {
                return Some(true);
            }
            if now.ran().saturating_sub(ran_before) > patience / limits::REST {
                return Some(false);
            }
            if begun.elapsed() > patience * limits::STARVED {
                return None;
            }
            before = now;
        }
    }

    /// The same, and writes down whether it came to that.
    pub(super) async fn come_to_rest(&mut self) {
        if let Some(at_rest) = self.rest().await {
            self.scene.saw(Sight::Rested { at_rest });
        }
    }

    /// Notes what the program under test uses now.
    pub(super) fn measure(&mut self) {
        let Some(program) = self.program() else { return };
        forget_peaks(&program);
        self.measured = Vitals::of(&program);
        self.last_seen = self.measured;
    }

    /// One that takes memory and ends has taken it all the same.
    fn sample(&mut self, program: &Family) {
        if self.measured.is_some() {
            self.last_seen = Vitals::of(program).or(self.last_seen);
        }
    }

    /// Waits until the program under test is within a budget, where it can come to that, and writes down by how
    /// much its use has grown. Where that cannot be known, nothing is.
    pub(super) async fn keep_within(&mut self, budget: Budget) {
        let (Some(program), Some(before)) = (self.program(), self.measured) else { return };
        let is_a_peak = matches!(budget.of, Resource::Memory | Resource::AddressSpace);
        let last_seen = self.last_seen.filter(|_| is_a_peak);
        let growth = || {
            let now = Vitals::of(&program).or(last_seen)?;
            Some(used(&now, budget.of).saturating_sub(used(&before, budget.of)))
        };
        let comes_down = async {
            while growth().is_some_and(|growth| growth > budget.growth) {
                sleep(limits::GLANCE / 2).await;
            }
        };
        if !is_a_peak {
            let _ = self.scene.in_time(comes_down).await;
        }
        if let Some(growth) = growth() {
            self.scene.saw(Sight::Measured { budget, growth });
        }
    }
}

fn used(vitals: &Vitals, resource: Resource) -> u64 {
    match resource {
        Resource::Memory => vitals.resident_peak,
        Resource::AddressSpace => vitals.address_space_peak,
        Resource::Descriptors => vitals.descriptors as u64,
        Resource::Threads => vitals.threads as u64,
        Resource::Processes => vitals.processes as u64,
    }
}
