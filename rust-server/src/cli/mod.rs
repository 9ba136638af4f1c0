//! The two programs: `rust-server` and `rust-client`. Each is a function from arguments to an exit
//! code, so that another program can be either of them.
//!
//! Arguments that make no sense are reported on stderr with exit code 2, failures with 1; a second signal
//! is 128 + its number.

mod client;
mod conversation;
mod datagrams;
mod input;
mod output;
mod server;
mod signals;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::framing::Framing;

/// Runs `rust-server` with these arguments, the first of which is the program's name.
pub fn server_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_program("rust-server", args, server::runtime, server::run)
}

/// Runs `rust-client` with these arguments, the first of which is the program's name.
pub fn client_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_program("rust-client", args, |_| Runtime::new(), client::run)
}

/// What `--help` says about `--framing`.
fn framing_help() -> String {
    let names: Vec<_> = Framing::names().collect();
    let names = names.join(", ");
    format!(
        "How messages are laid on the stream: {names} (-counted: the length counts the header; raw: one \
         message each way; datagram: over UDP)"
    )
}

/// Why a program ends with another exit code than 0: 1, except where it says otherwise.
enum Failure {
    /// Arguments that make no sense together: exit code 2, as for those that make none alone.
    Usage(clap::Error),
    /// Something to say on stderr.
    Said(String),
    /// Nobody reads stdout any more, so nobody wants to hear of it either.
    OutputClosed,
    /// Somebody insisted by a signal: exit code 128 + its number, as shells say it.
    Signalled(SignalKind),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Said(error.to_string())
    }
}

/// Arguments of `A` that make no sense together.
fn usage<A: CommandFactory>(why: impl Display) -> Failure {
    Failure::Usage(A::command().error(ErrorKind::ArgumentConflict, why))
}

/// What both programs have in common: arguments, log, runtime, exit code.
fn run_program<A, F>(
    name: &str,
    args: impl IntoIterator<Item = OsString>,
    runtime: impl FnOnce(&A) -> io::Result<Runtime>,
    run: impl FnOnce(A) -> F,
) -> ExitCode
where
    A: Parser,
    F: Future<Output = Result<(), Failure>>,
{
    let args = match A::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return explain(&error),
    };
    log_to_stderr();
    let runtime = match runtime(&args) {
        Ok(runtime) => runtime,
        Err(error) => return fail(name, error),
    };
    let result = runtime.block_on(run(args));
    // A read of the terminal cannot be cancelled: nothing is waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => explain(&error),
        Err(Failure::Said(message)) => fail(name, message),
        Err(Failure::OutputClosed) => ExitCode::FAILURE,
        Err(Failure::Signalled(kind)) => ExitCode::from(128 + kind.as_raw_value() as u8),
    }
}

/// Says what is wrong with the arguments, or what was asked: `--help` and `--version` go to stdout and
/// are a success.
fn explain(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

/// Says why on stderr, on a line that begins with the program's name. A closed stderr is no reason to
/// panic.
fn complain(name: &str, message: impl Display) {
    let _ = writeln!(io::stderr(), "{name}: {message}");
}

fn fail(name: &str, message: impl Display) -> ExitCode {
    complain(name, message);
    ExitCode::FAILURE
}

/// Logs go to stderr, warnings and worse unless `RUST_LOG` says otherwise; in colour on a terminal,
/// unless `NO_COLOR` is set. A second call in one process changes nothing.
fn log_to_stderr() {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !no_color)
        // It would report a stderr that takes nothing on that stderr, and panic over it.
        .log_internal_errors(false)
        .try_init();
}
