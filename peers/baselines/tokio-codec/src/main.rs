//! An echo server of length-prefixed messages as tokio-util suggests it: a stream of frames, forwarded into a sink of
//! frames, which is flushed when no more frames have come. One thread, as the reference server has by default.

use std::io;

use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Bytes. A longer message ends its connection.
const LARGEST: usize = 16 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        // However it ends: it is this connection's end, and no other's.
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let codec = LengthDelimitedCodec::builder().max_frame_length(LARGEST).new_codec();
    let (answers, messages) = Framed::new(stream, codec).split();
    messages.map_ok(BytesMut::freeze).forward(answers).await
}
