//! Asks Linux what the socket at the *other* end of a loopback connection has received and read.
//!
//! `NETLINK_SOCK_DIAG` answers for an exact pair of addresses, without privileges, in microseconds. The
//! peer's receive queue being empty, with all that we wrote received, is the proof that the peer has read
//! every byte so far (sock_diag(7), `struct inet_diag_msg`, `struct tcp_info`).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// A question to the kernel, open for many.
#[derive(Debug)]
pub struct SockDiag {
    netlink: OwnedFd,
}

/// What one end of a connection has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes that the kernel holds and the program has not read.
    pub unread: u32,
    /// Bytes received in order since the connection was made.
    pub total: u64,
    /// Segments with data in which they came.
    pub segments: u32,
}

/// [`SockDiag::received`], by the one way to the kernel that all connections of this process share: a way of
/// its own for each would double the number of open files.
///
/// # Errors
/// As there, and where the kernel does not offer it.
pub fn received(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Received>> {
    shared(|diag| diag.received(local, remote))
}

/// [`SockDiag::waiting_to_be_accepted`], likewise.
///
/// # Errors
/// As there, and where the kernel does not offer it.
pub fn waiting_to_be_accepted(local: SocketAddr) -> io::Result<Option<u32>> {
    shared(|diag| diag.waiting_to_be_accepted(local))
}

/// A question and its answer belong together, so one is asked at a time.
fn shared<T>(ask: impl FnOnce(&SockDiag) -> io::Result<T>) -> io::Result<T> {
    static SHARED: Mutex<Option<SockDiag>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let diag = match &mut *shared {
        Some(diag) => diag,
        none => none.insert(SockDiag::open()?),
    };
    let answer = ask(diag);
    if answer.is_err() {
        *shared = None; // an answer that comes late must not be taken for the next one's
    }
    answer
}

/// What the kernel found.
enum Socket {
    Listening { waiting: u32 },
    Connected(Received),
}

/// The netlink message type, and the flag that makes it a request.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
/// Asks for the `tcp_info` attribute: bit `INET_DIAG_INFO - 1`.
const EXT_INFO: u8 = 1 << 1;
const INET_DIAG_INFO: u16 = 2;
const IPPROTO_TCP: u8 = 6;
const TCP_LISTEN: u8 = 10;

const NLMSGHDR: usize = 16;
const REQUEST: usize = 56;
const INET_DIAG_MSG: usize = 72;
/// Of `idiag_rqueue` in `inet_diag_msg`.
const RQUEUE: usize = 56;
/// Of `tcpi_bytes_received` in `tcp_info`.
const BYTES_RECEIVED: usize = 128;
/// Of `tcpi_data_segs_in` in `tcp_info`.
const DATA_SEGMENTS: usize = 152;
/// More than any answer to an exact question.
const ANSWER: usize = 4096;

impl SockDiag {
    /// Opens the way to the kernel.
    ///
    /// # Errors
    /// Where the kernel, or a sandbox, does not offer it.
    pub fn open() -> io::Result<Self> {
        let netlink = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        Ok(Self { netlink })
    }

    /// What the socket bound to `local` and connected to `remote` has received; `None` when there is no
    /// such socket (any more).
    ///
    /// # Errors
    /// When the kernel cannot be asked, or does not answer in the form that it documents.
    pub fn received(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Received>> {
        match self.ask(local, remote)? {
            Some(Socket::Connected(received)) => Ok(Some(received)),
            // The connection is gone, and its listener was found instead.
            Some(Socket::Listening { .. }) | None => Ok(None),
        }
    }

    /// How many connections wait to be accepted by the socket that listens on `local`; `None` when none does.
    ///
    /// # Errors
    /// As for [`SockDiag::received`].
    pub fn waiting_to_be_accepted(&self, local: SocketAddr) -> io::Result<Option<u32>> {
        let nobody: SocketAddr = match local {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        match self.ask(local, nobody)? {
            Some(Socket::Listening { waiting }) => Ok(Some(waiting)),
            Some(Socket::Connected(_)) | None => Ok(None),
        }
    }

    fn ask(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Socket>> {
        let Some(request) = request(local, remote) else { return Ok(None) };
        send(&self.netlink, &request, SendFlags::empty())?;
        // The kernel answers before `send` returns: there is nothing to wait for.
        let mut answer = [0; ANSWER];
        let (_, len) = recv(&self.netlink, &mut answer[..], RecvFlags::DONTWAIT)?;
        parse(answer.get(..len).unwrap_or_default())
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`; `None` when the addresses are of two families.
fn request(local: SocketAddr, remote: SocketAddr) -> Option<[u8; NLMSGHDR + REQUEST]> {
    let mut message = [0; NLMSGHDR + REQUEST];
    message[0..4].copy_from_slice(&((NLMSGHDR + REQUEST) as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    let body = &mut message[NLMSGHDR..];
    body[1] = IPPROTO_TCP;
    body[2] = EXT_INFO;
    body[4..8].copy_from_slice(&u32::MAX.to_ne_bytes()); // any state
    body[8..10].copy_from_slice(&local.port().to_be_bytes());
    body[10..12].copy_from_slice(&remote.port().to_be_bytes());
    match (local, remote) {
        (SocketAddr::V4(local), SocketAddr::V4(remote)) => {
            body[0] = AddressFamily::INET.as_raw() as u8;
            body[12..16].copy_from_slice(&local.ip().octets());
            body[28..32].copy_from_slice(&remote.ip().octets());
        }
        (SocketAddr::V6(local), SocketAddr::V6(remote)) => {
            body[0] = AddressFamily::INET6.as_raw() as u8;
            body[12..28].copy_from_slice(&local.ip().octets());
            body[28..44].copy_from_slice(&remote.ip().octets());
        }
        _ => return None,
    }
    body[48..56].fill(0xff); // no cookie
    Some(message)
}

fn parse(answer: &[u8]) -> io::Result<Option<Socket>> {
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "unexpected answer of sock_diag");
    let kind = u16::from_ne_bytes(bytes(answer, 4).ok_or_else(strange)?);
    let body = answer.get(NLMSGHDR..).ok_or_else(strange)?;
    match kind {
        NLMSG_ERROR => {
            let errno = -i32::from_ne_bytes(bytes(body, 0).ok_or_else(strange)?);
            match io::Error::from_raw_os_error(errno) {
                error if error.kind() == io::ErrorKind::NotFound => Ok(None),
                error => Err(error),
            }
        }
        SOCK_DIAG_BY_FAMILY => {
            let state = *body.get(1).ok_or_else(strange)?;
            let queue = u32::from_ne_bytes(bytes(body, RQUEUE).ok_or_else(strange)?);
            if state == TCP_LISTEN {
                return Ok(Some(Socket::Listening { waiting: queue }));
            }
            let attributes = body.get(INET_DIAG_MSG..).ok_or_else(strange)?;
            let info = attribute(attributes, INET_DIAG_INFO).ok_or_else(strange)?;
            let total = u64::from_ne_bytes(bytes(info, BYTES_RECEIVED).ok_or_else(strange)?);
            let segments = u32::from_ne_bytes(bytes(info, DATA_SEGMENTS).ok_or_else(strange)?);
            Ok(Some(Socket::Connected(Received { unread: queue, total, segments })))
        }
        _ => Err(strange()),
    }
}

/// The value of the first attribute of a kind, in a run of `struct nlattr`.
fn attribute(mut run: &[u8], wanted: u16) -> Option<&[u8]> {
    const HEADER: usize = 4;
    loop {
        let len = usize::from(u16::from_ne_bytes(bytes(run, 0)?));
        let kind = u16::from_ne_bytes(bytes(run, 2)?);
        let value = run.get(HEADER..len)?;
        if kind == wanted {
            return Some(value);
        }
        run = run.get(len.next_multiple_of(4)..)?;
    }
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    #[test]
    fn what_the_other_end_has_not_read_is_known() {
        let diag = SockDiag::open().unwrap();
        let (mut ours, mut theirs) = connected();
        let (local, remote) = (theirs.local_addr().unwrap(), theirs.peer_addr().unwrap());
        let ask = || diag.received(local, remote).unwrap().unwrap();
        assert_eq!(ask(), Received { unread: 0, total: 0, segments: 0 });
        ours.write_all(b"seven b").unwrap();
        while ask().total < 7 {}
        assert_eq!(ask(), Received { unread: 7, total: 7, segments: 1 });
        theirs.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(ask(), Received { unread: 4, total: 7, segments: 1 });
        theirs.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(ask(), Received { unread: 0, total: 7, segments: 1 });
        for byte in [b"a", b"b"] {
            ours.write_all(byte).unwrap();
            theirs.read_exact(&mut [0]).unwrap();
        }
        assert_eq!(ask(), Received { unread: 0, total: 9, segments: 3 });
    }

    #[test]
    fn a_connection_that_is_not_there_is_none_even_where_its_listener_is() {
        let diag = SockDiag::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        assert_eq!(diag.received(local, "127.0.0.1:1".parse().unwrap()).unwrap(), None);
        assert_eq!(diag.received(local, "[::1]:1".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn who_waits_to_be_accepted_is_known() {
        let diag = SockDiag::open().unwrap();
        for listens_on in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(listens_on).unwrap();
            let port = listener.local_addr().unwrap().port();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let waiting = || diag.waiting_to_be_accepted(address).unwrap();
            assert_eq!(waiting(), Some(0), "{listens_on}");
            let _ours = TcpStream::connect(address).unwrap();
            while waiting() != Some(1) {}
            let _theirs = listener.accept().unwrap();
            assert_eq!(waiting(), Some(0), "{listens_on}");
            drop(listener);
            assert_eq!(waiting(), None, "{listens_on}");
        }
    }

    #[test]
    fn an_answer_cut_short_is_an_error_and_not_a_panic() {
        for len in 0..NLMSGHDR + INET_DIAG_MSG {
            let mut answer = vec![0; len];
            if len > 5 {
                answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            }
            assert!(parse(&answer).is_err(), "{len} bytes");
        }
    }
}
