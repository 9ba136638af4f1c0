//! Which core the server gets, and which the generator: two that share nothing, so that neither takes the
//! other's time, and so that the system moves neither in the middle of a round.

use std::fmt;
use std::fs;

use serde::Serialize;

use crate::peer::affinity;

/// A core for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cores {
    /// The server's.
    pub server: usize,
    /// The generator's.
    pub generator: usize,
    /// Whether they are two threads of one core, which share its units and its caches.
    pub share: bool,
}

impl Cores {
    /// Two of those that we may use; none where there are fewer, or where the system does not tell.
    #[must_use]
    pub fn choose() -> Option<Self> {
        Self::of(&affinity::allowed(), |core| {
            let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
            listed(fs::read_to_string(path).unwrap_or_default().trim())
        })
    }

    /// The core of a third one: one of its own where there is, else the generator's.
    #[must_use]
    pub fn for_a_third(&self) -> usize {
        let others = affinity::allowed();
        let is_free = |core: &&usize| ![self.server, self.generator].contains(*core);
        others.iter().find(is_free).copied().unwrap_or(self.generator)
    }

    /// The last of them for the server, since interrupts mostly come to the first.
    fn of(allowed: &[usize], siblings: impl Fn(usize) -> Vec<usize>) -> Option<Self> {
        let (&server, others) = allowed.split_last()?;
        let siblings = siblings(server);
        let apart = others.iter().rev().find(|core| !siblings.contains(core));
        let generator = *apart.or(others.last())?;
        Some(Self { server, generator, share: apart.is_none() })
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "each server on core {}, the generator on core {}", self.server, self.generator)
    }
}

/// The numbers of a list as the kernel writes it: `0-3,8`.
fn listed(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse().ok()?..=to.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cores_are_chosen_that_are_not_threads_of_one() {
        let pairs = |core: usize| vec![core % 4, core % 4 + 4];
        let of = |allowed: &[usize]| Cores::of(allowed, pairs);
        let chosen = |server, generator, share| Some(Cores { server, generator, share });
        assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6, 7]), chosen(7, 6, false));
        assert_eq!(of(&[2, 3, 7]), chosen(7, 2, false));
        assert_eq!(of(&[3, 7]), chosen(7, 3, true));
        assert_eq!((of(&[3]), of(&[])), (None, None));
    }

    #[test]
    fn a_list_of_the_kernel_is_read() {
        assert_eq!(listed("0-3,8"), [0, 1, 2, 3, 8]);
        assert_eq!(listed(""), Vec::<usize>::new());
    }
}
