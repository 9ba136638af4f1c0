//! A length is read with fewer bytes than it has, or with a sign.

use crate::model::diagnosis::peer::{About, Halt, Life, Mistake, Peer};

pub(in super::super) const SIGNED_BYTE: Mistake = Mistake {
    words: "the last byte of the length is read as a signed number",
    about: About::Length,
    act: |peer| lengths(peer, |len| if len & 0x80 == 0 { Ok(len) } else { Err(Halt::Stuck) }),
};
pub(in super::super) const ONE_BYTE: Mistake = Mistake {
    words: "only the last byte of the length is read",
    about: About::Length,
    act: |peer| lengths(peer, |len| Ok(len & 0xff)),
};
pub(in super::super) const SIGNED_SHORT: Mistake = Mistake {
    words: "length is read as a signed 16-bit number",
    about: About::Length,
    act: |peer| {
        lengths(peer, |len| match len {
            0x8000..=0xffff => Err(Halt::Stuck),
            _ => Ok(len),
        })
    },
};
pub(in super::super) const TWO_BYTES: Mistake = Mistake {
    words: "only the last 16 bits of the length are read",
    about: About::Length,
    act: |peer| lengths(peer, |len| Ok(len & 0xffff)),
};
pub(in super::super) const THREE_BYTES: Mistake = Mistake {
    words: "only the last 24 bits of the length are read",
    about: About::Length,
    act: |peer| lengths(peer, |len| Ok(len & 0x00ff_ffff)),
};

pub(in super::super) const SIGNED_LONG: Mistake = Mistake {
    words: "a length of 2 GiB and more is read as a negative number",
    about: About::Length,
    act: |peer| lengths(peer, |len| if len & 0x8000_0000 == 0 { Ok(len) } else { Ok(0) }),
};
/// As by a pattern whose dot stands for any character but that.
pub(in super::super) const LINE_FEED: Mistake = Mistake {
    words: "a length of which a byte is 0a, a line feed, is not handled",
    about: About::Length,
    act: |peer| {
        lengths(peer, |len| match len.to_be_bytes().contains(&b'\n') {
            true => Err(Halt::Stuck),
            false => Ok(len),
        })
    },
};
pub(in super::super) const MULTIPLE_OF_1024: Mistake = multiple_of::<1024>();
pub(in super::super) const MULTIPLE_OF_1500: Mistake = multiple_of::<1500>();
pub(in super::super) const MULTIPLE_OF_4096: Mistake = multiple_of::<4096>();
pub(in super::super) const MULTIPLE_OF_65536: Mistake = multiple_of::<65536>();

/// Who reads in chunks may take for an end that the last one is empty.
const fn multiple_of<const N: usize>() -> Mistake {
    Mistake {
        words: match N {
            1024 => "a message of an exact multiple of 1024 bytes is not handled",
            1500 => "a message of an exact multiple of 1500 bytes is not handled",
            4096 => "a message of an exact multiple of 4096 bytes is not handled",
            _ => "a message of an exact multiple of 65536 bytes is not handled",
        },
        about: About::Chunks,
        act: |peer| {
            if !peer.has_stopped() {
                return Err(Halt::Untold);
            }
            lengths(peer, |len| match len > 0 && len.is_multiple_of(N) {
                true => Err(Halt::Stuck),
                false => Ok(len),
            })
        },
    }
}

/// What is answered has the length that was read, or the header that came.
fn lengths(peer: &mut Peer<'_>, read: fn(usize) -> Result<usize, Halt>) -> Life {
    let mut attempt = peer.again();
    match misread(peer, read, |peer, _, body| peer.say(body)) {
        Err(Halt::Contradicted) => {
            let life = misread(&mut attempt, read, |peer, claimed, body| {
                peer.claim(claimed)?;
                peer.put(body)
            });
            *peer = attempt;
            life
        }
        life => life,
    }
}

fn misread(
    peer: &mut Peer<'_>,
    read: fn(usize) -> Result<usize, Halt>,
    answer: impl Fn(&mut Peer<'_>, usize, &[u8]) -> Life,
) -> Life {
    loop {
        let header = peer.recv_exactly(peer.header_len())?;
        if header.len() < peer.header_len() {
            return Ok(());
        }
        let claimed = peer.claimed(&header)?;
        let misread = |len: &Result<usize, Halt>| *len != Ok(claimed);
        let len = read(claimed);
        if misread(&len) {
            peer.note(|| format!("it was {claimed}"));
        }
        let len = len?;
        if peer.refuses(peer.header_len() + len) {
            return Err(Halt::Stuck);
        }
        let body = peer.recv_exactly(len)?;
        if body.len() < len {
            return Ok(());
        }
        if len == claimed { peer.say(&body)? } else { answer(peer, claimed, &body)? }
    }
}
