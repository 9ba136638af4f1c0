//! The reference server as a program; all of it is in `rust_server::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rust_server::cli::server_main(std::env::args_os())
}
