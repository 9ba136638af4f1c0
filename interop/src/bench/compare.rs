//! From what was measured to figures, ratios and doubts: pure.

use serde::Serialize;

use super::load::Measured;

/// How far the rounds of one figure may lie apart, as a share of their median, until it is doubted.
const WIDE: f64 = 0.1;
/// The share of its processor from which on the generator holds the server up.
const SATURATED: f64 = 0.97;

/// One round of one server under one load.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// What the generator saw.
    pub measured: Measured,
    /// The server's processor time in that time, in seconds.
    pub processor: f64,
    /// The server's memory more than before the connections, in bytes.
    pub memory: f64,
}

/// One figure of all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The median of the rounds.
    pub median: f64,
    /// The least of them.
    pub least: f64,
    /// The most of them.
    pub most: f64,
}

/// What one server's rounds under one load come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Messages a second.
    pub messages: Figure,
    /// Mebibytes of bodies a second, in each direction.
    pub mebibytes: Figure,
    /// The server's processor time a message, in nanoseconds.
    pub processor_ns: Figure,
    /// Memory that the server took for a connection, in bytes.
    pub memory: Figure,
    /// Latency, in microseconds: the median, and the 99th percentile.
    pub p50_us: Figure,
    /// As above.
    pub p99_us: Figure,
    /// 99.9th percentile.
    pub p999_us: Figure,
    /// The longest.
    pub max_us: Figure,
    /// Why not all of this can be trusted; empty when it can.
    pub doubts: Vec<String>,
}

/// How a figure compares with the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// This one's median by the baseline's.
    pub ratio: f64,
    /// Whether the rounds of the two lie apart. If not, none is more than the other, as far as
    /// was measured.
    pub certain: bool,
}

impl Figure {
    /// The figure of these rounds; zero without any.
    #[must_use]
    pub fn of(rounds: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = rounds.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |at: usize| sorted.get(at).copied().unwrap_or_default();
        let (middle, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        // The two in the middle of an even number; twice the same one of an odd number.
        let median = (at(last / 2) + at(middle.min(last))) / 2.0;
        Self { median, least: at(0), most: at(last) }
    }

    /// How far the rounds lie apart, as a share of their median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.most - self.least) / self.median }
    }

    /// By a baseline.
    #[must_use]
    pub fn by(&self, baseline: &Self) -> Ratio {
        Ratio {
            ratio: self.median / baseline.median,
            certain: self.least > baseline.most || self.most < baseline.least,
        }
    }
}

impl Figures {
    /// What these rounds come to, of a load with bodies of `size` bytes on so many connections.
    #[must_use]
    pub fn of(rounds: &[Round], size: usize, connections: usize) -> Self {
        let figure = |of: &dyn Fn(&Round) -> f64| Figure::of(rounds.iter().map(of));
        let rate = |round: &Round| round.measured.messages as f64 / round.measured.seconds;
        let mut figures = Self {
            messages: figure(&rate),
            mebibytes: figure(&|round| rate(round) * size as f64 / f64::from(1 << 20)),
            processor_ns: figure(&|round| {
                round.processor * 1e9 / (round.measured.messages.max(1) as f64)
            }),
            memory: figure(&|round| round.memory / connections as f64),
            p50_us: figure(&|round| round.measured.latency_us.p50),
            p99_us: figure(&|round| round.measured.latency_us.p99),
            p999_us: figure(&|round| round.measured.latency_us.p999),
            max_us: figure(&|round| round.measured.latency_us.max),
            doubts: Vec::new(),
        };
        for (name, figure) in [
            ("processor time", &figures.processor_ns),
            ("messages a second", &figures.messages),
            ("p99", &figures.p99_us),
        ] {
            if figure.spread() > WIDE {
                let percent = figure.spread() * 100.0;
                figures.doubts.push(format!("{name}: the rounds lie {percent:.0} % apart"));
            }
        }
        if rounds.iter().any(|round| round.measured.generator > SATURATED) {
            let held_up =
                "the generator was at work all the time: messages a second are its own limit";
            figures.doubts.push(held_up.to_owned());
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::Latency;

    fn round(messages: u64, processor: f64, generator: f64) -> Round {
        let latency_us = Latency { p50: 1.0, p90: 1.0, p99: 1.0, p999: 1.0, max: 1.0 };
        let measured = Measured { messages, seconds: 1.0, generator, latency_us };
        Round { measured, processor, memory: 0.0 }
    }

    #[test]
    fn a_figure_is_the_median_of_its_rounds() {
        assert_eq!(Figure::of([3.0, 1.0, 2.0].into_iter()).median, 2.0);
        assert_eq!(Figure::of([4.0, 1.0, 2.0, 3.0].into_iter()).median, 2.5);
        assert_eq!(Figure::of([].into_iter()).median, 0.0);
    }

    #[test]
    fn noise_is_no_ranking() {
        let (one, other) = (Figure::of([1.0, 1.2].into_iter()), Figure::of([1.1, 1.3].into_iter()));
        assert!(!other.by(&one).certain);
        let apart = Figure::of([1.25, 1.3].into_iter());
        assert!(apart.by(&one).certain);
    }

    #[test]
    fn what_cannot_be_trusted_is_said() {
        let steady = [round(1000, 0.5, 0.5), round(1010, 0.5, 0.5)];
        assert_eq!(Figures::of(&steady, 16, 1).doubts, Vec::<String>::new());
        let wide = Figures::of(&[round(1000, 0.5, 0.5), round(1300, 0.5, 0.5)], 16, 1);
        assert!(wide.doubts.iter().any(|doubt| doubt.contains("apart")), "{wide:?}");
        let busy = Figures::of(&[round(1000, 0.5, 0.99)], 16, 1);
        assert!(busy.doubts.iter().any(|doubt| doubt.contains("generator")), "{busy:?}");
    }
}
