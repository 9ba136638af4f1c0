//! Whether memory grew in a long siege: pure.
//!
//! In the first half servers fill the buffers and caches that they keep, so the second half is looked at: the straight
//! line that fits its figures best. It grew when the line rises by more than three of its standard errors, which is
//! what noise alone hardly does, and by more than one per cent of the memory, below which it does not matter.

use std::fmt;

use serde::Serialize;

/// The fewest figures of the second half that show how noisy they are.
const ENOUGH: usize = 6;
/// The share of the memory by which it may rise in the second half, whatever the noise: of a server that takes 40 MiB,
/// as many KiB as a few hundred connections.
const LITTLE: f64 = 0.01;
/// Standard errors of a slope within which it is noise.
const NOISE: f64 = 3.0;

/// What became of the memory in the second half of a siege.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "memory", rename_all = "snake_case")]
pub enum Growth {
    /// It grew.
    Grew {
        /// By so many bytes.
        bytes: f64,
        /// What noise would explain, in bytes.
        noise: f64,
    },
    /// It did not.
    Level {
        /// By so many bytes the line rises or, below zero, falls.
        bytes: f64,
        /// What noise would explain, in bytes.
        noise: f64,
    },
    /// There are too few figures to say.
    TooShort {
        /// How many there are in all.
        figures: usize,
    },
}

impl Growth {
    /// Of these figures, in the order in which they were taken, at the same distance from each other.
    #[must_use]
    pub fn of(figures: &[f64]) -> Self {
        let half = &figures[figures.len() / 2..];
        if half.len() < ENOUGH {
            return Self::TooShort { figures: figures.len() };
        }
        let count = half.len() as f64;
        let mean = half.iter().sum::<f64>() / count;
        let middle = (count - 1.0) / 2.0;
        let points =
            || (0..half.len()).map(|at| at as f64 - middle).zip(half.iter().map(|y| y - mean));
        let spread: f64 = points().map(|(x, _)| x * x).sum();
        let slope = points().map(|(x, y)| x * y).sum::<f64>() / spread;
        let left: f64 = points().map(|(x, y)| (y - slope * x).powi(2)).sum();
        let error = (left / (count - 2.0) / spread).sqrt();
        let [bytes, noise] = [slope, error * NOISE].map(|a_step| a_step * (count - 1.0));
        match bytes > noise.max(mean * LITTLE) {
            true => Self::Grew { bytes, noise },
            false => Self::Level { bytes, noise },
        }
    }
}

impl Growth {
    /// Whether it is one.
    #[must_use]
    pub const fn is_growth(&self) -> bool {
        matches!(self, Self::Grew { .. })
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kibibytes = |bytes: &f64| format!("{:.0} KiB", bytes / 1024.0);
        match self {
            Self::Grew { bytes, noise } => write!(
                f,
                "memory grew by {} in the second half, where noise explains {}",
                kibibytes(bytes),
                kibibytes(noise)
            ),
            Self::Level { bytes, noise } => write!(
                f,
                "memory did not grow: in the second half the line through it rises by {}, noise explains {}, and one \
                 per cent is allowed",
                kibibytes(bytes),
                kibibytes(noise)
            ),
            Self::TooShort { figures } => {
                write!(
                    f,
                    "too short to say whether memory grew: {figures} figures, {} are needed",
                    ENOUGH * 2 - 1
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    fn grew(figures: impl Iterator<Item = f64>) -> bool {
        matches!(Growth::of(&figures.collect::<Vec<_>>()), Growth::Grew { .. })
    }

    /// Up and down by so much, which is no growth.
    fn noise(at: usize, most: f64) -> f64 {
        [0.0, 0.9, -0.4, 0.3, -1.0, 0.6, -0.2][at % 7] * most
    }

    #[test]
    fn what_rises_steadily_grew_and_what_goes_up_and_down_did_not() {
        assert!(grew((0..30).map(|at| 40.0 * MIB + at as f64 * 0.2 * MIB)));
        assert!(grew((0..30).map(|at| 40.0 * MIB + at as f64 * 0.5 * MIB + noise(at, MIB))));
        assert!(!grew((0..30).map(|at| 40.0 * MIB + noise(at, 10.0 * MIB))));
        assert!(!grew((0..30).map(|_| 40.0 * MIB)));
    }

    #[test]
    fn what_is_filled_in_the_beginning_and_a_few_pages_are_no_growth() {
        assert!(!grew((0..30).map(|at| 40.0 * MIB + at.min(12) as f64 * MIB)));
        assert!(!grew((0..30).map(|at| 40.0 * MIB + at as f64 * 4096.0)));
        assert!(!grew((0..30).map(|at| 40.0 * MIB - at as f64 * MIB)), "less is none");
    }

    #[test]
    fn of_few_figures_nothing_is_said() {
        let rising = |count: usize| (0..count).map(|at| at as f64 * MIB).collect::<Vec<_>>();
        assert_eq!(Growth::of(&rising(10)), Growth::TooShort { figures: 10 });
        assert!(matches!(Growth::of(&rising(11)), Growth::Grew { .. }));
        assert_eq!(Growth::of(&[]), Growth::TooShort { figures: 0 });
    }
}
