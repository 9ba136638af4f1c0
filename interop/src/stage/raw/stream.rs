//! Our end of a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::consume_budget;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::limits;
use crate::model::transcript::{Act, Channel, ChannelEnd, Sight};
use crate::stage::delivery::{Delivery, Read, pause};
use crate::stage::scene::Scene;

/// Our end of one connection with a peer.
#[derive(Debug)]
pub struct StreamEnd {
    /// Where what we read belongs.
    from_peer: Channel,
    /// Where what we write belongs.
    to_peer: Channel,
    scene: Arc<Scene>,
    stream: Arc<TcpStream>,
    delivery: Delivery,
    /// `None` while we do not read.
    reader: Option<AbortOnDropHandle<()>>,
    /// The rest of a frame that the peer did not take.
    backlog: Bytes,
    /// A fragment was written, and is not known to have been read.
    unread: bool,
    /// It takes no more.
    gone: bool,
    finished: bool,
    /// Our direction is to end behind the backlog.
    ends_behind_backlog: bool,
}

impl StreamEnd {
    /// Takes a connection over: everything that comes is written down as of `channel`.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn new(stream: TcpStream, channel: Channel, scene: Arc<Scene>) -> io::Result<Self> {
        let conn = channel.conn();
        let stream = Arc::new(stream);
        scene.saw(Sight::Connected { conn });
        scene.connected(&stream, channel);
        let delivery = Delivery::new(stream.clone(), scene.clone())?;
        let reader = spawn_reader(&stream, channel, &scene);
        let to_peer = match channel {
            Channel::Requests(_) => Channel::Answers(conn),
            Channel::Answers(_) | Channel::Delivered(_) => Channel::Requests(conn),
        };
        let backlog = Bytes::new();
        Ok(Self {
            from_peer: channel,
            to_peer,
            scene,
            stream,
            delivery,
            reader: Some(reader),
            backlog,
            unread: false,
            gone: false,
            finished: false,
            ends_behind_backlog: false,
        })
    }

    /// Reads nothing from here on.
    pub async fn stop_reading(&mut self) {
        self.scene.did(Act::StoppedReading { conn: self.from_peer.conn() });
        self.pause_reading().await;
    }

    async fn pause_reading(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.abort();
            // It is ended between two reads, so nothing that was read is lost.
            let _ = reader.await;
        }
    }

    /// Reads again, and writes what the peer did not take before.
    pub async fn read_on(&mut self) {
        self.scene.did(Act::ReadOn { conn: self.from_peer.conn() });
        self.reader = Some(spawn_reader(&self.stream, self.from_peer, &self.scene));
        let backlog = std::mem::take(&mut self.backlog);
        if !backlog.is_empty() {
            self.deliver(backlog).await;
        }
        if self.ends_behind_backlog {
            self.finish();
        }
    }

    /// Writes frames again and again until the peer takes no more for a while.
    pub async fn press(&mut self, frames: &Bytes, at_most: u32, bounded: bool) {
        let conn = self.from_peer.conn();
        let mut taken = 0;
        for _ in 0..at_most {
            let mut rest = frames.clone();
            while !rest.is_empty() {
                let writable = self.stream.writable();
                let Some(ready) = self.scene.within(limits::HELD_BACK, writable).await else {
                    self.scene.saw(Sight::HeldBack { conn });
                    self.backlog = rest;
                    return;
                };
                match ready.and_then(|()| self.stream.try_write(&rest)) {
                    Ok(len) => {
                        taken += len as u64;
                        // Nothing is read meanwhile, so no answer can be taken for an early one.
                        self.scene.did(Act::Wrote { conn, bytes: rest.split_to(len) });
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return, // what follows from that is seen by itself
                }
            }
        }
        if bounded {
            self.scene.saw(Sight::TookAll { conn, bytes: taken });
        }
    }

    /// Waits until something has come, and leaves it where it is. Where nothing comes, what follows is less than it could
    /// have been, and nobody is accused of anything.
    pub async fn answered(&mut self) {
        let mut first = [0];
        let _ = self.scene.in_time(self.stream.peek(&mut first)).await;
    }

    /// Has messages answered that nobody writes down as long as all is as it should be. `false` where it was not: then the
    /// messages stand in the books, with what came, and what is missing can still come.
    pub async fn round(&mut self, asked: &Bytes, due: &[u8]) -> bool {
        self.pause_reading().await;
        let (mut rest, mut seen) = (asked.clone(), BytesMut::with_capacity(due.len() + 1));
        let stream = self.stream.clone();
        let write = async {
            while !rest.is_empty() {
                stream.writable().await?;
                match stream.try_write(&rest) {
                    Ok(len) => drop(rest.split_to(len)),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(e) => return Err(e),
                }
            }
            Ok(())
        };
        let read = async {
            let mut room = Room::default();
            while seen.len() < due.len() {
                match room.read(&stream).await? {
                    [] => return Err(io::ErrorKind::UnexpectedEof.into()),
                    bytes => seen.extend_from_slice(bytes),
                }
            }
            Ok(())
        };
        let talk = async { tokio::try_join!(write, read) };
        let over = matches!(self.scene.in_time(talk).await, Some(Ok(_)));
        if over && *seen == *due {
            self.reader = Some(spawn_reader(&self.stream, self.from_peer, &self.scene));
            return true;
        }
        let conn = self.from_peer.conn();
        let written = asked.slice(..asked.len() - rest.len());
        self.scene.did(Act::Wrote { conn, bytes: written });
        if !seen.is_empty() {
            self.scene.saw_bytes(self.from_peer, &seen);
        }
        self.reader = Some(spawn_reader(&self.stream, self.from_peer, &self.scene));
        if !rest.is_empty() {
            self.deliver(rest).await;
        }
        false
    }

    /// Delivers one fragment, once the one before it has been read. When the connection takes no more, it is
    /// written down all the same: a peer does not get out of what is due by leaving.
    pub async fn deliver(&mut self, fragment: Bytes) {
        let conn = self.from_peer.conn();
        if self.gone {
            return self.scene.did(Act::Wrote { conn, bytes: fragment });
        }
        if std::mem::replace(&mut self.unread, true) {
            let confirmed = self.delivery.read_by_receiver().await == Read::Confirmed;
            self.scene.saw(Sight::Delivered { conn, confirmed });
        }
        self.scene.did(Act::Wrote { conn, bytes: fragment.clone() });
        if let Err(e) = self.delivery.write(&fragment).await {
            self.gone = true;
            if e.kind() == io::ErrorKind::TimedOut {
                self.scene.saw(Sight::Blocked { channel: self.to_peer });
            }
        }
    }

    /// Writes as much as the peer takes at once, and tells whether that is all.
    pub fn write_at_once(&mut self, bytes: &Bytes) -> bool {
        if self.gone || self.finished || !self.backlog.is_empty() {
            return false;
        }
        self.scene.did(Act::Wrote { conn: self.from_peer.conn(), bytes: bytes.clone() });
        self.stream.try_write(bytes).is_ok_and(|taken| taken == bytes.len())
    }

    /// Waits until the peer has read what was written.
    pub async fn have_read(&mut self) {
        if self.unread && self.backlog.is_empty() {
            self.delivery.read_by_receiver().await;
        }
    }

    /// In how many segments came what came so far, where the kernel tells; and writes it down.
    pub fn count_segments(&self) {
        if let Some(segments) = segments(&self.stream) {
            self.scene.saw(Sight::Segments { channel: self.from_peer, segments });
        }
    }

    /// Whether both directions have ended, so that nothing more can come of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.finished && self.has_read_all()
    }

    fn has_read_all(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.is_finished())
    }

    /// Ends our direction, behind what the peer did not take yet.
    pub fn finish(&mut self) {
        if !self.backlog.is_empty() {
            self.ends_behind_backlog = true;
            return;
        }
        self.finished = true;
        self.scene.did(Act::Finished { conn: self.from_peer.conn() });
        let _ = SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
    }

    /// Resets the connection.
    pub async fn abort(self) {
        self.scene.did(Act::Aborted { conn: self.from_peer.conn() });
        self.reset().await;
    }

    /// Closes the connection as a program does that ends.
    pub async fn leave(self) {
        self.scene.did(Act::Closed { conn: self.from_peer.conn() });
        if let Some(reader) = self.reader {
            reader.abort();
            let _ = reader.await;
        }
    }

    /// Closes with good manners: our direction is ended, what still comes is read, then we close. A
    /// connection that the peer ended first is reset instead, for else its port would stay in TIME_WAIT. Nor is
    /// the end waited for without `drain`.
    pub async fn close(mut self, drain: bool) {
        if !self.finished && !self.has_read_all() {
            let _ = SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
            self.finished = true;
        }
        match &mut self.reader {
            Some(reader) if self.finished && drain => drop(timeout(limits::DRAIN, reader).await),
            _ => self.reset().await,
        }
    }

    async fn reset(self) {
        if let Some(reader) = self.reader {
            reader.abort();
            let _ = reader.await;
        }
        let _ = SockRef::from(&*self.stream).set_linger(Some(std::time::Duration::ZERO));
    }
}

