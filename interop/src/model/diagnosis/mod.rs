//! What mistake is behind wrong or missing bytes, in words that the peer's author understands.
//!
//! Bytes that never depended on how others arrived are held against what a broken writer makes of
//! the messages. What a peer made of the reads that it is known to have seen is held against
//! broken readers, small programs that are run over the same reads. What is left is told as what
//! became of the sequence of messages. A mistake that a single byte contradicts is not named, and
//! neither is any where two that are about different things explain the same.

use std::cell::OnceCell;
use std::sync::Arc;

mod answer;
mod client;
mod datagrams;
mod evidence;
mod idle;
mod late;
mod peer;
mod readers;
mod sequence;
mod size;
mod time;
mod wire;
mod witness;
mod writer;

use evidence::Evidence;
use peer::{About, Mistake, agrees, explains};

pub use late::{Delay, is_seen};
pub use witness::Witness;

use super::ledger::Ledger;
use super::transcript::{Channel, Transcript};

/// How many other connections of a case a mistaken reader must not contradict.
const WITNESSES: usize = 16;

/// Names the mistake behind bytes of `channel` that are wrong, too many or missing.
///
/// `ledger` are the books at the end of the transcript; `witnesses` are other cases in which the peer was right.
#[must_use]
pub fn diagnose(
    transcript: &Transcript,
    ledger: &Ledger,
    channel: Channel,
    witnesses: &[Arc<Witness>],
) -> Option<String> {
    let evidence = Evidence::gather(transcript, ledger, channel)?;
    if let Some(words) = client::diagnose(&evidence, transcript) {
        return Some(words);
    }
    if evidence.of_datagrams {
        return of_datagrams(&evidence);
    }
    let others = OnceCell::new();
    let readers =
        Readers { evidence: &evidence, transcript, ledger, cases: witnesses, witnesses: others };
    if evidence.stopped {
        return late::diagnose(&evidence, transcript).or_else(|| of_a_stop(&readers));
    }
    if evidence.too_long {
        return None;
    }
    if let Some(words) = readers::not_digits(&evidence) {
        return Some(words);
    }
    let framing: Vec<_> = readers.explaining(readers::frames(evidence.read_as)).collect();
    if !framing.is_empty() {
        return decide(framing);
    }
    answer::diagnose(&evidence)
        .or_else(|| time::diagnose(&evidence))
        .or_else(|| of_a_writer(&evidence))
        .or_else(|| {
            readers.explaining(readers::text(evidence.read_as)).next().map(|(words, _)| words)
        })
        .or_else(|| sequence::diagnose(&evidence))
}

/// How long what was missing took to come after it had been given up; `None` where it did not come by itself.
#[must_use]
pub fn delay(transcript: &Transcript, ledger: &Ledger, channel: Channel) -> Option<Delay> {
    late::delay(&Evidence::gather(transcript, ledger, channel)?, transcript)
}

/// A datagram comes whole: nothing depends on how others arrived.
fn of_datagrams(evidence: &Evidence<'_>) -> Option<String> {
    if evidence.too_long {
        return None;
    }
    if evidence.stopped {
        return datagrams::of_a_stop(evidence).or_else(|| size::diagnose(evidence));
    }
    answer::diagnose(evidence)
        .or_else(|| time::diagnose(evidence))
        .or_else(|| datagrams::diagnose(evidence))
        .or_else(|| writer::diagnose(evidence))
        .or_else(|| sequence::diagnose(evidence))
}

/// Where nothing wrong came, mistakes about text, lengths and time explain it as well as those about framing.
fn of_a_stop(readers: &Readers<'_>) -> Option<String> {
    let evidence = readers.evidence;
    let mut all = Vec::new();
    if !evidence.too_long {
        all.extend(readers.explaining(readers::frames(evidence.read_as)));
        all.extend(readers.explaining(readers::text(evidence.read_as)));
    }
    let longest = readers.longest_handled();
    all.extend(size::explain(evidence, longest));
    // Where nothing as long was handled, its length alone may be what is wrong, and says nothing of chunks.
    let of_length = all.iter().any(|(_, about)| *about == About::Length);
    if !of_length && evidence.missing().is_none_or(|missing| missing > longest) {
        all.retain(|(_, about)| *about != About::Chunks);
    }
    all.extend(idle::explain(evidence));
    if all.is_empty() { size::guess(evidence, longest) } else { decide(all) }
}

/// An empty message that nobody asked for looks like the first half of a longer length.
fn of_a_writer(evidence: &Evidence<'_>) -> Option<String> {
    let words = writer::diagnose(evidence)?;
    let other = sequence::unasked_empty(evidence);
    Some(other.map_or_else(|| words.clone(), |other| either(&words, &other)))
}

/// The first of several explanations that are about the same thing. Of two that are not, this does not tell which
/// it is, and it may be one of many where there are more.
fn decide(explanations: Vec<(String, About)>) -> Option<String> {
    let mut apart: Vec<(String, About)> = Vec::new();
    for (words, about) in explanations {
        if apart.iter().all(|(_, other)| *other != about) {
            apart.push((words, about));
        }
    }
    match &apart[..] {
        [(words, _)] => Some(words.clone()),
        [(one, _), (other, _)] => Some(either(one, other)),
        _ => None,
    }
}

const EITHER: &str = "either ";
const OR: &str = ", or ";

/// A diagnosis that leaves open which of two mistakes it is.
#[must_use]
pub fn either(one: &str, other: &str) -> String {
    format!("{EITHER}{one}{OR}{other}")
}

/// The mistakes that a diagnosis leaves open; none where it names one.
#[must_use]
pub fn alternatives(diagnosis: &str) -> Option<(&str, &str)> {
    diagnosis.strip_prefix(EITHER)?.split_once(OR)
}

/// Mistaken readers, held against one channel, and against other connections of the peer as witnesses.
struct Readers<'a> {
    evidence: &'a Evidence<'a>,
    transcript: &'a Transcript,
    ledger: &'a Ledger,
    cases: &'a [Arc<Witness>],
    witnesses: OnceCell<Vec<Evidence<'a>>>,
}

impl<'a> Readers<'a> {
    /// Those that explain what was seen here and contradict no other connection.
    fn explaining(
        &self,
        mistakes: impl Iterator<Item = &'static Mistake>,
    ) -> impl Iterator<Item = (String, About)> {
        mistakes.filter_map(|mistake| {
            let words = explains(mistake, self.evidence)?;
            let agreed = self.witnesses().iter().all(|witness| agrees(mistake, witness));
            agreed.then_some((words, mistake.about))
        })
    }

    /// The length of the longest message that the peer handled, here or elsewhere.
    fn longest_handled(&self) -> usize {
        let of_all = self.witnesses().iter().chain([self.evidence]).map(Evidence::longest);
        of_all.max().unwrap_or(0)
    }

    fn witnesses(&self) -> &[Evidence<'a>] {
        self.witnesses.get_or_init(|| {
            let of_the_case = self.evidence.witnesses(self.transcript, self.ledger, WITNESSES);
            let others = self.cases.iter().flat_map(|case| {
                self.evidence.elsewhere(&case.transcript, case.ledger(), WITNESSES)
            });
            of_the_case.into_iter().chain(others).collect()
        })
    }
}

#[cfg(test)]
mod tests;
