//! How a case is asked of peers that take no messages as long as it has: most that are about something else than
//! a length keep their sense with other messages.

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::case::{Case, Part, Step, Write};
use crate::limits::WORTH_SHORTENING;

/// What becomes of the messages of a case that are longer than its peers take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TooLong {
    /// They are left out: the others say the same of other lengths.
    LeftOut,
    /// They become as long as the peers take: what they are about is that they are long.
    Shortened,
    /// There are more of them, each as long as the peers take: what they are about is how many bytes they are in all.
    Split {
        /// So many bytes are enough, where they have more.
        enough: usize,
    },
}

impl TooLong {
    /// For bytes that are all needed.
    pub const SPLIT: Self = Self::Split { enough: usize::MAX };
}

impl Case {
    /// The same with no message that is longer than this, in bytes, where the case keeps its sense; else, and where
    /// none is, as it is.
    #[must_use]
    pub(super) fn shorter(&self, longest: usize) -> Option<Self> {
        let rule = self.too_long?;
        let fits = self.longest_message() <= longest as u64;
        let is_worth_it = matches!(rule, TooLong::LeftOut) || longest >= WORTH_SHORTENING;
        if fits || !is_worth_it {
            return None;
        }
        let shorter = Self { steps: rule.steps(&self.steps, longest), ..self.clone() };
        let asks = shorter.all_steps().flat_map(Step::bodies).next().is_some();
        asks.then_some(shorter)
    }

    /// The longest message of those that no peer is asked it without, in bytes.
    #[must_use]
    pub(super) fn needs(&self) -> u64 {
        let bodies = || self.all_steps().flat_map(Step::bodies).map(|body| body.len() as u64);
        let needed = match self.too_long {
            None => bodies().max(),
            Some(TooLong::LeftOut) => bodies().min(),
            Some(_) => bodies().max().map(|longest| longest.min(WORTH_SHORTENING as u64)),
        };
        needed.unwrap_or(0)
    }
}

impl TooLong {
    fn steps(self, steps: &[Step], longest: usize) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step, longest)).collect()
    }

    /// `None` for one that would send nothing any more.
    fn step(self, step: &Step, longest: usize) -> Option<Step> {
        let mut step = step.clone();
        match &mut step {
            Step::Feed { messages, .. } => {
                *messages = messages.iter().flat_map(|body| self.bodies(body, longest)).collect();
                (!messages.is_empty()).then_some(step)
            }
            Step::Write(write) | Step::Drip { write, .. } => {
                self.write(write, longest);
                (!write.parts.is_empty()).then_some(step)
            }
            Step::Mixed { writes, .. } => {
                writes.iter_mut().for_each(|write| self.write(write, longest));
                writes.retain(|write| !write.parts.is_empty());
                Some(step)
            }
            Step::Press { bodies, at_most, .. } => {
                self.press(bodies, at_most, longest);
                Some(step)
            }
            Step::Soak { body, .. } => {
                body.truncate(longest);
                Some(step)
            }
            Step::Lanes(lanes) => {
                let sends =
                    |lane: &Vec<Step>| lane.iter().any(|step| step.bodies().next().is_some());
                let fitted = lanes.iter().map(|lane| (sends(lane), self.steps(lane, longest)));
                // One that has nothing left to ask has nothing to end, either.
                *lanes = fitted
                    .filter(|(sent, lane)| !sent || sends(lane))
                    .map(|(_, lane)| lane)
                    .collect();
                Some(step)
            }
            _ => Some(step),
        }
    }

    fn write(self, write: &mut Write, longest: usize) {
        let part = |part: Part| match part {
            Part::Frame(body) => self.bodies(&body, longest).into_iter().map(Part::Frame).collect(),
            other => vec![other],
        };
        write.parts = std::mem::take(&mut write.parts).into_iter().flat_map(part).collect();
    }

    /// As many bytes, in as many more rounds.
    fn press(self, bodies: &mut [Body], at_most: &mut u32, longest: usize) {
        let sum = |bodies: &[Body]| bodies.iter().map(Body::len).sum::<usize>();
        let round = sum(bodies);
        let in_all = round.saturating_mul(*at_most as usize);
        bodies.iter_mut().for_each(|body| body.truncate(longest));
        let enough = match self {
            Self::Split { enough } if sum(bodies) < round => in_all.min(enough),
            _ => return,
        };
        *at_most = u32::try_from(enough.div_ceil(sum(bodies).max(1))).unwrap_or(u32::MAX);
    }

    /// What stands for one message.
    fn bodies(self, body: &Body, longest: usize) -> Vec<Body> {
        if body.len() <= longest {
            return vec![body.clone()];
        }
        match self {
            Self::LeftOut => Vec::new(),
            Self::Shortened => {
                let mut body = body.clone();
                body.truncate(longest);
                vec![body]
            }
            Self::Split { enough } => body.split(longest, enough),
        }
    }
}

impl Body {
    /// The same by the same rule, and no longer than this; written out, it stays as it is.
    fn truncate(&mut self, longest: usize) {
        if let Self::Repeat { len, .. } | Self::Letters { len, .. } | Self::Random { len, .. } =
            self
        {
            *len = longest.min(*len);
        }
    }

