//! The framing `datagram`: the server over UDP, embedded as anybody may embed it.

use std::net::SocketAddr;
use std::time::Duration;

use rust_server::framing::{Framing, MaxFrame};
use rust_server::limits;
use rust_server::server::{Config, Server};
use rust_server::service::BuiltIn;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

/// Far more than anything here takes: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, future).await {
        Ok(value) => value,
        Err(_) => panic!("hangs: {what}"),
    }
}

fn config() -> Config {
    let datagram: Framing = "datagram".parse().expect("its name");
    Config::default().listen("127.0.0.1:0".parse().expect("an address")).framing(datagram)
}

/// A server that lives as long as the test.
async fn serve(config: Config, service: &str) -> SocketAddr {
    let service: BuiltIn = service.parse().expect("a service");
    let server = Server::bind_service(config, service).await.expect("a free port");
    let address = server.local_addr();
    tokio::spawn(server.serve_until(std::future::pending()));
    address
}

/// A client of that server alone.
async fn client(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(server).await.expect("an address");
    socket
}

async fn send(client: &UdpSocket, message: &[u8]) {
    assert_eq!(client.send(message).await.expect("sent"), message.len());
}

async fn receive(client: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let got = within("an answer", client.recv(&mut buffer)).await.expect("an answer");
    buffer.truncate(got);
    buffer
}

#[tokio::test]
async fn each_datagram_is_answered_by_one_to_where_it_came_from() {
    let server = serve(config(), "upper").await;
    let (one, other) = (client(server).await, client(server).await);
    send(&one, "straße".as_bytes()).await;
    send(&other, b"other").await;
    assert_eq!(receive(&one).await, b"STRASSE");
    assert_eq!(receive(&other).await, b"OTHER");
}

#[tokio::test]
async fn the_empty_datagram_is_the_empty_message() {
    let server = serve(config(), "upper").await;
    let client = client(server).await;
    send(&client, b"").await;
    assert_eq!(receive(&client).await, b"");
}

#[tokio::test]
async fn what_is_not_answered_ends_nothing() {
    let server = serve(config(), "upper").await;
    let client = client(server).await;
    for unanswered in [&b"exit"[..], b"\xff"] {
        send(&client, unanswered).await;
        send(&client, b"next").await;
        assert_eq!(receive(&client).await, b"NEXT", "{unanswered:?}");
    }
}

#[tokio::test]
async fn a_datagram_may_be_as_long_as_there_can_be() {
    let server = serve(config(), "echo").await;
    let client = client(server).await;
    let largest = vec![7; limits::LARGEST_DATAGRAM as usize];
    send(&client, &largest).await;
    assert!(receive(&client).await == largest);
}

#[tokio::test]
async fn a_datagram_over_the_limit_is_not_answered_and_neither_is_one_whose_answer_is() {
    let server = serve(config().max_frame(MaxFrame::new(20)), "ack").await;
    let client = client(server).await;
    send(&client, &[b'a'; 21]).await;
    send(&client, b"four").await;
    send(&client, b"abc").await;
    assert_eq!(receive(&client).await, "服务器收到: abc".as_bytes());
}

#[tokio::test]
async fn a_client_that_is_gone_when_its_answer_comes_harms_nobody() {
    let server = serve(config(), "time").await;
    for _ in 0..20 {
        // The kernel says by ICMP that nobody is there.
        send(&client(server).await, b"?").await;
    }
    let client = client(server).await;
    send(&client, b"?").await;
    assert_eq!(receive(&client).await.len(), 4);
}

#[tokio::test]
async fn a_stopped_server_frees_its_port_and_a_taken_one_is_an_error_that_names_it() {
    let server = Server::bind(config()).await.expect("a free port");
    let address = server.local_addr();
    let again = config().listen(address.into());
    let error = Server::bind(again.clone()).await.expect_err("the port is taken");
    assert!(error.to_string().contains(&address.to_string()), "{error}");

    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve_until(async { stopped.await.expect("an order") }));
    let client = client(address).await;
    send(&client, b"served").await;
    assert_eq!(receive(&client).await, b"served");
    stop.send(()).expect("it serves");
    within("the end of the server", serving).await.expect("no panic");
    Server::bind(again).await.expect("the port is free");
}
