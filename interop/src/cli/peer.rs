//! `interop peer`: the Rust reference programs in this executable, so that one fresh binary is every Rust
//! peer of a run.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which
    program: Program,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Program {
    RustServer,
    RustClient,
}

pub fn main(Args { program, arguments }: Args) -> ExitCode {
    let with_name = |name: &str| std::iter::once(OsString::from(name)).chain(arguments);
    match program {
        Program::RustServer => rust_server::cli::server_main(with_name("rust-server")),
        Program::RustClient => rust_server::cli::client_main(with_name("rust-client")),
    }
}
