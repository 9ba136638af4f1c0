//! `interop load` (hidden): be the load generator of a bench.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use super::exit::Failure;
use super::session::raise_open_files;
use crate::bench::cell::Cell;
use crate::bench::load::{self, Job, OnFault};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the server is
    server: SocketAddr,
    /// The load: CONNECTIONS:SIZE:DEPTH, or CONNECTIONS:SIZE:RATE/s
    cell: Cell,
    /// How long it runs before it is measured
    #[arg(value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// How long it is measured
    #[arg(value_parser = humantime::parse_duration)]
    time: Duration,
    /// Nobody else needs our core: do not sleep while a message is due soon
    #[arg(long)]
    alone: bool,
    /// Count the messages that come to nothing, and go on
    #[arg(long)]
    count_faults: bool,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::environment)?;
    let &Args { server, cell, warm_up, time, alone, count_faults } = args;
    let on_fault = if count_faults { OnFault::Count } else { OnFault::End };
    let run = load::run(server, Job { cell, warm_up, time, alone, on_fault });
    runtime.block_on(run).map_err(|e| Failure::environment(format!("{e:#}")))?;
    Ok(ExitCode::SUCCESS)
}
