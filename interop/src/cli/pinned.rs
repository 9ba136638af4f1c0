//! `interop pinned` (hidden): become another program, bound to one core from its first instruction on. Runtimes
//! count the cores that they have when they start, so binding them later would be another thing.

use std::convert::Infallible;
use std::ffi::OsString;
use std::process::ExitCode;

use super::exit::Failure;
use crate::peer::{affinity, spawn};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The core
    core: usize,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

/// Returns when the program cannot be run, and with the status by which shells say so.
pub fn main(Args { core, command }: Args) -> Result<Infallible, ExitCode> {
    const CANNOT_RUN: u8 = 126;
    const NOT_FOUND: u8 = 127;
    if let Err(e) = affinity::bind(core) {
        return Err(Failure::environment(format!("cannot run on core {core}: {e}")).report());
    }
    let e = spawn::become_program(&command);
    let program = command.first().map(|program| program.display().to_string()).unwrap_or_default();
    let _ = Failure::environment(format!("cannot run {program}: {e}")).report();
    let not_found = e.kind() == std::io::ErrorKind::NotFound;
    Err(ExitCode::from(if not_found { NOT_FOUND } else { CANNOT_RUN }))
}
