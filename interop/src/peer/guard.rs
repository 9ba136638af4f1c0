//! The guard: a small process of our own that outlives a killed harness just long enough to kill its peers.
//!
//! It knows every process group that is alive, by a pipe; when the pipe ends without the groups having been
//! taken back, it kills them all, and whatever else carries a [mark](super::family::MARK) of the harness.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::{Child, ChildStdin};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use super::family;

/// The hidden subcommand by which the harness's own executable becomes the guard.
pub const SUBCOMMAND: &str = "guard";

/// How the order begins that names what all marks begin with.
const MARKS: char = '=';

static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

struct Guard {
    process: Child,
    orders: ChildStdin,
}

/// Starts the guard, once for the life of this process, and makes us the parent of all orphans, so that they
/// are found when their peer ends. Without the guard peers are still ended in every
/// orderly way, and their direct children on Linux in every other.
///
/// # Errors
/// When the program cannot be started.
pub fn start(interop: &Path) -> io::Result<()> {
    let mut process = super::spawn::guard(interop)?;
    family::adopt_orphans();
    let orders = process.stdin.take();
    *lock() = orders.map(|orders| Guard { process, orders });
    order(&format!("{MARKS}{}\n", family::our_marks()));
    Ok(())
}

/// Ends the guard, once there is nothing left to guard.
pub fn dismiss() {
    if let Some(Guard { mut process, orders }) = lock().take() {
        drop(orders);
        let _ = process.wait();
    }
}

fn lock() -> MutexGuard<'static, Option<Guard>> {
    GUARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entrusts a process group to the guard.
pub(super) fn entrust(group: Pid) {
    tell('+', group);
}

/// Takes a process group back, once it is gone.
pub(super) fn take_back(group: Pid) {
    tell('-', group);
}

fn tell(sign: char, group: Pid) {
    order(&format!("{sign}{}\n", group.as_raw_nonzero()));
}

fn order(order: &str) {
    if let Some(guard) = lock().as_mut() {
        // One short write, so that it is whole or not at all; a dead guard is not worth failing a run for.
        let _ = guard.orders.write_all(order.as_bytes());
    }
}

/// The guard's whole life: reads group ids until the harness is gone, then kills what is left.
pub fn keep(orders: impl BufRead) {
    let mut groups = HashSet::new();
    let mut marks = None;
    for order in orders.lines().map_while(Result::ok) {
        if let Some(prefix) = order.strip_prefix(MARKS) {
            marks = Some(prefix.to_owned());
            continue;
        }
        let Ok(signed) = order.parse::<i32>() else {
            continue;
        };
        let Some(group) = Pid::from_raw(signed.abs()) else {
            continue;
        };
        if signed > 0 {
            groups.insert(group);
        } else {
            groups.remove(&group);
        }
    }
    for group in groups {
        let _ = kill_process_group(group, Signal::KILL);
    }
    if let Some(prefix) = marks.filter(|prefix| !prefix.is_empty()) {
        family::kill_marked(&prefix);
    }
}
