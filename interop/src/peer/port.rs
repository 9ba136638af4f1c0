//! Ports: who may use which, and when.
//!
//! A port is leased before a program is told of it, by a lock file that other runs of the harness on
//! this machine respect too. So a hard-coded port is used by one program at a time, and a chosen one
//! is not chosen twice. One lease is of the number, whatever the transport.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::getuid;
use socket2::{Domain, Socket, Type};
use tokio::time::{Instant, sleep};

use crate::limits;
use crate::model::protocol::Transport;

/// Where free ports are chosen: below the range from which Linux takes the source ports of connections,
/// so that none of those can be in the way.
const CHOSEN: Range<u16> = 20_000..30_000;

/// A port that is ours until this is dropped.
#[derive(Debug)]
pub struct Lease {
    port: u16,
    _lock: File,
}

/// Why a port could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another program listens on it, or has bound it.
    #[error(
        "port {0} is in use by another program; it is hard-coded in this peer, so it has to be free"
    )]
    Taken(u16),
    /// Another run of the harness holds it, and does not end.
    #[error("port {0} was held by another run of interop for {1:?}")]
    Held(u16, Duration),
    /// None of those we choose from is free.
    #[error("no free port from {} to {}", CHOSEN.start, CHOSEN.end - 1)]
    None,
    /// The lock file cannot be used.
    #[error("port lock {}: {error}", path.display())]
    Lock {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl Lease {
    /// The port that a program hard-codes, once other runs and what they left behind are gone.
    ///
    /// # Errors
    /// When it is held for too long, or another program has it on this transport.
    pub async fn fixed(port: u16, transport: Transport) -> Result<Self, PortError> {
        let deadline = Instant::now() + limits::LOCK;
        let mut pause = Duration::from_millis(2);
        let lease = loop {
            if let Some(lease) = Self::try_lock(port)? {
                break lease;
            }
            if Instant::now() > deadline {
                return Err(PortError::Held(port, limits::LOCK));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        };
        // A process that is being started elsewhere may hold a copy of our own listener for a moment. What a
        // killed program had still to send keeps its port for longer, though nobody listens any more.
        let begun = Instant::now();
        while !is_free(port, transport) {
            let listens = open_doors(port, transport).next().is_some();
            let patience = if listens { limits::REBIND } else { limits::TIME_WAIT };
            if begun.elapsed() > patience {
                return Err(PortError::Taken(port));
            }
            sleep(limits::REBIND_PAUSE).await;
        }
        Ok(lease)
    }

    /// Any port that is free now, on every transport.
    ///
    /// # Errors
    /// When there is none.
    pub fn free() -> Result<Self, PortError> {
        let first = fastrand::u16(CHOSEN);
        for port in (first..CHOSEN.end).chain(CHOSEN.start..first) {
            if let Some(lease) = Self::try_lock(port)?
                && Transport::ALL.into_iter().all(|transport| is_free(port, transport))
            {
                return Ok(lease);
            }
        }
        Err(PortError::None)
    }

    /// The port's number.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn try_lock(port: u16) -> Result<Option<Self>, PortError> {
        let folder = std::env::temp_dir().join(format!("interop-ports-{}", getuid().as_raw()));
        let path = folder.join(port.to_string());
        let error = |error| PortError::Lock { path: path.clone(), error };
        fs::create_dir_all(&folder).map_err(error)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(error)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { port, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(error(e)),
        }
    }
}

/// Whether nothing has the port, on any address of ours. What waits in TIME_WAIT does not count.
fn is_free(port: u16, transport: Transport) -> bool {
    let bind = |address: Ipv4Addr| {
        let kind = match transport {
            Transport::Tcp => Type::STREAM,
            Transport::Udp => Type::DGRAM,
        };
        let socket = Socket::new(Domain::IPV4, kind, None)?;
        // It leaves TIME_WAIT out of account; sockets for datagrams would share the port.
        socket.set_reuse_address(transport == Transport::Tcp)?;
        socket.bind(&SocketAddrV4::new(address, port).into())
    };
    bind(Ipv4Addr::UNSPECIFIED).is_ok() && bind(Ipv4Addr::LOCALHOST).is_ok()
}

/// Whether a connection that was accepted on the port lingers in TIME_WAIT.
#[must_use]
pub fn is_in_time_wait(port: u16) -> bool {
    let waiting = |name| table::locals(name, port, table::TIME_WAIT);
    table::TCP.into_iter().flat_map(waiting).any(is_reachable)
}

/// Waits until none does, within a bound.
pub async fn outwait(port: u16) {
    let deadline = Instant::now() + limits::TIME_WAIT;
    while is_in_time_wait(port) && Instant::now() < deadline {
        sleep(limits::REBIND_PAUSE).await;
    }
}

/// The addresses on which something listens at this port, or takes datagrams from anybody, each once. None
/// where there are no tables.
#[must_use]
pub fn listeners(port: u16, transport: Transport) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = open_doors(port, transport).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The same, table by table: one in which nobody listens costs the kernel a walk over all its connections.
fn open_doors(port: u16, transport: Transport) -> impl Iterator<Item = IpAddr> {
    let (tables, state) = match transport {
        Transport::Tcp => (table::TCP, table::LISTEN),
        Transport::Udp => (table::UDP, table::UNCONNECTED),
    };
    tables.into_iter().flat_map(move |table| table::locals(table, port, state))
}

/// Whether something listens on the port: known without a connection, which would be a client to it.
pub async fn is_listening(port: u16, transport: Transport) -> bool {
    if cfg!(target_os = "linux") {
        return open_doors(port, transport).any(is_reachable);
    }
    match transport {
        Transport::Tcp => tokio::net::TcpStream::connect((super::HOST, port)).await.is_ok(),
        Transport::Udp => !is_free(port, transport),
    }
}

/// Waits until something listens on the port. Cancel safe.
pub async fn listening(port: u16, transport: Transport) {
    let mut pause = Duration::from_millis(1);
    while !is_listening(port, transport).await {
        sleep(pause).await;
        pause = (pause * 2).min(limits::REBIND_PAUSE);
    }
}

/// Whether a socket with this local address is one that we could reach at ours.
fn is_reachable(local: IpAddr) -> bool {
    // A socket of IPv6 serves IPv4 too, as `::` or as a mapped address.
    let local = local.to_canonical();
    local.is_unspecified() || local == IpAddr::V4(super::HOST)
}

/// Linux's tables of sockets.
mod table {
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// The tables of a transport, of IPv4 and of IPv6.
    pub type Tables = [&'static str; 2];
    pub const TCP: Tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    pub const UDP: Tables = ["/proc/net/udp", "/proc/net/udp6"];

    pub const TIME_WAIT: u8 = 0x06;
    /// Of a socket for datagrams that is bound, and not to one sender.
    pub const UNCONNECTED: u8 = 0x07;
    pub const LISTEN: u8 = 0x0a;

    /// The local addresses of a table's sockets in this state with this local port. Where there is no table, there
    /// are none.
    pub fn locals(table: &str, port: u16, state: u8) -> Vec<IpAddr> {
        let Ok(table) = File::open(table) else { return Vec::new() };
        let rows = BufReader::new(table).lines().map_while(Result::ok).skip(1);
        // Those that listen come first. The others may be tens of thousands, and the kernel writes down only
        // what is read.
        rows.filter_map(|row| Row::parse(&row))
            .take_while(|row| state != LISTEN || row.state == LISTEN)
            .filter(|row| (row.port, row.state) == (port, state))
            .map(|row| row.local)
            .collect()
    }

    /// What we want to know of a socket.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Row {
        pub local: IpAddr,
        pub port: u16,
        pub state: u8,
    }

    impl Row {
        pub fn parse(row: &str) -> Option<Self> {
            // The row's number, the local address, the remote one, the state.
            let mut columns = row.split_whitespace().skip(1);
            let (address, port) = columns.next()?.split_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            let state = u8::from_str_radix(columns.nth(1)?, 16).ok()?;
            Some(Self { local: parse(address)?, port, state })
        }
    }

    /// An address is written as numbers of 32 bits, each of which the kernel read from the address's bytes
    /// in the order of this machine.
    fn parse(address: &str) -> Option<IpAddr> {
        let word = |at: usize| {
            let digits = address.get(at * 8..(at + 1) * 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        };
        match address.len() {
            8 => Some(Ipv4Addr::from(word(0)?).into()),
            32 => {
                let mut octets = [0; 16];
                for (at, octets) in octets.chunks_exact_mut(4).enumerate() {
                    octets.copy_from_slice(&word(at)?);
                }
                Some(Ipv6Addr::from(octets).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_free_port_is_leased_once() {
        let leases: Vec<Lease> = (0..20).map(|_| Lease::free().unwrap()).collect();
        let mut ports: Vec<u16> = leases.iter().map(Lease::port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), leases.len());
    }

    #[tokio::test]
    async fn a_port_on_which_another_program_listens_is_an_error_that_names_it() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let error = Lease::fixed(port, Transport::Tcp).await.unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("in use"), "{error}");
        assert!(is_free(port, Transport::Udp), "datagrams go by other doors");
    }

    #[tokio::test]
    async fn a_port_at_which_another_program_takes_datagrams_is_taken_for_datagrams() {
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let error = Lease::fixed(port, Transport::Udp).await.unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("in use"), "{error}");
        drop(other);
        assert!(is_free(port, Transport::Udp));
    }

    #[tokio::test]
    async fn a_fixed_port_is_waited_for_while_another_holds_it() {
        let held = Lease::free().unwrap();
        let port = held.port();
        let waiting = tokio::spawn(Lease::fixed(port, Transport::Tcp));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        assert_eq!(waiting.await.unwrap().unwrap().port(), port);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn rows_of_the_kernels_tables_are_read() {
        let is = |row: &str, expected: Option<(&str, u16, u8)>| {
            let expected = expected.map(|(local, port, state)| {
                let local = local.parse().unwrap();
                table::Row { local, port, state }
            });
            assert_eq!(table::Row::parse(row), expected, "{row}");
        };
        is(
            "   0: 0201007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000",
            Some(("127.0.1.2", 8080, table::LISTEN)),
        );
        is(
            "   1: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A",
            Some(("2001:db8::1", 22, table::LISTEN)),
        );
        is(
            "   2: 0000000000000000FFFF00000100007F:0016 00000000:0000 06 00000000:00000000",
            Some(("::ffff:127.0.0.1", 22, table::TIME_WAIT)),
        );
        is("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when", None);
        is("   3: 01:0016 00:0000 0A", None);
        is("   3: 0100007F:0016", None);
        is("", None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_addresses_of_listeners_are_known() {
        for address in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"] {
            let address: IpAddr = address.parse().unwrap();
            let listener = match TcpListener::bind((address, 0)) {
                Ok(listener) => listener,
                // Machines without IPv6 are not rare.
                Err(_) if address.is_ipv6() => continue,
                Err(error) => panic!("{address}: {error}"),
            };
            let port = listener.local_addr().unwrap().port();
            // Another test may listen at the same port of another address.
            assert!(listeners(port, Transport::Tcp).contains(&address), "{address}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_takes_datagrams_from_anybody_listens_and_who_is_connected_does_not() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        let listens_on =
            |socket: &UdpSocket| listeners(socket.local_addr().unwrap().port(), Transport::Udp);
        assert_eq!(listens_on(&server), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(listens_on(&client).is_empty());
    }

    #[test]
    fn what_listens_on_our_address_or_on_all_is_reachable() {
        let reachable = |address: &str| is_reachable(address.parse().unwrap());
        for address in ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"] {
            assert!(reachable(address), "{address}");
        }
        for address in ["127.0.0.2", "::1", "10.0.0.1"] {
            assert!(!reachable(address), "{address}");
        }
    }
}
