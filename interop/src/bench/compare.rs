//! From what was measured to figures, ratios and doubts: pure.

use serde::Serialize;

use super::cell::{Cell, Pace};
use super::doubt::Doubt;
use super::load::{Latency, Measured};
use super::machine::Meanwhile;
use crate::peer::vitals::Vitals;

/// How far the rounds of one figure may lie apart, as a share of their median, until it is doubted.
const WIDE: f64 = 0.1;
/// The share of its processor from which on the generator holds the server up.
const SATURATED: f64 = 0.97;
/// The share of what was asked for that a server has to answer in time, or it was asked for too much.
const ACHIEVED: f64 = 0.99;
/// The share of a latency that may be the generator's own lateness.
const LATE: f64 = 0.1;
/// The share of the processors that the host of a virtual machine may take.
const STOLEN: f64 = 0.01;
/// The share of one processor that programs which are none of ours may take.
const OTHERS: f64 = 0.1;
/// How far the frequencies of the cores may lie apart, as a share of the highest.
const FREQUENCIES: f64 = 0.05;
/// The fewest rounds that show how noisy they are.
pub const ENOUGH: usize = 3;

/// One round of one server under one load.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// What the generator saw.
    pub measured: Measured,
    /// The server's processor time in that time, in seconds.
    pub processor: f64,
    /// The server's memory more than before the connections, in bytes.
    pub memory: f64,
    /// What the machine did in that time.
    pub meanwhile: Meanwhile,
    /// For how long those who besieged the server meanwhile were at work on these cores, in seconds.
    pub besiegers: f64,
    /// The server had the core to itself that it was given, or was given none.
    pub in_place: bool,
    /// What the server used while all connections stood.
    pub used: Vitals,
}

/// One figure of all rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
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
    /// Latency, in microseconds: the median.
    pub p50_us: Figure,
    /// 90th percentile.
    pub p90_us: Figure,
    /// 99th percentile.
    pub p99_us: Figure,
    /// 99.9th percentile.
    pub p999_us: Figure,
    /// The longest.
    pub max_us: Figure,
    /// How late the generator itself sent what was due, in microseconds, at the 99th percentile; of an open loop.
    pub late_us: Option<Figure>,
    /// Messages of all rounds that were not answered when the generator gave up; of an open loop.
    pub unanswered: Option<u64>,
    /// Why not all of this can be trusted; empty when it can.
    pub doubts: Vec<Doubt>,
}

/// How a figure compares with the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// The median of the ratios, round by round: two that follow each other met the same machine.
    pub ratio: f64,
    /// The least of them.
    pub least: f64,
    /// The most of them.
    pub most: f64,
    /// Whether there are enough rounds, those of the two lie apart, and nothing else made them so. If not,
    /// none is more than the other, as far as was measured.
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
}

impl Ratio {
    /// How the rounds of a figure compare with those of a baseline.
    #[must_use]
    pub fn of(rounds: &[f64], baseline: &[f64]) -> Self {
        let ratios = Figure::of(rounds.iter().zip(baseline).map(|(one, base)| one / base));
        let [own, base] = [rounds, baseline].map(|rounds| Figure::of(rounds.iter().copied()));
        let apart = own.least > base.most || own.most < base.least;
        let Figure { median: ratio, least, most } = ratios;
        Self { ratio, least, most, certain: apart && rounds.len().min(baseline.len()) >= ENOUGH }
    }

    /// Processor time a message, by that of a baseline. Others who ran meanwhile have no part in it, the speed of
    /// the cores has.
    #[must_use]
    pub fn of_processor_time(rounds: &[Round], baseline: &[Round]) -> Self {
        let all = || rounds.iter().chain(baseline);
        Self::by(rounds, baseline, Round::processor_ns).unless(changed_frequencies(all()).is_some())
    }

    /// Messages a second, by those of a baseline.
    #[must_use]
    pub fn of_messages(rounds: &[Round], baseline: &[Round]) -> Self {
        let all = || rounds.iter().chain(baseline);
        let disturbed = all().any(Round::is_disturbed) || changed_frequencies(all()).is_some();
        Self::by(rounds, baseline, Round::rate).unless(disturbed)
    }

    /// A percentile of the latency, by that of other rounds.
    #[must_use]
    pub fn of_latency(rounds: &[Round], baseline: &[Round], which: fn(&Latency) -> f64) -> Self {
        let all = || rounds.iter().chain(baseline);
        let disturbed = all().any(Round::is_disturbed) || changed_frequencies(all()).is_some();
        let [own, base] = [rounds, baseline].map(|all| {
            all.iter().map(|round| which(&round.measured.latency_us)).collect::<Vec<f64>>()
        });
        Self::of(&own, &base).unless(disturbed)
    }

    fn by(rounds: &[Round], baseline: &[Round], each: fn(&Round) -> f64) -> Self {
        let [own, base] = [rounds, baseline].map(|all| all.iter().map(each).collect::<Vec<f64>>());
        Self::of(&own, &base)
    }

    fn unless(self, doubtful: bool) -> Self {
        Self { certain: self.certain && !doubtful, ..self }
    }
}

