//! The only place of the project that starts processes, and the only one with `unsafe` code.
//!
//! Every child gets its own process group, the default disposition of every signal, and on Linux the
//! kernel's promise to kill it when the harness dies. The `unsafe` block is the hook that runs in the
//! child between fork and exec; it makes three kinds of system calls, all async-signal-safe, and
//! touches no memory of the parent's.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{OnceLock, mpsc};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts `argv` for a peer, with all three pipes.
///
/// # Errors
/// What the operating system says: most often that there is no such program.
pub async fn peer(
    argv: &[OsString],
    folder: &Path,
    env: impl IntoIterator<Item = (&String, &String)>,
) -> io::Result<Child> {
    let mut command = command(argv)?;
    command
        .current_dir(folder)
        // It would hide that a peer does not flush its output.
        .env_remove("PYTHONUNBUFFERED")
        .envs(env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    die_with_the_harness(&mut command);
    on_the_spawner_thread(command).await
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

/// Resets the signals, and asks Linux for a SIGKILL on the harness's death.
#[expect(unsafe_code, reason = "a pre-exec hook is unsafe by its nature: see the module's words")]
fn die_with_the_harness(command: &mut Command) {
    let harness = rustix::process::getpid();
    let hook = move || {
        // A background job inherits an ignored SIGINT, and a peer is stopped by it.
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGPIPE] {
            // SAFETY: `signal` is async-signal-safe, and SIG_DFL names no handler.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        #[cfg(target_os = "linux")]
        {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            // The harness may have died before the kernel was asked.
            if rustix::process::getppid() != Some(harness) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(())
    };
    #[cfg(not(target_os = "linux"))]
    let _ = harness;
    // SAFETY: the hook allocates nothing, takes no lock, and makes async-signal-safe calls only.
    unsafe { command.pre_exec(hook) };
}

struct Job {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Linux sends the parent-death signal when the *thread* that forked ends, so the thread that forks has
/// to live as long as the harness does; a runtime's threads need not.
async fn on_the_spawner_thread(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for Job { mut command, runtime, reply } in inbox {
                let _context = runtime.enter();
                let _ = reply.send(command.spawn());
            }
        });
        jobs
    });
    let (reply, child) = oneshot::channel();
    let job = Job { command, runtime: Handle::current(), reply };
    let gone = |_| io::Error::other("the spawner thread is gone");
    spawner.send(job).map_err(|_| io::Error::other("the spawner thread is gone"))?;
    child.await.map_err(gone)?
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
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGPIPE] {
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
