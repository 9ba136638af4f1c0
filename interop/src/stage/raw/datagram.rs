//! Our end where datagrams are exchanged.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rust_server::framing::MaxFrame;
use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

use crate::model::protocol::{NOTATION, frame};
use crate::model::transcript::{Act, Channel, Sight};
use crate::peer::HOST;
use crate::stage::datagrams::Datagrams;
use crate::stage::scene::Scene;

/// Our end where datagrams are exchanged. It is there until it is dropped: nothing tells that no more come.
#[derive(Debug)]
pub struct DatagramEnd {
    /// Where what we receive belongs.
    from_peer: Channel,
    scene: Arc<Scene>,
    socket: Arc<Datagrams>,
    /// Nobody takes what we send.
    gone: bool,
    _reader: AbortOnDropHandle<()>,
}

impl DatagramEnd {
    /// As a client of a server.
    ///
    /// # Errors
    /// When there is no way to it.
    pub async fn connect(
        server: SocketAddr,
        channel: Channel,
        scene: Arc<Scene>,
    ) -> io::Result<Self> {
        let socket = Arc::new(Datagrams::to(server).await?);
        scene.saw(Sight::Connected { conn: channel.conn() });
        scene.locate(channel, &socket);
        Ok(Self::new(socket, channel, scene))
    }

    /// Everything that comes is written down as of `channel`.
    pub(in crate::stage) fn new(
        socket: Arc<Datagrams>,
        channel: Channel,
        scene: Arc<Scene>,
    ) -> Self {
        let reader = tokio::spawn(read(socket.clone(), channel, scene.clone()));
        let _reader = AbortOnDropHandle::new(reader);
        Self { from_peer: channel, scene, socket, gone: false, _reader }
    }

    /// Sends the client a message from a socket that it has not asked.
    ///
    /// # Errors
    /// When that is not possible.
    pub async fn intrude(&self, message: Bytes) -> io::Result<()> {
        let Some(client) = self.socket.client() else { return Ok(()) };
        self.scene.did(Act::Intruded { conn: self.from_peer.conn(), message: message.clone() });
        let stranger = UdpSocket::bind((HOST, 0)).await?;
        stranger.send_to(&message, client).await.map(drop)
    }

    /// Sends a datagram for each frame of the [notation](NOTATION).
    pub async fn deliver(&mut self, frames: Bytes) {
        let conn = self.from_peer.conn();
        let mut rest = BytesMut::from(frames);
        while let Ok(Some(message)) = NOTATION.decode(&mut rest, MaxFrame::new(u64::MAX)) {
            if !self.scene.is_this_ones_turn(conn).await {
                return;
            }
            self.scene.did(Act::Wrote { conn, bytes: frame(NOTATION, &message) });
            if self.gone {
                continue;
            }
            let sent = self.scene.in_time(self.socket.send(&message)).await;
            if let Err(error) = sent.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
                self.gone = true;
                if error.kind() == io::ErrorKind::ConnectionRefused {
                    self.scene.saw_failure(self.from_peer, &error);
                }
            }
        }
    }
}

async fn read(socket: Arc<Datagrams>, channel: Channel, scene: Arc<Scene>) {
    loop {
        match socket.receive().await {
            Ok(datagram) => {
                if !scene.saw_datagram(channel, &socket, &datagram) {
                    return;
                }
            }
            Err(error) => return scene.saw_failure(channel, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::limits::PATIENCE;
    use crate::model::ledger::Scope;
    use crate::model::names::{Clause, Role};
    use crate::model::transcript::{ChannelEnd, Setting, What};

    fn scene(role: Role) -> Arc<Scene> {
        let setting = Setting::new(role, "datagram/echo".parse().unwrap());
        Arc::new(Scene::new(setting, &[Clause::P3], PATIENCE))
    }

    fn frames(messages: &[&[u8]]) -> Bytes {
        messages.iter().flat_map(|message| frame(NOTATION, message)).collect()
    }

    fn seen(scene: &Scene) -> Vec<Bytes> {
        let bytes = |what: &What| match what {
            What::Saw(Sight::Bytes { bytes, .. }) => Some(bytes.clone()),
            _ => None,
        };
        scene.transcript().events.iter().filter_map(|event| bytes(&event.what)).collect()
    }

    #[tokio::test]
    async fn each_frame_is_a_datagram_that_waits_for_the_answer_to_the_one_before() {
        let server = Datagrams::on(0).unwrap();
        let address = (HOST, server.port()).into();
        let scene = scene(Role::Server);
        let mut end =
            DatagramEnd::connect(address, Channel::Answers(0), scene.clone()).await.unwrap();
        let messages: [&[u8]; 3] = [b"one", b"", b"and three"];
        let answers = async {
            for message in messages {
                assert_eq!(server.receive().await.unwrap(), message);
                let next = timeout(Duration::from_millis(20), server.receive()).await;
                assert!(next.is_err(), "it came too early: {next:?}");
                server.send(message).await.unwrap();
            }
        };
        tokio::join!(end.deliver(frames(&messages)), answers);
        scene.settle(&Scope::All).await;
        assert!(!scene.is_decided(&Scope::All));
        assert_eq!(seen(&scene), messages.map(|message| frame(NOTATION, message)));
    }

    #[tokio::test]
    async fn what_comes_again_is_heard_although_everything_due_has_come() {
        let server = Arc::new(Datagrams::on(0).unwrap());
        let address = (HOST, server.port()).into();
        let scene = scene(Role::Server);
        let mut end =
            DatagramEnd::connect(address, Channel::Answers(0), scene.clone()).await.unwrap();
        end.deliver(frames(&[b"once"])).await;
        server.receive().await.unwrap();
        server.send(b"once").await.unwrap();
        scene.settle(&Scope::All).await;
        assert!(!scene.is_broken());
        server.send(b"once").await.unwrap();
        scene.hear_out().await;
        assert!(scene.is_broken());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_has_refused() {
        let server = Datagrams::on(0).unwrap();
        let address = (HOST, server.port()).into();
        drop(server);
        let scene = scene(Role::Server);
        let mut end =
            DatagramEnd::connect(address, Channel::Answers(0), scene.clone()).await.unwrap();
        end.deliver(frames(&[b"anybody?", b"nobody"])).await;
        scene.settle(&Scope::All).await;
        let events = scene.transcript().events;
        let refused =
            |what: &What| matches!(what, What::Saw(Sight::Ended { end: ChannelEnd::Refused, .. }));
        assert!(events.iter().any(|event| refused(&event.what)), "{events:?}");
    }
}
