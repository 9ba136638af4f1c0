//! Bytes are taken for text.

use super::each_message;
use crate::model::diagnosis::peer::{About, Halt, Life, Mistake, Peer};

pub(super) const PER_READ_WORDS: &str =
    "each read is decoded as text by itself, so a character that is cut in two is lost";

const ALL_WORDS: &str = "all that is read is decoded as text, length headers too";

pub(in super::super) const DIES: Mistake = Mistake {
    words: "bytes that are not UTF-8 are not handled",
    about: About::Content,
    act: |peer| {
        each_message(peer, |peer, body| {
            if std::str::from_utf8(body).is_err() { Err(Halt::Stuck) } else { peer.say(body) }
        })
    },
};
pub(in super::super) const DIES_PER_READ: Mistake = Mistake {
    words: PER_READ_WORDS,
    about: About::Content,
    act: |peer| decoded(peer, usize::MAX, strict),
};
pub(in super::super) const PER_READ: Mistake = Mistake {
    words: PER_READ_WORDS,
    about: About::Content,
    act: |peer| decoded(peer, usize::MAX, lossy),
};
pub(in super::super) const PER_READ_1024: Mistake = Mistake {
    words: PER_READ_WORDS,
    about: About::Content,
    act: |peer| decoded(peer, 1024, lossy),
};
pub(in super::super) const PER_READ_4096: Mistake = Mistake {
    words: PER_READ_WORDS,
    about: About::Content,
    act: |peer| decoded(peer, 4096, lossy),
};
pub(in super::super) const LEFT_OUT_PER_READ: Mistake = Mistake {
    words: PER_READ_WORDS,
    about: About::Content,
    act: |peer| decoded(peer, usize::MAX, left_out),
};
pub(in super::super) const ALL_REPLACED: Mistake = Mistake {
    words: ALL_WORDS,
    about: About::Content,
    act: |peer| translated(peer, |read| String::from_utf8_lossy(read).into_owned().into_bytes()),
};
pub(in super::super) const ALL_WIDENED: Mistake = Mistake {
    words: ALL_WORDS,
    about: About::Content,
    act: |peer| {
        translated(peer, |read| {
            read.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes()
        })
    },
};
/// As of a stream that was not made binary.
pub(in super::super) const ALL_LINE_ENDS: Mistake = Mistake {
    words: "line ends become LF in all that is read, length headers too",
    about: About::Content,
    act: |peer| {
        translated(peer, |read| {
            let mut made = Vec::with_capacity(read.len());
            for (at, &byte) in read.iter().enumerate() {
                match byte {
                    b'\r' => made.push(b'\n'),
                    b'\n' if at > 0 && read[at - 1] == b'\r' => {}
                    _ => made.push(byte),
                }
            }
            made
        })
    },
};
pub(in super::super) const LINES: Mistake = Mistake {
    words: "lines are taken for messages: a newline is waited for, not the length that the header says",
    about: About::Arrival,
    act: lines,
};

// A function of a mistake is one of `Mistake::act`'s, so the result has to be an option like the others'.
#[expect(clippy::unnecessary_wraps, reason = "other decoders give up")]
pub(super) fn lossy(part: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(part).into_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "other decoders give up")]
pub(super) fn left_out(part: &[u8]) -> Option<String> {
    Some(part.utf8_chunks().map(|chunk| chunk.valid()).collect())
}

pub(super) fn strict(part: &[u8]) -> Option<String> {
    std::str::from_utf8(part).map(Into::into).ok()
}

/// A reader that gets something else than was sent, read by read.
fn translated(peer: &mut Peer<'_>, translate: fn(&[u8]) -> Vec<u8>) -> Life {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        match peer.recv(usize::MAX)? {
            [] => return Ok(()),
            more => buffer.extend_from_slice(&translate(more)),
        }
        let mut at = 0;
        while let Some(size) = peer.frame_len(&buffer[at..])? {
            peer.handle(&buffer[at..at + size])?;
            at += size;
        }
        buffer.drain(..at);
    }
}

fn lines(peer: &mut Peer<'_>) -> Life {
    let (mut buffer, mut spoken): (Vec<u8>, bool) = (Vec::new(), false);
    loop {
        match peer.recv(usize::MAX) {
            // Who never said a line is only silent.
            Err(Halt::Waits) if !spoken => return Err(Halt::Untold),
            Ok([]) => return Ok(()),
            more => buffer.extend_from_slice(more?),
        }
        let end = buffer.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = buffer.drain(..end).collect();
        spoken |= !lines.is_empty();
        peer.put(&lines)?;
    }
}

fn decoded(peer: &mut Peer<'_>, buffer: usize, decode: impl Fn(&[u8]) -> Option<String>) -> Life {
    while let Some(wanted) = peer.recv_header()? {
        let (mut text, mut got) = (String::new(), 0);
        while got < wanted {
            let part = peer.recv(buffer.min(wanted - got))?;
            if part.is_empty() {
                return Ok(());
            }
            got += part.len();
            text.push_str(&decode(part).ok_or(Halt::Stuck)?);
        }
        peer.say(text.as_bytes())?;
    }
    Ok(())
}
