//! What the machine did while a round was measured, as far as it makes figures doubtful: what its host took of it,
//! what other programs took, and how fast its cores ran. Linux tells; elsewhere nothing is known.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// What `/proc/stat` counts in, on all machines that matter here: 10 ms.
const TICKS_A_SECOND: f64 = 100.0;

/// A look at the cores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    cores: BTreeMap<usize, Ticks>,
    /// Where the system tells.
    megahertz: Vec<f64>,
}

/// How a core's time was spent since the machine was started, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    stolen: u64,
    total: u64,
}

/// What happened between two looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Meanwhile {
    /// The share of its time that a virtual machine's host gave to others, 0 to 1.
    pub stolen: f64,
    /// For how long the cores were busy, in seconds, all together.
    pub busy: f64,
    /// How fast each core was at either look.
    pub megahertz: Vec<f64>,
}

impl Glance {
    /// At these cores now, or at all without any.
    #[must_use]
    pub fn at(cores: &[usize]) -> Self {
        Self::under(Path::new("/"), cores)
    }

    fn under(root: &Path, cores: &[usize]) -> Self {
        let stat = fs::read_to_string(root.join("proc/stat")).unwrap_or_default();
        let wanted = |core: &usize| cores.is_empty() || cores.contains(core);
        let lines = stat.lines().filter_map(Ticks::of_line);
        let cores: BTreeMap<_, _> = lines.filter(|(core, _)| wanted(core)).collect();
        let megahertz = |core: &usize| {
            let file = format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq");
            let kilohertz = fs::read_to_string(root.join(file)).ok()?.trim().parse::<f64>().ok()?;
            Some(kilohertz / 1000.0)
        };
        let megahertz = cores.keys().filter_map(megahertz).collect();
        Self { cores, megahertz }
    }

    /// What happened since an earlier look at the same cores.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Meanwhile {
        let sum = |of: fn(&Ticks) -> u64| {
            let of_one = |(core, now): (&usize, &Ticks)| {
                let before = earlier.cores.get(core).map_or(0, of);
                of(now).saturating_sub(before)
            };
            self.cores.iter().map(of_one).sum::<u64>() as f64
        };
        let total = sum(|ticks| ticks.total);
        Meanwhile {
            stolen: if total > 0.0 { sum(|ticks| ticks.stolen) / total } else { 0.0 },
            busy: sum(|ticks| ticks.busy) / TICKS_A_SECOND,
            megahertz: earlier.megahertz.iter().chain(&self.megahertz).copied().collect(),
        }
    }
}

impl Ticks {
    /// `cpu0 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...`; what a guest took is in USER.
    fn of_line(line: &str) -> Option<(usize, Self)> {
        let mut words = line.split_whitespace();
        let core = words.next()?.strip_prefix("cpu")?.parse().ok()?;
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        let [user, nice, system, idle, wait, interrupts, soft, stolen, ..] = numbers[..] else {
            return None;
        };
        let busy = user + nice + system + interrupts + soft;
        Some((core, Self { busy, stolen, total: busy + idle + wait + stolen }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with two cores, of which the second is asked.
    fn machine(stat: &str, kilohertz: &str) -> Glance {
        let root = tempfile::tempdir().unwrap();
        let frequencies = root.path().join("sys/devices/system/cpu/cpu1/cpufreq");
        fs::create_dir_all(&frequencies).unwrap();
        fs::write(frequencies.join("scaling_cur_freq"), kilohertz).unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        fs::write(root.path().join("proc/stat"), stat).unwrap();
        Glance::under(root.path(), &[1])
    }

    #[test]
    fn what_the_host_and_others_took_is_told_of_the_cores_that_were_asked_for() {
        let cpu0 = "cpu 9 9 9 9 9 9 9 9 0 0\ncpu0 7 7 7 7 7 7 7 7 0 0\n";
        let before = machine(&format!("{cpu0}cpu1 10 0 10 100 0 0 0 0 0 0\nintr 5\n"), "2400000\n");
        let after = machine(&format!("{cpu0}cpu1 50 1 20 135 5 2 2 5 0 0\nintr 6\n"), "3000000\n");
        let meanwhile = Meanwhile { stolen: 0.05, busy: 0.55, megahertz: vec![2400.0, 3000.0] };
        assert_eq!(after.since(&before), meanwhile);
    }

    #[test]
    fn where_nothing_is_told_nothing_is_doubted() {
        let nowhere = Glance::under(Path::new("/nowhere"), &[]);
        assert_eq!(nowhere.since(&nowhere), Meanwhile::default());
    }
}
