//! What a program and all its descendants use of the machine, as Linux tells; elsewhere nothing is known.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use rustix::process::Pid;

use super::family::{Family, Member};
use super::proc::{self, Stat, read_short};

/// What a program and all its descendants use now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vitals {
    /// The most memory that each of its processes had at any time, summed, in bytes (`VmHWM`); without what a
    /// fork shares with the process it is a copy of.
    pub resident_peak: u64,
    /// The most address space that each of them had, summed, in bytes (`VmPeak`): memory that was asked
    /// for counts before it is touched.
    pub address_space_peak: u64,
    /// The memory that they have, in bytes (`VmRSS`). What they share counts once for each.
    pub resident: u64,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Processes.
    pub processes: usize,
}

impl Vitals {
    /// Those of a family, whether its leader lives or not; `None` when nobody does.
    #[must_use]
    pub fn of(family: &Family) -> Option<Self> {
        let mut sum = Self::default();
        let members = family.members(&[]);
        for member in &members {
            // A child that nobody has waited for holds its place.
            sum.processes += usize::from(member.is_dead());
            if let Some(one) = Self::of_one(member.pid) {
                sum.resident_peak += one.resident_peak.saturating_sub(inherited(member, &members));
                sum.address_space_peak += one.address_space_peak;
                sum.resident += one.resident;
                sum.descriptors += one.descriptors;
                sum.threads += one.threads;
                sum.processes += one.processes;
            }
        }
        (sum.processes > 0).then_some(sum)
    }

    fn of_one(pid: Pid) -> Option<Self> {
        let mut room = [0; 4096];
        let status = read_short(&format!("/proc/{pid}/status"), &mut room)?;
        let mut vitals = Self::parse(&String::from_utf8_lossy(status))?;
        vitals.descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Some(vitals)
    }

    /// `None` for a process without memory: one that is dead.
    fn parse(status: &str) -> Option<Self> {
        let mut vitals = Self { processes: 1, ..Self::default() };
        let mut has_memory = false;
        for (key, value) in status.lines().filter_map(|line| line.split_once(':')) {
            let number = || value.split_whitespace().next()?.parse::<u64>().ok();
            let bytes = || number().map(|kibibytes| kibibytes.saturating_mul(1024));
            match key {
                "VmPeak" => (vitals.address_space_peak, has_memory) = (bytes()?, true),
                "VmHWM" => vitals.resident_peak = bytes()?,
                "VmRSS" => vitals.resident = bytes()?,
                "Threads" => vitals.threads = usize::try_from(number()?).ok()?,
                _ => {}
            }
        }
        has_memory.then_some(vitals)
    }
}

/// What a member has of its parent's memory: a fork begins with all of it, and has used none.
fn inherited(member: &Member, members: &[Member]) -> u64 {
    let parent = members.iter().find(|other| Some(other.pid) == member.parent);
    let parent = parent.and_then(|parent| Vitals::of_one(parent.pid));
    parent.map_or(0, |parent| parent.resident_peak)
}

/// The memory that a family shares with nobody else, in bytes, where the kernel tells.
#[must_use]
pub fn private_memory(family: &Family) -> Option<u64> {
    let of_one = |member: Member| {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", member.pid)).ok()?;
        Some(private(&rollup))
    };
    family.members(&[]).into_iter().filter_map(of_one).reduce(|one, other| one + other)
}

fn private(rollup: &str) -> u64 {
    let is_private = |line: &&str| line.starts_with("Private_");
    let kibibytes = |line: &str| line.split_whitespace().nth(1)?.parse::<u64>().ok();
    rollup.lines().filter(is_private).filter_map(kibibytes).sum::<u64>() * 1024
}

/// The memory of this machine, in bytes; none where it is not known.
#[must_use]
pub fn machine_memory() -> u64 {
    let mut room = [0; 4096];
    let text = read_short("/proc/meminfo", &mut room).map(String::from_utf8_lossy);
    text.and_then(|text| total(&text)).unwrap_or(0)
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024))
}

/// Lets the peak of a family's memory begin anew, where the kernel does that.
pub fn forget_peaks(family: &Family) {
    for member in family.members(&[]) {
        let _ = fs::write(format!("/proc/{}/clear_refs", member.pid), "5");
    }
}

/// How much processor time a program and all its descendants asked for so far: the time that its threads
/// were on a processor and the time that they waited for one, so that it means the same on a loaded machine.
///
/// A kernel without `schedstat` tells only the time on a processor, in steps of 10 ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// By thread, so that one which ends does not take its time out of a sum.
    threads: HashMap<Pid, Duration>,
    /// The part of it for which they were on a processor.
    ran: Duration,
    /// The same with threads that have ended, in steps of 10 ms.
    ran_in_all: Duration,
    busy: bool,
}

