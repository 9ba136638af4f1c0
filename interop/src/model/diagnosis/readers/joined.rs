//! What arrives together is not taken apart, or not all of it.

use crate::model::diagnosis::peer::{About, Halt, Life, Mistake, Peer};

pub(super) const READ_IS_MESSAGE_WORDS: &str = "one read is taken for one message";

pub(in super::super) const ONLY_FIRST_OF_A_READ: Mistake = Mistake {
    words: "only the first message of a read is handled",
    about: About::Arrival,
    act: only_first,
};
pub(in super::super) const ONLY_LAST_OF_A_READ: Mistake = Mistake {
    words: "only the last message of a read is handled",
    about: About::Arrival,
    act: |peer| {
        buffered(peer, |_, _, sizes| {
            let last = sizes.len().saturating_sub(1);
            Ok(Rest::From { said: last..sizes.len(), at: sizes.iter().sum(), dropped: false })
        })
    },
};
pub(in super::super) const REST_DROPPED: Mistake = Mistake {
    words: "what a read holds of the next message is thrown away",
    about: About::Arrival,
    act: |peer| {
        buffered(peer, |_, _, sizes| match sizes {
            [] => Ok(Rest::Kept),
            _ => Ok(Rest::From { said: 0..sizes.len(), at: sizes.iter().sum(), dropped: true }),
        })
    },
};
pub(in super::super) const SHORT_REST_DROPPED: Mistake = Mistake {
    words: "what a read holds of the next message is thrown away when it is shorter than a header",
    about: About::Arrival,
    act: |peer| {
        buffered(peer, |peer, buffer, sizes| {
            let at: usize = sizes.iter().sum();
            let dropped = at > 0 && buffer.len() - at < peer.header_len();
            Ok(Rest::From { said: 0..sizes.len(), at, dropped })
        })
    },
};
pub(in super::super) const ONE_BYTE_DROPPED: Mistake = Mistake {
    words: "what a read holds of the next message is thrown away when it is one byte",
    about: About::Arrival,
    act: |peer| {
        buffered(peer, |_, buffer, sizes| {
            let at: usize = sizes.iter().sum();
            let dropped = at > 0 && buffer.len() - at == 1;
            Ok(Rest::From { said: 0..sizes.len(), at, dropped })
        })
    },
};
pub(in super::super) const REST_OFF_BY_ONE: Mistake = Mistake {
    words: "what a read holds of the next message is kept one byte off",
    about: About::Arrival,
    act: |peer| {
        buffered(peer, |_, buffer, sizes| {
            let at: usize = sizes.iter().sum();
            let off = usize::from(at > 0 && buffer.len() > at);
            Ok(Rest::From { said: 0..sizes.len(), at: at + off, dropped: false })
        })
    },
};
pub(in super::super) const ONE_A_READ: Mistake = Mistake {
    words: "only one message is handled for each read, and the next waits for another read",
    about: About::Arrival,
    act: one_a_read,
};
const HELD_BACK_WORDS: &str =
    "answers are held back while what was read holds the beginning of another message";

