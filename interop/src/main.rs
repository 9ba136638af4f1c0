//! The `interop` program: enters the library's command line, and nothing more.

use std::process::ExitCode;

fn main() -> ExitCode {
    interop::cli::main()
}
