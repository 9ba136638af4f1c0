//! The link: what stands between two real peers, writes down what each puts on the wire, and passes it
//! on in the fragments that the case asks for.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::delivery::{Delivery, Read};
use super::raw::read_some;
use super::scene::Scene;
use crate::limits;
use crate::model::cut::Cut;
use crate::model::transcript::{Channel, ChannelEnd, Conn, Sight};

/// A connection that runs through us.
#[derive(Debug)]
pub struct Link {
    conn: Conn,
    scene: Arc<Scene>,
    shaping: Arc<Mutex<Shaping>>,
    pumps: [JoinHandle<()>; 2],
}

/// How the bytes of both directions are cut, from an offset of each on.
#[derive(Debug)]
struct Shaping {
    cut: Cut,
    requests_from: usize,
    answers_from: usize,
}

impl Link {
    /// Connects a client to a server.
    ///
    /// # Errors
    /// When the server does not accept.
    pub async fn new(
        client: TcpStream,
        server: SocketAddr,
        conn: Conn,
        scene: Arc<Scene>,
    ) -> io::Result<Self> {
        let server = timeout(limits::START, TcpStream::connect(server)).await??;
        let (client, server) = (Arc::new(client), Arc::new(server));
        scene.saw(Sight::Connected { conn });
        let shaping = Shaping { cut: Cut::AsItComes, requests_from: 0, answers_from: 0 };
        let shaping = Arc::new(Mutex::new(shaping));
        let pump = |channel, from: &Arc<TcpStream>, to: &Arc<TcpStream>| {
            let delivery = Delivery::new(to.clone(), scene.patience())?;
            let (scene, shaping) = (scene.clone(), shaping.clone());
            let pump = Pump {
                channel,
                from: from.clone(),
                to: to.clone(),
                scene,
                shaping,
                delivery,
                passed: 0,
                held: BytesMut::new(),
                room: BytesMut::new(),
                unread: false,
            };
            io::Result::Ok(tokio::spawn(pump.run()))
        };
        let pumps = [
            pump(Channel::Requests(conn), &client, &server)?,
            pump(Channel::Answers(conn), &server, &client)?,
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
    delivery: Delivery,
    /// How many bytes of the stream have been passed on.
    passed: usize,
    /// What waits for the rest of its fragment.
    held: BytesMut,
    /// Where reads go.
    room: BytesMut,
    /// A fragment was passed on, and is not known to have been read.
    unread: bool,
}

impl Pump {
    async fn run(mut self) {
        let end = loop {
            // What is held waits for the rest of its fragment, but not for ever: a sender that waits for
            // an answer first would be stuck.
            let hold = self.scene.patience() / limits::HOLD;
            let read = timeout(hold, read_some(&self.from, &mut self.room)).await;
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
        let to = SockRef::from(&*self.to);
        if end == ChannelEnd::Reset {
            let _ = to.set_linger(Some(std::time::Duration::ZERO));
            let _ = to.shutdown(std::net::Shutdown::Both);
        } else {
            let _ = to.shutdown(std::net::Shutdown::Write);
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
        if shaped && self.unread {
            let confirmed = self.delivery.read_by_receiver().await == Read::Confirmed;
            self.scene.saw(Sight::Delivered { conn: self.channel.conn(), confirmed });
        }
        self.unread = true;
        self.passed += len;
        // A receiver that is gone, or takes nothing, is seen by what does not come back.
        let _ = self.delivery.write(self.held.split_to(len).freeze()).await;
    }
}

fn lock(shaping: &Mutex<Shaping>) -> MutexGuard<'_, Shaping> {
    shaping.lock().unwrap_or_else(PoisonError::into_inner)
}
