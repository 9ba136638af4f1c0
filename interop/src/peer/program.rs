//! A server program that can be started, more than once.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use tokio::time::sleep;

use super::port::{self, Lease};
use super::process::Launch;
use super::server::RunningServer;
use super::start::{StartError, UNSUPPORTED};
use crate::limits;
use crate::model::protocol::Transport;
use crate::model::transcript::Exit;

/// What some runtimes exit with when a program fails at its start.
const CANNOT_RUN: i32 = 127;

/// Matches no line.
static NEVER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[^\s\S]").expect("this is a regular expression"));

/// A server that can be started.
pub struct ServerProgram<'a> {
    /// How, when it has to listen on this port.
    pub launch: Box<dyn Fn(u16) -> Launch + Send + Sync + 'a>,
    /// The line by which it says that it accepts.
    pub ready: Option<&'a Regex>,
    /// Who chooses its port.
    pub port: Port,
    /// How it is reached there.
    pub transport: Transport,
    /// How long it may take until it is ready.
    pub within: Duration,
}

/// Who chooses the port of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The program: always this one.
    HardCoded(u16),
    /// The program: any that is free, and it says which.
    Reported,
    /// We do.
    Chosen,
}

impl std::fmt::Debug for ServerProgram<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerProgram").field("port", &self.port).finish_non_exhaustive()
    }
}

impl ServerProgram<'_> {
    /// Starts it, and waits until it is ready. The lease is of a port that we chose, and has to outlive it.
    ///
    /// # Errors
    /// When there is no port, or it does not get ready.
    pub async fn start(&self) -> Result<(RunningServer, Option<Lease>), StartError> {
        let (port, lease) = match self.port {
            Port::HardCoded(port) => (port, None),
            Port::Reported => (0, None),
            Port::Chosen => {
                let lease = Lease::free()?;
                (lease.port(), Some(lease))
            }
        };
        Ok((self.start_on(port).await?, lease))
    }

    /// The same. A hard-coded port may still seem taken: for a moment, while a process that is being started
    /// elsewhere holds a copy of our own listener; for longer, where the program does not set SO_REUSEADDR and
    /// connections of its predecessor are in TIME_WAIT. The latter is a fault that has a case of its own.
    ///
    /// # Errors
    /// As there.
    pub async fn start_patiently(&self) -> Result<(RunningServer, Option<Lease>), StartError> {
        let first = self.start().await;
        let (Err(StartError::Exited { .. }), Port::HardCoded(port)) = (&first, self.port) else {
            return first;
        };
        sleep(limits::REBIND_PAUSE).await;
        match self.start().await {
            Err(StartError::Exited { .. }) if port::is_in_time_wait(port) => {
                port::outwait(port).await;
                self.start().await
            }
            second => second,
        }
    }

    /// The same for a server that will be started again: on a port of ours where it can be told one, for a port
    /// that the system chose may be another's as soon as it is free.
    ///
    /// # Errors
    /// As there.
    pub async fn start_to_be_restarted(
        &self,
    ) -> Result<(RunningServer, Option<Lease>), StartError> {
        if self.port != Port::Reported {
            return self.start_patiently().await;
        }
        let lease = Lease::free()?;
        Ok((self.start_on(lease.port()).await?, Some(lease)))
    }

    /// How one more ends that is started on a port which is taken; `None` when it does not within this time.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub async fn exit_of_one_more(
        &self,
        port: u16,
        within: Duration,
    ) -> Result<Option<Exit>, StartError> {
        // Something listens there already, so only what it says itself tells that it is ready.
        let ready = self.ready.unwrap_or(&NEVER);
        let launch = (self.launch)(port);
        match RunningServer::start(&launch, Some(ready), port, self.transport, within).await {
            Ok(server) => {
                // As long as it lives it may get connections that are meant for the first.
                server.dismiss().await;
                Ok(None)
            }
            Err(StartError::NeverReady { .. }) => Ok(None),
            Err(StartError::Exited { exit, .. }) => Ok(Some(exit)),
            Err(StartError::Unsupported { .. }) => Ok(Some(Exit::Code(UNSUPPORTED))),
            // The same command has started the first, so this is how it says no.
            Err(StartError::CannotRun { .. }) => Ok(Some(Exit::Code(CANNOT_RUN))),
            Err(error) => Err(error),
        }
    }

    /// Starts it on this port, as far as it can be told which.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start_on(&self, port: u16) -> Result<RunningServer, StartError> {
        let launch = (self.launch)(port);
        RunningServer::start(&launch, self.ready, port, self.transport, self.within).await
    }
}
