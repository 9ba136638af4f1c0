//! Messages of which no header says how long they are: lines, blocks, and what only the end of the stream ends.

use rust_server::framing::{Fixed1024, Framing};

use super::joined::READ_IS_MESSAGE_WORDS;
use super::text::{PER_READ_WORDS, left_out, lossy, strict};
use crate::model::diagnosis::peer::{About, Halt, Life, Mistake, Peer};

const EACH_READ_WORDS: &str = "each read is taken for a message";

fn brought(read: &[u8]) -> String {
    format!("one brought {} byte{}", read.len(), if read.len() == 1 { "" } else { "s" })
}

pub(in super::super) const READ_IS_MESSAGE: Mistake = Mistake {
    words: READ_IS_MESSAGE_WORDS,
    about: About::Arrival,
    act: |peer| {
        loop {
            let read = peer.recv(most(peer.framing()))?;
            if read.is_empty() {
                return Ok(());
            }
            peer.note(|| brought(read));
            take(peer, read)?;
            if peer.framing().ends_with_stream() {
                return Ok(());
            }
        }
    },
};
/// The same by a program that then turns to something else, and leaves the connection as it is.
pub(in super::super) const FIRST_READ: Mistake = Mistake {
    words: READ_IS_MESSAGE_WORDS,
    about: About::Arrival,
    act: |peer| {
        let read = peer.recv(usize::MAX)?;
        peer.note(|| brought(read));
        take(peer, read)?;
        Err(Halt::Waits)
    },
};
pub(in super::super) const EACH_READ: Mistake = Mistake {
    words: EACH_READ_WORDS,
    about: About::Arrival,
    act: |peer| each_read(peer, |_| true),
};
/// The same by a program that a read ends which is no text by itself.
pub(in super::super) const EACH_READ_AS_TEXT: Mistake = Mistake {
    words: EACH_READ_WORDS,
    about: About::Arrival,
    act: |peer| each_read(peer, |read| std::str::from_utf8(read).is_ok()),
};
pub(in super::super) const TRUNCATED_TAKEN: Mistake = Mistake {
    words: "a message that the end of the stream cuts off is taken for a whole one",
    about: About::Arrival,
    act: |peer| {
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            match peer.recv(usize::MAX)? {
                [] if buffer.is_empty() => return Ok(()),
                [] => {
                    peer.note(|| format!("{} bytes of it had come", buffer.len()));
                    let rest = stripped(peer.framing(), &buffer);
                    peer.say(rest)?;
                    return Ok(());
                }
                more => buffer.extend_from_slice(more),
            }
            handle_all(peer, &mut buffer)?;
        }
    },
};
pub(in super::super) const DECODED_PER_READ: Mistake = decoded(|peer| per_read(peer, lossy));
pub(in super::super) const LEFT_OUT_PER_READ: Mistake = decoded(|peer| per_read(peer, left_out));
pub(in super::super) const DIES_PER_READ: Mistake = decoded(|peer| per_read(peer, strict));

const fn decoded(act: fn(&mut Peer<'_>) -> Life) -> Mistake {
    Mistake { words: PER_READ_WORDS, about: About::Content, act }
}

fn each_read(peer: &mut Peer<'_>, survives: fn(&[u8]) -> bool) -> Life {
    loop {
        match peer.recv(usize::MAX)? {
            [] => return Ok(()),
            read if survives(read) => take(peer, read)?,
            _ => return Err(Halt::Stuck),
        }
    }
}

/// How much a reader asks for that takes a read for a message.
const fn most(framing: Framing) -> usize {
    match framing {
        Framing::Fixed1024(_) => Fixed1024::LEN,
        _ => usize::MAX,
    }
}

/// What is no part of a message goes, as from a whole frame.
fn stripped(framing: Framing, bytes: &[u8]) -> &[u8] {
    match framing {
        Framing::Line(_) => bytes.trim_ascii(),
        Framing::Fixed1024(_) => {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            &bytes[..end]
        }
        _ => bytes,
    }
}

fn take(peer: &mut Peer<'_>, read: &[u8]) -> Life {
    let message = stripped(peer.framing(), read);
    let blank = message.is_empty() && matches!(peer.framing(), Framing::Line(_));
    if blank { Ok(()) } else { peer.say(message) }
}

fn handle_all(peer: &mut Peer<'_>, buffer: &mut Vec<u8>) -> Life {
    while let Some(len) = peer.frame_len(buffer)? {
        peer.handle(&buffer[..len])?;
        buffer.drain(..len);
    }
    Ok(())
}

fn per_read(peer: &mut Peer<'_>, decode: impl Fn(&[u8]) -> Option<String>) -> Life {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let read = peer.recv(usize::MAX)?;
        if read.is_empty() {
            return match peer.framing().ends_with_stream() && !buffer.is_empty() {
                true => peer.say(&buffer),
                false => Ok(()),
            };
        }
        buffer.extend_from_slice(decode(read).ok_or(Halt::Stuck)?.as_bytes());
        handle_all(peer, &mut buffer)?;
    }
}
