//! The link of datagrams: passes on each as it is.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::model::protocol::NOTATION;
use crate::model::transcript::{Act, Channel, Conn};
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
        scene.locate(Channel::Answers(conn), &server);
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
                    if !self.scene.saw_datagram(self.comes, &self.from, &datagram) {
                        return;
                    }
                    let bytes = NOTATION.header_len() + datagram.len();
                    self.scene.did(Act::PassedOn { channel: self.comes, bytes });
                    if let Err(error) = self.to.send(&datagram).await {
                        return self.scene.saw_failure(self.comes_back, &error);
                    }
                }
                Err(error) => return self.scene.saw_failure(self.comes, &error),
            }
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::limits::PATIENCE;
    use crate::model::names::{Clause, Role};
    use crate::model::protocol::frame;
    use crate::model::transcript::{Setting, Sight, What};
    use crate::peer::HOST;

    #[tokio::test]
    async fn what_each_sends_reaches_the_other_and_is_written_down() {
        let setting = Setting::new(Role::Pairing, "datagram/echo".parse().unwrap());
        let scene = Arc::new(Scene::new(setting, &[Clause::P3], PATIENCE));
        let server = Datagrams::on(0).unwrap();
        let between = Arc::new(Datagrams::on(0).unwrap());
        let client = Datagrams::to((HOST, between.port()).into()).await.unwrap();
        let address = (HOST, server.port()).into();
        let _link = DatagramLink::new(between, address, 3, scene.clone()).await.unwrap();

        client.send(b"asked").await.unwrap();
        assert_eq!(server.receive().await.unwrap(), &b"asked"[..]);
        server.send(b"answered").await.unwrap();
        assert_eq!(client.receive().await.unwrap(), &b"answered"[..]);

        let written = |what: &What| match what {
            What::Saw(Sight::Bytes { channel, bytes }) => Some((*channel, bytes.clone())),
            _ => None,
        };
        let events = scene.transcript().events;
        let written: Vec<_> = events.iter().filter_map(|event| written(&event.what)).collect();
        let due = [
            (Channel::Requests(3), frame(NOTATION, b"asked")),
            (Channel::Answers(3), frame(NOTATION, b"answered")),
        ];
        assert_eq!(written, due);
    }
}
