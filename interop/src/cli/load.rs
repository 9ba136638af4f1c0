//! `interop load` (hidden): be the load generator of a bench.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use super::exit::Failure;
use super::session::raise_open_files;
use crate::bench::cell::Cell;
use crate::bench::load;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the server is
    server: SocketAddr,
    /// The load: CONNECTIONS:SIZE:DEPTH
    cell: Cell,
    /// How long it runs before it is measured
    #[arg(value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// How long it is measured
    #[arg(value_parser = humantime::parse_duration)]
    time: Duration,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::environment)?;
    let run = load::run(args.server, args.cell, args.warm_up, args.time);
    runtime.block_on(run).map_err(|e| Failure::environment(format!("{e:#}")))?;
    Ok(ExitCode::SUCCESS)
}
