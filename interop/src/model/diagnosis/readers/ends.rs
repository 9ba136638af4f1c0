//! An empty message, the end of the input, or the first message is taken for something else.

use super::each_message;
use crate::model::diagnosis::peer::{About, Halt, Life, Mistake, Peer};

pub(in super::super) const EMPTY_CLOSES: Mistake = Mistake {
    words: "an empty message is taken for the end of the stream",
    about: About::Emptiness,
    act: |peer| {
        while let Some(body) = peer.recv_message()? {
            if body.is_empty() {
                return Ok(());
            }
            peer.say(&body)?;
        }
        Ok(())
    },
};
pub(in super::super) const EMPTY_STUCK: Mistake = Mistake {
    words: "nothing comes from an empty message on",
    about: About::Content,
    act: |peer| {
        each_message(
            peer,
            |peer, body| if body.is_empty() { Err(Halt::Waits) } else { peer.say(body) },
        )
    },
};
pub(in super::super) const EMPTY_SKIPPED: Mistake = Mistake {
    words: "empty messages are skipped",
    about: About::Content,
    act: |peer| {
        each_message(peer, |peer, body| if body.is_empty() { Ok(()) } else { peer.say(body) })
    },
};
pub(in super::super) const EMPTY_TWICE: Mistake = Mistake {
    words: "an empty message is answered twice",
    about: About::Content,
    act: |peer| {
        each_message(peer, |peer, body| {
            peer.say(body)?;
            if body.is_empty() { peer.say(body) } else { Ok(()) }
        })
    },
};
pub(in super::super) const TRUNCATED_TAKEN: Mistake = Mistake {
    words: "a message that the end of the stream cuts off is taken for a whole one",
    about: About::Arrival,
    act: |peer| truncated(peer, |peer, _, part| peer.say(part)),
};
pub(in super::super) const TRUNCATED_FILLED_UP: Mistake = Mistake {
    words: "a message that the end of the stream cuts off is filled up and taken for a whole one",
    about: About::Arrival,
    act: |peer| {
        truncated(peer, |peer, wanted, part| {
            let mut body = part.to_vec();
            body.resize(wanted, 0);
            peer.say(&body)
        })
    },
};
/// A reader that hands on the header as it was, before it has read the body.
pub(in super::super) const TRUNCATED_CLAIMED: Mistake = Mistake {
    words: "a message that the end of the stream cuts off is taken for a whole one",
    about: About::Arrival,
    act: |peer| {
        truncated(peer, |peer, wanted, part| {
            peer.claim(wanted)?;
            peer.put(part)
        })
    },
};
pub(in super::super) const TRUNCATED_EMPTY: Mistake = Mistake {
    words: "a header that the end of the stream cuts off is taken for that of an empty message",
    about: About::Arrival,
    act: |peer| truncated(peer, |peer, _, _| peer.say(&[])),
};
pub(in super::super) const AS_THEY_COME: Mistake = Mistake {
    words: "bytes are sent back as they come, whether the message is complete or not",
    about: About::Arrival,
    act: |peer| {
        loop {
            match peer.recv(usize::MAX)? {
                [] => return Ok(()),
                bytes => peer.put(bytes)?,
            }
        }
    },
};
pub(in super::super) const ONE_A_CONNECTION: Mistake = Mistake {
    words: "the connection is ended after its first message",
    about: About::Closing,
    act: |peer| match peer.recv_message()? {
        Some(body) => peer.say(&body),
        None => Ok(()),
    },
};

/// What came with the last read is not answered.
pub(in super::super) const DROPPED_AT_THE_END: Mistake = Mistake {
    words: "answers that are still due are dropped when the input ends",
    about: About::Closing,
    act: |peer| {
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            match peer.recv(usize::MAX)? {
                [] => return Ok(()),
                more => buffer.extend_from_slice(more),
            }
            if peer.is_at_the_end() {
                return Ok(());
            }
            while let Some(size) = peer.frame_len(&buffer)? {
                peer.handle(&buffer[..size])?;
                buffer.drain(..size);
            }
        }
    },
};

fn truncated(peer: &mut Peer<'_>, take: impl Fn(&mut Peer<'_>, usize, &[u8]) -> Life) -> Life {
    let header_len = peer.header_len();
    loop {
        let header = peer.recv_exactly(header_len)?;
        if header.is_empty() {
            return Ok(());
        }
        if header.len() < header_len {
            peer.note(|| format!("{} of its {header_len} header bytes had come", header.len()));
            take(peer, header.len(), &header)?;
            return Err(Halt::Stuck);
        }
        let wanted = peer.length(&header)?;
        let body = peer.recv_exactly(wanted)?;
        if body.len() < wanted {
            peer.note(|| format!("{} of its {wanted} bytes had come", body.len()));
            take(peer, wanted, &body)?;
            return Err(Halt::Stuck);
        }
        peer.say(&body)?;
    }
}
