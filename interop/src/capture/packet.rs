//! The bytes of a packet, from its IP header on, with the checksums that belong to them.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, TcpHeader};

/// Through how many routers a packet may go.
const HOPS: u8 = 64;

/// A TCP segment. The ports of its header are filled in.
pub fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    header: TcpHeader,
    payload: &[u8],
) -> io::Result<Vec<u8>> {
    let header = TcpHeader { source_port: from.port(), destination_port: to.port(), ..header };
    let builder = ip(from.ip(), to.ip()).tcp_header(header);
    let mut bytes = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut bytes, payload).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A UDP datagram.
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> io::Result<Vec<u8>> {
    let builder = ip(from.ip(), to.ip()).udp(from.port(), to.port());
    let mut bytes = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut bytes, payload).map_err(io::Error::other)?;
    Ok(bytes)
}

fn ip(from: IpAddr, to: IpAddr) -> PacketBuilderStep<IpHeaders> {
    match (from.to_canonical(), to.to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), HOPS),
        (from, to) => PacketBuilder::ipv6(v6(from).octets(), v6(to).octets(), HOPS),
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
