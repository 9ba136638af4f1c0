//! A server that runs in the test itself: all cases are played against it, and nothing is started.
//!
//! `cargo run --example in_process_server`

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use interop::embed::Check;
use rust_server::framing::MaxFrame;

/// What the server takes, in bytes.
const LIMIT: u32 = 16 * 1024 * 1024;

/// All of it; a test of this project calls it too.
pub fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo(stream));
        }
    });

    let check = Check::server_at(address).max_frame(MaxFrame::new(LIMIT.into()));
    let played = check.cases("framing")?.cases("payload")?.cases("P9")?.run()?;
    played.assert_passes();
    println!("{}", played.report());
    Ok(())
}

/// One client, to the end. An error ends this connection alone.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut header = [0; 4];
        stream.read_exact(&mut header)?;
        let len = u32::from_be_bytes(header);
        if len > LIMIT {
            return Ok(());
        }
        // It grows by what comes: the length is only a claim.
        let mut frame = header.to_vec();
        let got = (&stream).take(len.into()).read_to_end(&mut frame)?;
        if got < len as usize {
            return Ok(());
        }
        stream.write_all(&frame)?;
    }
}
