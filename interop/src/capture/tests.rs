//! Captures read back by a reader of their own, which knows nothing of how they are made.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::pcapng::Interface;
use super::stream::SEGMENT;
use super::wire::Wrong;
use super::{About, write};
use crate::model::names::Role;
use crate::model::protocol::{NOTATION, frame};
use crate::model::transcript::Channel::{Answers, Requests};
use crate::model::transcript::{
    Act, Channel, ChannelEnd, Event, Setting, Sight, Stop, Transcript, What, Wire,
};

const PLENTY: u64 = 1 << 30;
const SERVER: &str = "127.0.0.1:9000";
const CLIENT: &str = "127.0.0.1:40000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn transcript(role: Role, protocol: &str, events: Vec<What>) -> Transcript {
    let setting = Setting {
        role,
        protocol: protocol.parse().expect("a protocol"),
        max_frame: None,
        greeting: Vec::new(),
        stop: Stop::EndOfInput,
        wire: Wire::Seen,
        began: Duration::from_secs(1_700_000_000),
    };
    let at = |(n, what)| Event { at: Duration::from_micros(n), what };
    Transcript { setting, events: (0..).zip(events).map(at).collect(), after: Vec::new() }
}

fn located(channel: Channel, program: &str, us: &str) -> What {
    What::Saw(Sight::Located { channel, program: address(program), us: address(us) })
}

fn came(channel: Channel, bytes: &[u8]) -> What {
    What::Saw(Sight::Bytes { channel, bytes: Bytes::copy_from_slice(bytes) })
}

fn wrote(bytes: &[u8]) -> What {
    What::Did(Act::Wrote { conn: 0, bytes: Bytes::copy_from_slice(bytes) })
}

fn ended(channel: Channel, end: ChannelEnd) -> What {
    What::Saw(Sight::Ended { channel, end })
}

fn about(wrong: Option<Wrong>) -> About {
    let interface = |name| Interface { name, description: format!("the {name}") };
    About {
        name: "name".to_owned(),
        comment: "framing.single: fail".to_owned(),
        interfaces: vec![interface("client"), interface("server")],
        wrong,
    }
}

/// A capture as it is read back.
struct Read {
    comment: String,
    packets: Vec<Packet>,
}