/// What happened between two looks at a [`Demand`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Nothing: no thread ran, waited to run, began or ended.
    Idle,
    /// Something; with the processor time that was asked for, as far as it is known. It is zero when a
    /// thread waits for a disk, is about to run, or began or ended without a trace.
    Busy(Duration),
}

impl Demand {
    /// That of a family, whether its leader lives or not; `None` when nobody does.
    #[must_use]
    pub fn of(family: &Family) -> Option<Self> {
        let mut demand = Self::default();
        for member in family.members(&[]).into_iter().filter(|member| !member.is_dead()) {
            let of_all = Stat::of(member.pid).map(|stat| on_processor(&stat));
            demand.ran_in_all += of_all.unwrap_or_default();
            for thread in proc::threads(member.pid) {
                // One that ended in the meantime is missed next time.
                if let Some(stat) = Stat::of_thread(member.pid, thread) {
                    demand.busy |= matches!(stat.state, 'R' | 'D');
                    let [ran, waited] = schedule(member.pid, thread)
                        .unwrap_or_else(|| [on_processor(&stat), Duration::ZERO]);
                    demand.threads.insert(thread, ran + waited);
                    demand.ran += ran;
                }
            }
        }
        (!demand.threads.is_empty()).then_some(demand)
    }

    /// Whether a thread was running, runnable, or waiting for a disk at the time.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.busy
    }

    /// For how long its living threads were on a processor, so far.
    #[must_use]
    pub const fn ran(&self) -> Duration {
        self.ran
    }

    /// For how long it was on a processor since an earlier look at the same program. Where threads have ended
    /// meanwhile, which take their time with them, in steps of 10 ms.
    #[must_use]
    pub fn ran_since(&self, earlier: &Self) -> Duration {
        match earlier.threads.keys().all(|thread| self.threads.contains_key(thread)) {
            true => self.ran.saturating_sub(earlier.ran),
            false => self.ran_in_all.saturating_sub(earlier.ran_in_all),
        }
    }

    /// What happened since an earlier look at the same program.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Spent {
        let spent = self.threads.iter().map(|(thread, now)| {
            now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or_default())
        });
        let same_threads = self.threads.len() == earlier.threads.len()
            && self.threads.keys().all(|thread| earlier.threads.contains_key(thread));
        let spent: Duration = spent.sum();
        if spent.is_zero() && same_threads && !self.busy { Spent::Idle } else { Spent::Busy(spent) }
    }
}

/// Time on a processor, and time waited for one.
fn schedule(pid: Pid, thread: Pid) -> Option<[Duration; 2]> {
    let mut room = [0; 128];
    let line = read_short(&format!("/proc/{pid}/task/{thread}/schedstat"), &mut room)?;
    let mut numbers = std::str::from_utf8(line).ok()?.split_whitespace();
    let mut next = || numbers.next()?.parse().ok().map(Duration::from_nanos);
    Some([next()?, next()?])
}

