//! A TCP connection as segments: how it opens, what goes either way and is acknowledged, how it ends.
//!
//! Only bytes and ends are known of it. So each segment is acknowledged at once: nothing is ever lost, late or
//! sent twice, and no window is ever full.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use etherparse::{TcpHeader, TcpOptionElement};

use super::packet;

/// The longest payload of a segment, in bytes: an IPv6 packet of 64 KiB without its headers. Those of IPv4 are
/// shorter.
pub const SEGMENT: usize = 65_535 - 40 - 20;
/// How much more each end takes at any time, by the largest window and this scale: 8 MiB.
const WINDOW: u16 = u16::MAX;
/// See [`WINDOW`].
const WINDOW_SCALE: u8 = 7;
/// How far the first sequence numbers of two connections are apart, so that none is taken for another on the
/// same ports.
const APART: u32 = 1 << 20;

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Who has connected.
    Client,
    /// Who has accepted.
    Server,
}

/// A connection, and how far it has come.
#[derive(Debug)]
pub struct Stream {
    client: Half,
    server: Half,
    is_reset: bool,
}

/// What one end has sent.
#[derive(Debug)]
struct Half {
    address: SocketAddr,
    /// The sequence number of its next byte.
    next: u32,
    finished: bool,
}

/// Takes each segment as it is made, with the range of what was sent that is in it.
pub trait Put: FnMut(Vec<u8>, Range<usize>) -> io::Result<()> {}

impl<F: FnMut(Vec<u8>, Range<usize>) -> io::Result<()>> Put for F {}

impl Stream {
    /// Opens the nth connection of a capture.
    pub fn open(
        client: SocketAddr,
        server: SocketAddr,
        nth: u32,
        put: &mut impl Put,
    ) -> io::Result<Self> {
        let half = |address, next| Half { address, next, finished: false };
        let first = nth.wrapping_mul(APART);
        let mut stream = Self {
            client: half(client, first),
            server: half(server, first.wrapping_add(APART / 2)),
            is_reset: false,
        };
        let syn = |header| TcpHeader { syn: true, ..header };
        stream.send(End::Client, |header| TcpHeader { ack: false, ..syn(header) }, &[], 0, put)?;
        stream.send(End::Server, syn, &[], 0, put)?;
        stream.acknowledge(End::Client, put)?;
        Ok(stream)
    }

    /// One end sends these bytes, in as many segments as they need.
    pub fn data(&mut self, from: End, bytes: &[u8], put: &mut impl Put) -> io::Result<()> {
        if self.is_reset || self.half(from).finished {
            return Ok(());
        }
        let mut start = 0;
        for segment in bytes.chunks(SEGMENT) {
            let is_last = start + segment.len() == bytes.len();
            let push = |header| TcpHeader { psh: is_last, ..header };
            self.send(from, push, segment, start, put)?;
            self.acknowledge(from.other(), put)?;
            start += segment.len();
        }
        Ok(())
    }

    /// One end sends no more.
    pub fn finish(&mut self, from: End, put: &mut impl Put) -> io::Result<()> {
        if self.is_reset || self.half(from).finished {
            return Ok(());
        }
        self.send(from, |header| TcpHeader { fin: true, ..header }, &[], 0, put)?;
        self.half_mut(from).finished = true;
        self.acknowledge(from.other(), put)
    }

    /// One end resets the connection.
    pub fn reset(&mut self, from: End, put: &mut impl Put) -> io::Result<()> {
        if self.is_reset {
            return Ok(());
        }
        self.is_reset = true;
        self.send(from, |header| TcpHeader { rst: true, ..header }, &[], 0, put)
    }

    fn acknowledge(&mut self, from: End, put: &mut impl Put) -> io::Result<()> {
        self.send(from, |header| header, &[], 0, put)
    }

    /// Sends one segment, whose payload stands at `start` of what is sent.
    fn send(
        &mut self,
        from: End,
        flags: impl FnOnce(TcpHeader) -> TcpHeader,
        payload: &[u8],
        start: usize,
        put: &mut impl Put,
    ) -> io::Result<()> {
        let (sender, receiver) = (self.half(from), self.half(from.other()));
        let mut header = flags(TcpHeader {
            ack: true,
            acknowledgment_number: receiver.next,
            ..TcpHeader::new(0, 0, sender.next, WINDOW)
        });
        if !header.ack {
            header.acknowledgment_number = 0;
        }
        if header.syn {
            let options = [
                TcpOptionElement::MaximumSegmentSize(SEGMENT as u16),
                TcpOptionElement::Noop,
                TcpOptionElement::WindowScale(WINDOW_SCALE),
            ];
            header.set_options(&options).map_err(io::Error::other)?;
        }
        // SYN and FIN have a number each, as a byte has.
        let numbers = payload.len() as u32 + u32::from(header.syn) + u32::from(header.fin);
        let bytes = packet::tcp(sender.address, receiver.address, header, payload)?;
        let sender = self.half_mut(from);
        sender.next = sender.next.wrapping_add(numbers);
        put(bytes, start..start + payload.len())
    }

    const fn half(&self, end: End) -> &Half {
        match end {
            End::Client => &self.client,
            End::Server => &self.server,
        }
    }

    const fn half_mut(&mut self, end: End) -> &mut Half {
        match end {
            End::Client => &mut self.client,
            End::Server => &mut self.server,
        }
    }
}

impl End {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