/// It ends with its end of the connection at the latest.
fn spawn_reader(
    stream: &Arc<TcpStream>,
    channel: Channel,
    scene: &Arc<Scene>,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(read(stream.clone(), channel, scene.clone())))
}

async fn read(stream: Arc<TcpStream>, channel: Channel, scene: Arc<Scene>) {
    let mut room = Room::default();
    loop {
        match room.read(&stream).await {
            Ok([]) => return scene.saw_end(channel, ChannelEnd::Fin),
            Ok(bytes) => {
                if !scene.saw_bytes(channel, bytes) {
                    return;
                }
            }
            Err(_) => return scene.saw_end(channel, ChannelEnd::Reset),
        }
    }
}

/// Where one connection is read to, again and again: what is kept of it, the ledger keeps.
#[derive(Debug, Default)]
pub(in crate::stage) struct Room(BytesMut);

impl Room {
    /// The next bytes of a connection; none at its end. Cancel safe.
    pub async fn read(&mut self, stream: &TcpStream) -> io::Result<&[u8]> {
        // Where there always is something to read, others want to get on, too.
        consume_budget().await;
        let Self(room) = self;
        let was_full = !room.is_empty() && room.len() == room.capacity();
        room.clear();
        room.reserve(if was_full { limits::LONG_READ } else { limits::READ });
        loop {
            match stream.try_read_buf(room) {
                Ok(_) => break,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => stream.readable().await?,
                Err(e) => return Err(e),
            }
        }
        acknowledge_at_once(stream);
        Ok(room)
    }
}

