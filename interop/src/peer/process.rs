//! A running program: its pipes, its end, and the certainty that it and its children are gone afterwards.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::family::{self, Family, Member};
use super::{guard, spawn};
use crate::limits;
use crate::model::transcript::Exit;

/// A command ready to be started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// What is added to the environment.
    pub env: BTreeMap<String, String>,
}

impl Launch {
    /// The command as a user would type it.
    #[must_use]
    pub fn command_line(&self) -> String {
        let quote = |word: &OsString| {
            let word = word.to_string_lossy().into_owned();
            let plain = |c: char| c.is_alphanumeric() || "-_./:=,{}@%+".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word
            } else {
                format!("'{}'", word.replace('\'', "'\\''"))
            }
        };
        self.argv.iter().map(quote).collect::<Vec<_>>().join(" ")
    }
}

/// A program that runs in a process group of its own. Dropping it kills its [family](Family).
#[derive(Debug)]
pub struct Process {
    group: Pid,
    family: Family,
    exit: watch::Receiver<Option<Exit>>,
    /// Nothing is left to be killed, and the ids may be another's soon.
    over: AtomicBool,
}

/// How a program ended that was asked to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// How it ended, if it did.
    pub exit: Option<Exit>,
    /// Whether it did so before it was killed.
    pub in_time: bool,
    /// The commands of what it had started and what still lived [`limits::LEFT_BEHIND`] after it had ended;
    /// in its process group or not. They are dead now.
    pub left_behind: Vec<String>,
}

/// The pipes of a program that was just started.
#[derive(Debug)]
pub struct Pipes {
    /// To its stdin.
    pub stdin: ChildStdin,
    /// From its stdout.
    pub stdout: ChildStdout,
    /// From its stderr.
    pub stderr: ChildStderr,
}

impl Process {
    /// Starts a program.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn start(launch: &Launch) -> io::Result<(Self, Pipes)> {
        Self::start_marked(launch, Some(family::new_mark())).await
    }

    /// Starts a build. It may start a server for other builds too, as those of compilers' caches, which is no
    /// business of ours once the build has ended; so it is not marked.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn start_build(launch: &Launch) -> io::Result<(Self, Pipes)> {
        Self::start_marked(launch, None).await
    }

    async fn start_marked(launch: &Launch, mark: Option<String>) -> io::Result<(Self, Pipes)> {
        let mut env = launch.env.clone();
        env.extend(mark.clone().map(|mark| (family::MARK.to_owned(), mark)));
        let mut child = spawn::peer(&launch.argv, &launch.folder, &env).await?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = id.ok_or_else(|| io::Error::other("the child has no process id"))?;
        guard::entrust(group);
        // Nobody has waited for it yet, so this is still its id.
        let family = Family::of(group, mark);
        let pipes = take_pipes(&mut child)?;
        let (report, exit) = watch::channel(None);
        tokio::spawn(async move {
            if let Ok(status) = child.wait().await {
                let _ = report.send(Some(exit_of(status)));
            }
        });
        Ok((Self { group, family, exit, over: AtomicBool::new(false) }, pipes))
    }

    /// Its process id, which is that of its group too.
    #[must_use]
    pub const fn id(&self) -> Pid {
        self.group
    }

    /// It and all that it started.
    #[must_use]
    pub const fn family(&self) -> &Family {
        &self.family
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// A handle that waits for its end. Cancel safe.
    #[must_use]
    pub fn watch_exit(&self) -> watch::Receiver<Option<Exit>> {
        self.exit.clone()
    }

    /// Interrupts it, as Ctrl+C would.
    pub fn interrupt(&self) {
        let _ = kill_process_group(self.group, Signal::INT);
    }

    /// Asks it to end, as whoever manages services does.
    pub fn terminate(&self) {
        let _ = kill_process_group(self.group, Signal::TERM);
    }

    /// Ends it and all that it started: SIGTERM to its group, then after the grace time SIGKILL to them all.
    /// What a program leaves behind when it ends is given a moment of its own.
    pub async fn stop(&self, grace: Duration) -> Ended {
        // Once it has ended, its children are nobody's by descent.
        let mut seen = if self.exit().is_none() { self.family.members(&[]) } else { Vec::new() };
        self.terminate();
        let mut exit = self.exit.clone();
        let in_time = matches!(timeout(grace, exit.wait_for(Option::is_some)).await, Ok(Ok(_)));
        let left = if in_time { self.outlast(grace, &mut seen).await } else { Vec::new() };
        self.kill_all(&mut seen).await;
        Ended { exit: self.exit(), in_time, left_behind: left }
    }

    /// Gives the rest of the family a moment to end; returns the commands of those that do not.
    async fn outlast(&self, grace: Duration, seen: &mut Vec<Member>) -> Vec<String> {
        let deadline = Instant::now() + limits::LEFT_BEHIND.min(grace);
        let mut pause = Duration::from_millis(1);
        loop {
            let living = self.others(seen);
            if living.is_empty() && !self.group_lives() {
                return Vec::new();
            }
            if Instant::now() > deadline {
                return living.iter().filter_map(Member::command).collect();
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Kills until nobody is left: one that starts others may do so between a look and a kill.
    async fn kill_all(&self, seen: &mut Vec<Member>) {
        let deadline = Instant::now() + limits::DRAIN;
        loop {
            let living = self.others(seen);
            if living.is_empty() && !self.group_lives() && self.exit().is_some() {
                self.over.store(true, Ordering::Relaxed);
                return;
            }
            if Instant::now() > deadline {
                return;
            }
            self.kill(&living);
            let mut exit = self.exit.clone();
            // Its own end is told at once; that of the others is looked for.
            let pause = Duration::from_millis(1);
            if self.exit().is_some() {
                sleep(pause).await;
            } else {
                let _ = timeout(pause, exit.wait_for(Option::is_some)).await;
            }
        }
    }

    /// The living members of the family but the program itself. All that are seen are remembered.
    fn others(&self, seen: &mut Vec<Member>) -> Vec<Member> {
        family::reap_orphans();
        *seen = self.family.members(seen);
        let others = seen.iter().filter(|member| member.pid != self.group && !member.is_dead());
        others.copied().collect()
    }

    /// Whether the group has a member; one that is dead and not yet reaped counts.
    fn group_lives(&self) -> bool {
        test_kill_process_group(self.group).is_ok()
    }

    fn kill(&self, others: &[Member]) {
        let _ = kill_process_group(self.group, Signal::KILL);
        others.iter().for_each(Member::kill);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !*self.over.get_mut() {
            let others = self.others(&mut Vec::new());
            self.kill(&others);
        }
        guard::take_back(self.group);
    }
}

fn take_pipes(child: &mut Child) -> io::Result<Pipes> {
    let missing = || io::Error::other("a pipe of the child is missing");
    Ok(Pipes {
        stdin: child.stdin.take().ok_or_else(missing)?,
        stdout: child.stdout.take().ok_or_else(missing)?,
        stderr: child.stderr.take().ok_or_else(missing)?,
    })
}

fn exit_of(status: ExitStatus) -> Exit {
    match status.signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.code().unwrap_or_default()),
    }
}

/// Makes room for a read: a whole new buffer once little is left of the last one.
pub fn make_room(room: &mut BytesMut) {
    if room.capacity() < limits::READ / 4 {
        room.reserve(limits::READ);
    }
}

/// Waits for an end that is watched. Cancel safe.
pub async fn wait_exit(exit: &mut watch::Receiver<Option<Exit>>) -> Option<Exit> {
    exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit)
}

