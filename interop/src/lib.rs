//! Says whether TCP clients and servers in different languages understand each other, whatever TCP does to
//! the bytes; and where they do not, whose fault it is.
//!
//! # The rooms
//!
//! | room | what is in it |
//! |---|---|
//! | [`model`] | pure data and judgement: case, transcript, oracle, outcome |
//! | [`catalogue`] | the cases, one file for each group |
//! | [`peer`] | the programs under test: `peer.toml`, processes, contracts |
//! | [`capture`] | what went over the wire in a case, made of its transcript, as a pcapng file |
//! | [`stage`] | acts a case out and writes the transcript |
//! | [`runner`] | plan, selection, schedule; tells what happens as events |
//! | [`bench`](mod@bench) | servers side by side under load: loads, generator, rounds, figures |
//! | [`report`] | one file for each form of the result |
//! | [`cli`] | one file for each subcommand |
//! | [`embed`] | the harness in somebody's own tests: begin there to use this crate as a library |
//!
//! Dependencies go one way: `cli -> runner -> stage -> peer -> model`, `bench -> stage`, `embed -> runner`, `runner -> capture ->
//! model`, `catalogue -> model`,
//! `report -> runner's events, bench's results and model`. Data goes one way too:
//!
//! ```text
//! peer.toml -> plan -> steps acted out -> transcript -> oracle -> outcome -> event -> reporters
//! ```

#![warn(
    clippy::print_stderr,
    reason = "it panics where nobody reads stderr any more: write with note!"
)]

/// Writes a line to stderr, as `eprintln!` does. But where nobody reads that any more, a run goes on to its result.
macro_rules! note {
    ($($words:tt)*) => {{
        let line = format_args!("{}\n", format_args!($($words)*));
        let _ = std::io::Write::write_fmt(&mut anstream::stderr().lock(), line);
    }};
}

pub mod bench;
pub mod capture;
pub mod catalogue;
pub mod cli;
pub mod embed;
pub mod limits;
pub mod model;
pub mod peer;
pub mod report;
pub mod runner;
pub mod stage;
