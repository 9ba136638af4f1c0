//! The guard: a small process of our own that outlives a killed harness just long enough to kill its peers.
//!
//! The parent-death signal reaches only direct children. The guard knows every process group that is
//! alive, by a pipe; when the pipe ends without the groups having been taken back, it kills them all.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::{Child, ChildStdin};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The hidden subcommand by which the harness's own executable becomes the guard.
pub const SUBCOMMAND: &str = "guard";

static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

struct Guard {
    process: Child,
    orders: ChildStdin,
}

/// Starts the guard, once for the life of this process. Without it peers are still ended in every
/// orderly way, and their direct children on Linux in every other.
///
/// # Errors
/// When the program cannot be started.
pub fn start(interop: &Path) -> io::Result<()> {
    let mut process = super::spawn::guard(interop)?;
    let orders = process.stdin.take();
    *lock() = orders.map(|orders| Guard { process, orders });
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
    if let Some(guard) = lock().as_mut() {
        // One short write, so that it is whole or not at all; a dead guard is not worth failing a run for.
        let order = format!("{sign}{}\n", group.as_raw_nonzero());
        let _ = guard.orders.write_all(order.as_bytes());
    }
}

/// The guard's whole life: reads group ids until the harness is gone, then kills what is left.
pub fn keep(orders: impl BufRead) {
    let mut groups = HashSet::new();
    for order in orders.lines().map_while(Result::ok) {
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
}
