//! `interop besiege` (hidden): be the idle and the hostile clients of a siege.

use std::net::SocketAddr;
use std::process::ExitCode;

use super::exit::Failure;
use super::session::raise_open_files;
use crate::bench::siege::besieger::{self, Siege};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the server is
    server: SocketAddr,
    /// How many clients are idle
    idle: usize,
    /// How many are hostile
    hostile: usize,
    /// The largest message that the server takes, in bytes
    limit: u32,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let &Args { server, idle, hostile, limit } = args;
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::environment)?;
    let run = besieger::run(Siege { server, limit, idle, hostile });
    let done = runtime.block_on(run).map_err(|e| Failure::environment(format!("{e:#}")));
    // A thread that waits for stdin may never end.
    runtime.shutdown_background();
    done.map(|()| ExitCode::SUCCESS)
}
