//! Where connections come from. An address has some ten thousand ports to connect from, and those of connections
//! that were closed lately are not free at once. The whole of 127.0.0.0/8 is this machine's, so there are more.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The addresses that are used, from 127.0.0.1 on, where the system has them.
const ADDRESSES: u8 = 16;

/// Addresses to connect from, one behind the other as their ports are used up.
#[derive(Debug, Default)]
pub struct Sources {
    used_up: Cell<u8>,
}

impl Sources {
    /// Connects; `receive_buffer` is what the kernel keeps for who does not read, in bytes, where that matters.
    ///
    /// # Errors
    /// What the system says; that no port is left only when all addresses are used up.
    pub async fn connect(
        &self,
        server: SocketAddr,
        receive_buffer: Option<u32>,
        within: Duration,
    ) -> io::Result<TcpStream> {
        loop {
            let used_up = self.used_up.get();
            let connected = timeout(within, Self::from_address(used_up, server, receive_buffer));
            match connected.await.map_err(io::Error::from).flatten() {
                Err(e) if has_no_port(&e) && used_up + 1 < ADDRESSES => {
                    self.used_up.set(self.used_up.get().max(used_up + 1));
                }
                connected => return connected,
            }
        }
    }

    async fn from_address(
        used_up: u8,
        server: SocketAddr,
        receive_buffer: Option<u32>,
    ) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        // The system knows best which ports of the first address can be used again.
        if used_up > 0 {
            socket.bind((Ipv4Addr::new(127, 0, 0, 1 + used_up), 0).into())?;
        }
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Binding says one, connecting the other.
fn has_no_port(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_the_ports_of_an_address_are_used_up_the_next_one_is_connected_from() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let sources = Sources::default();
        let mut addresses = Vec::new();
        for used_up in [0, 1, 2] {
            sources.used_up.set(used_up);
            let stream = sources.connect(server, None, Duration::from_secs(9)).await.unwrap();
            addresses.push(stream.local_addr().unwrap().ip().to_string());
        }
        assert_eq!(addresses, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
        assert!(has_no_port(&io::ErrorKind::AddrNotAvailable.into()));
    }
}
