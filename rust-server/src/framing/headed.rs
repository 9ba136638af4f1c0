//! What all framings have in common whose frames begin with a header that says how much follows.

use bytes::{BufMut, BytesMut};

use super::{FrameError, Header, Parse};

/// Puts a frame behind what is there.
pub(super) fn encode(header: &Header, message: &[u8], out: &mut BytesMut) {
    out.reserve(header.len() + message.len());
    out.put_slice(header);
    out.put_slice(message);
}

/// The frame at the front of a stream, whose header is whole and says that so many bytes follow.
pub(super) const fn parse(src: &[u8], header_len: usize, follows: u64) -> Parse {
    let len = header_len + follows as usize;
    if src.len() < len {
        return Parse::Incomplete { wanted: len };
    }
    Parse::Frame { body: header_len..len, len }
}

/// What is missing of the frame that a stream ends in; `read` says how much follows a header.
pub(super) fn truncated(
    left: &[u8],
    header_len: usize,
    read: impl FnOnce(&[u8]) -> Result<u64, FrameError>,
) -> Option<FrameError> {
    match left.get(..header_len) {
        None if left.is_empty() => None,
        None => Some(FrameError::TruncatedHeader { got: left.len(), wanted: header_len }),
        Some(header) => Some(match read(header) {
            Ok(wanted) => {
                FrameError::TruncatedBody { got: (left.len() - header_len) as u64, wanted }
            }
            Err(error) => error,
        }),
    }
}
