//! What is due on a channel, kept in such a way that what came as it was due can be kept as a part of it.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use rust_server::framing::Framing;

use crate::model::protocol::frame_into;

/// A stream of bytes that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Its beginning, in pieces that change no more, each with the offset behind it.
    firm: Vec<(usize, Bytes)>,
    /// The rest.
    open: BytesMut,
    /// All of it, where somebody asked for several pieces as one.
    whole: OnceLock<Vec<u8>>,
}

impl Due {
    /// How many bytes.
    pub fn len(&self) -> usize {
        self.firm_len() + self.open.len()
    }

    fn firm_len(&self) -> usize {
        self.firm.last().map_or(0, |(end, _)| *end)
    }

    /// A message more.
    pub fn owe(&mut self, framing: Framing, message: &[u8]) {
        self.whole.take();
        frame_into(framing, message, &mut self.open);
    }

    /// How many of these bytes are those from `at` on.
    pub fn matches(&self, at: usize, mut bytes: &[u8]) -> usize {
        let asked = bytes.len();
        let mut at = at;
        for (end, piece) in &self.firm[self.piece_at(at)..] {
            let same = common_prefix(&piece[piece.len() - (end - at)..], bytes);
            bytes = &bytes[same..];
            if bytes.is_empty() || at + same < *end {
                return asked - bytes.len();
            }
            at = *end;
        }
        let rest = self.open.get(at - self.firm_len()..).unwrap_or_default();
        asked - bytes.len() + common_prefix(rest, bytes)
    }

    /// A part of it, without a copy; `None` where it was not due in one piece. What it is made of changes no
    /// more.
    pub fn refer(&mut self, part: Range<usize>) -> Option<Bytes> {
        if part.end > self.firm_len() {
            let piece = self.open.split().freeze();
            self.firm.push((self.firm_len() + piece.len(), piece));
        }
        let (end, piece) = self.firm.get(self.piece_at(part.start))?;
        let start = end - piece.len();
        (part.end <= *end).then(|| piece.slice(part.start - start..part.end - start))
    }

    /// The first piece that goes beyond `at`.
    fn piece_at(&self, at: usize) -> usize {
        self.firm.partition_point(|(end, _)| *end <= at)
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        match &self.firm[..] {
            [] => &self.open,
            [(_, piece)] if self.open.is_empty() => piece,
            pieces => self.whole.get_or_init(|| {
                let pieces = pieces.iter().map(|(_, piece)| &piece[..]);
                pieces.chain([&self.open[..]]).collect::<Vec<_>>().concat()
            }),
        }
    }

    /// Other bytes in place of some. What refers to them keeps those that were there.
    pub fn replace(&mut self, part: Range<usize>, bytes: &[u8]) {
        if self.firm.is_empty() && part.len() == bytes.len() {
            self.open[part].copy_from_slice(bytes);
            return;
        }
        let whole = self.bytes();
        let replaced = [&whole[..part.start], bytes, &whole[part.end..]].concat();
        *self = Self { open: BytesMut::from(&replaced[..]), ..Self::default() };
    }
}

/// How many bytes from the start are the same.
pub(super) fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let shorter = one.len().min(other.len());
    if one[..shorter] == other[..shorter] {
        return shorter; // by far the most common, and a comparison of memory
    }
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However it was referred to meanwhile, it is the stream that was owed.
        #[test]
        fn it_is_one_stream_however_it_was_referred_to(
            steps in prop::collection::vec((0usize..40, any::<u8>(), 0usize..60, 0usize..20), 1..20),
        ) {
            let (mut due, mut plain, mut kept) = (Due::default(), Vec::new(), Vec::new());
            for (len, byte, at, asked) in steps {
                due.owe(Framing::DEFAULT, &vec![byte; len]);
                frame_bytes(&vec![byte; len], &mut plain);
                prop_assert_eq!(due.len(), plain.len());
                let part = at.min(plain.len())..(at + asked).min(plain.len());
                if let Some(bytes) = due.refer(part.clone()) {
                    prop_assert_eq!(&bytes[..], &plain[part.clone()]);
                    kept.push((part.clone(), bytes));
                }
                let mut wrong = plain[part.clone()].to_vec();
                prop_assert_eq!(due.matches(part.start, &wrong), part.len());
                if let Some(last) = wrong.last_mut() {
                    *last ^= 1;
                    prop_assert_eq!(due.matches(part.start, &wrong), part.len() - 1);
                }
                wrong = [&plain[part.start..], b"more"].concat();
                prop_assert_eq!(due.matches(part.start, &wrong), plain.len() - part.start);
            }
            prop_assert_eq!(due.bytes(), &plain[..]);
            for (part, bytes) in kept {
                prop_assert_eq!(&bytes[..], &plain[part]);
            }
        }
    }

    fn frame_bytes(message: &[u8], plain: &mut Vec<u8>) {
        plain.extend_from_slice(&crate::model::protocol::frame(Framing::DEFAULT, message));
    }

    #[test]
    fn a_part_that_was_due_in_one_piece_is_not_copied() {
        let mut due = Due::default();
        due.owe(Framing::DEFAULT, b"one");
        due.owe(Framing::DEFAULT, b"two");
        let part = due.refer(3..9).unwrap();
        assert_eq!(part.as_ptr(), due.bytes()[3..].as_ptr());
        due.owe(Framing::DEFAULT, b"three");
        assert_eq!(due.refer(9..20), None);
        assert_eq!(due.refer(14..23).as_deref(), Some(&b"\0\0\0\x05three"[..]));
    }

    #[test]
    fn what_is_replaced_is_so_from_then_on() {
        let mut due = Due::default();
        due.owe(Framing::DEFAULT, b"now");
        let before = due.refer(4..7).unwrap();
        due.owe(Framing::DEFAULT, b"then");
        due.replace(4..7, b"later");
        assert_eq!(due.bytes(), b"\0\0\0\x03later\0\0\0\x04then");
        assert_eq!((due.len(), &before[..]), (17, &b"now"[..]));
    }
}
