//! Our end where datagrams are exchanged.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rust_server::framing::MaxFrame;
use tokio_util::task::AbortOnDropHandle;

use crate::model::protocol::{NOTATION, frame};
use crate::model::transcript::{Act, Channel, Sight};
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

    /// Sends a datagram for each frame of the [notation](NOTATION).
    pub async fn deliver(&mut self, frames: Bytes) {
        let conn = self.from_peer.conn();
        let mut rest = BytesMut::from(frames);
        while let Ok(Some(message)) = NOTATION.decode(&mut rest, MaxFrame::new(u64::MAX)) {
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
                if !scene.saw_datagram(channel, &datagram) {
                    return;
                }
            }
            Err(error) => return scene.saw_failure(channel, &error),
        }
    }
}
