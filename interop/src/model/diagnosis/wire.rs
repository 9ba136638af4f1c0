//! How messages lie on the wire, for programs that are wrong: whatever the framing cannot carry is laid on it
//! all the same.

use bytes::{Bytes, BytesMut};
use rust_server::framing::{Fixed1024, Framing, MaxFrame, Mnet};

/// The header that claims a message of `len` bytes; `None` where there is no room for that.
pub(super) fn header(framing: Framing, len: usize) -> Option<Vec<u8>> {
    let counted = match framing {
        Framing::Mnet(_) => len.checked_sub(Mnet::COMMAND_LEN)?,
        _ => len,
    };
    framing.header(counted as u64).ok().map(|header| header.to_vec())
}

/// A frame whose header claims `len` bytes, whatever the message has.
pub(super) fn claim(framing: Framing, len: usize, message: &[u8]) -> Vec<u8> {
    [&header(framing, len).unwrap_or_default()[..], message].concat()
}

/// A frame.
pub(super) fn whole(framing: Framing, message: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Line(_) => [message, b"\n"].concat(),
        Framing::Fixed1024(_) => {
            let mut frame = message.to_vec();
            frame.resize(Fixed1024::LEN, 0);
            frame
        }
        _ => claim(framing, message.len(), message),
    }
}

/// The complete messages at the front of a stream. Where it has no frames, it is one, as far as it has come.
pub(super) fn messages(framing: Framing, stream: &[u8]) -> Vec<Bytes> {
    let limit = MaxFrame::new(u64::MAX);
    let mut rest = BytesMut::from(stream);
    std::iter::from_fn(|| match framing.ends_with_stream() {
        true => framing.finish(&mut rest, limit).ok().flatten(),
        false => framing.decode(&mut rest, limit).ok().flatten(),
    })
    .collect()
}
