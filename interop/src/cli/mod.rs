//! The command line: one file for each subcommand. Each reads its arguments, has the runner do the work
//! and says what came of it; none does the work itself.

mod bench;
mod besiege;
mod check;
mod config;
mod doctor;
mod dry_run;
mod exit;
mod explain;
mod list;
mod load;
mod names;
mod output;
mod peer;
mod pinned;
mod report;
mod rerun;
mod run;
mod selftest;
mod session;
mod settings;
mod shell;
mod sinks;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Failure;

/// Say whether TCP clients and servers in different languages understand each other, whatever TCP does
/// to the bytes; and where they do not, whose fault it is.
#[derive(Debug, Parser)]
#[command(name = "interop", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Without a command, `interop run` is meant: every pairing of the peers of the nearest interop.toml.

Exit status: 0 as expected, 1 a must failed or a declared deviation is stale, 2 wrong usage or
manifest, 3 harness or environment, 4 nothing selected, 77 everything selected was skipped,
130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Every pairing, and every peer on its own (the default)
    Run(run::Args),
    /// One side only: a peer's folder, a server by its address, or a command
    Check(check::Args),
    /// Servers side by side under load: what a message costs each of them
    Bench(bench::Args),
    /// What there is: peers, cases, requirements, framings
    List(list::Args),
    /// A case or a clause in words
    Explain(explain::Args),
    /// The settings of a run here, and who says so: the environment, the interop.toml, nobody
    Config(config::Args),
    /// What is installed, what is missing, and how to get it
    Doctor(doctor::Args),
    /// Results of runs that are over: in another form, of several parts, side by side
    Report(report::Args),
    /// The programs that are wrong on purpose: whether each is found, and by which case
    Selftest(selftest::Args),
    /// Completions for a shell, on stdout
    Completions(shell::CompletionsArgs),
    /// Man pages, a file for each command
    Man(shell::ManArgs),
    /// Be one of the reference peers that are built in
    #[command(hide = true)]
    Peer(peer::Args),
    /// Be the load generator of a bench
    #[command(hide = true)]
    Load(load::Args),
    /// Be the idle and the hostile clients of a siege
    #[command(hide = true)]
    Besiege(besiege::Args),
    /// Become a program that runs on one core alone
    #[command(hide = true)]
    Pinned(pinned::Args),
    /// Be the process that ends peers when the harness was killed
    #[command(hide = true)]
    Guard,
}

/// Runs the program that was called, and returns its exit status.
#[must_use]
pub fn main() -> ExitCode {
    let command = match settings::parse(std::env::args_os().collect()) {
        Ok(cli) => cli.command,
        Err(failure) => return failure.report(),
    };
    let result = match command {
        Command::Run(args) => run::main(args),
        Command::Check(args) => check::main(args),
        Command::Bench(args) => bench::main(&args),
        Command::Load(args) => load::main(&args),
        Command::Besiege(args) => besiege::main(&args),
        Command::List(args) => list::main(&args),
        Command::Explain(args) => explain::main(&args),
        Command::Config(args) => config::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::Report(args) => report::main(&args),
        Command::Selftest(args) => selftest::main(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Peer(args) => return peer::main(args),
        Command::Pinned(args) => {
            let Err(status) = pinned::main(args);
            return status;
        }
        Command::Guard => {
            crate::peer::guard::keep(std::io::stdin().lock());
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(Failure::report)
}

/// What the user typed to call this program.
fn program() -> String {
    std::env::args_os()
        .next()
        .map_or_else(|| "interop".to_owned(), |word| word.to_string_lossy().into_owned())
}

/// The arguments behind `--` as text: what is no UTF-8 cannot stand in a command template.
fn utf8(words: Vec<OsString>) -> Result<Vec<String>, Failure> {
    let text = |word: OsString| {
        word.into_string()
            .map_err(|word| Failure::usage(format!("{} is not UTF-8", word.display())))
    };
    words.into_iter().map(text).collect()
}
