//! `exec`: a message is a command line, its answer what the program writes. Only programs that were
//! allowed by name are run, without a shell, for a bounded time and with a bounded output.

use std::process::Stdio;
use std::str::FromStr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Answers, Next, Pending, Service, is_exit};
use crate::framing::FrameError;
use crate::{ascii, limits};

/// Runs the program that a message names, with the arguments behind it, all parted by white space, and
/// answers by its stdout with its stderr behind it. What cannot be run, or took too long, or wrote too
/// much, is answered by a line that begins with `exec: `. `EXIT` ends the connection.
///
/// Whoever can connect can run the allowed programs with any arguments: for loopback alone.
#[derive(Debug, Clone)]
pub struct Exec(Arc<Programs>);

/// What all connections share.
#[derive(Debug)]
struct Programs {
    allowed: Vec<AllowedProgram>,
    /// Programs at once.
    slots: Semaphore,
}

/// The name of a program that `exec` may run, as it is looked up in PATH: `date`, not `/bin/date`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedProgram(String);

/// Text that is no name of a program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not the name of a program: {0:?} (expected one that is looked up in PATH, such as date)")]
pub struct ParseAllowedProgramError(String);

impl FromStr for AllowedProgram {
    type Err = ParseAllowedProgramError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let part_of_a_path = |byte: u8| byte == b'/' || byte == 0 || ascii::is_white_space(&byte);
        match name.is_empty() || name.bytes().any(part_of_a_path) {
            true => Err(ParseAllowedProgramError(name.to_owned())),
            false => Ok(Self(name.to_owned())),
        }
    }
}

/// Why there is no output to answer by.
#[derive(Debug, Error)]
enum Refusal {
    #[error("the command is no UTF-8")]
    NotText,
    #[error("the command is empty")]
    Empty,
    #[error("the program is not on the list of those allowed")]
    NotAllowed,
    #[error("cannot be run: {0}")]
    CannotRun(#[from] std::io::Error),
    #[error("timed out after {} s", limits::EXEC_TIME.as_secs())]
    TimedOut,
    #[error("the output is longer than {} bytes", limits::EXEC_OUTPUT)]
    TooMuchOutput,
}

impl Refusal {
    /// The refusal as an answer.
    fn answer(&self) -> Bytes {
        format!("exec: {self}\n").into()
    }
}

impl Exec {
    /// A service that runs these programs and no others.
    pub fn allowing(programs: impl IntoIterator<Item = AllowedProgram>) -> Self {
        let slots = Semaphore::new(limits::EXEC_AT_ONCE);
        Self(Arc::new(Programs { allowed: programs.into_iter().collect(), slots }))
    }

    /// Whether it runs any program at all.
    pub fn allows_any(&self) -> bool {
        !self.0.allowed.is_empty()
    }

    /// The command that a message asks for, if it is allowed.
    fn command(&self, text: &str) -> Result<Command, Refusal> {
        let is_white_space = |character: char| {
            u8::try_from(character).is_ok_and(|byte| ascii::is_white_space(&byte))
        };
        let mut words = text.split(is_white_space).filter(|word| !word.is_empty());
        let name = words.next().ok_or(Refusal::Empty)?;
        let allowed = self.0.allowed.iter().find(|program| program.0 == name);
        let program = allowed.ok_or(Refusal::NotAllowed)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "no peer is spawned here, and the group is ended by `Running`"
        )]
        let mut command = Command::new(&program.0);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what the program starts can be ended with it.
        command.process_group(0).kill_on_drop(true);
        Ok(command)
    }
}

impl Service for Exec {
    fn answer(&mut self, message: Bytes, answers: &mut Answers<'_>) -> Result<Next, FrameError> {
        let text = str::from_utf8(&message).map_err(|_| Refusal::NotText);
        if text.as_ref().is_ok_and(|text| is_exit(text)) {
            return Ok(Next::End);
        }
        match text.and_then(|text| self.command(text)) {
            Ok(command) => Ok(Next::Wait(Pending::new(run(command, self.0.clone())))),
            Err(refusal) => {
                answers.send(&refusal.answer())?;
                Ok(Next::Continue)
            }
        }
    }
}

/// Runs a command to its end, within all bounds. Dropped, it ends the program.
async fn run(command: Command, programs: Arc<Programs>) -> Bytes {
    // Nobody closes the semaphore; were it closed, the bound on time and output would still hold.
    let _slot = programs.slots.acquire().await;
    let output = timeout(limits::EXEC_TIME, output(command)).await;
    match output.unwrap_or(Err(Refusal::TimedOut)) {
        Ok(output) => output,
        Err(refusal) => refusal.answer(),
    }
}

async fn output(mut command: Command) -> Result<Bytes, Refusal> {
    let mut running = Running(command.spawn()?);
    let (stdout, stderr) = (running.0.stdout.take(), running.0.stderr.take());
    let (mut output, errors) = tokio::try_join!(read(stdout), read(stderr))?;
    output.unsplit(errors);
    if output.len() as u64 > limits::EXEC_OUTPUT {
        return Err(Refusal::TooMuchOutput);
    }
    running.0.wait().await?;
    Ok(output.freeze())
}

/// Reads a pipe to its end, if that comes within the limit.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Result<BytesMut, Refusal> {
    let mut read = BytesMut::new();
    let Some(mut pipe) = pipe else { return Ok(read) };
    while pipe.read_buf(&mut read).await? > 0 {
        // Before the other pipe has ended: a program that is no longer read would not end either.
        if read.len() as u64 > limits::EXEC_OUTPUT {
            return Err(Refusal::TooMuchOutput);
        }
    }
    Ok(read)
}

/// A program that runs. Dropped before it has ended it is killed, with all that it started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Without an id it was waited for, and its number may be another's by now.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = id {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
