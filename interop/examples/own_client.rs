//! The other way round: a server in another language is started, for one's own client to talk to.
//!
//! `cargo run --example own_client`

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use interop::embed::ServerPeer;

/// The server.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python-client/peer");

/// All of it; a test of this project calls it too.
pub fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = runtime.block_on(ServerPeer::start(PYTHON, "u32be/echo".parse()?))?;

    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"\0\0\0\x05hello")?;
    let mut answer = [0; 9];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, b"\0\0\0\x05hello");
    drop(stream);

    runtime.block_on(server.end());
    println!("the server in Python has answered");
    Ok(())
}
