//! The client library against servers that behave (the library's own) and servers that do not (a
//! listener that plays a script).

use std::net::SocketAddr;
use std::time::Duration;

use rust_server::client::{Client, ClientError, Config as ClientConfig, Retry};
use rust_server::framing::{FrameError, Framing, MaxFrame};
use rust_server::server::{Config, Server};
use rust_server::service::BuiltIn;
use rust_server::settings::Timeout;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HANG: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, future).await {
        Ok(value) => value,
        Err(_) => panic!("hangs: {what}"),
    }
}

/// An echo server that lives as long as the test.
async fn echo(framing: Framing) -> SocketAddr {
    serve(framing, "echo").await
}

/// A server that lives as long as the test.
async fn serve(framing: Framing, service: &str) -> SocketAddr {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = Config::default().listen(listen).framing(framing);
    let service: BuiltIn = service.parse().expect("a service");
    let server = Server::bind_service(config, service).await.expect("a free port");
    let address = server.local_addr();
    tokio::spawn(server.serve_until(std::future::pending()));
    address
}

/// A server that takes one client, reads `takes` bytes, says `says`, and then ends the connection by
/// FIN, having read all that still comes.
async fn scripted(takes: usize, says: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.read_exact(&mut vec![0; takes]).await.expect("what it sends");
        stream.write_all(says).await.expect("written");
        stream.shutdown().await.expect("half-closed");
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    address
}

async fn connect(address: SocketAddr) -> Client {
    let address = address.into();
    let connecting = Client::connect(&address);
    within("connecting", connecting).await.expect("a connection")
}

#[tokio::test]
async fn a_call_gives_the_answer_to_its_message() {
    let mut client = connect(echo(Framing::DEFAULT).await).await;
    for message in [&b"hello"[..], b"", "你好".as_bytes(), &[0xff; 70_000]] {
        let answer = within("a call", client.call(message)).await.expect("an answer");
        assert_eq!(answer, message);
    }
}

#[tokio::test]
async fn many_calls_in_flight_are_answered_in_order() {
    let mut client = connect(echo(Framing::DEFAULT).await).await;
    let messages: Vec<_> = (0..10_000_u32).map(|n| n.to_string()).collect();
    let answers = within("calls", client.call_all(&messages)).await.expect("answers");
    assert_eq!(answers, messages);
    assert_eq!(client.call(b"and on").await.expect("an answer"), "and on");
}

#[tokio::test]
async fn calls_larger_than_all_buffers_do_not_block_each_other() {
    let mut client = connect(echo(Framing::DEFAULT).await).await;
    let messages: Vec<_> = (0..24_u8).map(|n| vec![n; 1 << 20]).collect();
    let answers = within("calls", client.call_all(&messages)).await.expect("answers");
    assert!(answers == messages);
}

#[tokio::test]
async fn calls_before_one_that_cannot_be_sent_leave_no_answer_behind() {
    let address = echo(Framing::DEFAULT).await.into();
    let connecting = Client::connect_with(&address, Framing::DEFAULT, MaxFrame::new(4));
    let mut client = connecting.await.expect("a connection");
    let refused = within("calls", client.call_all(["a", "b", "fiver", "c"])).await;
    assert!(matches!(refused, Err(ClientError::Unsendable(_))), "{refused:?}");
    assert_eq!(within("a call", client.call(b"next")).await.expect("an answer"), "next");
}

#[tokio::test]
async fn no_calls_need_no_answer() {
    let mut client = connect(echo(Framing::DEFAULT).await).await;
    let answers = client.call_all::<&[u8]>([]).await.expect("no answers");
    assert!(answers.is_empty());
}

#[tokio::test]
async fn every_framing_is_spoken() {
    let streams = |framing: &Framing| !framing.is_datagram();
    for framing in Framing::names().map(|name| name.parse().expect(name)).filter(streams) {
        let address = echo(framing).await.into();
        let connecting = Client::connect_with(&address, framing, MaxFrame::DEFAULT);
        let mut client = connecting.await.expect("a connection");
        client.send(b"a message").await.expect("taken");
        client.finish().await.expect("half-closed");
        let answer = within("the answer", client.receive()).await.expect("an answer");
        assert_eq!(answer.as_deref(), Some(&b"a message"[..]), "{framing}");
        assert_eq!(within("the end", client.receive()).await.expect("the end"), None);
    }
}

