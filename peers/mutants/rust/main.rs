//! A peer that is correct, unless the environment variable MUTANT names one of its mistakes.
//!
//! ```text
//! MUTANT=rust-read-header mutant server 127.0.0.1 9000
//! MUTANT=rust-stdout-not-flushed mutant client 127.0.0.1 9000
//! ```
//!
//! All mistakes are in `bugs.rs`. A MUTANT that nobody knows is an error, exit status 2. Standard library only; built by
//! one call of rustc, with `panic=abort`.

mod bugs;
mod client;
mod frames;
mod server;
mod signals;

use std::env;
use std::process;

fn main() {
    let bug = bugs::from_environment().unwrap_or_else(|message| wrong_usage(&message));
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", host, port] => server::run(bug, &format!("{host}:{port}")),
        ["client", host, port] => client::run(bug, &format!("{host}:{port}")),
        _ => wrong_usage("usage: mutant server|client HOST PORT"),
    }
}

fn wrong_usage(message: &str) -> ! {
    eprintln!("{message}");
    process::exit(2);
}
