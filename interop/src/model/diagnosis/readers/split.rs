//! A header or a body that arrives in pieces is not put together.

use rust_server::framing::{Framing, Mnet};

use crate::model::diagnosis::peer::{About, Halt, Life, Mistake, Peer};

const HEADER: &str = "a length header that arrives in pieces is not put together";
const BODY: &str = "one read is taken for the whole body";
const SHORT_READ: &str = "a read that does not fill the buffer is taken for the end of the body";

pub(in super::super) const HEADER_STUCK: Mistake = Mistake {
    words: HEADER,
    about: About::Arrival,
    act: |peer| header_in_one(peer, |_, _, _| Err(Halt::Stuck)),
};
/// True of readers that drop what is left over, and of those that put nothing together.
pub(in super::super) const BEGUN_BEHIND_ANOTHER: Mistake = Mistake {
    words: "a message that begins behind another in the same read, and does not end in it, is lost",
    about: About::Arrival,
    act: begun_behind_another,
};
pub(in super::super) const HEADER_ZEROS_BEFORE: Mistake = Mistake {
    words: HEADER,
    about: About::Arrival,
    act: |peer| {
        header_in_one(peer, |zero, len, part| Ok([&vec![zero; len - part.len()], part].concat()))
    },
};
pub(in super::super) const HEADER_ZEROS_BEHIND: Mistake = Mistake {
    words: HEADER,
    about: About::Arrival,
    act: |peer| {
        header_in_one(peer, |zero, len, part| Ok([part, &vec![zero; len - part.len()]].concat()))
    },
};
pub(in super::super) const NUMBERS_STUCK: Mistake = Mistake {
    words: "the three numbers that arrive in pieces are not put together",
    about: About::Arrival,
    act: numbers_in_one,
};
pub(in super::super) const HEADER_BEGUN_AGAIN: Mistake = Mistake {
    words: "a length header that arrives in pieces is begun again at its second piece",
    about: About::Arrival,
    act: header_begun_again,
};
pub(in super::super) const HEADER_WITHOUT_BODY: Mistake = Mistake {
    words: "the header is expected to arrive together with its body",
    about: About::Arrival,
    act: header_without_body,
};
pub(in super::super) const BODY_STUCK: Mistake = Mistake {
    words: BODY,
    about: About::Arrival,
    act: |peer| body_in_one(peer, usize::MAX, |_, _, _| Err(Halt::Stuck)),
};
pub(in super::super) const BODY_CUT_SHORT: Mistake = Mistake {
    words: BODY,
    about: About::Arrival,
    act: |peer| body_in_one(peer, usize::MAX, cut_short),
};
pub(in super::super) const BODY_FILLED_UP: Mistake = Mistake {
    words: BODY,
    about: About::Arrival,
    act: |peer| body_in_one(peer, usize::MAX, filled_up),
};
pub(in super::super) const BODY_CLAIMED: Mistake = Mistake {
    words: BODY,
    about: About::Arrival,
    act: |peer| body_in_one(peer, usize::MAX, claimed),
};
pub(in super::super) const SHORT_READ_1024: Mistake = short_read::<1024>();
pub(in super::super) const SHORT_READ_4096: Mistake = short_read::<4096>();
pub(in super::super) const SHORT_READ_8192: Mistake = short_read::<8192>();
pub(in super::super) const SHORT_READ_65536: Mistake = short_read::<65536>();

const fn short_read<const N: usize>() -> Mistake {
    Mistake {
        words: SHORT_READ,
        about: About::Arrival,
        act: |peer| {
            let mut attempt = peer.again();
            match body_in_one(peer, N, cut_short) {
                Err(Halt::Contradicted) => {
                    let life = body_in_one(&mut attempt, N, filled_up);
                    *peer = attempt;
                    life
                }
                life => life,
            }
        },
    }
}

fn header_in_one(
    peer: &mut Peer<'_>,
    fill: impl Fn(u8, usize, &[u8]) -> Result<Vec<u8>, Halt>,
) -> Life {
    let len = peer.header_len();
    let zero = if matches!(peer.framing(), Framing::Ascii4(_)) { b'0' } else { 0 };
    loop {
        let part = peer.recv(len)?;
        if part.is_empty() {
            return Ok(());
        }
        let header = if part.len() < len {
            let pieces = peer.pieces(part.len(), len);
            peer.note(|| format!("it came as {pieces} bytes"));
            fill(zero, len, part)?
        } else {
            part.to_vec()
        };
        let wanted = peer.length(&header)?;
        let body = peer.recv_exactly(wanted)?;
        if body.len() < wanted {
            return Ok(());
        }
        peer.say(&body)?;
    }
}

