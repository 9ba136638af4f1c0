//! The link of a connection: passes each stream on in the fragments that the case asks for.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::limits;
use crate::model::cut::Cut;
use crate::model::transcript::{Act, Channel, ChannelEnd, Conn, Sight};
use crate::stage::delivery::{Delivery, Read};
use crate::stage::raw::read_some;
use crate::stage::scene::Scene;

/// A connection that runs through us.
#[derive(Debug)]
pub struct StreamLink {
    conn: Conn,
    scene: Arc<Scene>,
    shaping: Arc<Mutex<Shaping>>,
    pumps: [AbortOnDropHandle<()>; 2],
}

/// How the bytes of both directions are cut, from an offset of each on.
#[derive(Debug)]
struct Shaping {
    cut: Cut,
    requests_from: usize,
    answers_from: usize,
}

impl StreamLink {
    /// Connects a client to a server.
    ///
    /// # Errors
    /// When one of them is not there (any more): which, by what it would have sent.
    pub async fn new(
        client: TcpStream,
        server: SocketAddr,
        conn: Conn,
        scene: Arc<Scene>,
    ) -> Result<Self, (Channel, io::Error)> {
        let (requests, answers) = (Channel::Requests(conn), Channel::Answers(conn));
        let connected = timeout(limits::START, TcpStream::connect(server)).await;
        let server = connected.map_err(io::Error::from).flatten().map_err(|e| (answers, e))?;
        let (client, server) = (Arc::new(client), Arc::new(server));
        let delivery = |to: &Arc<TcpStream>| Delivery::new(to.clone(), scene.clone());
        let to_server = delivery(&server).map_err(|e| (answers, e))?;
        let to_client = delivery(&client).map_err(|e| (requests, e))?;
        scene.saw(Sight::Connected { conn });
        scene.connected(&client, requests);
        scene.connected(&server, answers);
        let shaping = Shaping { cut: Cut::AsItComes, requests_from: 0, answers_from: 0 };
        let shaping = Arc::new(Mutex::new(shaping));
        let reset = CancellationToken::new();
        let pump = |channel, from: Arc<TcpStream>, to: Arc<TcpStream>, delivery| {
            let pump = Pump {
                channel,
                from,
                to,
                scene: scene.clone(),
                shaping: shaping.clone(),
                reset: reset.clone(),
                delivery,
                passed: 0,
                held: BytesMut::new(),
                room: BytesMut::new(),
                unread: false,
                deaf: false,
            };
            AbortOnDropHandle::new(tokio::spawn(pump.run()))
        };
        let pumps = [
            pump(requests, client.clone(), server.clone(), to_server),
            pump(answers, server, client, to_client),
        ];
        Ok(Self { conn, scene, shaping, pumps })
    }

    /// From here on, both directions are cut so. What was due before has come, so offsets count from there.
    pub fn recut(&self, cut: Cut) {
        *lock(&self.shaping) = Shaping {
            cut,
            requests_from: self.scene.due_len(Channel::Requests(self.conn)),
            answers_from: self.scene.due_len(Channel::Answers(self.conn)),
        };
    }

    /// Lets both directions come to their end, within a bound.
    pub async fn close(mut self) {
        let [requests, answers] = &mut self.pumps;
        let _ = timeout(limits::DRAIN, async { tokio::join!(requests, answers) }).await;
        for pump in &self.pumps {
            pump.abort();
        }
    }
}

/// One direction.
struct Pump {
    channel: Channel,
    from: Arc<TcpStream>,
    to: Arc<TcpStream>,
    scene: Arc<Scene>,
    shaping: Arc<Mutex<Shaping>>,
    /// One of the peers has reset the connection, so the other direction ends without an end of its own.
    reset: CancellationToken,
    delivery: Delivery,
    /// How many bytes of the stream have been passed on.
    passed: usize,
    /// What waits for the rest of its fragment.
    held: BytesMut,
    /// Where reads go.
    room: BytesMut,
    /// A fragment was passed on, and is not known to have been read.
    unread: bool,
    /// The receiver takes no more. What still comes is only written down: after a gap, it would be another
    /// stream.
    deaf: bool,
}

impl Pump {
    async fn run(mut self) {
        let end = loop {
            // What is held waits for the rest of its fragment, but not for ever: a sender that waits for
            // an answer first would be stuck.
            let hold = self.scene.patience().asleep / limits::HOLD;
            let read = tokio::select! {
                read = timeout(hold, read_some(&self.from, &mut self.room)) => read,
                () = self.reset.cancelled() => return,
            };
            match read {
                Err(_) if self.held.is_empty() => continue,
                Err(_) => {
                    self.scene
                        .saw(Sight::Delivered { conn: self.channel.conn(), confirmed: false });
                    self.pass_on(self.held.len()).await;
                }
                Ok(Ok(bytes)) if bytes.is_empty() => break ChannelEnd::Fin,
                Ok(Ok(bytes)) => {
                    self.held.extend_from_slice(&bytes);
                    if !self.scene.saw_bytes(self.channel, bytes) {
                        return;
                    }
                    while let Some(len) = self.next_fragment() {
                        self.pass_on(len).await;
                    }
                }
                Ok(Err(_)) => break ChannelEnd::Reset,
            }
        };
        self.pass_on(self.held.len()).await;
        self.scene.saw_end(self.channel, end);
        if end == ChannelEnd::Reset {
            // Both ends of the link are closed once both pumps are gone, and what is closed so is reset.
            for end in [&self.from, &self.to] {
                let _ = SockRef::from(&**end).set_linger(Some(std::time::Duration::ZERO));
            }
            self.reset.cancel();
        } else {
            let _ = SockRef::from(&*self.to).shutdown(std::net::Shutdown::Write);
        }
    }

    /// The length of the next fragment, if all of it is held. Bytes that nobody expects pass at once.
    fn next_fragment(&self) -> Option<usize> {
        if self.held.is_empty() {
            return None;
        }
        let shaping = lock(&self.shaping);
        let from = match self.channel {
            Channel::Requests(_) => shaping.requests_from,
            _ => shaping.answers_from,
        };
        let run = self.scene.due_len(self.channel).saturating_sub(from);
        let at = self.passed.checked_sub(from).filter(|&at| at < run);
        let Some(at) = at.filter(|_| shaping.cut != Cut::AsItComes) else {
            return Some(self.held.len());
        };
        let fragments = shaping.cut.fragments(run);
        let fragment = fragments.iter().find(|fragment| fragment.contains(&at))?;
        let len = fragment.end - at;
        (self.held.len() >= len).then_some(len)
    }

    async fn pass_on(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        let shaped = lock(&self.shaping).cut != Cut::AsItComes;
        if shaped && self.unread && !self.deaf {
            let confirmed = self.delivery.read_by_receiver().await == Read::Confirmed;
            self.scene.saw(Sight::Delivered { conn: self.channel.conn(), confirmed });
        }
        self.unread = true;
        self.passed += len;
        let fragment = self.held.split_to(len).freeze();
        if self.deaf {
            return;
        }
        self.scene.did(Act::PassedOn { channel: self.channel, bytes: len });
        if let Err(e) = self.delivery.write(fragment).await {
            self.deaf = true;
            if e.kind() == io::ErrorKind::TimedOut {
                self.scene.saw(Sight::Blocked { channel: self.channel });
            }
        }
    }
}

fn lock(shaping: &Mutex<Shaping>) -> MutexGuard<'_, Shaping> {
    shaping.lock().unwrap_or_else(PoisonError::into_inner)
}
