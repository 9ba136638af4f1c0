//! `rust-client`: arguments to a conversation. Messages come from the arguments, from lines of text or
//! from frames on stdin; what the server answers goes to stdout in kind.

use std::io::IsTerminal;
use std::num::NonZeroU32;

use clap::Parser;

use super::conversation::{self, Expected};
use super::input::Input;
use super::output::Output;
use super::{Failure, complain, datagrams, framing_help, usage};
use crate::client::{Config, DatagramClient, Retry};
use crate::framing::{Framing, MaxFrame};
use crate::limits;
use crate::service::Ack;
use crate::settings::{Address, Timeout};

/// Sends messages to a server and shows its answers.
///
/// Without messages it reads them from stdin, a line each, and prints each answer on a line; Ctrl+D ends
/// the input, then answers are received until the server closes. The exit code is 0 when there was exactly
/// one answer to each message.
///
/// With --frames it is a netcat for messages: stdin carries messages, stdout the answers, each as a
/// 4-byte big-endian length and the body, whatever the framing to the server is. Each message is sent at
/// once, each answer written at once. At the end of stdin the connection is half-closed and answers are
/// received until the server closes: exit code 0. When the server closes before that, it is 0 if there
/// was an answer to each message sent, else 1. Any error is said on stderr: exit code 1.
///
/// With the framing raw there is one message each way: the answer comes when the input has ended. With the
/// framing datagram, over UDP, nothing can be closed: answers are received until there was one to each
/// message, or for as long as --wait says.
#[derive(Debug, Parser)]
#[command(name = "rust-client", version)]
pub(super) struct Args {
    /// The server: HOST:PORT.
    #[arg(value_name = "ADDR")]
    server: Address,

    /// Messages to send; without any, they are read from stdin.
    #[arg(value_name = "MESSAGE")]
    messages: Vec<String>,

    /// Read and write length-prefixed messages (4 bytes, big-endian) on stdin and stdout.
    #[arg(long, conflicts_with = "messages")]
    frames: bool,

    #[arg(long, value_name = "NAME", default_value_t, help = framing_help())]
    framing: Framing,

    /// The largest message, sent or received, without its header: bytes, or with a unit. 0 lets only
    /// empty messages through.
    #[arg(long, value_name = "SIZE", default_value_t)]
    max_frame: MaxFrame,

    /// Gives up when the server takes nothing of what is to be sent, or does not close after the end of
    /// the input, and nothing comes from it for so long; off: never.
    #[arg(long, value_name = "TIME", default_value_t = Timeout::after(limits::DEFAULT_PATIENCE))]
    timeout: Timeout,

    /// Gives up a try to connect that takes so long; off: when the system does.
    #[arg(long, value_name = "TIME", default_value_t = Timeout::after(limits::CONNECT_TIME))]
    connect_timeout: Timeout,

    /// Tries to connect, the first included.
    #[arg(long, value_name = "COUNT", default_value_t = NonZeroU32::MIN)]
    connect_tries: NonZeroU32,

    /// The pause behind the first failed try to connect; doubled behind each further one.
    #[arg(long, value_name = "TIME", default_value_t = limits::RETRY_PAUSE_FIRST.into())]
    retry_delay: humantime::Duration,

    /// Sends PING when nothing was sent for so long and stdin has not ended, and gives up when the
    /// answer is not PONG, or is not there when the next is to be sent; off: never. For the service
    /// ack. These answers are not shown.
    #[arg(long, value_name = "PERIOD", default_value_t = Timeout::OFF)]
    heartbeat: Timeout,

    /// Has the system probe a connection that is idle for long (SO_KEEPALIVE).
    #[arg(long)]
    keep_alive: bool,

    /// With the framing datagram: after the end of the input, waits for answers that are due until
    /// nothing came for so long; off: for ever. Without --frames, missing answers are exit code 1.
    #[arg(long, value_name = "TIME", default_value_t = Timeout::after(limits::DEFAULT_DATAGRAM_WAIT))]
    wait: Timeout,
}

/// Connects and talks until all is said.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let heartbeat = heartbeat(&args)?;
    if args.framing.is_datagram() {
        let client = DatagramClient::connect(&args.server, args.max_frame).await?;
        let wait = args.wait;
        let (input, output, expected) = messages(args);
        return datagrams::hold(client, input, output, expected, wait).await;
    }
    let mut config = Config::default()
        .framing(args.framing)
        .max_frame(args.max_frame)
        .connect_timeout(args.connect_timeout)
        .retry(Retry::new(args.connect_tries, args.retry_delay.into()));
    if args.keep_alive {
        config = config.keep_alive();
    }
    let client = config.connect(&args.server).await?;
    let patience = args.timeout;
    let (input, output, expected) = messages(args);
    conversation::hold(client, input, output, expected, patience, heartbeat).await
}

/// How long nothing is sent before a heartbeat is, if the framing can carry one.
fn heartbeat(args: &Args) -> Result<Timeout, Failure> {
    if args.heartbeat == Timeout::OFF {
        return Ok(Timeout::OFF);
    }
    let carried = args.framing.can_carry(Ack::PING.as_bytes(), args.max_frame);
    match carried.is_ok() && !args.framing.is_datagram() && !args.framing.ends_with_stream() {
        true => Ok(args.heartbeat),
        false => Err(usage::<Args>(format!("framing {} carries no --heartbeat", args.framing))),
    }
}

/// Where messages come from and go to.
fn messages(args: Args) -> (Input, Output, Expected) {
    if args.frames {
        (Input::frames(args.max_frame), Output::frames(), Expected::AnyNumber)
    } else if args.messages.is_empty() {
        let prompt = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if prompt {
            complain("rust-client", format_args!("connected to {}; Ctrl+D ends", args.server));
        }
        (Input::lines(args.max_frame), Output::lines(prompt), Expected::OneEach)
    } else {
        (Input::arguments(args.messages), Output::lines(false), Expected::OneEach)
    }
}
