//! Why a program did not come up, and whose fault that is.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::build::BuildError;
use super::port::PortError;
use super::process::Launch;
use crate::model::outcome::{Blame, Outcome};
use crate::model::transcript::Exit;

/// By the peer contract: "this I do not support".
pub(super) const UNSUPPORTED: i32 = 77;
/// What a shell says of a program that it may not run, or does not find.
const SHELL_CANNOT_RUN: [i32; 2] = [126, 127];
/// How many lines of output an error shows.
const SHOWN: usize = 6;

/// Why a program did not come up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// There is no such program, or it may not be run.
    #[error("cannot run `{program}`: {reason}")]
    CannotRun {
        /// The missing program.
        program: String,
        /// What the operating system or the shell said.
        reason: String,
    },
    /// It said that it does not do this.
    #[error("`{command}` says that it does not support this (exit status 77)")]
    Unsupported {
        /// Which.
        command: String,
    },
    /// It ended before it had done what was waited for.
    #[error("`{command}` {exit} before it {}{}", waited_for.past(), shown(output))]
    Exited {
        /// Which.
        command: String,
        /// What it should have done first.
        waited_for: Milestone,
        /// How.
        exit: Exit,
        /// Its last words.
        output: Vec<String>,
    },
    /// It lives, but does not get ready.
    #[error("`{command}` was not ready after {} s: waited for {waited_for}{}", waited.as_secs(), shown(output))]
    NeverReady {
        /// Which.
        command: String,
        /// How long.
        waited: Duration,
        /// What for.
        waited_for: String,
        /// Its last words.
        output: Vec<String>,
    },
    /// A server that is said to run already does not accept.
    #[error("no server at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        reason: String,
    },
    /// A port could not be had.
    #[error("{0}")]
    Port(String),
    /// The harness itself could not go on.
    #[error("{0}")]
    Harness(String),
    /// It could not be built.
    #[error("{0}")]
    Build(String),
}

/// By when a program has come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// A server is ready.
    Ready,
    /// A client has connected.
    Connected,
}

impl Milestone {
    const fn past(self) -> &'static str {
        match self {
            Self::Ready => "was ready",
            Self::Connected => "connected",
        }
    }
}

impl StartError {
    pub(crate) fn cannot_run(launch: &Launch, error: &io::Error) -> Self {
        let program = launch.argv.first().map(|word| word.to_string_lossy().into_owned());
        let reason = match error.kind() {
            io::ErrorKind::NotFound if !launch.folder.is_dir() => {
                format!("its folder {} does not exist", launch.folder.display())
            }
            io::ErrorKind::NotFound => "no such program on PATH".to_owned(),
            _ => error.to_string(),
        };
        Self::CannotRun { program: program.unwrap_or_default(), reason }
    }

    pub(crate) fn exited(
        command: String,
        waited_for: Milestone,
        exit: Exit,
        output: Vec<String>,
    ) -> Self {
        match exit {
            Exit::Code(UNSUPPORTED) => Self::Unsupported { command },
            Exit::Code(code) if SHELL_CANNOT_RUN.contains(&code) => Self::CannotRun {
                program: missing_program(&output).unwrap_or(command),
                reason: format!("exit status {code}{}", shown(&output)),
            },
            _ => Self::Exited { command, waited_for, exit, output },
        }
    }

    /// What it makes of the cases that could not be played.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Unsupported { .. } => Outcome::Unsupported,
            _ => Outcome::Error,
        }
    }

    /// Whose fault it is, of a program in this role.
    #[must_use]
    pub const fn blame(&self, role: Blame) -> Blame {
        match self {
            Self::CannotRun { .. } | Self::Unreachable { .. } | Self::Port(_) | Self::Build(_) => {
                Blame::Environment
            }
            Self::Harness(_) => Blame::Harness,
            Self::Unsupported { .. } | Self::Exited { .. } | Self::NeverReady { .. } => role,
        }
    }
}

impl From<PortError> for StartError {
    fn from(error: PortError) -> Self {
        Self::Port(error.to_string())
    }
}

impl From<BuildError> for StartError {
    fn from(error: BuildError) -> Self {
        Self::Build(error.to_string())
    }
}

/// `env: 'ruby': No such file or directory`, `sh: 1: ruby: not found`: the name that stands before
/// the reason.
fn missing_program(output: &[String]) -> Option<String> {
    let line = output.iter().rev().find(|line| {
        line.contains("not found")
            || line.contains("No such file")
            || line.contains("ermission denied")
    })?;
    let mut words = line.rsplit(": ").skip(1);
    let name = words.next()?.trim_matches(|c: char| "'\"`‘’".contains(c));
    (!name.is_empty()).then(|| name.to_owned())
}

fn shown(output: &[String]) -> String {
    let last = &output[output.len().saturating_sub(SHOWN)..];
    if last.is_empty() {
        return "; it wrote nothing".to_owned();
    }
    format!(
        "; its last words:\n{}",
        last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: i32, output: &[&str]) -> StartError {
        let output = output.iter().map(|line| (*line).to_owned()).collect();
        StartError::exited("x".to_owned(), Milestone::Ready, Exit::Code(code), output)
    }

    #[test]
    fn the_missing_program_is_found_in_what_a_shell_says() {
        for (line, program) in [
            ("sh: 1: ruby: not found", "ruby"),
            ("env: 'node': No such file or directory", "node"),
            ("bash: line 1: ./peer: Permission denied", "./peer"),
        ] {
            let error = exited(127, &[line]);
            assert!(error.to_string().contains(&format!("cannot run `{program}`")), "{error}");
            assert_eq!(error.blame(Blame::Server), Blame::Environment);
        }
    }

    #[test]
    fn an_exit_with_77_is_unsupported_and_any_other_an_error() {
        assert_eq!(exited(77, &[]).outcome(), Outcome::Unsupported);
        assert_eq!(exited(1, &[]).outcome(), Outcome::Error);
        assert_eq!(exited(1, &[]).blame(Blame::Server), Blame::Server);
    }
}
