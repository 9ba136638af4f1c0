//! A program and all that it started, as the operating system knows them.
//!
//! A child whose parent has ended is given to another: to us, once [`adopt_orphans`] was called. What it
//! belongs to is then told by its process group, or by a mark in the environment that it inherited;
//! a program that calls `setsid` leaves the group, but keeps the mark.

use std::collections::HashSet;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, getsid, kill_process, waitid};

use super::proc::{self, Stat, Tree};
use crate::limits;

/// The variable in the environment of every peer that tells whose it is.
pub const MARK: &str = "INTEROP_PEER";

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
    start: u64,
    dead: bool,
}

impl From<Stat> for Member {
    fn from(stat: Stat) -> Self {
        Self { pid: stat.pid, start: stat.start, dead: stat.is_dead() }
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
    let (us, session) = (Stat::of(getpid()), getsid(None).ok());
    let Some(us) = us else { return };
    for child in Tree::now().children(us.pid).into_iter().filter_map(Stat::of) {
        let started_by_us =
            child.group == us.group || (child.group == Some(child.pid) && child.session == session);
        if child.parent == Some(us.pid) && child.is_dead() && !started_by_us {
            let _ = waitid(WaitId::Pid(child.pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}
