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
    act: |peer| lengths(peer, |len| if len & 0x8000 == 0 { Ok(len) } else { Err(Halt::Stuck) }),
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

fn lengths(peer: &mut Peer<'_>, read: fn(usize) -> Result<usize, Halt>) -> Life {
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
        let body = peer.recv_exactly(len)?;
        if body.len() < len {
            return Ok(());
        }
        peer.say(&body)?;
    }
}
