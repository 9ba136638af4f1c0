//! The link of a connection: passes each stream on in the fragments that the case asks for.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::limits;
use crate::model::cut::Cut;
use crate::model::transcript::{Act, Channel, ChannelEnd, Conn, Sight};
use crate::stage::delivery::{Delivery, Read};
use crate::stage::raw::Room;
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
    /// How often they have been cut anew.
    recut: u32,
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
        let shaping = Shaping { cut: Cut::AsItComes, requests_from: 0, answers_from: 0, recut: 0 };
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
                fragments: Fragments::default(),
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
        let mut shaping = lock(&self.shaping);
        *shaping = Shaping {
            cut,
            requests_from: self.scene.due_len(Channel::Requests(self.conn)),
            answers_from: self.scene.due_len(Channel::Answers(self.conn)),
            recut: shaping.recut + 1,
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
    fragments: Fragments,
    /// A fragment was passed on, and is not known to have been read.
    unread: bool,
    /// The receiver takes no more. What still comes is only written down: after a gap, it would be another
    /// stream.
    deaf: bool,
}

impl Pump {
    async fn run(mut self) {
        let mut room = Room::default();
        let end = loop {
            // What is held waits for the rest of its fragment, but not for ever: a sender that waits for
            // an answer first would be stuck.
            let hold = self.scene.patience().asleep / limits::HOLD;
            let read = tokio::select! {
                read = room.read(&self.from) => read,
                () = self.reset.cancelled() => return,
                () = sleep(hold), if !self.held.is_empty() => {
                    self.scene
                        .saw(Sight::Delivered { conn: self.channel.conn(), confirmed: false });
                    self.pass_on_what_is_held().await;
                    continue;
                }
            };
            match read {
                Ok([]) => break ChannelEnd::Fin,
                Ok(bytes) => {
                    if !self.scene.saw_bytes(self.channel, bytes) {
                        return;
                    }
                    self.cut(bytes).await;
                }
                Err(_) => break ChannelEnd::Reset,
            }
        };
        self.pass_on_what_is_held().await;
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

    /// Passes on the fragments that are complete by now. What is not cut goes on from where it was read.
    async fn cut(&mut self, mut bytes: &[u8]) {
        if self.held.is_empty() {
            while let Some(len) = self.next_fragment(bytes.len()) {
                let (fragment, rest) = bytes.split_at(len);
                self.pass_on(fragment).await;
                bytes = rest;
            }
        }
        self.held.extend_from_slice(bytes);
        while let Some(len) = self.next_fragment(self.held.len()) {
            let fragment = self.held.split_to(len);
            self.pass_on(&fragment).await;
        }
    }

    async fn pass_on_what_is_held(&mut self) {
        let held = self.held.split();
        self.pass_on(&held).await;
    }

    /// The length of the next fragment, if so many bytes hold all of it. Bytes that nobody expects pass at once.
    fn next_fragment(&mut self, held: usize) -> Option<usize> {
        if held == 0 {
            return None;
        }
        let shaping = lock(&self.shaping);
        if shaping.cut == Cut::AsItComes {
            return Some(held);
        }
        let from = match self.channel {
            Channel::Requests(_) => shaping.requests_from,
            _ => shaping.answers_from,
        };
        let run = self.scene.due_len(self.channel).saturating_sub(from);
        let Some(at) = self.passed.checked_sub(from).filter(|&at| at < run) else {
            return Some(held);
        };
        let len = self.fragments.end(&shaping, run, at) - at;
        (held >= len).then_some(len)
    }

    async fn pass_on(&mut self, fragment: &[u8]) {
        if fragment.is_empty() {
            return;
        }
        let shaped = lock(&self.shaping).cut != Cut::AsItComes;
        if shaped && self.unread && !self.deaf {
            let confirmed = self.delivery.read_by_receiver().await == Read::Confirmed;
            self.scene.saw(Sight::Delivered { conn: self.channel.conn(), confirmed });
        }
        self.unread = true;
        self.passed += fragment.len();
        if self.deaf {
            return;
        }
        self.scene.did(Act::PassedOn { channel: self.channel, bytes: fragment.len() });
        if let Err(e) = self.delivery.write(fragment).await {
            self.deaf = true;
            if e.kind() == io::ErrorKind::TimedOut {
                self.scene.saw(Sight::Blocked { channel: self.channel });
            }
        }
    }
}

/// Where a run is cut, worked out once for as long as it is the same run.
#[derive(Debug, Default)]
struct Fragments {
    recut: u32,
    run: usize,
    ends: Vec<usize>,
}

impl Fragments {
    /// Where the fragment ends that holds the byte at this offset of the run.
    fn end(&mut self, shaping: &Shaping, run: usize, at: usize) -> usize {
        if (self.recut, self.run) != (shaping.recut, run) {
            let ends = shaping.cut.fragments(run).into_iter().map(|fragment| fragment.end);
            *self = Self { recut: shaping.recut, run, ends: ends.collect() };
        }
        let next = self.ends.partition_point(|&end| end <= at);
        self.ends.get(next).copied().unwrap_or(run)
    }
}

fn lock(shaping: &Mutex<Shaping>) -> MutexGuard<'_, Shaping> {
    shaping.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use rust_server::framing::Framing;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::limits::Patience;
    use crate::model::names::{Clause, Role};
    use crate::model::protocol::{Protocol, frame};
    use crate::model::transcript::{Setting, What};
    use crate::peer::HOST;