/// A reader that asks for size, command and reply wanted at once.
fn numbers_in_one(peer: &mut Peer<'_>) -> Life {
    let (size, len) = (peer.header_len(), peer.header_len() + Mnet::COMMAND_LEN);
    loop {
        let numbers = peer.recv(len)?;
        if numbers.is_empty() {
            return Ok(());
        }
        if numbers.len() < len {
            peer.note(|| format!("{} of the {len} bytes came first", numbers.len()));
            return Err(Halt::Stuck);
        }
        let body = peer.length(&numbers[..size])?.saturating_sub(Mnet::COMMAND_LEN);
        let body = peer.recv_exactly(body)?;
        peer.say(&[&numbers[size..], &body].concat())?;
    }
}

fn header_begun_again(peer: &mut Peer<'_>) -> Life {
    let len = peer.header_len();
    loop {
        let part = peer.recv(len)?;
        match part.len() {
            0 => return Ok(()),
            short if short < len => {
                peer.note(|| format!("the first {short} of {len} bytes are forgotten"));
                continue;
            }
            _ => {}
        }
        let wanted = peer.length(part)?;
        let body = peer.recv_exactly(wanted)?;
        if body.len() < wanted {
            return Ok(());
        }
        peer.say(&body)?;
    }
}

fn begun_behind_another(peer: &mut Peer<'_>) -> Life {
    let len = peer.header_len();
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let more = peer.recv(usize::MAX)?;
        if more.is_empty() {
            return Ok(());
        }
        buffer.extend_from_slice(more);
        let mut at = 0;
        while let Some(frame) = peer.frame_len(&buffer[at..])? {
            peer.handle(&buffer[at..at + frame])?;
            at += frame;
        }
        buffer.drain(..at);
        if at > 0 && !buffer.is_empty() {
            let begun = buffer.len();
            let plural = if begun == 1 { "" } else { "s" };
            peer.note(|| format!("{begun} byte{plural} of it came there, {len} are its header"));
            return Err(Halt::Stuck);
        }
    }
}

fn header_without_body(peer: &mut Peer<'_>) -> Life {
    let len = peer.header_len();
    loop {
        // The header may itself come in pieces: this is about what comes with its last byte.
        let Some(wanted) = peer.recv_header()? else { return Ok(()) };
        if wanted > 0 && peer.is_at_the_end_of_a_read() {
            peer.note(|| format!("the {len} bytes of it came alone"));
            return Err(Halt::Stuck);
        }
        let body = peer.recv_exactly(wanted)?;
        if body.len() < wanted {
            return Ok(());
        }
        peer.say(&body)?;
    }
}

fn body_in_one(
    peer: &mut Peer<'_>,
    buffer: usize,
    short: impl Fn(&mut Peer<'_>, usize, &[u8]) -> Life,
) -> Life {
    while let Some(wanted) = peer.recv_header()? {
        let mut body = Vec::new();
        while body.len() < wanted {
            let most = buffer.min(wanted - body.len());
            let part = peer.recv(most)?;
            if part.is_empty() {
                return Ok(());
            }
            body.extend_from_slice(part);
            if part.len() < buffer {
                break;
            }
        }
        if body.len() < wanted {
            let got = body.len();
            peer.note(|| format!("it brought {got} of {wanted} bytes"));
            short(peer, wanted, &body)?;
        } else {
            peer.say(&body)?;
        }
    }
    Ok(())
}

fn cut_short(peer: &mut Peer<'_>, _wanted: usize, body: &[u8]) -> Life {
    peer.say(body)
}

fn filled_up(peer: &mut Peer<'_>, wanted: usize, body: &[u8]) -> Life {
    let mut body = body.to_vec();
    body.resize(wanted, 0);
    peer.say(&body)
}

fn claimed(peer: &mut Peer<'_>, wanted: usize, body: &[u8]) -> Life {
    peer.claim(wanted)?;
    peer.put(body)
}
