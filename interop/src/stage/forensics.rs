//! What is found of programs and sockets when somebody is given up: before anything is killed, for the dead say
//! nothing.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::model::transcript::{Channel, Conn};
#[cfg(target_os = "linux")]
use crate::stage::sock_diag;

/// A connection with a program under test, as the kernel knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    /// What the program sends on it.
    from: Channel,
    /// Its address.
    pub program: SocketAddr,
    /// Ours.
    pub us: SocketAddr,
}

impl Wire {
    /// The connection over which `from` comes; `None` when it is gone already.
    pub fn of(stream: &TcpStream, from: Channel) -> Option<Self> {
        Some(Self { from, program: stream.peer_addr().ok()?, us: stream.local_addr().ok()? })
    }

    /// Which conversation it belongs to.
    pub const fn conn(&self) -> Conn {
        self.from.conn()
    }

    /// How far the program has read what it was sent.
    pub fn describe(&self) -> Option<String> {
        let who = match self.from {
            Channel::Answers(_) => "the server",
            Channel::Requests(_) | Channel::Delivered(_) => "the client",
        };
        let (unread, total) = queue(self.program, self.us)?;
        Some(match unread {
            0 => format!("{who} had read all {total} bytes"),
            _ => format!("{who} had left {unread} of {total} bytes unread"),
        })
    }
}

#[cfg(target_os = "linux")]
fn queue(program: SocketAddr, us: SocketAddr) -> Option<(u32, u64)> {
    let received = sock_diag::received(program, us).ok()??;
    Some((received.unread, received.total))
}

#[cfg(not(target_os = "linux"))]
fn queue(_program: SocketAddr, _us: SocketAddr) -> Option<(u32, u64)> {
    None
}
