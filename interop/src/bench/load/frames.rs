//! The messages of one connection: the same one again and again, to be sent and to be compared with what comes back.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::iter;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::BytesMut;
use rust_server::framing::{Framing, MaxFrame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::Fault;

/// Bytes after which a long body repeats itself, so that what is sent and compared is in the processor's cache. A
/// generator that fetches each of its messages from memory is slower than the servers that it measures. It is a prime
/// number, lest a server that is off by a whole buffer would be right by chance.
const PATTERN: usize = 16_381;

/// The most pieces that one call hands over.
const AT_ONCE: usize = 64;

/// A message, framed, as often as it is asked for.
pub(in crate::bench) struct Frames {
    bytes: Vec<u8>,
    /// What the stream consists of, again and again: ranges of `bytes`.
    pieces: Vec<Range<usize>>,
    /// Bytes of one frame.
    len: usize,
}

/// A place in the stream.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    piece: usize,
    at: usize,
}

impl Frames {
    /// A body of this size, of each connection another one, so that an answer to a neighbour is noticed. So many frames
    /// can be handed over in one piece, if they are short.
    pub fn of(connection: usize, size: usize, in_one: usize) -> io::Result<Self> {
        let body: Vec<u8> = (0..size).map(|at| (at % PATTERN * 7 + connection) as u8).collect();
        let frame = framed(&body)?;
        let header = frame.len() - size;
        if size <= PATTERN {
            let in_one = in_one.min(PATTERN / frame.len()).max(1);
            return Ok(Self::in_one_piece(frame.repeat(in_one), frame.len()));
        }
        let repeated = (PATTERN..size).step_by(PATTERN);
        let repeated = repeated.map(|from| header..header + PATTERN.min(size - from));
        Ok(Self {
            bytes: frame[..header + PATTERN].to_vec(),
            pieces: iter::once(0..header + PATTERN).chain(repeated).collect(),
            len: frame.len(),
        })
    }

    /// This message.
    pub fn to(body: &[u8]) -> io::Result<Self> {
        let frame = framed(body)?;
        let len = frame.len();
        Ok(Self::in_one_piece(frame, len))
    }

    fn in_one_piece(bytes: Vec<u8>, len: usize) -> Self {
        let all = 0..bytes.len();
        Self { bytes, pieces: vec![all], len }
    }

    /// The next so many bytes from here.
    fn ahead(&self, mut place: Place, mut bytes: usize) -> impl Iterator<Item = &[u8]> {
        iter::from_fn(move || {
            let piece = &self.bytes[self.pieces[place.piece].clone()][place.at..];
            let piece = &piece[..piece.len().min(bytes)];
            bytes -= piece.len();
            place = self.behind(place, piece.len());
            Some(piece).filter(|piece| !piece.is_empty())
        })
    }

    /// So many bytes further on.
    fn behind(&self, mut place: Place, bytes: usize) -> Place {
        place.at += bytes;
        while place.at >= self.pieces[place.piece].len() {
            place.at -= self.pieces[place.piece].len();
            place.piece = (place.piece + 1) % self.pieces.len();
        }
        place
    }
}

fn framed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut frame = BytesMut::new();
    let limit = MaxFrame::new(body.len() as u64);
    Framing::DEFAULT.encode(body, limit, &mut frame).map_err(io::Error::other)?;
    Ok(frame.to_vec())
}

/// What is to be sent.
pub(in crate::bench) struct Requests<'a> {
    frames: &'a Frames,
    sent_to: Place,
    /// Bytes.
    unsent: usize,
}

impl<'a> Requests<'a> {
    pub const fn of(frames: &'a Frames) -> Self {
        Self { frames, sent_to: Place { piece: 0, at: 0 }, unsent: 0 }
    }

    /// So many messages more.
    pub const fn add(&mut self, messages: usize) {
        self.unsent += messages * self.frames.len;
    }

    /// Whether all is sent.
    pub const fn is_empty(&self) -> bool {
        self.unsent == 0
    }

    /// Sends as much as the socket takes at once. Cancel safe.
    pub async fn send(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut pieces = [IoSlice::new(&[]); AT_ONCE];
        let ahead = self.frames.ahead(self.sent_to, self.unsent);
        let used = pieces.iter_mut().zip(ahead).map(|(room, piece)| *room = IoSlice::new(piece));
        let sent = match used.count() {
            1 => to.write(&pieces[0]).await?,
            used => to.write_vectored(&pieces[..used]).await?,
        };
        self.unsent -= sent;
        self.sent_to = self.frames.behind(self.sent_to, sent);
        Ok(())
    }
}