impl Round {
    /// The server's processor time a message, in nanoseconds.
    #[must_use]
    pub fn processor_ns(&self) -> f64 {
        self.processor * 1e9 / (self.measured.messages.max(1) as f64)
    }

    /// Messages a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.measured.messages as f64 / self.measured.seconds
    }

    /// How much of a processor was taken by none of ours.
    fn others(&self) -> f64 {
        let ours = self.processor + self.measured.at_work + self.besiegers;
        (self.meanwhile.busy - ours) / self.measured.seconds
    }

    /// Whether somebody else took time that server or generator could have used.
    fn is_disturbed(&self) -> bool {
        self.others() > OTHERS || self.meanwhile.stolen > STOLEN
    }
}

impl Figures {
    /// What these rounds under a load come to.
    #[must_use]
    pub fn of(rounds: &[Round], cell: Cell) -> Self {
        let figure = |of: &dyn Fn(&Round) -> f64| Figure::of(rounds.iter().map(of));
        let late = |round: &Round| round.measured.open.map_or(0.0, |open| open.late_us.p99);
        let is_open = matches!(cell.pace, Pace::Rate(_));
        let unanswered = rounds.iter().filter_map(|round| round.measured.open);
        let mut figures = Self {
            messages: figure(&Round::rate),
            mebibytes: figure(&|round| round.rate() * cell.size as f64 / f64::from(1 << 20)),
            processor_ns: figure(&Round::processor_ns),
            memory: figure(&|round| round.memory / cell.connections as f64),
            p50_us: figure(&|round| round.measured.latency_us.p50),
            p90_us: figure(&|round| round.measured.latency_us.p90),
            p99_us: figure(&|round| round.measured.latency_us.p99),
            p999_us: figure(&|round| round.measured.latency_us.p999),
            max_us: figure(&|round| round.measured.latency_us.max),
            late_us: is_open.then(|| figure(&late)),
            unanswered: is_open.then(|| unanswered.map(|open| open.unanswered).sum()),
            doubts: Vec::new(),
        };
        figures.doubts = figures.doubts_of_figures(cell.pace);
        figures.doubts.extend(doubts_of_rounds(rounds, cell.pace));
        figures
    }

    fn doubts_of_figures(&self, pace: Pace) -> Vec<Doubt> {
        let figures = [
            ("processor time", &self.processor_ns),
            ("messages a second", &self.messages),
            ("p99", &self.p99_us),
        ];
        let apart = figures.into_iter().filter(|(_, figure)| figure.spread() > WIDE);
        let mut doubts: Vec<Doubt> =
            apart.map(|(name, figure)| Doubt::Apart(name, figure.spread())).collect();
        if let (Pace::Rate(sent), Some(late)) = (pace, self.late_us) {
            let answered = self.messages.median;
            // Who sends too late cannot say that the server was slow.
            if late.median > self.p99_us.median * LATE {
                doubts.push(Doubt::Behind(late.median));
            } else if answered < sent as f64 * ACHIEVED {
                doubts.push(Doubt::Saturated { answered, sent });
            }
        }
        doubts.extend(self.unanswered.filter(|count| *count > 0).map(Doubt::Unanswered));
        doubts
    }
}

fn doubts_of_rounds(rounds: &[Round], pace: Pace) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let most = |of: fn(&Round) -> f64| rounds.iter().map(of).fold(0.0, f64::max);
    let at_work = most(|round| round.measured.at_work / round.measured.seconds);
    if matches!(pace, Pace::Depth(_)) && at_work > SATURATED {
        doubts.push(Doubt::Exhausted);
    }
    let stolen = most(|round| round.meanwhile.stolen);
    if stolen > STOLEN {
        doubts.push(Doubt::Stolen(stolen));
    }
    let others = most(Round::others);
    if others > OTHERS {
        doubts.push(Doubt::Others(others));
    }
    let besiegers = most(|round| round.besiegers / round.measured.seconds);
    if besiegers > OTHERS {
        doubts.push(Doubt::Besiegers(besiegers));
    }
    if let Some((slowest, fastest)) = changed_frequencies(rounds.iter()) {
        doubts.push(Doubt::Frequencies(slowest, fastest));
    }
    if rounds.iter().any(|round| !round.in_place) {
        doubts.push(Doubt::Elsewhere);
    }
    doubts
}

