//! On which cores programs may run, where the system can be told (Linux).

use std::io;

use super::family::Family;

/// The cores on which this thread may run; none where that is not known.
#[must_use]
pub fn allowed() -> Vec<usize> {
    system::of(None).unwrap_or_default()
}

/// Binds this thread to one core, and with it all threads and programs that it starts from now on.
///
/// # Errors
/// What the operating system says: most often that there is no such core, or that it is not ours.
pub fn bind(core: usize) -> io::Result<()> {
    system::bind(core)
}

/// Whether all processes of a family run on this core alone. A program can change that by itself.
#[must_use]
pub fn is_bound(family: &Family, core: usize) -> bool {
    let members = family.members(&[]);
    // One that has ended in the meantime runs nowhere.
    let elsewhere = |cores: Vec<usize>| cores != [core];
    !members.iter().any(|member| system::of(Some(member.pid)).is_some_and(elsewhere))
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use rustix::process::Pid;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub fn of(pid: Option<Pid>) -> Option<Vec<usize>> {
        let set = sched_getaffinity(pid).ok()?;
        Some((0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect())
    }

    pub fn bind(core: usize) -> io::Result<()> {
        if core >= CpuSet::MAX_CPU {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut set = CpuSet::new();
        set.set(core);
        Ok(sched_setaffinity(None, &set)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use rustix::process::Pid;

    pub fn of(_pid: Option<Pid>) -> Option<Vec<usize>> {
        None
    }

    pub fn bind(_core: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