/// The end of the input takes with it what was held back.
pub(in super::super) const HELD_BACK: Mistake = Mistake {
    words: HELD_BACK_WORDS,
    about: About::Arrival,
    act: |peer| {
        answering_at_once(
            peer,
            |peer, frames, rest| {
                if rest.is_empty() { handle_all(peer, frames) } else { Ok(()) }
            },
        )
    },
};
/// The same where less than a header does not hold them back.
pub(in super::super) const HELD_BACK_BY_A_HEADER: Mistake = Mistake {
    words: HELD_BACK_WORDS,
    about: About::Arrival,
    act: |peer| {
        answering_at_once(peer, |peer, frames, rest| {
            if rest.len() < peer.header_len() { handle_all(peer, frames) } else { Ok(()) }
        })
    },
};
pub(in super::super) const DROPPED_AT_A_REFUSAL: Mistake = Mistake {
    words: "answers that are still due are dropped when a length is refused",
    about: About::Refusal,
    act: |peer| {
        answering_at_once(peer, |peer, frames, rest| {
            if peer.frame_len(rest).is_ok() { handle_all(peer, frames) } else { Ok(()) }
        })
    },
};
pub(in super::super) const BACKWARDS: Mistake = Mistake {
    words: "the messages of one read are handled from the last to the first",
    about: About::Arrival,
    act: |peer| {
        taken_together(peer, |peer, frames| {
            frames.iter().rev().try_for_each(|frame| peer.handle(frame))
        })
    },
};
pub(in super::super) const JOINED: Mistake = Mistake {
    words: "the messages of one read are joined into one",
    about: About::Arrival,
    act: |peer| {
        taken_together(peer, |peer, frames| match frames {
            [] => Ok(()),
            _ => {
                let header = peer.header_len();
                let bodies: Vec<&[u8]> = frames.iter().map(|frame| &frame[header..]).collect();
                peer.say(&bodies.concat())
            }
        })
    },
};
pub(in super::super) const READ_IS_MESSAGE_CUT: Mistake = Mistake {
    words: READ_IS_MESSAGE_WORDS,
    about: About::Arrival,
    act: |peer| read_is_message(peer, usize::MAX, true),
};
pub(in super::super) const READ_IS_MESSAGE: Mistake = Mistake {
    words: READ_IS_MESSAGE_WORDS,
    about: About::Arrival,
    act: |peer| read_is_message(peer, usize::MAX, false),
};
pub(in super::super) const READ_IS_MESSAGE_1024: Mistake = one_read::<1024>();
pub(in super::super) const READ_IS_MESSAGE_4096: Mistake = one_read::<4096>();
pub(in super::super) const READ_IS_MESSAGE_8192: Mistake = one_read::<8192>();
pub(in super::super) const READ_IS_MESSAGE_65536: Mistake = one_read::<65536>();

const fn one_read<const N: usize>() -> Mistake {
    Mistake {
        words: READ_IS_MESSAGE_WORDS,
        about: About::Arrival,
        act: |peer| {
            // Silence does not betray the size of a buffer.
            if peer.has_stopped() { Err(Halt::Untold) } else { read_is_message(peer, N, true) }
        },
    }
}

/// What a reader does with its buffer after a read.
enum Rest {
    /// Nothing is complete: it waits for more.
    Kept,
    /// It handles some of the complete messages, and goes on at a place in its buffer.
    From {
        /// Which of the complete messages.
        said: std::ops::Range<usize>,
        /// Where.
        at: usize,
        /// Or forgets the buffer.
        dropped: bool,
    },
}

/// A reader that takes complete frames from the front of a buffer; `choose` is told their sizes.
fn buffered(
    peer: &mut Peer<'_>,
    choose: impl Fn(&Peer<'_>, &[u8], &[usize]) -> Result<Rest, Halt>,
) -> Life {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let more = peer.recv(usize::MAX)?;
        if more.is_empty() {
            return Ok(());
        }
        buffer.extend_from_slice(more);
        let sizes = complete(peer, &buffer)?;
        match choose(peer, &buffer, &sizes)? {
            Rest::Kept => {}
            Rest::From { said, at, dropped } => {
                let mut start = 0;
                for (index, size) in sizes.iter().enumerate() {
                    if said.contains(&index) {
                        peer.handle(&buffer[start..start + size])?;
                    }
                    start += size;
                }
                buffer.drain(..if dropped { buffer.len() } else { at });
                peer.frame_len(&buffer)?;
            }
        }
    }
}

fn only_first(peer: &mut Peer<'_>) -> Life {
    let (mut buffer, mut lost): (Vec<u8>, usize) = (Vec::new(), 0);
    loop {
        let more = match peer.recv(usize::MAX) {
            // That the last one alone is missing may have many reasons: it may only come late.
            Err(Halt::Waits) if lost < 2 => return Err(Halt::Untold),
            more => more?,
        };
        if more.is_empty() {
            return Ok(());
        }
        buffer.extend_from_slice(more);
        let sizes = complete(peer, &buffer)?;
        if let Some(size) = sizes.first() {
            peer.handle(&buffer[..*size])?;
            lost += sizes.len() - 1;
            buffer.clear();
        }
    }
}