/// The slowest and the fastest that the cores were seen to run, in megahertz, where that is not the same.
fn changed_frequencies<'a>(rounds: impl Iterator<Item = &'a Round>) -> Option<(f64, f64)> {
    let mut seen = (f64::INFINITY, 0.0_f64);
    for megahertz in rounds.flat_map(|round| &round.meanwhile.megahertz) {
        seen = (seen.0.min(*megahertz), seen.1.max(*megahertz));
    }
    (seen.0 < seen.1 * (1.0 - FREQUENCIES)).then_some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::Open;

    const CLOSED: Cell = Cell { connections: 1, size: 16, pace: Pace::Depth(1) };
    const OPEN: Cell = Cell { connections: 1, size: 16, pace: Pace::Rate(1000) };

    fn round(messages: u64, processor: f64) -> Round {
        let latency_us = Latency { p50: 1.0, p90: 1.0, p99: 100.0, p999: 1.0, max: 1.0 };
        Round {
            measured: Measured {
                messages,
                seconds: 1.0,
                at_work: 0.5,
                latency_us,
                open: None,
                faults: None,
            },
            processor,
            memory: 0.0,
            meanwhile: Meanwhile {
                stolen: 0.0,
                busy: processor + 0.55,
                megahertz: vec![2400.0; 4],
            },
            besiegers: 0.0,
            in_place: true,
            used: Vitals::default(),
        }
    }

    fn open(messages: u64, late: f64, unanswered: u64) -> Round {
        let late_us = Latency { p99: late, ..Latency::default() };
        let mut round = round(messages, 0.5);
        round.measured.open = Some(Open { due: 1000, unanswered, late_us });
        round
    }

    fn doubts(rounds: &[Round], cell: Cell) -> String {
        let doubts = Figures::of(rounds, cell).doubts;
        doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_figure_is_the_median_of_its_rounds() {
        assert_eq!(Figure::of([3.0, 1.0, 2.0].into_iter()).median, 2.0);
        assert_eq!(Figure::of([4.0, 1.0, 2.0, 3.0].into_iter()).median, 2.5);
        assert_eq!(Figure::of([].into_iter()).median, 0.0);
    }

    #[test]
    fn noise_is_no_ranking() {
        let certain = |one: &[f64], other: &[f64]| Ratio::of(one, other).certain;
        assert!(!certain(&[1.0, 1.2, 1.1], &[1.1, 1.3, 1.2]), "they overlap");
        assert!(certain(&[1.0, 1.2, 1.1], &[1.25, 1.3, 1.21]));
        assert!(!certain(&[1.0, 1.0], &[2.0, 2.0]), "two rounds show nothing");
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine became twice as fast in the middle, for both of them.
        let own = [round(1100, 0.5), round(1100, 0.5), round(2200, 0.5)];
        let base = [round(1000, 0.5), round(1000, 0.5), round(2000, 0.5)];
        let ratio = Ratio::of_messages(&own, &base);
        assert_eq!((ratio.ratio, ratio.least, ratio.most), (1.1, 1.1, 1.1));
        assert!(!ratio.certain);
    }

    #[test]
    fn who_was_disturbed_is_not_slower_for_that() {
        let calm = |rate, processor| vec![round(rate, processor); 3];
        let (own, base) = (calm(1000, 0.5), calm(2000, 0.5));
        assert!(Ratio::of_messages(&own, &base).certain);
        assert!(Ratio::of_processor_time(&own, &base).certain);
        let mut crowded = own.clone();
        crowded[1].meanwhile.busy = 1.9;
        assert!(!Ratio::of_messages(&crowded, &base).certain);
        assert!(!Ratio::of_messages(&base, &crowded).certain);
        assert!(Ratio::of_processor_time(&crowded, &base).certain, "its own time is its own");
        let mut throttled = own;
        throttled[1].meanwhile.megahertz = vec![1200.0];
        assert!(!Ratio::of_processor_time(&throttled, &base).certain);
    }

    #[test]
    fn what_cannot_be_trusted_is_said() {
        assert_eq!(doubts(&[round(1000, 0.5), round(1010, 0.5)], CLOSED), "");
        let with = |change: fn(&mut Round)| {
            let mut round = round(1000, 0.5);
            change(&mut round);
            doubts(&[round], CLOSED)
        };
        let apart = doubts(&[round(1000, 0.5), round(1300, 0.5)], CLOSED);
        assert!(apart.contains("messages a second: the rounds lie 26 % apart"), "{apart}");
        for (doubt, change) in [
            ("its own limit", (|round| round.measured.at_work = 0.99) as fn(&mut Round)),
            ("the host took up to 3 %", |round| round.meanwhile.stolen = 0.03),
            ("other programs took up to 50 %", |round| round.meanwhile.busy = 1.5),
            ("the besiegers took up to 30 %", |round| {
                round.besiegers = 0.3;
                round.meanwhile.busy += 0.3;
            }),
            ("2000 to 2400 MHz", |round| round.meanwhile.megahertz[2] = 2000.0),
            ("other cores", |round| round.in_place = false),
        ] {
            let doubts = with(change);
            assert!(doubts.contains(doubt), "{doubt} in {doubts:?}");
        }
    }

    #[test]
    fn of_an_open_loop_it_is_said_who_did_not_keep_up() {
        assert_eq!(doubts(&[open(1000, 1.0, 0)], OPEN), "");
        let saturated = doubts(&[open(800, 1.0, 7)], OPEN);
        assert!(
            saturated.contains("the server was saturated: it answered 800 of 1000"),
            "{saturated}"
        );
        assert!(saturated.contains("7 messages had no answer"), "{saturated}");
        // Who sends too late cannot say that the server was slow.
        let behind = doubts(&[open(800, 50.0, 0)], OPEN);
        assert!(behind.contains("the generator fell behind"), "{behind}");
        assert!(!behind.contains("saturated"), "{behind}");
    }
}
