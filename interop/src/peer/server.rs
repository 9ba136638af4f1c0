//! A server peer from its start to its end: started, ready, stopped.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regex::Regex;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::HOST;
use super::family::Family;
use super::port::listening;
use super::process::{Ended, Launch, Lines, Process, Tail, wait_exit};
use super::start::{Milestone, StartError};
use crate::limits;
use crate::model::protocol::Transport;
use crate::model::transcript::Exit;

/// A server that accepts connections.
#[derive(Debug)]
pub struct RunningServer {
    process: Process,
    address: SocketAddr,
    tail: Tail,
    // Held open: a server that reads its stdin is not told to end by it.
    _stdin: tokio::process::ChildStdin,
}

impl RunningServer {
    /// Starts a server and waits until it is ready: until `ready` matches a line of its output, or
    /// without it, until something listens on `port` of this transport; but not longer than `within`.
    ///
    /// # Errors
    /// When it cannot be started, ends before it is ready, or is not ready in time.
    pub async fn start(
        launch: &Launch,
        ready: Option<&Regex>,
        port: u16,
        transport: Transport,
        within: Duration,
    ) -> Result<Self, StartError> {
        let spawned = Process::start(launch).await;
        let (process, pipes) = spawned.map_err(|e| StartError::cannot_run(launch, &e))?;
        let tail = Tail::default();
        let (found, announced) = oneshot::channel();
        let search = Arc::new(Mutex::new(ready.cloned().map(|regex| Search { regex, found })));
        let stdout = tokio::spawn(watch_output(pipes.stdout, tail.clone(), search.clone()));
        let stderr = tokio::spawn(watch_output(pipes.stderr, tail.clone(), search));

        let begun = Instant::now();
        let ready_on = async {
            match ready {
                Some(_) => announced.await.ok().map(|said| said.unwrap_or(port)),
                None => {
                    listening(port, transport).await;
                    Some(port)
                }
            }
        };
        let mut exit = process.watch_exit();
        let outcome = tokio::select! {
            Some(port) = ready_on => Ok(port),
            Some(exit) = wait_exit(&mut exit) => Err(Early::Exit(exit)),
            () = sleep(within) => Err(Early::Never),
        };
        // On a machine that is far too busy it may have said so while we gave up.
        let said = |line: &String| ready.and_then(|regex| said_port(regex, line));
        let said = || tail.lines().iter().find_map(said);
        let outcome = match outcome {
            Err(Early::Never) => said().map(|said| said.unwrap_or(port)).ok_or(Early::Never),
            other => other,
        };
        let port = match outcome {
            Ok(port) => port,
            Err(early) => {
                process.stop(limits::GRACE).await;
                // Its last words may say why, and may still be in the pipes.
                let _ = timeout(limits::DRAIN, async { tokio::join!(stdout, stderr) }).await;
                let waited_for = match (ready, transport) {
                    (Some(regex), _) => format!("a line that matches `{regex}`"),
                    (None, Transport::Tcp) => format!("a listening socket on port {port}"),
                    (None, Transport::Udp) => format!("a socket for datagrams on port {port}"),
                };
                return Err(early.explain(launch, waited_for, begun.elapsed(), &tail));
            }
        };
        let address = SocketAddr::new(IpAddr::V4(HOST), port);
        Ok(Self { process, address, tail, _stdin: pipes.stdin })
    }

    /// Where it accepts.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// It and all that it started.
    #[must_use]
    pub const fn family(&self) -> &Family {
        self.process.family()
    }

    /// How it ended by itself, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.process.exit()
    }

    /// A handle that waits for its end. Cancel safe.
    #[must_use]
    pub fn watch_exit(&self) -> watch::Receiver<Option<Exit>> {
        self.process.watch_exit()
    }

    /// The last lines of its output.
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Ends it at once, when nothing good is to be expected of it any more.
    pub fn kill(self) {
        drop(self.process);
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// The same as [`RunningServer::stop`], with less grace: how it ends is no matter.
    pub async fn dismiss(self) {
        self.process.stop(limits::FAREWELL).await;
    }

    /// Ends it: SIGTERM, then after the grace time SIGKILL. Returns how that went.
    pub async fn stop(self) -> Ended {
        self.process.stop(limits::GRACE).await
    }
}

struct Search {
    regex: Regex,
    found: oneshot::Sender<Option<u16>>,
}

enum Early {
    Exit(Exit),
    Never,
}

impl Early {
    fn explain(
        self,
        launch: &Launch,
        waited_for: String,
        waited: Duration,
        tail: &Tail,
    ) -> StartError {
        let command = launch.command_line();
        let output = tail.lines();
        match self {
            Self::Exit(exit) => StartError::exited(command, Milestone::Ready, exit, output),
            Self::Never => StartError::NeverReady { command, waited, waited_for, output },
        }
    }
}

/// Drains one pipe; the first line of either that matches says where the server listens.
async fn watch_output(
    pipe: impl tokio::io::AsyncRead + Unpin,
    tail: Tail,
    search: Arc<Mutex<Option<Search>>>,
) {
    let mut lines = Lines::of(pipe);
    while let Some(line) = lines.next().await {
        tail.push(&line);
        let mut search = search.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let said = search.as_ref().and_then(|search| said_port(&search.regex, &line));
        if let Some(said) = said
            && let Some(Search { found, .. }) = search.take()
        {
            let _ = found.send(said);
        }
    }
}

/// `Some` when the line matches, with the port that it names, if it names one. A port that cannot be is no
/// match: the server is not there.
fn said_port(regex: &Regex, line: &str) -> Option<Option<u16>> {
    match regex.captures(line)?.name("port") {
        Some(port) => port.as_str().parse().ok().filter(|&port| port > 0).map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::port::is_listening;

    #[tokio::test]
    async fn a_listening_socket_is_found_without_a_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listening(port, Transport::Tcp).await;
        assert!(is_listening(port, Transport::Tcp).await);
        assert!(!is_listening(port, Transport::Udp).await);
        drop(listener);
        assert!(!is_listening(port, Transport::Tcp).await);
    }

    #[tokio::test]
    async fn a_socket_for_datagrams_is_found_without_one() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        listening(port, Transport::Udp).await;
        assert!(is_listening(port, Transport::Udp).await);
        assert!(!is_listening(port, Transport::Tcp).await);
        drop(socket);
        assert!(!is_listening(port, Transport::Udp).await);
    }

    #[test]
    fn a_ready_line_may_name_the_port_and_may_have_words_before_it() {
        let regex = Regex::new(r"listening on .*:(?P<port>\d+)").unwrap();
        assert_eq!(said_port(&regex, "[info] listening on 127.0.0.1:1234"), Some(Some(1234)));
        assert_eq!(said_port(&Regex::new("ready").unwrap(), "I am ready."), Some(None));
        assert_eq!(said_port(&regex, "starting"), None);
        assert_eq!(said_port(&regex, "listening on 127.0.0.1:99999"), None);
    }
}