fn one_a_read(peer: &mut Peer<'_>) -> Life {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let more = match peer.recv(usize::MAX) {
            // That the last one alone is missing may have many reasons.
            Err(Halt::Waits) if complete(peer, &buffer)?.len() < 2 => return Err(Halt::Untold),
            more => more?,
        };
        if more.is_empty() {
            return Ok(());
        }
        buffer.extend_from_slice(more);
        if let Some(size) = peer.frame_len(&buffer)? {
            peer.handle(&buffer[..size])?;
            buffer.drain(..size);
        }
    }
}

/// The sizes of the complete frames at the front of a buffer. What begins no frame is met by whoever comes to it.
fn complete(peer: &Peer<'_>, buffer: &[u8]) -> Result<Vec<usize>, Halt> {
    let (mut sizes, mut at) = (Vec::new(), 0);
    loop {
        match peer.frame_len(&buffer[at..]) {
            Ok(Some(size)) => {
                sizes.push(size);
                at += size;
            }
            Err(halt) if sizes.is_empty() => return Err(halt),
            Ok(None) | Err(_) => return Ok(sizes),
        }
    }
}

fn handle_all(peer: &mut Peer<'_>, frames: &mut Vec<Vec<u8>>) -> Life {
    frames.drain(..).try_for_each(|frame| peer.handle(&frame))
}

/// A reader that answers with one write what it has read; `answer` is told what waits to be answered, and what is
/// left in its buffer.
fn answering_at_once(
    peer: &mut Peer<'_>,
    answer: impl Fn(&mut Peer<'_>, &mut Vec<Vec<u8>>, &[u8]) -> Life,
) -> Life {
    let (mut buffer, mut frames): (Vec<u8>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    loop {
        let more = peer.recv(usize::MAX)?;
        if more.is_empty() {
            return Ok(());
        }
        buffer.extend_from_slice(more);
        let mut at = 0;
        for size in complete(peer, &buffer)? {
            frames.push(buffer[at..at + size].to_vec());
            at += size;
        }
        buffer.drain(..at);
        answer(peer, &mut frames, &buffer)?;
        peer.frame_len(&buffer)?;
    }
}

fn taken_together(peer: &mut Peer<'_>, handle: impl Fn(&mut Peer<'_>, &[&[u8]]) -> Life) -> Life {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let more = peer.recv(usize::MAX)?;
        if more.is_empty() {
            return Ok(());
        }
        buffer.extend_from_slice(more);
        let mut at = 0;
        let mut frames = Vec::new();
        for size in complete(peer, &buffer)? {
            frames.push(&buffer[at..at + size]);
            at += size;
        }
        handle(peer, &frames)?;
        buffer.drain(..at);
        peer.frame_len(&buffer)?;
    }
}

/// One read, one message: what it lacks is missing, what it has beyond is lost, or is part of it.
fn read_is_message(peer: &mut Peer<'_>, buffer: usize, by_its_header: bool) -> Life {
    let header = peer.header_len();
    loop {
        let read = peer.recv(buffer)?;
        if read.is_empty() {
            return Ok(());
        }
        if read.len() < header {
            peer.note(|| format!("one of {} bytes held less than a header", read.len()));
            return Err(Halt::Stuck);
        }
        let wanted = peer.length(&read[..header])?;
        let got = read.len() - header;
        if got > wanted && peer.has_stopped() {
            return Err(Halt::Untold); // then it is one that handles the first of a read
        }
        if got != wanted {
            peer.note(|| format!("one brought {got} bytes behind a header that said {wanted}"));
        }
        let taken = if by_its_header { got.min(wanted) } else { got };
        peer.say(&read[header..header + taken])?;
    }
}
