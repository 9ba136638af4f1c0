//! The only place of the project that starts processes.
//!
//! Every child gets its own process group and the default disposition of every signal. Nothing is done between
//! fork and exec, so that the system need not copy our memory's tables for it: `posix_spawn` starts a program
//! in a tenth of the time once a case has moved megabytes. That the peers die with the harness is the
//! [guard](super::guard)'s business.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Once;

use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// Starts `argv` for a peer, with all three pipes.
///
/// # Errors
/// What the operating system says: most often that there is no such program.
pub async fn peer(
    argv: &[OsString],
    folder: &Path,
    env: impl IntoIterator<Item = (&String, &String)>,
) -> io::Result<Child> {
    static ONCE: Once = Once::new();
    ONCE.call_once(handle_what_is_ignored);
    command(argv)?
        .current_dir(folder)
        // It would hide that a peer does not flush its output.
        .env_remove("PYTHONUNBUFFERED")
        .envs(env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// A background job ignores SIGINT, and what runs under `nohup` SIGHUP; a child would inherit that, and a peer
/// is stopped by signals. One that has a handler is reset to its default in the child, so ours do nothing.
fn handle_what_is_ignored() {
    let kinds = [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
    ];
    for kind in kinds.into_iter().filter(|kind| is_ignored(*kind)) {
        // The handler stays when the stream is gone. Without it a peer is only harder to stop.
        drop(signal(kind));
    }
}

/// Whether we were told to ignore a signal. Where the kernel does not say, we were not.
#[must_use]
pub fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bit = 1_u64 << (signal.as_raw_value() - 1);
    ignored
        .is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & bit != 0))
}

/// Starts the [guard](super::guard): it has to outlive us for a moment, so nothing binds it to our life
/// but the pipe to its stdin.
pub(super) fn guard(program: &Path) -> io::Result<std::process::Child> {
    use std::os::unix::process::CommandExt as _;
    std_command(program.as_os_str())
        .arg(super::guard::SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Runs a command for the user, on the user's terminal, and waits for it: `doctor --install`.
///
/// # Errors
/// What the operating system says.
pub fn in_foreground(argv: &[OsString]) -> io::Result<std::process::ExitStatus> {
    let (program, arguments) = split(argv)?;
    std_command(program).args(arguments).status()
}

/// Becomes another program, under the same process id. Returns only when that fails.
#[must_use]
pub fn become_program(argv: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt as _;
    match split(argv) {
        Ok((program, arguments)) => std_command(program).args(arguments).exec(),
        Err(e) => e,
    }
}

fn command(argv: &[OsString]) -> io::Result<Command> {
    let (program, arguments) = split(argv)?;
    let mut command = std_command(program);
    command.args(arguments);
    Ok(command.into())
}

fn split(argv: &[OsString]) -> io::Result<(&OsString, &[OsString])> {
    argv.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "empty command"))
}

#[expect(clippy::disallowed_methods, reason = "this module is the place that spawns")]
fn std_command(program: &std::ffi::OsStr) -> std::process::Command {
    std::process::Command::new(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn output(script: &str) -> String {
        let argv = ["sh", "-c", script].map(OsString::from);
        let child = peer(&argv, Path::new("/"), []).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[tokio::test]
    async fn a_child_leads_its_own_process_group() {
        assert_eq!(output("test $(ps -o pgid= -p $$) = $$ && echo own").await, "own\n");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_child_ignores_no_signal_that_could_stop_it() {
        let ignored = output("grep SigIgn /proc/self/status").await;
        let mask = u64::from_str_radix(ignored.split_whitespace().last().unwrap(), 16).unwrap();
        for signal in [1, 2, 13, 15] {
            assert_eq!(mask & (1 << (signal - 1)), 0, "signal {signal} in {ignored}");
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_an_error_and_not_a_panic() {
        let argv = [OsString::from("no-such-program-anywhere")];
        let error = peer(&argv, Path::new("/"), []).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(peer(&[], Path::new("/"), []).await.is_err());
    }
}
