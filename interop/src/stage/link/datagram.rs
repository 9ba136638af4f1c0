//! The link of datagrams: passes on each as it is.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::model::transcript::{Channel, Conn};
use crate::stage::datagrams::Datagrams;
use crate::stage::scene::Scene;

/// Passes on what a client and a server send, until it is dropped.
#[derive(Debug)]
pub struct DatagramLink {
    _pumps: [AbortOnDropHandle<()>; 2],
}

impl DatagramLink {
    /// Between a client who sends to this socket, and a server.
    ///
    /// # Errors
    /// When there is no way to the server.
    pub(in crate::stage) async fn new(
        client: Arc<Datagrams>,
        server: SocketAddr,
        conn: Conn,
        scene: Arc<Scene>,
    ) -> io::Result<Self> {
        let server = Arc::new(Datagrams::to(server).await?);
        let pump = |pump: Pump| AbortOnDropHandle::new(tokio::spawn(pump.run()));
        let requests = Pump {
            comes: Channel::Requests(conn),
            comes_back: Channel::Answers(conn),
            from: client.clone(),
            to: server.clone(),
            scene: scene.clone(),
        };
        let answers = Pump {
            comes: Channel::Answers(conn),
            comes_back: Channel::Requests(conn),
            from: server,
            to: client,
            scene,
        };
        Ok(Self { _pumps: [pump(requests), pump(answers)] })
    }
}

/// One direction.
struct Pump {
    comes: Channel,
    comes_back: Channel,
    from: Arc<Datagrams>,
    to: Arc<Datagrams>,
    scene: Arc<Scene>,
}

impl Pump {
    async fn run(self) {
        loop {
            match self.from.receive().await {
                Ok(datagram) => {
                    if !self.scene.saw_datagram(self.comes, &datagram) {
                        return;
                    }
                    if let Err(error) = self.to.send(&datagram).await {
                        return self.scene.saw_failure(self.comes_back, &error);
                    }
                }
                Err(error) => return self.scene.saw_failure(self.comes, &error),
            }
        }
    }
}