/// The last lines that a program wrote, for evidence.
#[derive(Debug, Clone, Default)]
pub struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    /// Adds a line; the oldest go.
    pub fn push(&self, line: &str) {
        let mut lines = self.lock();
        if lines.len() == limits::TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(limits::TAIL_LINE).collect());
    }

    /// What is left of it.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A pipe read line by line. Bytes that are no UTF-8 are replaced; a line over [`limits::LINE`] is cut there.
#[derive(Debug)]
pub struct Lines<R> {
    pipe: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads from this pipe.
    pub fn of(pipe: R) -> Self {
        Self { pipe: BufReader::with_capacity(limits::READ, pipe), line: Vec::new() }
    }

    /// The next line without its end; `None` at the end of the pipe. Not cancel safe.
    pub async fn next(&mut self) -> Option<String> {
        self.line.clear();
        let mut bounded = (&mut self.pipe).take(limits::LINE as u64);
        match bounded.read_until(b'\n', &mut self.line).await {
            Ok(0) | Err(_) => None,
            Ok(_) => {
                let text = String::from_utf8_lossy(&self.line);
                Some(text.trim_end_matches(['\n', '\r']).to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(script: &str) -> Launch {
        Launch {
            argv: ["sh", "-c", script].map(OsString::from).to_vec(),
            folder: PathBuf::from("/"),
            env: BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn a_program_that_ignores_sigterm_and_its_children_are_gone_after_the_grace_time() {
        let script = "trap '' TERM; sleep 1000 & echo started; while :; do sleep 1; done";
        let (process, pipes) = Process::start(&launch(script)).await.unwrap();
        let mut lines = BufReader::new(pipes.stdout).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("started"));
        let ended = process.stop(Duration::from_millis(50)).await;
        let killed = Ended { exit: Some(Exit::Signal(9)), ..Ended::default() };
        assert_eq!(ended, killed);
        // The child had a copy of the pipe, so its end is the end of all.
        assert_eq!(lines.next_line().await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_way_a_program_ends_is_told() {
        for (script, end) in [("exit 3", Exit::Code(3)), ("kill -9 $$", Exit::Signal(9))] {
            let (process, _pipes) = Process::start(&launch(script)).await.unwrap();
            assert_eq!(wait_exit(&mut process.watch_exit()).await, Some(end), "{script}");
        }
    }

    #[test]
    fn a_command_line_is_quoted_where_a_shell_needs_it() {
        let launch = Launch {
            argv: ["python3", "a file.py", "it's", ""].map(OsString::from).to_vec(),
            folder: PathBuf::new(),
            env: BTreeMap::new(),
        };
        assert_eq!(launch.command_line(), r"python3 'a file.py' 'it'\''s' ''");
    }

    #[tokio::test]
    async fn lines_are_read_to_the_end_even_without_a_last_newline() {
        let mut lines = Lines::of(&b"one\r\ntwo\n\xff\nthree"[..]);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await {
            seen.push(line);
        }
        assert_eq!(seen, ["one", "two", "\u{fffd}", "three"]);
    }
}
