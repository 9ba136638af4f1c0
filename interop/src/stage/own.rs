//! The server that a case starts for itself: how it starts, ends, starts again, and what it leaves.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::act::Actor;
use super::cast::Standing;
use crate::limits;
use crate::model::transcript::{Act, Sight};
use crate::peer::family::Family;
use crate::peer::port::{self, Lease};
use crate::peer::program::{Port, ServerProgram};
use crate::peer::server::RunningServer;
use crate::peer::start::StartError;
use crate::peer::vitals::Vitals;

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
    pub async fn leave(self) -> Vec<String> {
        let tail = self.server.tail();
        self.server.dismiss().await;
        tail
    }
}

impl Actor<'_> {
    fn program_of_server(&self) -> Option<&ServerProgram<'_>> {
        self.cast.server.as_ref()?.program.as_ref()
    }

    /// Starts a server of the case's own; again on its port, when it had one before.
    pub(super) async fn start_server(&mut self) -> Result<(), StartError> {
        let before = self.own.take();
        let Some(program) = self.program_of_server() else { return Ok(()) };
        let own = match before {
            None => {
                let (server, lease) = program.start_to_be_restarted().await?;
                self.scene.did(Act::Started);
                OwnServer::new(server, lease)
            }
            Some(OwnServer { server, lease, standing }) => {
                // Whoever of it still lives would hold the port.
                server.dismiss().await;
                self.scene.did(Act::Started);
                match program.start_on(standing.address.port()).await {
                    Ok(server) => OwnServer::new(server, lease),
                    Err(error @ StartError::Exited { .. }) => {
                        let lasts = matches!(program.port, Port::HardCoded(_));
                        self.scene.saw(Sight::NotReady { reason: error.to_string(), lasts });
                        return Ok(());
                    }
                    Err(error) => return Err(error),
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
        let transport = self.cast.protocol.transport;
        let _ = timeout(self.cast.start, port::listening(port, transport)).await;
        self.scene.saw(Sight::Ready { listens_on: port::listeners(port, transport) });
    }

    /// Starts another server on the port of the first: it has to end, and to say so.
    pub(super) async fn start_second_server(&mut self) -> Result<(), StartError> {
        let (Some(program), Some(own)) = (self.program_of_server(), &self.own) else {
            return Ok(());
        };
        // With all patience, as long as a program may take to start.
        let within = self.scene.patience().silent.mul_f64(limits::ONE_MORE);
        let exit = program.exit_of_one_more(own.standing.address.port(), within).await?;
        self.scene.saw(Sight::Second { exit });
        Ok(())
    }

    /// Looks whether others than this machine can connect.
    pub(super) fn stay_on_loopback(&self) {
        if let Some(own) = &self.own {
            let port = own.standing.address.port();
            let public = port::listeners(port, self.cast.protocol.transport)
                .into_iter()
                .filter(|address| !address.to_canonical().is_loopback());
            self.scene.saw(Sight::Exposed { on: public.collect() });
        }
    }

    /// Tells the case's own server to end.
    pub(super) fn terminate_server(&mut self) {
        if let Some(own) = &self.own {
            self.scene.did(Act::Terminated);
            own.server.terminate();
        }
    }

    /// Looks for what the programs that have ended left behind.
    pub(super) async fn look_behind(&mut self) {
        let (mut commands, mut listen) = (Vec::new(), false);
        if let Some(own) = self.own.take() {
            outlive(own.server.family(), limits::GRACE).await;
            let port = own.standing.address.port();
            listen = !port::listeners(port, self.cast.protocol.transport).is_empty();
            commands.extend(own.server.stop().await.left_behind);
        }
        for client in std::mem::take(&mut self.clients).into_values() {
            outlive(client.family(), limits::GRACE).await;
            commands.extend(client.stop().await.left_behind);
        }
        self.scene.saw(Sight::LeftBehind { commands, listen });
    }
}

/// Whatever is left of a program has as long as itself to end.
async fn outlive(family: &Family, within: Duration) {
    let gone = async {
        while Vitals::of(family).is_some() {
            sleep(limits::GLANCE / 2).await;
        }
    };
    let _ = timeout(within, gone).await;
}
