//! How the program ends when it cannot do what it was asked: one clear message, the right exit status.

use std::fmt::Display;
use std::process::ExitCode;

/// Wrong usage, or a wrong manifest.
const USAGE: u8 = 2;
/// The harness or its environment.
const ENVIRONMENT: u8 = 3;
/// Nothing was selected.
const NOTHING: u8 = 4;

/// Why the program cannot do what it was asked.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// The user has to change the command line or a manifest.
    pub fn usage(message: impl Display) -> Self {
        Self { status: USAGE, message: message.to_string() }
    }

    /// The machine lacks something.
    pub fn environment(message: impl Display) -> Self {
        Self { status: ENVIRONMENT, message: message.to_string() }
    }

    /// The selection leaves nothing to run.
    pub fn nothing_selected(message: impl Display) -> Self {
        Self { status: NOTHING, message: message.to_string() }
    }

    /// Says it on stderr, and returns the status.
    pub fn report(self) -> ExitCode {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        note!("{red}error{red:#}: {}", self.message);
        ExitCode::from(self.status)
    }
}
