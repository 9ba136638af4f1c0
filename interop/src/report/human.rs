//! The result for people: what went wrong, what was known or skipped, then the matrix and the sum.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use super::mark::{Charset, Look, style};
use super::mistakes::{self, Mistake};
use super::record::Record;
use super::words::{self, counted, seconds};
use super::{failure, matrix};
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::runner::{CaseResult, Summary};

/// How many mistakes of the same peer are shown in full.
const IN_FULL: usize = 4;

/// Writes a run that is over, in the signs of the reader's locale and as wide as his lines are. Colours are
/// ANSI sequences; `out` strips them where they are not wanted.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    write_as(record, Look { charset: Charset::of_environment(), width: words::width() }, out)
}

/// The same, with a look of one's own.
///
/// # Errors
/// When `out` takes no more.
pub fn write_as(record: &Record, look: Look, out: &mut dyn Write) -> io::Result<()> {
    Human { out, look, results: &record.results }.write(&record.summary)
}

/// How many cases that peers do not support are named where the reason is the same.
const NAMED: usize = 3;

struct Human<'a> {
    out: &'a mut dyn Write,
    look: Look,
    results: &'a [CaseResult],
}

impl Human<'_> {
    fn write(&mut self, summary: &Summary) -> io::Result<()> {
        self.errors()?;
        let mistakes = mistakes::of(self.results);
        self.failures(&mistakes)?;
        self.known()?;
        self.skipped()?;
        for stale in &summary.stale {
            let red = style(Outcome::Fail, Level::Must).bold();
            writeln!(
                self.out,
                "{red}stale{red:#}  {}, [{}.known] \"{}\": {}",
                stale.peer, stale.section, stale.pattern, stale.problem
            )?;
        }
        if !self.results.is_empty() {
            writeln!(self.out, "{}", matrix::draw(self.results, self.look))?;
        }
        self.mistakes(&mistakes)?;
        self.sum(summary)
    }

    /// A peer that does not start fails all its cases in the same words: they are said once.
    fn errors(&mut self) -> io::Result<()> {
        let errors = self.results.iter().filter(|result| result.outcome == Outcome::Error);
        let mut by_words: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
        for error in errors {
            by_words.entry(&error.summary).or_default().push(error);
        }
        for same in by_words.values() {
            writeln!(self.out, "{}", failure::block(same[0], self.look))?;
            if let more @ 1.. = same.len() - 1 {
                writeln!(self.out, "    and the same for {}\n", cases(more))?;
            }
        }
        Ok(())
    }

    /// A peer that does one thing wrong may fail most cases: each mistake is shown by one of them, and the first few
    /// of each peer in full.
    fn failures(&mut self, mistakes: &[Mistake<'_>]) -> io::Result<()> {
        for of_peer in mistakes.chunk_by(Mistake::is_of_the_peers_of) {
            for mistake in of_peer.iter().take(IN_FULL) {
                write!(self.out, "{}", failure::block(mistake.clearest, self.look))?;
                writeln!(self.out, "{}", failure::also(mistake, self.look))?;
            }
        }
        Ok(())
    }

    /// What is wrong, in a line for each mistake: the blocks may be far above.
    fn mistakes(&mut self, mistakes: &[Mistake<'_>]) -> io::Result<()> {
        let is_just_above = matches!(mistakes, [one] if one.others.is_empty());
        if is_just_above {
            return Ok(());
        }
        for of_peer in mistakes.chunk_by(Mistake::is_of_the_peers_of) {
            writeln!(self.out, "{}", of_peer[0].whose())?;
            for mistake in of_peer {
                write!(self.out, "{}", failure::brief(mistake, self.look))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn known(&mut self) -> io::Result<()> {
        let known = self.results.iter().filter(|result| result.outcome == Outcome::Known);
        for result in known {
            let style = style(result.outcome, result.level);
            writeln!(
                self.out,
                "{style}{} known{style:#}  {}  {}: {}",
                self.look.charset.mark(result.outcome),
                result.case,
                failure::who(result),
                result.reason.as_deref().unwrap_or_default()
            )?;
        }
        Ok(())
    }

    fn skipped(&mut self) -> io::Result<()> {
        let left_out = [Outcome::Skipped, Outcome::Unsupported];
        let mut reasons: BTreeMap<(Outcome, &str), Vec<&CaseResult>> = BTreeMap::new();
        for result in self.results.iter().filter(|result| left_out.contains(&result.outcome)) {
            reasons.entry((result.outcome, &result.summary)).or_default().push(result);
        }
        for ((outcome, reason), of) in reasons {
            let style = style(outcome, Level::Must);
            let mark = self.look.charset.mark(outcome);
            let mut ids: Vec<&str> = of.iter().map(|result| result.case.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            let what = match (outcome, ids.len()) {
                (Outcome::Unsupported, ..=NAMED) => ids.join(", "),
                _ => cases(of.len()),
            };
            writeln!(self.out, "{style}{mark} {outcome}{style:#}  {what}: {reason}")?;
        }
        Ok(())
    }

    fn sum(&mut self, summary: &Summary) -> io::Result<()> {
        let bold = Style::new().bold();
        let counts = [
            (summary.fail, "failed", Outcome::Fail),
            (summary.error, if summary.error == 1 { "error" } else { "errors" }, Outcome::Error),
            (summary.pass, "passed", Outcome::Pass),
            (summary.known, "known", Outcome::Known),
            (summary.unsupported, "unsupported", Outcome::Unsupported),
            (summary.skipped, "skipped", Outcome::Skipped),
        ];
        let level = if summary.fail_must > 0 { Level::Must } else { Level::Should };
        let part = |(count, word, outcome): &(usize, &str, Outcome)| {
            let style = style(*outcome, level);
            format!("{style}{count} {word}{style:#}")
        };
        let parts: Vec<String> = counts.iter().filter(|(count, ..)| *count > 0).map(part).collect();
        let dot = self.look.charset.dot();
        let interrupted = match summary {
            Summary { interrupted: true, .. } => ", interrupted",
            Summary { stopped: true, .. } => ", ended at the first failure",
            _ => "",
        };
        writeln!(
            self.out,
            "{bold}{}{bold:#}: {} {dot} {}{interrupted}",
            cases(summary.total()),
            parts.join(", "),
            seconds(summary.duration),
        )
    }
}

/// `1 case`, `2 cases`.
fn cases(count: usize) -> String {
    counted(count, "case")
}
