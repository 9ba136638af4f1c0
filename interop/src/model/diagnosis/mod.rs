//! What mistake is behind wrong or missing bytes, in words that the peer's author understands.
//!
//! Bytes that never depended on how others arrived are held against what a broken writer makes of
//! the messages. What a peer made of the reads that it is known to have seen is held against
//! broken readers, small programs that are run over the same reads. What is left is told as what
//! became of the sequence of messages. A mistake that a single byte contradicts is not named, and
//! neither is any where two that are about different things explain the same.

use std::cell::OnceCell;

mod answer;
mod client;
mod datagrams;
mod evidence;
mod peer;
mod readers;
mod sequence;
mod size;
mod time;
mod wire;
mod writer;

use evidence::Evidence;
use peer::{About, Mistake, agrees, explains};

use super::ledger::Ledger;
use super::transcript::{Channel, Transcript};

/// How many other connections of the case a mistaken reader must not contradict.
const WITNESSES: usize = 16;

/// Names the mistake behind bytes of `channel` that are wrong, too many or missing.
///
/// `ledger` are the books at the end of the transcript.
#[must_use]
pub fn diagnose(transcript: &Transcript, ledger: &Ledger, channel: Channel) -> Option<String> {
    let evidence = Evidence::gather(transcript, ledger, channel)?;
    if let Some(words) = client::diagnose(&evidence, transcript) {
        return Some(words);
    }
    if evidence.of_datagrams {
        return of_datagrams(&evidence);
    }
    if evidence.stopped {
        return of_a_stop(&evidence, transcript, ledger);
    }
    if let Some(words) = readers::not_digits(&evidence) {
        return Some(words);
    }
    let readers = Readers { evidence: &evidence, transcript, ledger, witnesses: OnceCell::new() };
    let mut framing = readers.explaining(readers::frames(evidence.read_as));
    if let Some((words, about)) = framing.next() {
        return framing.all(|(_, other)| other == about).then_some(words);
    }
    answer::diagnose(&evidence)
        .or_else(|| time::diagnose(&evidence))
        .or_else(|| writer::diagnose(&evidence))
        .or_else(|| {
            readers.explaining(readers::text(evidence.read_as)).next().map(|(words, _)| words)
        })
        .or_else(|| sequence::diagnose(&evidence))
}

/// A datagram comes whole: nothing depends on how others arrived.
fn of_datagrams(evidence: &Evidence<'_>) -> Option<String> {
    if evidence.stopped {
        return datagrams::of_a_stop(evidence).or_else(|| size::diagnose(evidence));
    }
    answer::diagnose(evidence)
        .or_else(|| time::diagnose(evidence))
        .or_else(|| datagrams::diagnose(evidence))
        .or_else(|| writer::diagnose(evidence))
        .or_else(|| sequence::diagnose(evidence))
}

/// Where nothing wrong came, mistakes about text explain it as well as those about framing.
fn of_a_stop(evidence: &Evidence<'_>, transcript: &Transcript, ledger: &Ledger) -> Option<String> {
    let readers = Readers { evidence, transcript, ledger, witnesses: OnceCell::new() };
    let mut all = readers
        .explaining(readers::frames(evidence.read_as))
        .chain(readers.explaining(readers::text(evidence.read_as)));
    match all.next() {
        Some((words, about)) => all.all(|(_, other)| other == about).then_some(words),
        None => size::diagnose(evidence),
    }
}

/// Mistaken readers, held against one channel, and against other connections of the case as witnesses.
struct Readers<'a> {
    evidence: &'a Evidence<'a>,
    transcript: &'a Transcript,
    ledger: &'a Ledger,
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

    fn witnesses(&self) -> &[Evidence<'a>] {
        self.witnesses
            .get_or_init(|| self.evidence.witnesses(self.transcript, self.ledger, WITNESSES))
    }
}

#[cfg(test)]
mod tests;
