//! The server over real sockets, embedded as anybody may embed it: one test for each promise, P5 to
//! P12, and for each limit. Nothing here sleeps for luck or measures time; `within` only turns a hang
//! into a failure.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rust_server::framing::{FrameError, Framing, MaxFrame};
use rust_server::limits;
use rust_server::server::{Config, Server};
use rust_server::service::{Answers, Next, Pending, Service};
use rust_server::settings::{Grace, MaxConnections, Timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far more than anything here takes, even on a loaded machine.
const HANG: Duration = Duration::from_secs(60);

/// Long enough to call a writer blocked. Were it too short on some machine, the tests that use it
/// would prove less, not fail.
const QUIET: Duration = Duration::from_millis(300);

/// A grace time that no test lives to see the end of: what ends within it ends for another reason.
const AMPLE: Grace = Grace::new(Duration::from_secs(3600));

/// Short, where a test waits for a time-out to strike.
const SOON: Duration = Duration::from_millis(100);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, future).await {
        Ok(value) => value,
        Err(_) => panic!("hangs: {what}"),
    }
}

/// A server that serves until it is stopped or dropped.
struct Serving {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Serving {
    async fn echo() -> Self {
        Self::with(config()).await
    }

    async fn with(config: Config) -> Self {
        let server = Server::bind(config).await.expect("a free port");
        Self::start(server)
    }

    fn start<S: Service>(server: Server<S>) -> Self {
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // A dropped handle is no order to stop: the runtime of the test ends it.
            if stopped.await.is_err() {
                std::future::pending().await
            }
        };
        let task = tokio::spawn(server.serve_until(stopped));
        Self { address, stop: Some(stop), task }
    }

    async fn connect(&self) -> Peer {
        Peer::over(TcpStream::connect(self.address).await.expect("a connection"))
    }

    /// Asks it to stop.
    fn stop(&mut self) {
        let stop = self.stop.take().expect("stopped once");
        stop.send(()).expect("it serves");
    }

    async fn ended(self) {
        within("the end of the server", self.task).await.expect("no panic");
    }
}

/// The raw end of a connection to the server.
struct Peer {
    stream: TcpStream,
}

