//! The programs of a case beside their conversations: how they start and end, and what they use.

use rustix::process::Pid;
use tokio::time::{Instant, sleep, timeout};

use super::act::Actor;
use super::cast::Standing;
use crate::limits;
use crate::model::case::{Budget, Resource};
use crate::model::transcript::{Act, Conn, Sight};
use crate::peer::port::{self, Lease};
use crate::peer::process::wait_exit;
use crate::peer::server::RunningServer;
use crate::peer::start::StartError;
use crate::peer::vitals::{Demand, Spent, Vitals};

/// A server that a case has started for itself.
#[derive(Debug)]
pub(super) struct OwnServer {
    server: RunningServer,
    /// Of a port that we chose.
    lease: Option<Lease>,
    pub standing: Standing,
}

impl OwnServer {
    fn new(server: RunningServer, lease: Option<Lease>) -> Self {
        let standing = Standing::of(&server);
        Self { server, lease, standing }
    }

    /// Ends it, and returns its last words.
    pub fn leave(self) -> Vec<String> {
        let tail = self.server.tail();
        self.server.kill();
        tail
    }
}

impl Actor<'_> {
    /// Starts a server of the case's own; again on its port, when it had one before.
    pub(super) async fn start_server(&mut self) -> Result<(), StartError> {
        let Some(program) = self.cast.server.as_ref().and_then(|server| server.program.as_ref())
        else {
            return Ok(());
        };
        let own = match self.own.take() {
            None => {
                let (server, lease) = program.start_patiently().await?;
                self.scene.did(Act::Started);
                OwnServer::new(server, lease)
            }
            Some(before) => {
                let port = before.standing.address.port();
                let lease = before.lease;
                drop(before.server);
                self.scene.did(Act::Started);
                match program.start_on(port).await {
                    Ok(server) => OwnServer::new(server, lease),
                    Err(error) => {
                        self.scene.saw(Sight::NotReady { reason: error.to_string() });
                        return Ok(());
                    }
                }
            }
        };
        self.watch_server(&own.standing);
        self.own = Some(own);
        Ok(())
    }

    /// Waits until the case's own server listens. One that says too early that it does fails the case that is
    /// about that, and no other.
    pub(super) async fn listening(&mut self) {
        let Some(port) = self.own.as_ref().map(|own| own.standing.address.port()) else { return };
        let _ = timeout(self.cast.start, port::listening(port)).await;
        self.scene.saw(Sight::Ready { listens_on: port::listeners(port) });
    }

    /// Starts another server on the port of the first: it has to end, and to say so.
    pub(super) async fn start_second_server(&mut self) -> Result<(), StartError> {
        let program = self.cast.server.as_ref().and_then(|server| server.program.as_ref());
        let (Some(program), Some(own)) = (program, &self.own) else { return Ok(()) };
        let exit = program.exit_of_one_more(own.standing.address.port()).await?;
        self.scene.saw(Sight::Second { exit });
        Ok(())
    }

    /// Tells the case's own server to end.
    pub(super) fn terminate_server(&mut self) {
        if let Some(own) = &self.own {
            self.scene.did(Act::Terminated);
            own.server.terminate();
        }
    }

    /// Starts a client where nobody listens, and waits until it gives up.
    pub(super) async fn refuse(&mut self, conn: Conn) -> Result<(), StartError> {
        let Some(cast) = &self.cast.client else { return Ok(()) };
        let lease = match cast.port {
            Some(_) => None, // it is ours already, and we do not listen
            None => Some(Lease::free()?),
        };
        let port = lease.as_ref().map(Lease::port).or(cast.port).unwrap_or(0);
        self.scene.did(Act::Unserved { conn });
        let mut exit = self.start_client(conn, cast, &(cast.launch)(port)).await?;
        if self.scene.within(limits::GIVE_UP, wait_exit(&mut exit)).await.is_none() {
            let waiting_for = "the client to give up".to_owned();
            self.scene.saw(Sight::Stalled { conn: Some(conn), waiting_for });
        }
        Ok(())
    }

    /// Looks for what the programs that have ended left behind.
    pub(super) async fn look_behind(&mut self) {
        let mut commands = Vec::new();
        if let Some(own) = self.own.take() {
            // Whatever is left of it has as long as it has itself.
            let gone = async {
                while own.server.vitals().is_some() {
                    sleep(limits::GLANCE / 2).await;
                }
            };
            let _ = timeout(limits::GRACE, gone).await;
            commands.extend(own.server.stop().await.left_behind);
        }
        for client in std::mem::take(&mut self.clients).into_values() {
            commands.extend(client.stop().await.left_behind);
        }
        self.scene.saw(Sight::LeftBehind { commands });
    }

    /// The process under test: the server's, or the first client's.
    fn program(&self) -> Option<Pid> {
        match self.server() {
            Some(server) => server.process,
            None => self.clients.values().next().map(|client| client.id()),
        }
    }

    /// Waits until the program under test does nothing any more, and writes down whether it came to that.
    pub(super) async fn rest(&mut self) {
        let Some(program) = self.program() else { return };
        let deadline = Instant::now() + self.scene.patience().silent / limits::REST;
        let mut before = Demand::of(program);
        let at_rest = loop {
            let begun = Instant::now();
            sleep(limits::GLANCE).await;
            let now = Demand::of(program);
            let (Some(then), Some(demand)) = (&before, &now) else { return };
            let rests = match demand.since(then) {
                Spent::Idle => true,
                // One that waits for a processor is not told for how long until it gets it.
                Spent::Busy(spent) => !demand.is_busy() && spent < begun.elapsed() / 2,
            };
            if rests || Instant::now() > deadline {
                break rests;
            }
            before = now;
        };
        self.scene.saw(Sight::Rested { at_rest });
    }

    /// Notes what the program under test uses now.
    pub(super) fn measure(&mut self) {
        self.measured = self.program().and_then(Vitals::of);
    }

    /// Waits until the program under test is within a budget, where it can come to that, and writes down by how
    /// much its use has grown. Where that cannot be known, nothing is.
    pub(super) async fn keep_within(&mut self, budget: Budget) {
        let (Some(program), Some(before)) = (self.program(), self.measured) else { return };
        let is_a_peak = matches!(budget.of, Resource::Memory | Resource::AddressSpace);
        let growth = || {
            let now = Vitals::of(program)?;
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