/// What is to come back: each answer is the message that was sent.
pub(in crate::bench) struct Answers<'a> {
    frames: &'a Frames,
    come_to: Place,
    /// Bytes of the next one that have come.
    came: usize,
}

impl<'a> Answers<'a> {
    pub const fn of(frames: &'a Frames) -> Self {
        Self { frames, come_to: Place { piece: 0, at: 0 }, came: 0 }
    }

    /// Reads what has come, and tells how many answers it completes. All connections share the room for it, so that it
    /// stays in the cache. Where that is more than can come, tokio knows by a short read that the socket is empty. Cancel
    /// safe.
    pub async fn read(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        room: &RefCell<Vec<u8>>,
    ) -> Result<usize, Fault> {
        poll_fn(|cx| {
            let mut room = room.borrow_mut();
            let mut read = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut *from).poll_read(cx, &mut read))?;
            Poll::Ready(self.take(read.filled()))
        })
        .await
    }

    /// How many answers these bytes complete.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        if bytes.is_empty() {
            return Err(Fault::Ended);
        }
        let mut rest = bytes;
        for due in self.frames.ahead(self.come_to, bytes.len()) {
            let (came, behind) = rest.split_at(due.len());
            if came != due {
                return Err(Fault::Wrong);
            }
            rest = behind;
        }
        self.come_to = self.frames.behind(self.come_to, bytes.len());
        let came = self.came + bytes.len();
        self.came = came % self.frames.len;
        Ok(came / self.frames.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 6] = [0, 5, PATTERN - 1, PATTERN, PATTERN + 1, 5 * PATTERN + 99];

    /// All bytes that a connection sends for so many messages.
    async fn sent(frames: &Frames, messages: usize) -> Vec<u8> {
        let (mut requests, mut all) = (Requests::of(frames), Vec::new());
        requests.add(messages);
        while !requests.is_empty() {
            requests.send(&mut all).await.unwrap();
        }
        all
    }

    #[tokio::test]
    async fn what_is_sent_are_whole_frames_one_behind_the_other() {
        for size in SIZES {
            let frames = Frames::of(3, size, 4).unwrap();
            let mut all = BytesMut::from(&sent(&frames, 3).await[..]);
            for _ in 0..3 {
                let message = Framing::DEFAULT.decode(&mut all, MaxFrame::new(1 << 20)).unwrap();
                assert_eq!(message.map(|message| message.len()), Some(size));
            }
            assert!(all.is_empty());
        }
    }

    #[tokio::test]
    async fn answers_are_counted_however_they_come() {
        for size in SIZES {
            let frames = Frames::of(3, size, 2).unwrap();
            let three = sent(&frames, 3).await;
            for at_once in [1, 4, 1000, three.len()] {
                let mut answers = Answers::of(&frames);
                let whole: usize =
                    three.chunks(at_once).map(|chunk| answers.take(chunk).unwrap()).sum();
                assert_eq!(whole, 3, "{size} by {at_once}");
            }
        }
    }

    #[tokio::test]
    async fn a_byte_that_is_wrong_or_a_neighbours_is_noticed_wherever_it_stands() {
        for size in SIZES {
            let frames = Frames::of(3, size, 2).unwrap();
            let right = sent(&frames, 2).await;
            for at in [0, right.len() / 2, right.len() - 1] {
                let mut wrong = right.clone();
                wrong[at] ^= 1;
                assert!(Answers::of(&frames).take(&wrong).is_err(), "{size} at {at}");
            }
            let neighbours = sent(&Frames::of(4, size, 2).unwrap(), 1).await;
            assert_eq!(Answers::of(&frames).take(&neighbours).is_err(), size > 0, "{size}");
            assert!(Answers::of(&frames).take(&[]).is_err(), "the end of the stream");
        }
    }

    #[tokio::test]
    async fn a_message_of_ones_own_is_sent_as_it_is() {
        let frames = Frames::to(b"word").unwrap();
        assert_eq!(sent(&frames, 2).await, b"\0\0\0\x04word\0\0\0\x04word");
    }
}
