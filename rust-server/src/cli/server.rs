//! `rust-server`: arguments to configuration, the line that says it listens, signals to shutdown.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::{Failure, framing_help, usage};
use crate::framing::{Framing, MaxFrame};
use crate::limits;
use crate::server::{Config, Server};
use crate::service::{AllowedProgram, BuiltIn, Exec};
use crate::settings::{Address, Grace, MaxConnections, Threads, Timeout};

/// Serves framed messages over TCP, or over UDP with the framing datagram.
///
/// Says `listening on HOST:PORT` on stdout as soon as clients can connect. SIGTERM and SIGINT stop
/// it: no new clients, those that are there finish whole frames within the grace time, exit code 0.
/// A second signal ends it at once, resetting what is unfinished, with exit code 128 + the signal's
/// number. Logs go to stderr; RUST_LOG says how much (error, warn, info, debug), warn without it.
#[derive(Debug, Parser)]
#[command(name = "rust-server", version)]
pub(super) struct Args {
    /// Where to listen: HOST:PORT; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR", default_value_t = Config::default_listen())]
    listen: Address,

    #[arg(long, value_name = "NAME", default_value_t, help = framing_help())]
    framing: Framing,

    #[arg(long, value_name = "NAME", default_value_t, help = service_help())]
    service: BuiltIn,

    /// A program that the service exec may run, by the name under which PATH has it; may be given
    /// several times. Clients choose its arguments, so exec listens on the loopback interface alone.
    #[arg(long, value_name = "PROGRAM")]
    allow_exec: Vec<AllowedProgram>,

    /// The largest message, without its header: bytes, or with a unit. A longer one ends its
    /// connection; 0 lets only empty messages through.
    #[arg(long, value_name = "SIZE", default_value_t)]
    max_frame: MaxFrame,

    /// Connections at once; further clients wait until one ends.
    #[arg(long, value_name = "COUNT", default_value_t = MaxConnections::DEFAULT)]
    max_connections: MaxConnections,

    /// Threads that serve connections. One alone takes the least processor time for a message;
    /// more serve more at once, where the machine has the cores.
    #[arg(long, value_name = "COUNT", default_value_t = Threads::DEFAULT)]
    threads: Threads,

    /// Ends a connection without a byte in either direction for so long; off: never.
    #[arg(long, value_name = "TIME", default_value_t = Timeout::after(limits::DEFAULT_IDLE_TIMEOUT))]
    idle_timeout: Timeout,

    /// Ends a connection whose frame takes longer from its first byte to its last; off: never.
    #[arg(long, value_name = "TIME", default_value_t = Timeout::after(limits::DEFAULT_FRAME_TIMEOUT))]
    frame_timeout: Timeout,

    /// How long connections may take to finish after the first signal; 0s: no time at all.
    #[arg(long, value_name = "TIME", default_value_t = Grace::new(limits::DEFAULT_GRACE))]
    grace: Grace,
}

/// What `--help` says about `--service`.
fn service_help() -> String {
    let names = BuiltIn::NAMES.join(", ");
    format!("What is answered to a message: {names} (exec: what a program of --allow-exec writes)")
}

const EXEC_LISTENS: &str =
    "--service exec listens on the loopback interface alone, such as 127.0.0.1:9000";

/// The service that was asked for, if it makes sense with the other arguments.
fn service(args: &Args) -> Result<BuiltIn, Failure> {
    args.service.suits(args.framing).map_err(usage::<Args>)?;
    if !matches!(args.service, BuiltIn::Exec(_)) {
        return Ok(args.service.clone());
    }
    if args.allow_exec.is_empty() {
        return Err(usage::<Args>("--service exec runs only programs given by --allow-exec"));
    }
    if !args.listen.is_loopback() {
        return Err(usage::<Args>(EXEC_LISTENS));
    }
    Ok(BuiltIn::Exec(Exec::allowing(args.allow_exec.clone())))
}

/// What the threads that were asked for run on.
pub(super) fn runtime(args: &Args) -> io::Result<Runtime> {
    match args.threads {
        // No other thread has to be woken or kept from what this one does.
        Threads::DEFAULT => Builder::new_current_thread().enable_all().build(),
        threads => Builder::new_multi_thread().worker_threads(threads.get()).enable_all().build(),
    }
}

/// Serves until a signal comes; ends at once, by the signal, at a second one.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let service = service(&args)?;
    let loopback_alone = matches!(service, BuiltIn::Exec(_));
    let config = Config::default()
        .listen(args.listen)
        .framing(args.framing)
        .max_frame(args.max_frame)
        .max_connections(args.max_connections)
        .idle_timeout(args.idle_timeout)
        .frame_timeout(args.frame_timeout)
        .grace(args.grace);
    // Before anybody is told that the server is there: whoever knows may also end it.
    let mut signals = Signals::catch()?;
    let server = tokio::select! {
        bound = Server::bind_service(config, service) => bound?,
        _ = signals.next() => return Ok(()),
    };
    // Whatever a name stands for on this machine.
    if loopback_alone && !server.local_addr().ip().is_loopback() {
        return Err(usage::<Args>(EXEC_LISTENS));
    }
    allow_descriptors(args.max_connections);
    announce(server.local_addr());

    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let serving = server.serve_until_cut(stop.cancelled(), cut.cancelled());
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = signals.next() => stop.cancel(),
    }
    let insisting = tokio::select! {
        () = &mut serving => return Ok(()),
        signal = signals.next() => signal,
    };
    cut.cancel();
    let _ = timeout(limits::CUT_TIME, serving).await;
    Err(Failure::Signalled(insisting))
}

/// Tells on stdout that clients can connect (P12). A stdout that nobody reads does not stop a server.
fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let said = writeln!(stdout, "listening on {address}").and_then(|()| stdout.flush());
    if let Err(error) = said {
        tracing::warn!(%error, %address, "listening, which stdout does not take");
    }
}

/// Raises the limit of open descriptors, as far as it may be raised, to what the connections need.
fn allow_descriptors(connections: MaxConnections) {
    let needed = (connections.get() as u64).saturating_add(limits::SPARE_DESCRIPTORS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    let allowed = maximum.map_or(needed, |maximum| needed.min(maximum));
    let raised = Rlimit { current: Some(allowed), maximum };
    let problem = match setrlimit(Resource::Nofile, raised) {
        Ok(()) if allowed >= needed => return,
        Ok(()) => format!("only {allowed} descriptors are allowed"),
        Err(error) => format!("cannot raise the limit of open descriptors: {error}"),
    };
    let message = "fewer descriptors than --max-connections needs; clients beyond them wait";
    // Nobody asked for the default: that it cannot be met is worth no warning.
    match connections == MaxConnections::DEFAULT {
        true => tracing::info!(problem, needed, message),
        false => tracing::warn!(problem, needed, message),
    }
}