impl Peer {
    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self { stream }
    }

    async fn send(&mut self, bytes: &[u8]) {
        within("sending", self.stream.write_all(bytes)).await.expect("sent");
    }

    async fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        within("an answer", self.stream.read_exact(&mut got)).await.expect("an answer");
        assert_eq!(got, bytes);
    }

    async fn round_trip(&mut self, body: &[u8]) {
        self.send(&frame(body)).await;
        self.expect(&frame(body)).await;
    }

    async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("half-closed");
    }

    /// Everything up to the server's FIN. A reset is a failure.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        within("the end of the stream", self.stream.read_to_end(&mut rest))
            .await
            .expect("ended by FIN, not by a reset");
        rest
    }

    /// Ends the connection by RST.
    fn reset(self) {
        self.stream.set_zero_linger().expect("SO_LINGER");
    }

    fn is_silent(&self) -> bool {
        let read = self.stream.try_read(&mut [0; 1]);
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

fn config() -> Config {
    Config::default().listen("127.0.0.1:0".parse().expect("an address"))
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

fn frames(bodies: &[&[u8]]) -> Vec<u8> {
    bodies.iter().flat_map(|body| frame(body)).collect()
}

// ---- P4, P5, P6: cuts, promptness, independence

#[tokio::test]
async fn messages_sent_byte_by_byte_are_answered() {
    let server = Serving::echo().await;
    let mut peer = server.connect().await;
    let stream = frames(&[b"hello", b"", "你好".as_bytes()]);
    for byte in &stream {
        peer.send(&[*byte]).await;
    }
    peer.expect(&stream).await;
}

#[tokio::test]
async fn a_complete_message_is_answered_while_the_next_is_incomplete() {
    let server = Serving::echo().await;
    let mut peer = server.connect().await;
    let second = frame(b"second");
    for cut in 1..second.len() {
        let (head, tail) = second.split_at(cut);
        peer.send(&[&frame(b"first"), head].concat()).await;
        peer.expect(&frame(b"first")).await;
        peer.send(tail).await;
        peer.expect(&second).await;
    }
    peer.half_close().await;
    assert_eq!(peer.rest().await, b"", "nothing but the answers");
}

#[tokio::test]
async fn many_messages_in_one_segment_are_answered_once_each_in_order() {
    let server = Serving::echo().await;
    let mut peer = server.connect().await;
    let stream: Vec<u8> = (0..5000_u32).flat_map(|n| frame(&n.to_be_bytes())).collect();
    peer.send(&stream).await;
    peer.half_close().await;
    assert_eq!(peer.rest().await, stream);
}

#[tokio::test]
async fn a_client_that_holds_half_a_frame_does_not_hold_up_others() {
    let server = Serving::echo().await;
    let mut holder = server.connect().await;
    holder.send(&frame(b"held")[..6]).await;
    for _ in 0..50 {
        server.connect().await.round_trip(b"others").await;
    }
    holder.send(&frame(b"held")[6..]).await;
    holder.expect(&frame(b"held")).await;
}

#[tokio::test]
async fn connections_that_are_cut_and_mixed_get_their_own_answers() {
    let server = Serving::echo().await;
    let mut peers = Vec::new();
    for n in 0..20_u8 {
        peers.push((server.connect().await, frame(&[n; 50])));
    }
    for at in 0..peers[0].1.len() {
        for (peer, stream) in &mut peers {
            peer.send(&stream[at..=at]).await;
        }
    }
    for (peer, stream) in &mut peers {
        peer.expect(stream).await;
    }
}

// ---- P7, P8: the client ends its stream

#[tokio::test]
async fn after_a_half_close_all_answers_are_delivered_before_the_end() {
    let server = Serving::echo().await;
    let mut peer = server.connect().await;
    let stream = frame(&vec![7; 4 << 20]);
    let (mut read, mut write) = peer.stream.split();
    let mut answers = Vec::new();
    let write_all = async {
        write.write_all(&stream).await?;
        write.shutdown().await
    };
    let both = async { tokio::try_join!(write_all, read.read_to_end(&mut answers)) };
    within("four mebibytes", both).await.expect("no reset");
    assert!(answers == stream, "{} bytes", answers.len());
}

#[tokio::test]
async fn an_empty_connection_is_closed() {
    let server = Serving::echo().await;
    let mut peer = server.connect().await;
    peer.half_close().await;
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn a_stream_that_ends_inside_a_frame_gets_the_answers_before_it_and_no_more() {
    let server = Serving::echo().await;
    let cut = frame(b"truncated");
    for at in 1..cut.len() {
        let mut peer = server.connect().await;
        peer.send(&[&frame(b"whole"), &cut[..at]].concat()).await;
        peer.half_close().await;
        assert_eq!(peer.rest().await, frame(b"whole"), "cut at {at}");
    }
}

// ---- P9: the limit

#[tokio::test]
async fn a_message_of_exactly_the_limit_is_answered_and_one_more_byte_is_refused() {
    let server = Serving::with(config().max_frame(MaxFrame::new(100))).await;
    let mut peer = server.connect().await;
    peer.round_trip(&[1; 100]).await;
    peer.send(&frame(&[1; 101])).await;
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn a_length_over_the_limit_ends_the_connection_from_the_header_alone() {
    let server = Serving::echo().await;
    for length in [0x0100_0001_u32, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let mut peer = server.connect().await;
        peer.send(&length.to_be_bytes()).await;
        assert_eq!(peer.rest().await, b"", "{length:#x}");
    }
}

#[tokio::test]
async fn answers_before_a_refused_length_survive_although_the_client_keeps_sending() {
    let server = Serving::echo().await;
    for _ in 0..20 {
        let mut peer = server.connect().await;
        let good: Vec<u8> = frame(b"good").repeat(100);
        let bad = 0xffff_ffff_u32.to_be_bytes();
        peer.send(&[&good, &bad[..], &[0; 4096]].concat()).await;
        // Late input, which a server that closes at once would answer by a reset.
        peer.send(&[0; 256 * 1024]).await;
        assert_eq!(peer.rest().await, good);
    }
}

#[tokio::test]
async fn a_refused_length_harms_no_other_connection() {
    let server = Serving::echo().await;
    let mut other = server.connect().await;
    other.send(&frame(b"other")[..7]).await;
    let mut bad = server.connect().await;
    bad.send(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(bad.rest().await, b"");
    other.send(&frame(b"other")[7..]).await;
    other.expect(&frame(b"other")).await;
}

// ---- P10: a client that does not read

/// Sends frames until the socket takes no more for a while; gives what was sent.
async fn write_without_reading(peer: &mut Peer, at_most: usize) -> Vec<u8> {
    let chunk: Vec<u8> = (0..100_u8).flat_map(|n| frame(&[n; 1000])).collect();
    let mut sent = Vec::new();
    while sent.len() < at_most {
        let offset = sent.len() % chunk.len();
        match tokio::time::timeout(QUIET, peer.stream.write(&chunk[offset..])).await {
            Ok(written) => {
                let written = written.expect("the connection stands");
                sent.extend_from_slice(&chunk[offset..offset + written]);
            }
            Err(_) => break,
        }
    }
    sent
}

/// A client with small buffers, so that little is needed to fill them.
async fn connect_small(address: SocketAddr) -> Peer {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 * 1024).expect("SO_RCVBUF");
    socket.set_send_buffer_size(16 * 1024).expect("SO_SNDBUF");
    Peer::over(socket.connect(address).await.expect("a connection"))
}

/// A client that takes little at once, so that answers to it mostly wait.
async fn connect_with_small_window(address: SocketAddr) -> Peer {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 * 1024).expect("SO_RCVBUF");
    Peer::over(socket.connect(address).await.expect("a connection"))
}

#[tokio::test]
async fn a_client_that_does_not_read_is_held_back_and_gets_everything_when_it_reads() {
    let server = Serving::echo().await;
    let mut peer = connect_small(server.address).await;
    let without_bound = 256 << 20;
    let sent = write_without_reading(&mut peer, without_bound).await;
    assert!(sent.len() < without_bound, "the server takes it all");

    // Others are served meanwhile (P6).
    server.connect().await.round_trip(b"isolated").await;

    let unfinished = sent.len() % 1004;
    let rest = &frame(&[((sent.len() / 1004) % 100) as u8; 1000])[unfinished..];
    let (mut read, mut write) = peer.stream.split();
    let mut answers = Vec::new();
    let finish = async {
        write.write_all(rest).await?;
        write.shutdown().await
    };
    let both = async { tokio::try_join!(finish, read.read_to_end(&mut answers)) };
    within("reading everything", both).await.expect("no reset");
    assert_eq!(answers.len(), sent.len() + rest.len());
    assert!(answers.starts_with(&sent), "other bytes than were sent");
}

#[tokio::test]
async fn a_client_that_never_reads_is_ended_by_the_idle_timeout() {
    let server = Serving::with(config().idle_timeout(Timeout::after(SOON))).await;
    let mut peer = connect_small(server.address).await;
    let chunk = frame(&[1; 1000]);
    let until_it_fails = async { while peer.stream.write_all(&chunk).await.is_ok() {} };
    within("the end of a stalled connection", until_it_fails).await;
}

// ---- P11: resets

#[tokio::test]
async fn resets_in_every_state_harm_nobody() {
    let mut server = Serving::echo().await;
    let mut other = server.connect().await;
    for _ in 0..20 {
        server.connect().await.reset();
        let mut in_header = server.connect().await;
        in_header.send(&[0, 0]).await;
        in_header.reset();
        let mut in_body = server.connect().await;
        in_body.send(&frame(b"hello")[..6]).await;
        in_body.reset();
        let mut answering = connect_small(server.address).await;
        answering.send(&frame(&[0; 8000])).await;
        answering.reset();
        other.round_trip(b"still there").await;
    }
    server.connect().await.round_trip(b"and accepting").await;
    other.half_close().await;
    server.stop();
    server.ended().await;
}

// ---- time-outs and the limit of connections

#[tokio::test]
async fn an_idle_connection_is_ended_after_its_answers() {
    let server = Serving::with(config().idle_timeout(Timeout::after(SOON))).await;
    let mut peer = server.connect().await;
    peer.send(&frame(b"then silence")).await;
    assert_eq!(peer.rest().await, frame(b"then silence"));
}

#[tokio::test]
async fn an_unfinished_frame_is_ended_although_its_bytes_keep_dripping() {
    let timeout = Timeout::after(SOON);
    let config = config().idle_timeout(Timeout::OFF).frame_timeout(timeout);
    let server = Serving::with(config).await;
    let mut peer = server.connect().await;
    peer.send(&frame(b"first")).await;
    peer.expect(&frame(b"first")).await;
    peer.send(&[0, 0xff, 0xff, 0xff]).await;
    let (mut read, mut write) = peer.stream.split();
    // Were the time-out one of each read, this would drip on until the hang is noticed.
    let drip = async {
        while write.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(SOON / 20).await;
        }
    };
    let mut rest = Vec::new();
    let ended = async {
        tokio::select! {
            read = read.read_to_end(&mut rest) => read.map(drop),
            () = drip => Ok(()),
        }
    };
    within("the end of a slow frame", ended).await.expect("no reset");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn the_frame_timeout_is_one_of_each_frame_also_when_the_stream_never_pauses_at_a_boundary() {
    let timeout = Duration::from_secs(3);
    let config = config().frame_timeout(Timeout::after(timeout));
    let server = Serving::with(config).await;
    let mut peer = server.connect().await;
    let (head, tail) = (&frame(b"hello")[..6], &frame(b"hello")[6..]);
    peer.send(head).await;
    let rounds = 40;
    for _ in 0..rounds {
        peer.send(&[tail, head].concat()).await;
        peer.expect(&frame(b"hello")).await;
        // Each frame takes little of the time-out, all of them more than it.
        tokio::time::sleep(timeout / 30).await;
    }
}

#[tokio::test]
async fn an_idle_connection_at_a_boundary_is_not_ended_by_the_frame_timeout() {
    let config = config().idle_timeout(Timeout::OFF).frame_timeout(Timeout::after(SOON));
    let server = Serving::with(config).await;
    let mut peer = server.connect().await;
    peer.round_trip(b"before").await;
    tokio::time::sleep(3 * SOON).await;
    peer.round_trip(b"after").await;
}

#[tokio::test]
async fn a_client_over_the_limit_of_connections_waits_and_is_served_later() {
    let one = MaxConnections::new(NonZeroUsize::MIN);
    let server = Serving::with(config().max_connections(one)).await;
    let mut first = server.connect().await;
    first.round_trip(b"first").await;
    let mut second = server.connect().await;
    second.send(&frame(b"second")).await;
    for _ in 0..500 {
        first.round_trip(b"the first goes on").await;
    }
    assert!(second.is_silent(), "served beyond the limit");
    first.half_close().await;
    assert_eq!(first.rest().await, b"");
    second.expect(&frame(b"second")).await;
}

// ---- P12: the end

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let server = Serving::echo().await;
    let again = config().listen(server.address.into());
    let error = Server::bind(again).await.expect_err("the port is taken");
    assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
}

#[tokio::test]
async fn a_stopped_server_answers_what_came_and_frees_its_port() {
    let mut server = Serving::with(config().grace(AMPLE)).await;
    let address = server.address;
    let mut idle = server.connect().await;
    idle.round_trip(b"served before").await;
    let mut busy = server.connect().await;
    busy.round_trip(b"accepted").await;
    busy.send(&frame(b"came before the stop")).await;
    server.stop();
    assert_eq!(idle.rest().await, b"");
    assert_eq!(busy.rest().await, frame(b"came before the stop"));
    drop((idle, busy));
    server.ended().await;

    assert!(TcpStream::connect(address).await.is_err(), "it still accepts");
    let again = Serving::with(config().listen(address.into())).await;
    again.connect().await.round_trip(b"at once").await;
}

#[tokio::test]
async fn a_frame_that_has_begun_may_be_finished_after_the_stop() {
    let mut server = Serving::with(config().grace(AMPLE)).await;
    let mut peer = server.connect().await;
    let half = frame(b"half");
    peer.send(&[&frame(b"whole"), &half[..6]].concat()).await;
    peer.expect(&frame(b"whole")).await;
    let listener_closed = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let stop = server.stop.take().expect("stopped once");
    stop.send(()).expect("it serves");
    within("the end of accepting", listener_closed).await;
    peer.send(&half[6..]).await;
    assert_eq!(peer.rest().await, half);
    drop(peer);
    server.ended().await;
}

#[tokio::test]
async fn a_frame_that_is_never_finished_is_not_waited_for_beyond_the_grace() {
    let mut server = Serving::with(config().grace(Grace::new(SOON))).await;
    let mut peer = server.connect().await;
    peer.send(&[&frame(b"whole"), &[0, 0][..]].concat()).await;
    peer.expect(&frame(b"whole")).await;
    server.stop();
    assert_eq!(peer.rest().await, b"");
    server.ended().await;
}

#[tokio::test]
async fn a_stopped_server_never_ends_by_fin_inside_an_answer() {
    let mut server = Serving::with(config().grace(Grace::new(SOON))).await;
    let mut peer = connect_with_small_window(server.address).await;
    // All of it is read by the server, so that its kernel has no reason of its own for a reset; and
    // the answer is more than the buffers on its way hold.
    let message = frame(&vec![7; 14 << 20]);
    peer.send(&message).await;
    peer.expect(&message[..100]).await;
    server.stop();
    server.ended().await;
    let mut rest = Vec::new();
    let ended = within("the end", peer.stream.read_to_end(&mut rest)).await;
    let error = ended.expect_err("an answer that was cut is no orderly end");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(rest.len() + 100 < message.len(), "nothing was cut");
}

#[tokio::test]
async fn a_stopped_server_bears_with_a_client_that_pipelines_on() {
    let mut server = Serving::with(config().grace(AMPLE)).await;
    let mut peer = server.connect().await;
    peer.round_trip(b"accepted").await;
    server.stop();
    assert_eq!(peer.rest().await, b"");
    // Were the drain bounded by bytes or by its whole time, this would be answered by a reset, which
    // destroys answers that the client has not read yet.
    let late = frame(&[9; 3000]).repeat(1000);
    let mut sent = 0;
    while sent <= 2 * limits::DRAIN_BYTES {
        peer.send(&late).await;
        sent += late.len() as u64;
    }
    peer.half_close().await;
    server.ended().await;
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn the_grace_can_be_cut_short_and_what_is_unfinished_is_reset() {
    // Nothing but the cut ends anything here.
    let config = config().grace(AMPLE).frame_timeout(Timeout::OFF);
    let server = Server::bind(config).await.expect("a free port");
    let address = server.local_addr();
    let (cut, order) = oneshot::channel::<()>();
    let (stop, stopped) = oneshot::channel::<()>();
    let received = |order: oneshot::Receiver<()>| async { order.await.expect("an order") };
    let serving = tokio::spawn(server.serve_until_cut(received(stopped), received(order)));
    let mut unread = connect_with_small_window(address).await;
    let message = frame(&vec![7; 14 << 20]);
    unread.send(&message).await;
    unread.expect(&message[..100]).await;
    let mut unfinished = Peer::over(TcpStream::connect(address).await.expect("a connection"));
    unfinished.send(&[&frame(b"whole"), &[0, 0][..]].concat()).await;
    unfinished.expect(&frame(b"whole")).await;
    stop.send(()).expect("it serves");
    cut.send(()).expect("it serves");
    within("the end of the server", serving).await.expect("no panic");
    assert_eq!(unfinished.rest().await, b"");
    let ended = within("the end", unread.stream.read_to_end(&mut Vec::new())).await;
    let error = ended.expect_err("an answer that was cut is no orderly end");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn clients_that_never_pause_get_whole_frames_and_then_the_end() {
    // The last quarter of the grace is theirs to read what is due: time enough on any machine.
    let grace = Grace::new(Duration::from_secs(20));
    let mut server = Serving::with(config().grace(grace)).await;
    let mut talkers = Vec::new();
    for _ in 0..4 {
        let mut peer = connect_with_small_window(server.address).await;
        peer.round_trip(b"accepted").await;
        talkers.push(tokio::spawn(async move {
            let (mut read, mut write) = peer.stream.into_split();
            let talking = tokio::spawn(async move {
                // More than the server takes at once: there is always more behind a boundary.
                let messages = frame(&[9; 3000]).repeat(1000);
                while write.write_all(&messages).await.is_ok() {}
            });
            let mut answers = BytesMut::new();
            while within("an answer", read.read_buf(&mut answers)).await? > 0 {
                while let Ok(Some(_)) = Framing::DEFAULT.decode(&mut answers, MaxFrame::DEFAULT) {}
            }
            talking.abort();
            Ok::<_, io::Error>(answers.len())
        }));
    }
    server.stop();
    for talker in talkers {
        let inside_a_frame = talker.await.expect("no panic").expect("ended by FIN");
        assert_eq!(inside_a_frame, 0);
    }
    server.ended().await;
}

// ---- services and framings

#[derive(Clone)]
struct Faulty;

impl Service for Faulty {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        match &message[..] {
            b"panic" => {
                answers.send(b"not sent")?;
                panic!("on request")
            }
            b"end" => {
                answers.send(b"farewell")?;
                Ok(Next::End)
            }
            b"huge" => {
                answers.send(&[0; 2000])?;
                Ok(Next::Continue)
            }
            _ => {
                answers.send(b"one")?;
                answers.send(b"two")?;
                Ok(Next::Continue)
            }
        }
    }
}

async fn faulty() -> Serving {
    let config = config().max_frame(MaxFrame::new(1000));
    let server = Server::bind_service(config, Faulty).await.expect("a free port");
    Serving::start(server)
}

#[tokio::test]
async fn a_service_may_answer_twice_and_end_the_connection() {
    let server = faulty().await;
    let mut peer = server.connect().await;
    peer.send(&frames(&[b"hello", b"end", b"not looked at"])).await;
    assert_eq!(peer.rest().await, frames(&[b"one", b"two", b"farewell"]));
}

#[tokio::test]
async fn an_answer_over_the_limit_ends_the_connection_after_the_answers_before_it() {
    let server = faulty().await;
    let mut peer = server.connect().await;
    peer.send(&frames(&[b"hello", b"huge"])).await;
    assert_eq!(peer.rest().await, frames(&[b"one", b"two"]));
}

#[tokio::test]
async fn a_service_that_panics_ends_its_own_connection_alone() {
    let server = faulty().await;
    let mut other = server.connect().await;
    other.send(&frame(b"hello")).await;
    other.expect(&frames(&[b"one", b"two"])).await;
    let mut peer = server.connect().await;
    peer.send(&frames(&[b"hello", b"panic", b"not looked at"])).await;
    assert_eq!(peer.rest().await, frames(&[b"one", b"two"]), "the answers before it");
    other.send(&frame(b"hello")).await;
    other.expect(&frames(&[b"one", b"two"])).await;
}

/// Takes time for each answer, and for `never` all of it.
#[derive(Clone)]
struct Slow;

impl Service for Slow {
    fn answer(&mut self, message: Bytes, _: &mut Answers<'_>) -> Result<Next, FrameError> {
        Ok(Next::Wait(Pending::new(async move {
            tokio::task::yield_now().await;
            match &message[..] == b"never" {
                true => std::future::pending().await,
                false => message,
            }
        })))
    }
}

async fn slow(config: Config) -> Serving {
    Serving::start(Server::bind_service(config, Slow).await.expect("a free port"))
}

#[tokio::test]
async fn answers_that_take_time_come_in_order_and_hold_up_no_other_connection() {
    let server = slow(config()).await;
    let mut waiting = server.connect().await;
    waiting.send(&frames(&[b"one", b"two", b"never", b"behind it"])).await;
    waiting.expect(&frames(&[b"one", b"two"])).await;
    server.connect().await.round_trip(b"others").await;
    assert!(waiting.is_silent(), "answered out of order");
}

#[tokio::test]
async fn answers_that_take_time_are_delivered_after_a_half_close() {
    let server = slow(config()).await;
    let mut peer = server.connect().await;
    peer.send(&frames(&[b"one", b"two"])).await;
    peer.half_close().await;
    assert_eq!(peer.rest().await, frames(&[b"one", b"two"]));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for_beyond_the_grace() {
    let mut server = slow(config().grace(Grace::new(SOON))).await;
    let mut peer = server.connect().await;
    peer.send(&frames(&[b"one", b"never"])).await;
    peer.expect(&frame(b"one")).await;
    server.stop();
    server.ended().await;
    let ended = within("the end", peer.stream.read_to_end(&mut Vec::new())).await;
    let error = ended.expect_err("an answer is still due");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// Says that it answers alike, and does not when it is asked.
#[derive(Clone)]
struct Alike;

impl Service for Alike {
    fn answer(&mut self, _: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        answers.send(b"asked")?;
        Ok(Next::Continue)
    }

    fn answers_alike(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_service_that_answers_alike_is_asked_only_where_a_message_has_more_than_one_form() {
    for framing in framings().filter(|framing| !framing.ends_with_stream()) {
        let server = Server::bind_service(config().framing(framing), Alike).await;
        let server = Serving::start(server.expect("a free port"));
        let mut stream = BytesMut::new();
        framing.encode(b"a message", MaxFrame::DEFAULT, &mut stream).expect("it can carry it");
        let mut asked = BytesMut::new();
        let _ = framing.encode(b"asked", MaxFrame::DEFAULT, &mut asked);
        let mut peer = server.connect().await;
        peer.send(&stream).await;
        peer.half_close().await;
        let expected = if framing.has_one_form() { stream } else { asked };
        assert_eq!(peer.rest().await, expected, "{framing}");
    }
}

#[tokio::test]
async fn frames_of_all_sizes_between_the_bounds_of_the_buffers_come_back_whole() {
    let server = Serving::echo().await;
    let bounds = [limits::LARGE_START, limits::RESERVE_STEP, limits::READ_BUFFER, limits::TURN];
    let sizes =
        bounds.iter().flat_map(|bound| [bound - 9, bound - 4, bound - 1, *bound, bound + 7]);
    let mut stream: Vec<u8> = Vec::new();
    for (n, size) in sizes.enumerate() {
        let body: Vec<u8> = (0..size).map(|at| (at * 31 + at / 251 + n) as u8).collect();
        // Small ones between them, so that a large one begins anywhere in what is read.
        stream.extend(frames(&[&body, b"", b"small", &body]));
    }
    let mut peer = server.connect().await;
    let (mut read, mut write) = peer.stream.split();
    let mut answers = Vec::new();
    let write_all = async {
        // In pieces that no bound is a multiple of.
        for piece in stream.chunks(99_991) {
            write.write_all(piece).await?;
        }
        write.shutdown().await
    };
    let both = async { tokio::try_join!(write_all, read.read_to_end(&mut answers)) };
    within("all sizes", both).await.expect("no reset");
    assert!(answers == stream, "{} of {} bytes", answers.len(), stream.len());
}

/// Every framing of a stream.
fn framings() -> impl Iterator<Item = Framing> {
    let all = Framing::names().map(|name| name.parse::<Framing>().expect(name));
    all.filter(|framing| !framing.is_datagram())
}

#[tokio::test]
async fn every_framing_is_served() {
    for framing in framings() {
        let server = Serving::with(config().framing(framing)).await;
        let bodies: &[&[u8]] = match framing.ends_with_stream() {
            true => &[b"hello"],
            false => &[b"a message", b"", &[0xff; 100]],
        };
        let mut stream = BytesMut::new();
        for body in bodies {
            // What a framing cannot carry, such as an empty line, leaves the stream as it is.
            let _ = framing.encode(body, MaxFrame::DEFAULT, &mut stream);
        }
        assert!(!stream.is_empty(), "{framing}");
        let mut peer = server.connect().await;
        peer.send(&stream).await;
        peer.half_close().await;
        assert_eq!(peer.rest().await, stream, "{framing}");
    }
}
