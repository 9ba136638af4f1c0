//! What a server that answers nothing may be waiting for: the same message, with each other kind of header.
//!
//! A server that reads the length in the wrong byte order waits for a body of gigabytes; nothing that it
//! sends can say so. Asked in its own dialect it answers, and that is the diagnosis.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rust_server::framing::{ByteOrder, Counts, Framing, LengthPrefix, MaxFrame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::datagrams::Datagrams;
use crate::model::protocol::{Protocol, Transport, frame};
use crate::model::service::Service;

/// The question. Its length is below any one byte's limit, and differs from what any header adds to it.
const QUESTION: &str = "do you hear me?";

/// What a server understood of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It answers in its own framing: it has another fault.
    Rightly,
    /// It answers in another framing alone; what that differs in, in words.
    As(String),
    /// It answers in none.
    Nothing,
}

/// Asks in every framing at once.
pub async fn diagnose(server: SocketAddr, protocol: Protocol, patience: Duration) -> Heard {
    if protocol.transport == Transport::Udp {
        return by_datagrams(server, protocol, patience).await.unwrap_or(Heard::Nothing);
    }
    let mut asked = JoinSet::new();
    let dialects = Framing::names().filter_map(|name| name.parse::<Framing>().ok());
    let dialects = dialects.filter(|framing| {
        matches!(framing, Framing::LengthPrefix(_)) || *framing == protocol.framing
    });
    for framing in dialects.filter(|framing| differs(*framing, protocol.framing)) {
        asked.spawn(async move {
            let answered = timeout(patience, is_answered(server, framing, protocol)).await;
            matches!(answered, Ok(Ok(true))).then_some(framing)
        });
    }
    let understood: Vec<Framing> = asked.join_all().await.into_iter().flatten().collect();
    if understood.contains(&protocol.framing) {
        return Heard::Rightly;
    }
    if understood.is_empty()
        && let Ok(Ok(true)) =
            timeout(patience * 2, is_answered_late(server, protocol, patience)).await
    {
        return Heard::As("a complete message is handled only when more bytes come".to_owned());
    }
    match (protocol.framing, &understood[..]) {
        (Framing::LengthPrefix(due), &[Framing::LengthPrefix(heard), ..]) => {
            Heard::As(difference(due, heard))
        }
        _ => Heard::Nothing,
    }
}

/// A datagram has no header that could be misunderstood. But its answer may come from elsewhere, which nobody hears
/// who has asked by a connected socket; or wait for another question.
async fn by_datagrams(
    server: SocketAddr,
    protocol: Protocol,
    patience: Duration,
) -> io::Result<Heard> {
    let question = protocol.message(&QUESTION.into());
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    let mut answered = 0;
    for _ in 0..2 {
        socket.send_to(&question, server).await?;
        let mut room = vec![0; QUESTION.len() * 8];
        let Ok(answer) = timeout(patience, socket.recv_from(&mut room)).await else { continue };
        let (len, from) = answer?;
        if from != server {
            let words = "answers come from another port than the one that was asked";
            return Ok(Heard::As(words.to_owned()));
        }
        if is_right_answer(&protocol, &question, &room[..len]) {
            return Ok(Heard::Rightly);
        }
        answered += 1;
    }
    Ok(match answered {
        1 => Heard::As("a datagram is answered only when another one comes".to_owned()),
        _ => Heard::Nothing,
    })
}

fn is_right_answer(protocol: &Protocol, question: &Bytes, answer: &[u8]) -> bool {
    // No time is the right one twice.
    protocol.service == Service::Time || protocol.answer(question).is_some_and(|due| due == answer)
}

/// Whether the question in one framing means something else, or nothing, in the other: to a peer that echoes,
/// a header of eight bytes is an empty message and a header of four.
fn differs(framing: Framing, own: Framing) -> bool {
    let mut stream = BytesMut::from(&frame(framing, QUESTION.as_bytes())[..]);
    while let Ok(Some(_)) = own.decode(&mut stream, MaxFrame::new(u64::MAX)) {}
    framing == own || !stream.is_empty()
}

/// Asks a question in a framing and waits for the right answer.
pub(crate) async fn is_answered(
    server: SocketAddr,
    framing: Framing,
    protocol: Protocol,
) -> io::Result<bool> {
    if protocol.transport == Transport::Udp {
        return is_answered_by_datagram(server, protocol).await;
    }
    let (asked, due) = question(framing, protocol);
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&asked).await?;
    if framing.ends_with_stream() {
        stream.shutdown().await?;
    }
    is_right(&mut stream, due).await
}

async fn is_answered_by_datagram(server: SocketAddr, protocol: Protocol) -> io::Result<bool> {
    let question = protocol.message(&QUESTION.into());
    let socket = Datagrams::to(server).await?;
    socket.send(&question).await?;
    let answer = socket.receive().await?;
    Ok(is_right_answer(&protocol, &question, &answer))
}

/// Whether the answer comes with the first byte of the next question.
async fn is_answered_late(
    server: SocketAddr,
    protocol: Protocol,
    patience: Duration,
) -> io::Result<bool> {
    let (asked, due) = question(protocol.framing, protocol);
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&asked).await?;
    if timeout(patience / 2, stream.peek(&mut [0])).await.is_ok() {
        return Ok(false);
    }
    stream.write_all(&asked[..1]).await?;
    is_right(&mut stream, due).await
}

/// The question and the answer that is due to it, as frames.
fn question(framing: Framing, protocol: Protocol) -> (Bytes, Bytes) {
    let question = protocol.message(&QUESTION.into());
    let answer = protocol.answer(&question).unwrap_or_default();
    (frame(framing, &question), frame(framing, &answer))
}

async fn is_right(stream: &mut TcpStream, due: Bytes) -> io::Result<bool> {
    let mut answer = BytesMut::zeroed(due.len());
    stream.read_exact(&mut answer).await?;
    Ok(answer == due)
}

fn difference(due: LengthPrefix, heard: LengthPrefix) -> String {
    let name = Framing::LengthPrefix(heard);
    if heard == (LengthPrefix { order: heard.order, ..due }) {
        return match heard.order {
            ByteOrder::Little => "length field is little-endian".to_owned(),
            ByteOrder::Big => "length field is big-endian".to_owned(),
        };
    }
    if heard == (LengthPrefix { counts: heard.counts, ..due }) {
        return match heard.counts {
            Counts::HeaderAndBody => {
                format!("length counts the header itself (it understands {name})")
            }
            Counts::Body => format!("length does not count the header (it understands {name})"),
        };
    }
    let width = name.header_len();
    let bytes = if width == 1 { "byte" } else { "bytes" };
    format!("length field has {width} {bytes} (it understands {name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(heard: &str) -> String {
        let Framing::LengthPrefix(heard) = heard.parse().unwrap() else { panic!("no length") };
        difference(LengthPrefix::U32BE, heard)
    }

    #[test]
    fn a_framing_in_which_a_right_peer_answers_too_is_not_asked() {
        let differs_from_u32be = |name: &str| differs(name.parse().unwrap(), Framing::DEFAULT);
        assert!(differs_from_u32be("u32be") && differs_from_u32be("u32le"));
        assert!(!differs_from_u32be("u64be"));
    }

    #[test]
    fn the_difference_is_said_in_words() {
        assert_eq!(said("u32le"), "length field is little-endian");
        assert!(said("u32be-counted").starts_with("length counts the header itself"));
        assert!(said("u16be").starts_with("length field has 2 bytes"));
    }
}
