//! The reference client as a program; all of it is in `rust_server::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rust_server::cli::client_main(std::env::args_os())
}