    /// Several of no more than `longest` bytes, which are as many bytes in all, or `enough`. No two are alike.
    fn split(&self, longest: usize, enough: usize) -> Vec<Self> {
        const APART: u64 = 0x1_0000; // further than the seeds of a case
        let in_all = self.len().min(enough);
        let piece = |nth: usize| {
            let mut piece = self.clone();
            piece.reseed((nth as u64).wrapping_mul(APART));
            piece.truncate(longest.min(in_all - nth * longest));
            piece
        };
        (0..in_all.div_ceil(longest)).map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::names::Role;
    use crate::model::script::cases;

    fn named(id: &str, role: Role) -> &'static Arc<Case> {
        let case = cases().iter().find(|case| case.id.as_str() == id && case.role == role);
        case.expect("a case")
    }

    fn lens(case: &Case) -> Vec<usize> {
        case.all_steps().flat_map(Step::bodies).map(Body::len).collect()
    }

    fn pressed(case: &Case) -> usize {
        let press = |step: &Step| match step {
            Step::Press { bodies, at_most, .. } => {
                bodies.iter().map(Body::len).sum::<usize>() * *at_most as usize
            }
            _ => 0,
        };
        case.all_steps().map(press).sum()
    }

    #[test]
    fn lengths_that_are_too_long_are_left_out_and_the_others_stay() {
        for role in [Role::Server, Role::Client, Role::Pairing] {
            let case = named("framing.length-bytes", role);
            let fitted = lens(&case.shorter(40_000).unwrap());
            let fitting: Vec<usize> = lens(case).into_iter().filter(|len| *len <= 40_000).collect();
            assert_eq!(fitted, fitting);
            assert!(fitted.contains(&32_768), "{fitted:?}");
        }
    }

    #[test]
    fn a_lane_whose_only_message_is_too_long_is_not_played() {
        let lanes = |case: &Case| match &case.steps[..] {
            [Step::Lanes(lanes)] => lanes.len(),
            other => panic!("{other:?}"),
        };
        let case = named("framing.every-offset", Role::Server);
        let fitted = case.shorter(200).unwrap();
        assert_eq!(lens(&fitted).into_iter().max(), Some(128));
        assert_eq!(lanes(&fitted), lens(&fitted).len());
    }

    #[test]
    fn what_presses_presses_with_as_many_bytes() {
        for id in ["concurrency.slow-reader-bounded", "concurrency.slow-reader-isolated"] {
            let case = named(id, Role::Server);
            let fitted = case.shorter(4096).unwrap();
            assert_eq!(fitted.longest_message(), 4096, "{id}");
            let (less, before) = (pressed(&fitted), pressed(case));
            assert!((before..before + 4096).contains(&less), "{id}: {less} of {before}");
        }
    }

    #[test]
    fn what_is_much_stays_as_much_in_messages_that_are_not_alike() {
        let case = named("concurrency.bulk-both-ways", Role::Pairing);
        let fitted = case.shorter(1000).unwrap();
        let sum = |case: &Case| lens(case).into_iter().sum::<usize>();
        assert_eq!((sum(&fitted), fitted.longest_message()), (sum(case), 1000));
        let bodies: Vec<&Body> = fitted.all_steps().flat_map(Step::bodies).collect();
        for (at, body) in bodies.iter().enumerate().skip(1) {
            assert_ne!(*body, bodies[at - 1]);
        }
    }

    #[test]
    fn no_more_is_sent_than_is_enough() {
        let case = named("lifecycle.sigterm-busy", Role::Server);
        let Some(TooLong::Split { enough }) = case.too_long else { panic!("{:?}", case.too_long) };
        let fitted = pressed(&case.shorter(65_535).unwrap());
        assert!((enough..enough + 65_535).contains(&fitted), "{fitted}");
        // One message is as much as can be asked for where it is more than enough.
        assert_eq!(pressed(&case.shorter(1024 * 1024).unwrap()), 1024 * 1024);
    }

    #[test]
    fn a_case_that_fits_stays_as_it_is_and_one_about_a_length_is_not_shortened() {
        for case in cases() {
            let longest = usize::try_from(case.longest_message()).unwrap();
            assert!(case.shorter(longest).is_none(), "{} as {}", case.id, case.role);
        }
        assert!(named("payload.huge", Role::Server).shorter(1024 * 1024).is_none());
    }

    #[test]
    fn messages_that_say_nothing_when_they_are_short_are_not_made_so() {
        let case = named("concurrency.bulk-both-ways", Role::Server);
        assert!(case.shorter(WORTH_SHORTENING).is_some());
        assert!(case.shorter(WORTH_SHORTENING - 1).is_none());
        assert_eq!(case.needs(), WORTH_SHORTENING as u64);
    }

    #[test]
    fn a_case_that_is_made_to_fit_asks_for_no_longer_message_and_sends_something() {
        for longest in [64, 300, 512, 1000, 4096, 65_535, 65_536, 131_072, 1024 * 1024] {
            for case in cases() {
                if let Some(fitted) = case.shorter(longest) {
                    let who = format!("{} as {} in {longest}", case.id, case.role);
                    assert!(fitted.longest_message() <= longest as u64, "{who}");
                    assert!(!lens(&fitted).is_empty(), "{who}");
                }
            }
        }
    }
}