#[tokio::test]
async fn after_a_half_close_what_is_due_is_received_and_then_the_end() {
    let (mut sender, mut receiver) = connect(echo(Framing::DEFAULT).await).await.split();
    for message in [b"one", b"two"] {
        sender.feed(message).await.expect("taken");
    }
    sender.finish().await.expect("half-closed");
    assert_eq!(receiver.receive().await.expect("one"), Some("one".into()));
    assert_eq!(receiver.receive().await.expect("two"), Some("two".into()));
    assert_eq!(receiver.receive().await.expect("the end"), None);
    assert_eq!(receiver.receive().await.expect("still the end"), None);
}

#[tokio::test]
async fn a_cancelled_receive_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let mut client = connect(address).await;
    let (mut stream, _) = listener.accept().await.expect("the client");
    for byte in b"\0\0\0\x05hello" {
        assert!(has_to_wait(&mut client).await);
        stream.write_all(&[*byte]).await.expect("written");
    }
    let message = within("the message", client.receive()).await;
    assert_eq!(message.expect("a message"), Some("hello".into()));
}

/// Begins to receive, and gives up as soon as that has to wait.
async fn has_to_wait(client: &mut Client) -> bool {
    tokio::select! {
        biased;
        _ = client.receive() => false,
        () = tokio::task::yield_now() => true,
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_sent_and_the_connection_goes_on() {
    let address = echo(Framing::DEFAULT).await.into();
    let connecting = Client::connect_with(&address, Framing::DEFAULT, MaxFrame::new(4));
    let mut client = connecting.await.expect("a connection");
    let refused = client.call(b"hello").await;
    let too_long = FrameError::TooLong { got: 5, limit: 4 };
    assert!(
        matches!(refused, Err(ClientError::Unsendable(error)) if error == too_long),
        "{refused:?}"
    );
    assert_eq!(client.call(b"four").await.expect("an answer"), "four");
}

#[tokio::test]
async fn a_server_that_ends_inside_an_answer_has_broken_the_protocol() {
    let scripts: [(&'static [u8], FrameError); 3] = [
        (b"\0\0", FrameError::TruncatedHeader { got: 2, wanted: 4 }),
        (b"\0\0\0\x05", FrameError::TruncatedBody { got: 0, wanted: 5 }),
        (b"\0\0\0\x05hel", FrameError::TruncatedBody { got: 3, wanted: 5 }),
    ];
    for (says, expected) in scripts {
        let mut client = connect(scripted(9, says).await).await;
        let failed = within("a call", client.call(b"hello")).await;
        assert!(
            matches!(failed, Err(ClientError::Protocol(error)) if error == expected),
            "{failed:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_from_its_header() {
    let mut client = connect(scripted(9, b"\xff\xff\xff\xff").await).await;
    let failed = within("a call", client.call(b"hello")).await;
    assert!(matches!(failed, Err(ClientError::Protocol(FrameError::TooLong { .. }))), "{failed:?}");
}

#[tokio::test]
async fn a_server_that_closes_instead_of_answering_leaves_answers_due() {
    let mut client = connect(scripted(9, b"").await).await;
    let failed = within("a call", client.call(b"hello")).await;
    assert!(matches!(failed, Err(ClientError::Ended { outstanding: 1 })), "{failed:?}");

    let mut client = connect(scripted(15, b"\0\0\0\x01a").await).await;
    let failed = within("calls", client.call_all(["a", "b", "c"])).await;
    assert!(matches!(failed, Err(ClientError::Ended { outstanding: 2 })), "{failed:?}");
}

#[tokio::test]
async fn messages_before_a_bad_one_are_received() {
    let mut client = connect(scripted(0, b"\0\0\0\x02hi\xff\xff\xff\xff").await).await;
    assert_eq!(client.receive().await.expect("a message"), Some("hi".into()));
    let failed = client.receive().await;
    assert!(matches!(failed, Err(ClientError::Protocol(_))), "{failed:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error_that_names_it() {
    // Bound but not listening: refused, and nobody else can take it meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = socket.local_addr().expect("its address");
    let error = Client::connect(&address.into()).await.expect_err("refused");
    assert!(matches!(error, ClientError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

/// The clock is the test's: it jumps to the bound as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_answer_is_given_up() {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let new_socket = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        socket.set_nonblocking(true).expect("O_NONBLOCK");
        socket
    };
    // A full backlog takes no further client.
    let listener = new_socket();
    listener.bind(&any.into()).expect("a port");
    listener.listen(0).expect("listening");
    let address = listener.local_addr().expect("its address");
    let waiting: Vec<_> = std::iter::repeat_with(new_socket).take(8).collect();
    for socket in &waiting {
        let _ = socket.connect(&address);
    }
    let address = address.as_socket().expect("its address").into();
    let error = within("connecting", Client::connect(&address)).await.expect_err("given up");
    assert!(error.to_string().ends_with("timed out"), "{error}");
}

#[tokio::test]
async fn a_reset_is_a_lost_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let mut client = connect(address).await;
    let (stream, _): (TcpStream, _) = listener.accept().await.expect("the client");
    stream.set_zero_linger().expect("SO_LINGER");
    drop(stream);
    let failed = within("the reset", client.receive()).await;
    assert!(matches!(failed, Err(ClientError::Transport(_))), "{failed:?}");
}

// ---- manners: tries, heartbeats, an end in order

/// The clock is the test's: it jumps to the next try as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn a_server_that_comes_up_late_is_found_by_a_client_that_tries_again() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = socket.local_addr().expect("its address").into();
    // Bound and not listening: refused. It listens after the second try and before the third.
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        socket.listen(1).expect("listening")
    });
    let config = ClientConfig::default().retry(Retry::default());
    config.connect(&address).await.expect("a connection");
    late.await.expect("no panic");
}

#[tokio::test]
async fn a_heartbeat_is_answered_by_a_server_of_ack_and_by_no_other() {
    for framing in ["u32be", "line", "fixed-1024"] {
        let framing: Framing = framing.parse().expect(framing);
        let address = serve(framing, "ack").await.into();
        let connecting = Client::connect_with(&address, framing, MaxFrame::DEFAULT);
        let mut client = connecting.await.expect("a connection");
        for _ in 0..3 {
            within("a heartbeat", client.ping(Timeout::OFF)).await.expect("alive");
        }
    }
    let mut client = connect(echo(Framing::DEFAULT).await).await;
    let failed = within("a heartbeat", client.ping(Timeout::OFF)).await;
    assert!(matches!(failed, Err(ClientError::Heartbeat(_))), "{failed:?}");
}

/// The clock is the test's: it jumps to the time-out as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_not_answered_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut client = connect(listener.local_addr().expect("its address")).await;
    let failed = client.ping(Timeout::after(Duration::from_secs(5))).await;
    assert!(matches!(failed, Err(ClientError::Heartbeat(_))), "{failed:?}");
}

#[tokio::test]
async fn a_close_delivers_what_was_sent_although_the_server_still_talks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut client = connect(listener.local_addr().expect("its address")).await;
    let (mut stream, _) = listener.accept().await.expect("the client");
    client.send(b"farewell").await.expect("sent");
    let closing = tokio::spawn(client.close());
    // More than the buffers on its way hold: the client reads it, or the server would never be done.
    let answers = [&100_u32.to_be_bytes()[..], &[7; 100]].concat().repeat(100_000);
    within("an unread client", stream.write_all(&answers)).await.expect("no reset");
    let mut came = Vec::new();
    within("the client's end", stream.read_to_end(&mut came)).await.expect("ended by FIN");
    assert_eq!(came, b"\0\0\0\x08farewell");
    drop(stream);
    within("the close", closing).await.expect("no panic").expect("closed in order");
}

/// The clock is the test's: it jumps to the bound as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_for_ever_for_the_server_to_close() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let client = connect(listener.local_addr().expect("its address")).await;
    let failed = client.close().await.expect_err("the server does not close");
    assert!(failed.to_string().contains("timed out"), "{failed}");
}

#[tokio::test]
async fn a_raw_stream_takes_one_message() {
    let raw: Framing = "raw".parse().expect("its name");
    let address = echo(raw).await.into();
    let mut client =
        Client::connect_with(&address, raw, MaxFrame::DEFAULT).await.expect("connected");
    client.send(b"first").await.expect("sent");
    let refused = client.send(b"second").await;
    let second = FrameError::SecondMessage;
    assert!(matches!(refused, Err(ClientError::Unsendable(e)) if e == second), "{refused:?}");
    client.finish().await.expect("half-closed");
    assert_eq!(client.receive().await.expect("a message"), Some("first".into()));
}

#[tokio::test]
async fn datagrams_are_no_connection() {
    let datagram: Framing = "datagram".parse().expect("its name");
    let address = echo(Framing::DEFAULT).await.into();
    let refused = Client::connect_with(&address, datagram, MaxFrame::DEFAULT).await;
    assert!(matches!(refused, Err(ClientError::Connect { .. })), "{refused:?}");
}
