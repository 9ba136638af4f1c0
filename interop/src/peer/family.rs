//! A program and all that it started, as the operating system knows them.
//!
//! A child whose parent has ended is given to another: to us, once [`adopt_orphans`] was called. What it
//! belongs to is then told by its process group, or by a mark in the environment that it inherited;
//! a program that calls `setsid` leaves the group, but keeps the mark.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};

use super::proc::{self, Stat, Tree};
use crate::limits;

/// The variable in the environment of every peer that tells whose it is.
pub const MARK: &str = "INTEROP_PEER";

/// A mark that no other program has.
#[must_use]
pub fn new_mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}{}", our_marks(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// How all marks begin that we give.
#[must_use]
pub fn our_marks() -> String {
    // With the time of our start: an id alone is used again.
    let start = Stat::of(getpid()).map_or(0, |stat| stat.start);
    format!("{}.{start}.", getpid())
}

/// Kills all programs whose mark begins so.
pub fn kill_marked(prefix: &str) {
    let theirs = |pid: &Pid| proc::variable(*pid, MARK).is_some_and(|it| it.starts_with(prefix));
    // One that starts others may do so between a look and a kill.
    for _ in 0..limits::KILL_ROUNDS {
        let marked: Vec<Pid> = proc::everybody().filter(theirs).collect();
        if marked.is_empty() {
            return;
        }
        for pid in marked {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// A program, and the way to find all that it started.
#[derive(Debug, Clone)]
pub struct Family {
    leader: Pid,
    /// When it started, so that another with its id, later, is not taken for it.
    start: Option<u64>,
    mark: Option<String>,
}

/// One process of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    start: u64,
    dead: bool,
}

impl From<Stat> for Member {
    fn from(stat: Stat) -> Self {
        Self { pid: stat.pid, parent: stat.parent, start: stat.start, dead: stat.is_dead() }
    }
}

impl Member {
    fn is(&self, stat: &Stat) -> bool {
        (self.pid, self.start) == (stat.pid, stat.start)
    }

    /// Whether it has ended, and was not waited for.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Its command line.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        proc::command(self.pid)
    }

    /// Kills it, unless it is gone and its id is another's.
    pub fn kill(&self) {
        if Stat::of(self.pid).is_some_and(|now| self.is(&now)) {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

impl Family {
    /// The family of a process that was just started, or runs; with the [`MARK`] that it was given.
    #[must_use]
    pub fn of(leader: Pid, mark: Option<String>) -> Self {
        Self { leader, start: Stat::of(leader).map(|stat| stat.start), mark }
    }

    /// Who belongs to it now: the leader if it is there, all of their descendants, and orphans of ours that
    /// were theirs. `known` are members seen before; they stay members when their parents have ended.
    #[must_use]
    pub fn members(&self, known: &[Member]) -> Vec<Member> {
        let tree = Tree::now();
        let leader = Stat::of(self.leader).filter(|stat| Some(stat.start) == self.start);
        let mut members: Vec<Member> = leader.into_iter().map(Member::from).collect();
        let orphans = tree.children(getpid()).into_iter().filter(|&pid| pid != self.leader);
        let ours = orphans.filter_map(Stat::of).filter(|stat| self.claims(stat, known));
        members.extend(ours.map(Member::from));
        // Those whose new parent is not us, since we adopt nobody.
        let now = |known: &Member| Stat::of(known.pid).filter(|now| known.is(now));
        members.extend(known.iter().filter_map(now).map(Member::from));
        let mut seen: HashSet<Pid> = HashSet::new();
        members.retain(|member| seen.insert(member.pid));
        let mut next = 0;
        while let Some(parent) = members.get(next).filter(|_| members.len() < limits::FAMILY) {
            let children = tree.children(parent.pid).into_iter().filter(|&pid| seen.insert(pid));
            let children: Vec<_> = children.filter_map(Stat::of).map(Member::from).collect();
            members.extend(children);
            next += 1;
        }
        members
    }

    fn claims(&self, orphan: &Stat, known: &[Member]) -> bool {
        orphan.group == Some(self.leader)
            || known.iter().any(|known| known.is(orphan))
            || (self.mark.is_some() && proc::variable(orphan.pid, MARK) == self.mark)
    }
}

/// Makes us the parent of all orphans among our descendants, on Linux. They have to be
/// [reaped](reap_orphans) then.
pub fn adopt_orphans() {
    // Where it fails, orphans are not found; those in the group of their peer are killed all the same.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Reaps the orphans that ended since, and nobody else: the end of a child that we started is told to the
/// one who started it. Such a child leads a process group in our session (see `spawn`), or is still in
/// ours, and an orphan that looks the same stays dead until we end.
pub fn reap_orphans() {
    let Some(us) = Stat::of(getpid()) else { return };
    for child in Tree::now().children(us.pid).into_iter().filter_map(Stat::of) {
        if child.parent == Some(us.pid) && child.is_dead() && !may_be_started_by(&us, &child) {
            let _ = waitid(WaitId::Pid(child.pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}

/// Whether a child of ours looks like one that we started. Our session and our group have no id where they
/// are those of a process outside of our PID namespace, as in many a container.
fn may_be_started_by(us: &Stat, child: &Stat) -> bool {
    child.group == us.group || (child.group == Some(child.pid) && child.session == us.session)
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::transcript::Exit;
    use crate::peer::process::{Ended, Launch, Lines, Pipes, Process, wait_exit};

    fn launch(script: &str) -> Launch {
        Launch {
            argv: ["sh", "-c", script].map(OsString::from).to_vec(),
            folder: PathBuf::from("/"),
            env: BTreeMap::new(),
        }
    }

    async fn start(script: &str) -> (Process, Pipes) {
        adopt_orphans();
        Process::start(&launch(script)).await.unwrap()
    }

    async fn said(pipes: &mut Pipes) -> Pid {
        let line = Lines::of(&mut pipes.stdout).next().await.unwrap();
        Pid::from_raw(line.parse().unwrap()).unwrap()
    }

    /// Until it runs the program that it is meant to.
    async fn runs(pid: Pid, command: &str) {
        let begun = Instant::now();
        while proc::command(pid).as_deref() != Some(command) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{command} never runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn an_orphan_is_told_from_our_own_children_in_a_container_too() {
        let id = Pid::from_raw;
        let process = |pid, group, session| {
            let (pid, group, session) = (id(pid).unwrap(), id(group), id(session));
            Stat { pid, state: 'Z', parent: None, group, session, ticks: 0, start: 0 }
        };
        // Started with an id of its own; from a shell outside of the container, whose ids are not seen.
        for (group, session) in [(5, 4), (0, 0)] {
            let us = process(7, group, session);
            assert!(may_be_started_by(&us, &process(8, group, session)), "one of our group");
            assert!(may_be_started_by(&us, &process(9, 9, session)), "a peer");
            assert!(!may_be_started_by(&us, &process(10, 9, session)), "of a peer's group");
            assert!(!may_be_started_by(&us, &process(11, 11, 11)), "in a session of its own");
        }
    }

    #[tokio::test]
    async fn what_left_the_group_is_told_killed_and_reaped() {
        let child = "setsid sleep 1001 & echo $!; wait";
        let orphan = "(setsid sleep 1001 & echo $!); exec sleep 1002";
        for script in [child, orphan] {
            let (process, mut pipes) = start(script).await;
            let left = said(&mut pipes).await;
            runs(left, "sleep 1001").await;
            let ended = process.stop(limits::GRACE).await;
            let expected = Ended {
                exit: Some(Exit::Signal(15)),
                in_time: true,
                left_behind: vec!["sleep 1001".to_owned()],
            };
            assert_eq!(ended, expected, "{script}");
            assert_eq!(Stat::of(left), None, "{script}");
        }
    }

    #[tokio::test]
    async fn what_a_program_left_when_it_ended_by_itself_is_told_too() {
        let (process, mut pipes) = start("setsid sleep 1003 & echo $!; exit 3").await;
        let left = said(&mut pipes).await;
        runs(left, "sleep 1003").await;
        wait_exit(&mut process.watch_exit()).await;
        let ended = process.stop(limits::GRACE).await;
        assert_eq!((ended.exit, ended.in_time), (Some(Exit::Code(3)), true));
        assert_eq!(ended.left_behind, ["sleep 1003"]);
    }

    #[tokio::test]
    async fn what_ends_with_the_program_is_not_left_behind() {
        let (process, mut pipes) = start("sleep 1004 & echo $!; (sleep 0); wait").await;
        runs(said(&mut pipes).await, "sleep 1004").await;
        assert_eq!(process.stop(limits::GRACE).await.left_behind, [""; 0]);
    }

    #[tokio::test]
    async fn a_dropped_program_takes_all_with_it() {
        let (process, mut pipes) = start("(setsid sleep 1005 & echo $!); exec sleep 1006").await;
        let left = said(&mut pipes).await;
        runs(left, "sleep 1005").await;
        drop(process);
        let begun = Instant::now();
        while Stat::of(left).is_some_and(|stat| !stat.is_dead()) {
            assert!(begun.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_a_build_leaves_may_serve_others_and_stays() {
        adopt_orphans();
        let script = "setsid sleep 1007 & echo $!";
        let (build, mut pipes) = Process::start_build(&launch(script)).await.unwrap();
        let server = said(&mut pipes).await;
        runs(server, "sleep 1007").await;
        wait_exit(&mut build.watch_exit()).await;
        drop(build);
        assert_eq!(proc::command(server).as_deref(), Some("sleep 1007"));
        kill_process(server, Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn a_marked_program_is_found_anywhere() {
        let mut launch = launch("(setsid sleep 1008 & echo $!)");
        launch.env.insert(MARK.to_owned(), "not-ours.7".to_owned());
        let (build, mut pipes) = Process::start_build(&launch).await.unwrap();
        let marked = said(&mut pipes).await;
        runs(marked, "sleep 1008").await;
        drop(build);
        kill_marked("not-ours.");
        let begun = Instant::now();
        while Stat::of(marked).is_some_and(|stat| !stat.is_dead()) {
            assert!(begun.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