fn on_processor(stat: &Stat) -> Duration {
    /// What Linux shows to programs, whatever its own clock does, on all machines that matter here.
    const TICK: Duration = Duration::from_millis(10);
    TICK.saturating_mul(u32::try_from(stat.ticks).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_process_is_read_and_a_dead_one_has_none() {
        let status = "Name:\ta: b\nVmPeak:\t  8 kB\nVmHWM:\t 4 kB\nVmRSS:\t 2 kB\nThreads:\t3\n";
        let vitals = Vitals {
            address_space_peak: 8192,
            resident_peak: 4096,
            resident: 2048,
            threads: 3,
            processes: 1,
            descriptors: 0,
        };
        assert_eq!(Vitals::parse(status), Some(vitals));
        assert_eq!(Vitals::parse("Name:\tgone\nState:\tZ (zombie)\nThreads:\t1\n"), None);
    }

    #[test]
    fn memory_that_nobody_shares_is_that_which_was_written_and_that_which_was_not() {
        let rollup = "5600-7ffd ---p 00000000 00:00 0   [rollup]\nRss:  5304 kB\nPss:  3000 kB\n\
                      Shared_Clean:  4000 kB\nPrivate_Clean:  4 kB\nPrivate_Dirty:  1296 kB\n\
                      Private_Hugetlb:  0 kB\nSwap:  7 kB\n";
        assert_eq!(private(rollup), 1300 * 1024);
    }

    #[test]
    fn the_memory_of_a_machine_is_told_in_kibibytes() {
        assert_eq!(total("MemTotal:       16384 kB\nMemFree:  7 kB\n"), Some(16 * 1024 * 1024));
        assert_eq!(total("nothing"), None);
    }

    fn demand(threads: &[(i32, u64)]) -> Demand {
        let time = |&(id, ms)| (Pid::from_raw(id).unwrap(), Duration::from_millis(ms));
        let ran = threads.iter().map(|one| time(one).1).sum();
        Demand { threads: threads.iter().map(time).collect(), ran, ..Demand::default() }
    }

    #[test]
    fn the_time_of_threads_that_have_ended_is_not_missing() {
        let ms = Duration::from_millis;
        let with = |ran_in_all, threads| Demand { ran_in_all: ms(ran_in_all), ..demand(threads) };
        let before = with(500, &[(1, 13), (2, 20)]);
        assert_eq!(with(510, &[(1, 17), (2, 20), (3, 2)]).ran_since(&before), ms(6));
        assert_eq!(with(540, &[(1, 17)]).ran_since(&before), ms(40));
    }

    #[test]
    fn only_the_same_threads_without_any_time_are_idle() {
        let before = demand(&[(1, 10), (2, 20)]);
        let busy = |ms| Spent::Busy(Duration::from_millis(ms));
        assert_eq!(demand(&[(1, 10), (2, 20)]).since(&before), Spent::Idle);
        assert_eq!(demand(&[(1, 10), (2, 25)]).since(&before), busy(5));
        // A thread that ended takes its time with it; one that began brings all of its own.
        assert_eq!(demand(&[(1, 10)]).since(&before), busy(0));
        assert_eq!(demand(&[(1, 11), (3, 7)]).since(&before), busy(8));
        let waiting = Demand { busy: true, ..before.clone() };
        assert_eq!(waiting.since(&before), busy(0));
    }

    #[cfg(target_os = "linux")]
    mod of_programs {
        use std::collections::BTreeMap;
        use std::ffi::OsString;
        use std::path::PathBuf;
        use std::time::Instant;

        use super::super::*;
        use crate::peer::process::{Launch, Lines, Pipes, Process};

        async fn start(script: &str) -> (Process, Pipes, Family) {
            let launch = Launch {
                argv: ["sh", "-c", script].map(OsString::from).to_vec(),
                folder: PathBuf::from("/"),
                env: BTreeMap::new(),
            };
            let (process, mut pipes) = Process::start(&launch).await.unwrap();
            // Every script says when it is where the test wants it.
            assert_eq!(Lines::of(&mut pipes.stdout).next().await.as_deref(), Some("ready"));
            let family = process.family().clone();
            (process, pipes, family)
        }

        /// Looks until it is as wanted: how soon is the machine's business.
        async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
            let begun = Instant::now();
            while !is_so() {
                assert!(begun.elapsed() < Duration::from_secs(20), "never {what}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }

        #[tokio::test]
        async fn a_busy_program_asks_for_time_and_so_does_one_whose_child_is_busy() {
            for script in [
                "echo ready; while :; do :; done",
                "
                (while :; do :; done) & echo ready; wait",
            ] {
                let (_process, _pipes, family) = start(script).await;
                let first = Demand::of(&family).unwrap();
                let half_a_second = Duration::from_millis(500);
                eventually(script, || {
                    matches!(Demand::of(&family).unwrap().since(&first),
                        Spent::Busy(time) if time > half_a_second)
                })
                .await;
            }
        }

        #[tokio::test]
        async fn a_sleeper_is_idle() {
            let (_process, _pipes, family) = start("echo ready; exec sleep 1000").await;
            let mut last = Demand::of(&family).unwrap();
            eventually("idle", || {
                let now = Demand::of(&family).unwrap();
                now.since(&std::mem::replace(&mut last, now.clone())) == Spent::Idle
            })
            .await;
            assert!(!last.is_busy());
        }

        #[tokio::test]
        async fn memory_descriptors_and_processes_are_counted_with_those_of_children() {
            let (_process, _pipes, family) = start("echo ready; exec sleep 1000").await;
            let alone = Vitals::of(&family).unwrap();
            assert_eq!((alone.processes, alone.threads), (1, 1));
            assert!(alone.resident > 0 && alone.resident <= alone.resident_peak);

            // `tail` keeps the zeros, since there is no newline among them, as long as the pipe is open.
            let script = "exec 7</dev/null 8</dev/null; echo ready
                (head -c 60000000 /dev/zero; sleep 1000) | tail -n 1";
            let (_process, _pipes, family) = start(script).await;
            // The peak as well: what a child began with is taken from it, and not from what there is now.
            let mut vitals = Vitals::default();
            eventually("50 MB", || {
                vitals = Vitals::of(&family).unwrap();
                vitals.resident.min(vitals.resident_peak) >= 50_000_000
            })
            .await;
            assert!(vitals.address_space_peak >= 50_000_000, "{vitals:?}");
            assert!(vitals.processes >= 3 && vitals.threads >= 3, "{vitals:?}");
            assert!(vitals.descriptors >= vitals.processes * 5, "{vitals:?}");
        }

        #[tokio::test]
        async fn of_a_program_that_has_ended_nothing_is_known() {
            let (process, _pipes, family) = start("echo ready").await;
            eventually("ended", || process.exit().is_some()).await;
            assert_eq!((Vitals::of(&family), Demand::of(&family)), (None, None));
        }
    }
}