#[derive(Debug)]
struct Packet {
    interface: u32,
    at: Duration,
    comment: Option<String>,
    from: SocketAddr,
    to: SocketAddr,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: Vec<u8>,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn read(transcript: &Transcript) -> Read {
    read_all(&file(PLENTY, &about(None), transcript))
}

fn file(limit: u64, about: &About, transcript: &Transcript) -> Vec<u8> {
    write(Vec::new(), limit, about, transcript).expect("memory takes it")
}

fn u16_le(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}

fn u32_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u16_be(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_be(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn read_all(file: &[u8]) -> Read {
    let (mut comment, mut packets, mut rest) = (None, Vec::new(), file);
    while !rest.is_empty() {
        let len = u32_le(rest, 4) as usize;
        assert_eq!(u32_le(rest, len - 4) as usize, len, "a block's length stands at both ends");
        assert_eq!(len % 4, 0);
        let body = &rest[8..len - 4];
        match u32_le(rest, 0) {
            0x0a0d_0d0a => {
                assert_eq!((u32_le(body, 0), u16_le(body, 4)), (0x1a2b_3c4d, 1));
                comment = option(&body[16..], 1);
            }
            1 => assert_eq!((u16_le(body, 0), option(&body[8..], 9)), (101, Some("\t".into()))),
            6 => packets.push(packet(body)),
            other => panic!("a block of type {other}"),
        }
        rest = &rest[len..];
    }
    Read { comment: comment.expect("a section"), packets }
}

fn option(mut options: &[u8], wanted: usize) -> Option<String> {
    while !options.is_empty() {
        let (code, len) = (u16_le(options, 0), u16_le(options, 2));
        if code == wanted {
            let value = options[4..4 + len].to_vec();
            return Some(String::from_utf8(value).expect("text"));
        }
        options = &options[4 + len.next_multiple_of(4)..];
    }
    None
}

fn packet(block: &[u8]) -> Packet {
    let nanos = u64::from(u32_le(block, 4)) << 32 | u64::from(u32_le(block, 8));
    let len = u32_le(block, 12) as usize;
    assert_eq!(len, u32_le(block, 16) as usize, "nothing is cut off");
    let bytes = &block[20..20 + len];
    let comment = option(&block[20 + len.next_multiple_of(4)..], 1);
    let (protocol, from, to, transport) = ip(bytes);
    let ports = [u16_be(transport, 0), u16_be(transport, 2)];
    let tcp = protocol == 6;
    let header = if tcp { usize::from(transport[12] >> 4) * 4 } else { 8 };
    if !tcp {
        assert_eq!(usize::from(u16_be(transport, 4)), transport.len(), "the length of UDP");
    }
    Packet {
        interface: u32_le(block, 0),
        at: Duration::from_nanos(nanos),
        comment,
        from: SocketAddr::new(from, ports[0]),
        to: SocketAddr::new(to, ports[1]),
        seq: if tcp { u32_be(transport, 4) } else { 0 },
        ack: if tcp { u32_be(transport, 8) } else { 0 },
        flags: if tcp { transport[13] } else { 0 },
        payload: transport[header..].to_vec(),
    }
}

/// The protocol, both addresses and what is in an IP packet, all of whose checksums are right.
fn ip(bytes: &[u8]) -> (u8, std::net::IpAddr, std::net::IpAddr, &[u8]) {
    let (protocol, len, header, addresses) = match bytes[0] >> 4 {
        4 => {
            assert_eq!(sum(&[&bytes[..20]]), 0xffff, "the checksum of IP");
            (bytes[9], usize::from(u16_be(bytes, 2)), 20, &bytes[12..20])
        }
        6 => (bytes[6], usize::from(u16_be(bytes, 4)) + 40, 40, &bytes[8..40]),
        version => panic!("IP version {version}"),
    };
    assert_eq!(len, bytes.len(), "the length of IP");
    let transport = &bytes[header..];
    let pseudo = [&(transport.len() as u32).to_be_bytes()[..], &[0, 0, 0, protocol]].concat();
    assert_eq!(sum(&[addresses, &pseudo, transport]), 0xffff, "the checksum of TCP or UDP");
    let (from, to) = addresses.split_at(addresses.len() / 2);
    let address = |bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
        Ok(v4) => std::net::IpAddr::from(v4),
        Err(_) => <[u8; 16]>::try_from(bytes).expect("an address").into(),
    };
    (protocol, address(from), address(to), transport)
}

/// The sum in ones' complement of RFC 1071: all ones where the checksum in it is right.
fn sum(parts: &[&[u8]]) -> u16 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u64::from);
    let mut sum: u64 = parts.iter().flat_map(|part| part.chunks(2)).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What went from one address to another, where no byte is missing, twice there or out of order, and all of it
/// is acknowledged.
fn stream(read: &Read, from: &str, to: &str) -> Vec<u8> {
    let (from, to) = (address(from), address(to));
    let (mut next, mut acknowledged, mut stream) = (None, None, Vec::new());
    for packet in &read.packets {
        if (packet.from, packet.to) == (to, from) && packet.flags & ACK != 0 {
            assert_eq!(Some(packet.ack), next, "what is acknowledged has been sent: {packet:?}");
            acknowledged = next;
        }
        if (packet.from, packet.to) != (from, to) {
            continue;
        }
        assert!(next.is_none_or(|next| next == packet.seq), "{packet:?} where {next:?} is next");
        let numbers = packet.payload.len() as u32
            + u32::from(packet.flags & SYN != 0)
            + u32::from(packet.flags & FIN != 0);
        next = Some(packet.seq.wrapping_add(numbers));
        stream.extend_from_slice(&packet.payload);
    }
    let reset = read.packets.iter().any(|packet| packet.flags & RST != 0);
    assert!(reset || acknowledged == next, "all is acknowledged");
    stream
}

fn flags(read: &Read) -> Vec<u8> {
    read.packets.iter().map(|packet| packet.flags & (SYN | FIN | RST | ACK)).collect()
}

#[test]
fn a_connection_opens_carries_bytes_both_ways_and_ends() {
    let events = vec![
        located(Answers(0), SERVER, CLIENT),
        wrote(b"asked"),
        came(Answers(0), b"answered"),
        What::Did(Act::Finished { conn: 0 }),
        ended(Answers(0), ChannelEnd::Fin),
    ];
    let read = read(&transcript(Role::Server, "u32be/echo", events));
    assert_eq!(read.comment, "framing.single: fail");
    assert_eq!(stream(&read, CLIENT, SERVER), b"asked");
    assert_eq!(stream(&read, SERVER, CLIENT), b"answered");
    let handshake = [SYN, SYN | ACK, ACK];
    let end = [FIN | ACK, ACK];
    assert_eq!(flags(&read), [&handshake[..], &[ACK; 4], &end, &end].concat());
    assert_eq!(read.packets[0].from, address(CLIENT));
    assert_eq!(read.packets[0].at, Duration::from_secs(1_700_000_000));
    assert_eq!(read.packets[3].at, Duration::from_micros(1_700_000_000_000_001));
}

#[test]
fn a_client_that_is_reset_by_us_is_seen_on_its_ports_over_ipv6() {
    let (client, us) = ("[::1]:40000", "[::1]:9000");
    let events = vec![
        located(Requests(0), client, us),
        came(Requests(0), b"asked"),
        What::Did(Act::Aborted { conn: 0 }),
        wrote(b"nothing can follow"),
        ended(Requests(0), ChannelEnd::Fin),
    ];
    let read = read(&transcript(Role::Client, "u32be/echo", events));
    assert_eq!(stream(&read, client, us), b"asked");
    let last = read.packets.last().expect("packets");
    assert_eq!((last.from, last.flags & RST), (address(us), RST));
}

#[test]
fn what_is_longer_than_a_packet_is_parted() {
    let long: Vec<u8> = (0..3 * SEGMENT + 1).map(|n| (n % 251) as u8).collect();
    for (server, client) in [(SERVER, CLIENT), ("[::1]:9000", "[::1]:40000")] {
        let events = vec![located(Answers(0), server, client), came(Answers(0), &long)];
        let read = read(&transcript(Role::Server, "u32be/echo", events));
        assert!(stream(&read, server, client) == long);
        let segments = read.packets.iter().filter(|packet| !packet.payload.is_empty());
        assert_eq!(segments.count(), 4);
    }
}

#[test]
fn a_link_has_a_connection_on_either_side_and_passes_on_in_pieces_of_its_own() {
    let (client, to_client) = ("127.0.0.1:40000", "127.0.0.1:41000");
    let (server, to_server) = ("127.0.0.1:9000", "127.0.0.1:42000");
    let passed = |channel, bytes| What::Did(Act::PassedOn { channel, bytes });
    let events = vec![
        located(Requests(0), client, to_client),
        located(Answers(0), server, to_server),
        came(Requests(0), b"as"),
        came(Requests(0), b"ked!"),
        passed(Requests(0), 5),
        came(Answers(0), b"answered"),
        passed(Answers(0), 1),
        passed(Answers(0), 7),
        passed(Requests(0), 1),
        ended(Requests(0), ChannelEnd::Fin),
        ended(Answers(0), ChannelEnd::Reset),
    ];
    let read = read(&transcript(Role::Pairing, "u32be/echo", events));
    assert_eq!(stream(&read, client, to_client), b"asked!");
    assert_eq!(stream(&read, to_server, server), b"asked!");
    assert_eq!(stream(&read, server, to_server), b"answered");
    assert_eq!(stream(&read, to_client, client), b"answered");
    for packet in &read.packets {
        let ends = [packet.from, packet.to];
        assert_eq!(packet.interface, u32::from(ends.contains(&address(server))), "{packet:?}");
    }
    let of = |from: &str, flag| {
        let is = |packet: &&Packet| packet.from == address(from) && packet.flags & flag != 0;
        read.packets.iter().filter(is).count()
    };
    assert_eq!((of(client, FIN), of(to_server, FIN)), (1, 1));
    assert_eq!((of(server, RST), of(to_client, RST)), (1, 1));
    let sizes = |from: &str| -> Vec<usize> {
        let of = read.packets.iter().filter(|packet| packet.from == address(from));
        of.map(|packet| packet.payload.len()).filter(|len| *len > 0).collect()
    };
    assert_eq!(sizes(to_server), [5, 1]);
    assert_eq!(sizes(to_client), [1, 7]);
}

#[test]
fn datagrams_are_datagrams_even_if_they_are_empty_or_as_long_as_they_can_be() {
    let longest = [7; 65_507];
    let events = vec![
        located(Answers(0), SERVER, CLIENT),
        wrote(&frame(NOTATION, b"")),
        came(Answers(0), &frame(NOTATION, &longest)),
        ended(Answers(0), ChannelEnd::Refused),
    ];
    let read = read(&transcript(Role::Server, "datagram/echo", events));
    let payloads: Vec<&[u8]> = read.packets.iter().map(|packet| &packet.payload[..]).collect();
    assert_eq!(payloads, [&b""[..], &longest]);
    assert_eq!(read.packets[0].to, address(SERVER));
    assert_eq!(read.packets[1].to, address(CLIENT));
}

#[test]
fn the_first_wrong_byte_is_told_where_it_is_and_the_end_where_one_was_due() {
    let events = vec![
        located(Answers(0), SERVER, CLIENT),
        wrote(b"asked"),
        came(Answers(0), b"ans"),
        came(Answers(0), b"were"),
        ended(Answers(0), ChannelEnd::Fin),
    ];
    let transcript = transcript(Role::Server, "u32be/echo", events);
    let told = |offset| -> Vec<(Vec<u8>, u8, String)> {
        let wrong = Wrong { channel: Answers(0), offset, what: "P3".to_owned() };
        let read = read_all(&file(PLENTY, &about(Some(wrong)), &transcript));
        let told = read.packets.into_iter().filter(|packet| packet.comment.is_some());
        told.map(|packet| (packet.payload, packet.flags & FIN, packet.comment.unwrap_or_default()))
            .collect()
    };
    assert_eq!(told(5), [(b"were".to_vec(), 0, "byte 2 of this segment: P3".to_owned())]);
    assert_eq!(told(7), [(Vec::new(), FIN, "P3".to_owned())]);
    assert_eq!(told(9), []);
}

#[test]
fn a_capture_that_would_be_too_large_is_cut_between_packets_and_says_so() {
    let mut events = vec![located(Answers(0), SERVER, CLIENT)];
    events.extend((0..100).map(|_| came(Answers(0), &[0; 1000])));
    let transcript = transcript(Role::Server, "u32be/echo", events);
    let whole = read(&transcript).packets.len();
    for limit in [1_500, 20_000, 20_001, 20_002, 20_003] {
        let file = file(limit, &about(None), &transcript);
        assert!(file.len() as u64 <= limit, "{} of {limit}", file.len());
        let packets = read_all(&file).packets;
        let said = packets.last().and_then(|last| last.comment.clone()).expect("it says so");
        let left_out = format!("{} more packets are left out", whole - packets.len());
        assert!(said.contains(&left_out), "{said}");
        assert!(packets.iter().rev().skip(1).all(|packet| packet.comment.is_none()));
    }
    let all = file(PLENTY, &about(None), &transcript);
    assert!(read_all(&all).packets.iter().all(|packet| packet.comment.is_none()));
}

#[test]
fn a_comment_that_is_too_long_for_the_format_is_clipped() {
    let long = About { comment: "ü".repeat(100_000), ..about(None) };
    let read = read_all(&file(PLENTY, &long, &transcript(Role::Server, "u32be/echo", vec![])));
    assert!(read.comment.starts_with("üü") && read.comment.len() < 10_000);
}

#[test]
fn a_connection_on_the_same_ports_as_one_before_begins_with_other_numbers() {
    let again = || located(Answers(0), SERVER, CLIENT);
    let events =
        vec![again(), wrote(b"first"), What::Did(Act::Finished { conn: 0 }), again(), wrote(b"2")];
    let read = read(&transcript(Role::Server, "u32be/echo", events));
    let opens = read.packets.iter().filter(|packet| packet.flags & (SYN | ACK) == SYN);
    let numbers: Vec<u32> = opens.map(|packet| packet.seq).collect();
    assert_eq!(numbers.len(), 2);
    assert!(numbers[1].wrapping_sub(numbers[0]) > 65_536, "{numbers:?}");
}

#[test]
fn what_is_known_to_come_from_nowhere_is_left_out() {
    let events = vec![wrote(b"to nobody"), came(Answers(0), b"from nobody")];
    assert_eq!(read(&transcript(Role::Server, "u32be/echo", events)).packets.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is written, read and ended in whatever order: all of it is there, once, until the end.
    #[test]
    fn every_byte_before_an_end_is_there_once(
        steps in prop::collection::vec((0_u8..12, 0_usize..2 * SEGMENT), 1..12),
    ) {
        let (mut events, mut asked, mut answered) =
            (vec![located(Answers(0), SERVER, CLIENT)], Vec::<u8>::new(), Vec::<u8>::new());
        let (mut open, mut heard) = (true, true);
        for (n, (kind, len)) in steps.into_iter().enumerate() {
            let bytes = vec![n as u8; len];
            match kind {
                0 => {
                    events.push(What::Did(Act::Finished { conn: 0 }));
                    open = false;
                }
                1 => {
                    events.push(ended(Answers(0), ChannelEnd::Fin));
                    heard = false;
                }
                2..7 => {
                    events.push(wrote(&bytes));
                    asked.extend(bytes.iter().filter(|_| open));
                }
                _ => {
                    events.push(came(Answers(0), &bytes));
                    answered.extend(bytes.iter().filter(|_| heard));
                }
            }
        }
        let read = read(&transcript(Role::Server, "u32be/echo", events));
        prop_assert!(stream(&read, CLIENT, SERVER) == asked);
        prop_assert!(stream(&read, SERVER, CLIENT) == answered);
    }
}
