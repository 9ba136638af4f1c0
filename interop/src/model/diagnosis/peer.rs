//! A peer played in memory: it reads the pieces that the real one read, and what it says is compared with
//! what the real one said.

use rust_server::framing::{Framing, MaxFrame, Parse};

use super::evidence::Evidence;
use super::wire::{header, whole};
use crate::model::service::{Answer, Reaction};

/// A mistake in words that the peer's author understands, and a program that makes it.
pub(super) struct Mistake {
    pub words: &'static str,
    pub about: About,
    pub act: fn(&mut Peer<'_>) -> Life,
}

/// What a mistake is about. Where nothing came, mistakes about different things explain it equally well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// How the bytes arrived.
    Arrival,
    /// How long the message is.
    Length,
    /// What stands in it.
    Content,
    /// That it is empty, and looks like an end.
    Emptiness,
    /// How long it is, for those who read in chunks.
    Chunks,
    /// That it is longer than others.
    Size,
    /// When the connection ends.
    Closing,
    /// That a length is refused.
    Refusal,
    /// How much time goes by.
    Time,
}

/// How a program's life went: it closed the connection, or came to a halt.
pub(super) type Life = Result<(), Halt>;

/// Why a program went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// It waits for more to read.
    Waits,
    /// What it was told ends the connection.
    Ended,
    /// It has lost its way. What it does then is not known, only that nothing more comes.
    Stuck,
    /// It has said all that was seen, and would go on.
    Overran,
    /// It said something else than was seen.
    Contradicted,
    /// What it would have done there is not known, or would prove nothing.
    Untold,
}

/// How many bytes from the first wrong one on have to be explained where not all that came was waited for.
pub(super) const TELLING: usize = 8;

/// A piece of up to so many bytes is read at once, if the reader's buffer is not one of the smallest.
const ONE_READ: usize = 16 << 10;

/// A longer message than this is awaited by nobody: a length like that was read where none stood.
const ABSURD: usize = 256 << 20;

/// A program over the reads of a real peer.
pub(super) struct Peer<'a> {
    evidence: &'a Evidence<'a>,
    next: usize,
    left: &'a [u8],
    said: usize,
    note: Option<String>,
}

impl<'a> Peer<'a> {
    const fn new(evidence: &'a Evidence<'a>) -> Self {
        Self { evidence, next: 0, left: &[], said: 0, note: None }
    }

    /// The same program at its beginning, to try something else.
    pub const fn again(&self) -> Self {
        Self::new(self.evidence)
    }

    /// Whether nothing wrong came, and then nothing more.
    pub const fn has_stopped(&self) -> bool {
        self.evidence.stopped
    }

    /// Whether all of the piece that was last read has been taken.
    pub const fn is_at_the_end_of_a_read(&self) -> bool {
        self.left.is_empty()
    }

    /// How messages lie on what it reads.
    pub const fn framing(&self) -> Framing {
        self.evidence.read_as
    }

    /// How long a header is.
    pub const fn header_len(&self) -> usize {
        self.evidence.read_as.header_len()
    }

