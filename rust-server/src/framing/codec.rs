//! The framings as a codec of tokio-util, for users who put `Framed`, `FramedRead` or `FramedWrite`
//! over a stream of their own. Server and client of this crate use [`Framing`] itself.

use std::io;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use super::{FrameError, Framing, MaxFrame};

/// A [`Framing`] with its limit, as tokio-util's [`Decoder`] and [`Encoder`].
///
/// Unlike tokio-util's `LengthDelimitedCodec` it tells a stream that ends behind a header, or inside
/// one, from a clean end (P8), does not reserve an announced length (P9), and has typed errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameCodec {
    framing: Framing,
    max: MaxFrame,
}

impl FrameCodec {
    /// A codec of this framing and limit; the limit holds in both directions.
    pub const fn new(framing: Framing, max: MaxFrame) -> Self {
        Self { framing, max }
    }
}

/// Why a framed stream ended: its bytes, or the transport under it.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The bytes break the framing: the sender is at fault, or the stream ended inside a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, CodecError> {
        Ok(self.framing.decode(src, self.max)?)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, CodecError> {
        Ok(self.framing.finish(src, self.max)?)
    }
}

impl Encoder<&[u8]> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, body: &[u8], dst: &mut BytesMut) -> Result<(), CodecError> {
        Ok(self.framing.encode(body, self.max, dst)?)
    }
}

impl Encoder<Bytes> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, body: Bytes, dst: &mut BytesMut) -> Result<(), CodecError> {
        Ok(self.framing.encode(&body, self.max, dst)?)
    }
}