    const CONN: Conn = 0;
    const REQUESTS: Channel = Channel::Requests(CONN);
    const ANSWERS: Channel = Channel::Answers(CONN);
    /// Longer than any of these tests takes when all is well.
    const LONG: Duration = Duration::from_secs(120);
    /// More than a connection holds whose reader does not read.
    const FLOOD: usize = 32 * 1024 * 1024;

    fn scene() -> Arc<Scene> {
        let setting = Setting::new(Role::Pairing, Protocol::default());
        Arc::new(Scene::new(setting, &[Clause::P3], Patience { silent: LONG, asleep: LONG }))
    }

    /// A link with the client's end and the server's.
    async fn linked(scene: &Arc<Scene>) -> (StreamLink, TcpStream, TcpStream) {
        let [front, back] = [(); 2].map(|()| TcpListener::bind((HOST, 0)));
        let (front, back) = (front.await.unwrap(), back.await.unwrap());
        let client = TcpStream::connect(front.local_addr().unwrap()).await.unwrap();
        let accepted = front.accept().await.unwrap().0;
        let address = back.local_addr().unwrap();
        let link = StreamLink::new(accepted, address, CONN, scene.clone()).await.unwrap();
        (link, client, back.accept().await.unwrap().0)
    }

    fn feed(scene: &Scene, message: &Bytes) -> Bytes {
        scene.did(Act::Fed { conn: CONN, message: message.clone() });
        frame(Framing::DEFAULT, message)
    }

    fn long() -> Bytes {
        (0..3_000_000u32).map(|at| (at % 251) as u8).collect()
    }

    async fn passes(bytes: &[u8], from: &mut TcpStream, to: &mut TcpStream) {
        let mut came = vec![0; bytes.len()];
        let (sent, read) = tokio::join!(from.write_all(bytes), to.read_exact(&mut came));
        assert!(sent.is_ok() && read.is_ok() && came == bytes, "{sent:?} {read:?}");
    }

    /// What was written down of a channel, and in which pieces it was passed on.
    fn written(scene: &Scene, channel: Channel) -> (Vec<u8>, Vec<usize>) {
        let (mut seen, mut passed) = (Vec::new(), Vec::new());
        for event in scene.transcript().events {
            match event.what {
                What::Saw(Sight::Bytes { channel: on, bytes }) if on == channel => {
                    seen.extend_from_slice(&bytes);
                }
                What::Did(Act::PassedOn { channel: on, bytes }) if on == channel => {
                    passed.push(bytes);
                }
                _ => {}
            }
        }
        (seen, passed)
    }

    #[tokio::test]
    async fn what_passes_is_written_down_in_both_directions() {
        let scene = scene();
        let (link, mut client, mut server) = linked(&scene).await;
        for message in [long(), Bytes::from("short"), long()] {
            let frame = feed(&scene, &message);
            passes(&frame, &mut client, &mut server).await;
            passes(&frame, &mut server, &mut client).await;
        }
        drop((client, server));
        link.close().await;
        assert!(!scene.is_broken());
        let due = [long(), Bytes::from("short"), long()].map(|m| frame(Framing::DEFAULT, &m));
        for channel in [REQUESTS, ANSWERS] {
            let (seen, passed) = written(&scene, channel);
            assert!(seen == due.concat(), "{channel}");
            assert_eq!(passed.iter().sum::<usize>(), seen.len(), "{channel}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_passes_as_it_came_and_is_written_down_so() {
        let scene = scene();
        let (_link, mut client, mut server) = linked(&scene).await;
        let frame = feed(&scene, &long());
        passes(&frame, &mut client, &mut server).await;
        let mut wrong = frame.to_vec();
        wrong[2_000_000] ^= 1;
        passes(&wrong, &mut server, &mut client).await;
        assert!(scene.is_broken());
        assert!(written(&scene, ANSWERS).0 == wrong);
        assert!(written(&scene, REQUESTS).0 == frame);
    }

    #[tokio::test]
    async fn who_does_not_read_holds_back_who_writes_to_it_and_nobody_else() {
        let scene = scene();
        let (_link, mut client, server) = linked(&scene).await;
        let all = feed(&scene, &vec![7; FLOOD].into());
        let (mut requests, mut answers) = server.into_split();
        let answer = all.clone();
        let answering = tokio::spawn(async move { answers.write_all(&answer).await });
        let mut came = vec![0; all.len()];
        let (sent, read) = tokio::join!(client.write_all(&all), requests.read_exact(&mut came));
        assert!(sent.is_ok() && read.is_ok() && came == all, "{sent:?} {read:?}");
        assert!(!answering.is_finished(), "nobody read it");
        answering.abort();
    }

    #[tokio::test]
    async fn a_run_is_cut_where_it_was_asked_for_and_anew_when_that_changes() {
        let scene = scene();
        let (link, mut client, mut server) = linked(&scene).await;
        link.recut(Cut::At(vec![1, 4, 11]));
        let hello = feed(&scene, &Bytes::from("hello"));
        passes(&hello, &mut client, &mut server).await;
        let more = feed(&scene, &Bytes::from("more"));
        passes(&more, &mut client, &mut server).await;
        link.recut(Cut::EachByte);
        let last = feed(&scene, &Bytes::from("last"));
        passes(&last, &mut client, &mut server).await;
        let due = [&[1, 3, 5, 2, 6][..], &[1; 8]].concat();
        assert_eq!(written(&scene, REQUESTS).1, due);
    }
}