    /// Reads once, `most` bytes at most; nothing at the end of the input.
    pub fn recv(&mut self, most: usize) -> Result<&'a [u8], Halt> {
        if self.left.is_empty() {
            let before = match (self.evidence.reads.get(self.next), self.evidence.finished) {
                (Some(read), _) => {
                    self.next += 1;
                    self.left = &read.bytes;
                    read.seen
                }
                (None, Some(seen)) => seen,
                (None, None) => return Err(Halt::Waits),
            };
            if self.said < before {
                return Err(Halt::Contradicted); // the real one had said more by then
            }
        }
        if self.evidence.stopped && most.min(self.left.len()) > ONE_READ {
            return Err(Halt::Untold); // nobody knows in how many reads it took that
        }
        let (now, later) = self.left.split_at(most.min(self.left.len()));
        self.left = later;
        Ok(now)
    }

    /// In which pieces so many bytes came, of which the `first` were read just now.
    pub fn pieces(&self, first: usize, len: usize) -> String {
        let (mut pieces, mut left) = (vec![first.to_string()], len - first);
        let later = self.evidence.reads.get(self.next..).unwrap_or_default();
        for read in later {
            let piece = read.bytes.len();
            if piece >= left {
                break;
            }
            pieces.push(piece.to_string());
            left -= piece;
        }
        pieces.push(left.to_string());
        pieces.join(" + ")
    }

    /// Reads until it has `len` bytes; fewer only at the end of the input.
    pub fn recv_exactly(&mut self, len: usize) -> Result<Vec<u8>, Halt> {
        let mut bytes = Vec::with_capacity(len.min(1 << 16));
        while bytes.len() < len {
            match self.recv((len - bytes.len()).min(ONE_READ))? {
                [] => break,
                more => bytes.extend_from_slice(more),
            }
        }
        Ok(bytes)
    }

    /// Reads a header right; `None` at the end of the input.
    pub fn recv_header(&mut self) -> Result<Option<usize>, Halt> {
        let header = self.recv_exactly(self.header_len())?;
        if header.len() < self.header_len() { Ok(None) } else { self.length(&header).map(Some) }
    }

    /// Reads a message right; `None` at the end of the input.
    pub fn recv_message(&mut self) -> Result<Option<Vec<u8>>, Halt> {
        let Some(len) = self.recv_header()? else { return Ok(None) };
        let body = self.recv_exactly(len)?;
        Ok((body.len() == len).then_some(body))
    }

    /// The length that a header claims for its body.
    pub fn length(&self, header: &[u8]) -> Result<usize, Halt> {
        let len = self.claimed(header)?;
        let refused = self.evidence.limit.is_some_and(|limit| len > limit);
        if len > ABSURD || refused { Err(Halt::Stuck) } else { Ok(len) }
    }

    /// The same, however large it is.
    pub fn claimed(&self, header: &[u8]) -> Result<usize, Halt> {
        let len = match self.framing().parse(header, MaxFrame::new(u64::MAX)) {
            Ok(Parse::Frame { len, .. }) => len,
            Ok(Parse::Incomplete { wanted }) => wanted,
            Ok(Parse::Blank { .. }) | Err(_) => return Err(Halt::Stuck),
        };
        Ok(len - self.header_len())
    }

    /// Whether the end of the input is what would be read next.
    pub fn is_at_the_end(&self) -> bool {
        let all_read = self.left.is_empty() && self.next == self.evidence.reads.len();
        // Unless something came between the last read and the end.
        all_read && self.evidence.finished.is_some_and(|seen| seen <= self.said)
    }

    /// The length of the complete frame at the front of a buffer.
    pub fn frame_len(&self, buffer: &[u8]) -> Result<Option<usize>, Halt> {
        match self.framing().parse(buffer, MaxFrame::new(u64::MAX)) {
            Ok(Parse::Frame { len, .. } | Parse::Blank { len }) => Ok(Some(len)),
            Ok(Parse::Incomplete { wanted }) if wanted <= ABSURD && !self.refuses(wanted) => {
                Ok(None)
            }
            Ok(Parse::Incomplete { .. }) | Err(_) => Err(Halt::Stuck),
        }
    }

    /// Whether a frame of so many bytes is longer than the limit allows.
    pub fn refuses(&self, frame: usize) -> bool {
        let body = frame.saturating_sub(self.header_len());
        self.evidence.limit.is_some_and(|limit| body > limit)
    }

    /// Makes of the message in a complete frame what is to be made of it.
    pub fn handle(&mut self, frame: &[u8]) -> Life {
        match self.framing().parse(frame, MaxFrame::new(u64::MAX)) {
            Ok(Parse::Frame { body, .. }) => self.say(&frame[body]),
            _ => Ok(()), // a blank line
        }
    }

    /// Sends what is due for what it takes for a message.
    pub fn say(&mut self, message: &[u8]) -> Life {
        let Reaction { answer, ends } = self.evidence.reaction(message);
        match answer {
            Some(Answer::Message(answer)) => self.put(&whole(self.evidence.out, &answer))?,
            None => {}
            Some(_) => return Err(Halt::Untold), // nobody knows in which words
        }
        if ends { Err(Halt::Ended) } else { Ok(()) }
    }

    /// Sends a header that claims so many bytes.
    pub fn claim(&mut self, len: usize) -> Life {
        let header = header(self.evidence.out, len).ok_or(Halt::Stuck)?;
        self.put(&header)
    }

    /// Sends bytes.
    pub fn put(&mut self, bytes: &[u8]) -> Life {
        let seen = &self.evidence.seen[self.said..];
        let both = seen.len().min(bytes.len());
        if seen[..both] != bytes[..both] {
            return Err(Halt::Contradicted);
        }
        self.said += both;
        if both < bytes.len() { Err(Halt::Overran) } else { Ok(()) }
    }

    /// Tells how the mistake came about, the first time that it is made.
    pub fn note(&mut self, note: impl FnOnce() -> String) {
        self.note.get_or_insert_with(note);
    }

    fn said_all(&self) -> bool {
        self.said == self.evidence.seen.len()
    }
}

/// What is said of a mistake, where a program that makes it does exactly what was seen.
pub(super) fn explains(mistake: &Mistake, evidence: &Evidence<'_>) -> Option<String> {
    if evidence.reads.is_empty() {
        return None;
    }
    let mut peer = Peer::new(evidence);
    let life = (mistake.act)(&mut peer);
    let end_is_right = match life {
        Err(Halt::Contradicted | Halt::Untold) => false,
        // Not all that came was waited for, or it was: then this says more than what came.
        Err(Halt::Overran) => {
            let all_came = evidence.end.is_some_and(|end| end.in_order && !end.died);
            !evidence.stopped && !all_came && evidence.seen.len() >= evidence.offset + TELLING
        }
        Err(Halt::Waits) => evidence.end.is_none(),
        Err(Halt::Stuck) => evidence.end.is_none_or(|end| end.reads >= peer.next),
        Ok(()) | Err(Halt::Ended) => evidence.end.is_some_and(|end| end.reads >= peer.next),
    };
    if !end_is_right || !peer.said_all() {
        return None;
    }
    Some(match peer.note {
        Some(note) => format!("{} ({note})", mistake.words),
        None => mistake.words.to_owned(),
    })
}

/// Whether a program that makes a mistake could have done what was seen on another connection. What it would
/// say later may not have been waited for, unless the connection has ended.
pub(super) fn agrees(mistake: &Mistake, witness: &Evidence<'_>) -> bool {
    let mut peer = Peer::new(witness);
    match (mistake.act)(&mut peer) {
        Err(Halt::Contradicted) => false,
        Err(Halt::Untold) => true,
        Err(Halt::Overran) => witness.end.is_none(),
        _ => peer.said_all(),
    }
}
