//! What belongs beside the program: completions for shells, and man pages; both made of the one definition of the
//! command line.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::Shell;

use super::exit::Failure;
use super::{output, settings};

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder to write a page to for each command; it is made where it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes completions to stdout.
pub fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut settings::command(), "interop", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes man pages.
pub fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let failed = |e: io::Error| {
        Failure::environment(format!("cannot write to {}: {e}", args.folder.display()))
    };
    fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(settings::command(), &args.folder).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
