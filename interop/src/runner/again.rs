//! The command that shows one result again.

use super::event::CaseResult;
use crate::catalogue;
use crate::model::names::Role;
use crate::model::protocol::Protocol;

/// How this run was called, as far as a single case of it has to be called the same way.
#[derive(Debug, Clone)]
pub struct Again {
    program: String,
    call: Call,
}

#[derive(Debug, Clone)]
enum Call {
    Run { seed: u64, folders: Vec<String> },
    Check { arguments: Vec<String> },
}

/// The flags of a check that select cases, or say how often and where the result goes.
const LEFT_OUT: [&str; 7] =
    ["--case", "--protocol", "--format", "--output", "--repeat", "--capture", "--capture-dir"];

impl Again {
    /// `interop run` by this seed, with the peers of these folders or, without any, of the project.
    #[must_use]
    pub fn run(program: String, seed: u64, folders: Vec<String>) -> Self {
        Self { program, call: Call::Run { seed, folders } }
    }

    /// `interop check` with these arguments, from which what says which cases and where to is taken out.
    #[must_use]
    pub fn check(program: String, arguments: impl IntoIterator<Item = String>) -> Self {
        let mut kept = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--" => {
                    kept.push(argument);
                    kept.extend(arguments);
                    break;
                }
                word if LEFT_OUT.contains(&word) => drop(arguments.next()),
                word if word.split_once('=').is_some_and(|(flag, _)| LEFT_OUT.contains(&flag)) => {}
                _ => kept.push(argument),
            }
        }
        Self { program, call: Call::Check { arguments: kept } }
    }

    /// For a shell, in the same working directory.
    #[must_use]
    pub fn command(&self, result: &CaseResult) -> String {
        let protocol = result.protocol().to_string();
        let mut words = vec![self.program.as_str()];
        let seed_typed;
        match &self.call {
            Call::Run { seed, folders } => {
                seed_typed = seed.to_string();
                words.push("run");
                match result.role {
                    Role::Server => words.extend(["--role", "server"]),
                    Role::Client => words.extend(["--role", "client"]),
                    Role::Pairing => {}
                }
                if let Some(server) = &result.server {
                    words.extend(["--server", server.as_str()]);
                }
                if let Some(client) = &result.client {
                    words.extend(["--client", client.as_str()]);
                }
                words.extend(["--case", result.case.as_str()]);
                if protocol != Protocol::default().to_string() {
                    words.extend(["--protocol", &protocol]);
                }
                if *seed != catalogue::SEED {
                    words.extend(["--seed", &seed_typed]);
                }
                if !folders.is_empty() {
                    words.push("--peers");
                    words.extend(folders.iter().map(String::as_str));
                }
            }
            Call::Check { arguments } => {
                words.extend(["check", "--case", result.case.as_str()]);
                if protocol != Protocol::default().to_string() {
                    words.extend(["--protocol", &protocol]);
                }
                words.extend(arguments.iter().map(String::as_str));
            }
        }
        // A word with a NUL in it cannot be typed, and did not reach us.
        shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Again, Call};

    #[test]
    fn the_selection_is_taken_out_and_the_command_behind_is_left_alone() {
        let typed = [
            "--case",
            "a.b",
            "server",
            "--protocol=line/*",
            "--strict",
            "--protocol",
            "u32be/echo",
            "--output",
            "x.html",
            "--capture",
            "failed",
            "--",
            "x",
            "--case",
            "y",
        ];
        let again = Again::check("interop".to_owned(), typed.map(str::to_owned));
        let Call::Check { arguments } = again.call else { panic!("a check stays one") };
        assert_eq!(arguments, ["server", "--strict", "--", "x", "--case", "y"]);
    }
}