/// A peer that writes header and body by themselves waits for our acknowledgement in between, which Linux
/// delays by 40 ms. That is slow and not wrong, and would cost a sweep minutes. The kernel forgets the setting.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_stream: &TcpStream) {}

#[cfg(target_os = "linux")]
fn segments(stream: &TcpStream) -> Option<u32> {
    let (local, remote) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
    crate::stage::sock_diag::received(local, remote).ok()?.map(|received| received.segments)
}

#[cfg(not(target_os = "linux"))]
fn segments(_stream: &TcpStream) -> Option<u32> {
    None
}

/// Connects as a client, and waits until nobody waits to be accepted. A backlog that overflows costs a second
/// for each that it drops, and it is no fault to have a short one while clients come one after the other. The
/// receive buffer, in bytes, is the system's choice where none is given; with one of our choice, segments are short.
///
/// # Errors
/// When the server does not accept.
pub async fn connect(
    server: SocketAddr,
    buffer: Option<u32>,
    scene: &Scene,
) -> io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
        // The server's send buffer grows with its segments. Where they cannot be made short, it just holds more.
        let _ = SockRef::from(&socket).set_tcp_mss(limits::SMALL_SEGMENT);
    }
    let _at_the_door = scene.door.lock().await;
    let stream = timeout(limits::START, socket.connect(server)).await??;
    // A server that was seen not to get on is not waited for again.
    if scene.reads() && scene.within(limits::ACCEPT, accepted(server)).await.is_none() {
        scene.saw_unread();
    }
    Ok(stream)
}

#[cfg(target_os = "linux")]
async fn accepted(server: SocketAddr) {
    for asked in 0.. {
        match crate::stage::sock_diag::waiting_to_be_accepted(server) {
            Ok(Some(1..)) => pause(asked).await,
            _ => return,
        }
    }
}

#[cfg(not(target_os = "linux"))]
async fn accepted(_server: SocketAddr) {}
