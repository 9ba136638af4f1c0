//! The result for people: failures as they come, then the matrix, what was skipped and known, the sum.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style;

use super::mark::{Charset, style};
use super::{Reporter, failure, json, matrix};
use crate::model::names::Level;
use crate::model::outcome::Outcome;
use crate::runner::{CaseResult, Event, Summary};

/// Writes for a person to read. Colours are ANSI sequences; `out` strips them where they are not wanted.
#[derive(Debug)]
pub struct Human<W> {
    out: W,
    charset: Charset,
    results: Vec<CaseResult>,
}

/// How many errors of one wording are written out.
const SAME_ERRORS: usize = 1;

impl<W: Write> Human<W> {
    /// Writes to `out`, in the signs of the reader's locale.
    pub fn new(out: W) -> Self {
        Self::with_charset(out, Charset::of_environment())
    }

    /// Writes to `out`, in these signs.
    pub const fn with_charset(out: W, charset: Charset) -> Self {
        Self { out, charset, results: Vec::new() }
    }

    fn finished(&mut self, summary: &Summary) -> io::Result<()> {
        json::sort(&mut self.results);
        if !self.results.is_empty() {
            writeln!(self.out, "{}", matrix::draw(&self.results, self.charset))?;
        }
        self.errors()?;
        self.failures()?;
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
        self.sum(summary)?;
        self.out.flush()
    }

    /// A peer that does not start fails all its cases in the same words: they are said once.
    fn errors(&mut self) -> io::Result<()> {
        let errors = self.results.iter().filter(|result| result.outcome == Outcome::Error);
        let mut by_words: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
        for error in errors {
            by_words.entry(&error.summary).or_default().push(error);
        }
        for same in by_words.values() {
            for result in same.iter().take(SAME_ERRORS) {
                writeln!(self.out, "{}", failure::block(result, self.charset))?;
            }
            if same.len() > SAME_ERRORS {
                writeln!(
                    self.out,
                    "    and the same for {} more cases\n",
                    same.len() - SAME_ERRORS
                )?;
            }
        }
        Ok(())
    }

    fn failures(&mut self) -> io::Result<()> {
        for result in self.results.iter().filter(|result| result.outcome == Outcome::Fail) {
            writeln!(self.out, "{}", failure::block(result, self.charset))?;
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
                self.charset.mark(result.outcome),
                result.case,
                failure::who(result),
                result.reason.as_deref().unwrap_or_default()
            )?;
        }
        Ok(())
    }

    fn skipped(&mut self) -> io::Result<()> {
        let left_out = [Outcome::Skipped, Outcome::Unsupported];
        let mut reasons: BTreeMap<(Outcome, &str), usize> = BTreeMap::new();
        for result in self.results.iter().filter(|result| left_out.contains(&result.outcome)) {
            *reasons.entry((result.outcome, &result.summary)).or_default() += 1;
        }
        for ((outcome, reason), cases) in reasons {
            let style = style(outcome, Level::Must);
            let mark = self.charset.mark(outcome);
            writeln!(self.out, "{style}{mark} {outcome}{style:#}  {cases} cases: {reason}")?;
        }
        Ok(())
    }

    fn sum(&mut self, summary: &Summary) -> io::Result<()> {
        let bold = Style::new().bold();
        let counts = [
            (summary.fail, "failed", Outcome::Fail),
            (summary.error, "errors", Outcome::Error),
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
        let total = summary.total();
        let dot = self.charset.dot();
        let interrupted = if summary.interrupted { ", interrupted" } else { "" };
        writeln!(
            self.out,
            "{bold}{total} case{}{bold:#}: {} {dot} {}{interrupted}",
            if total == 1 { "" } else { "s" },
            parts.join(", "),
            seconds(summary.duration),
        )
    }
}

impl<W: Write> Reporter for Human<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { .. } | Event::UnitStarted { .. } => Ok(()),
            Event::CaseFinished(result) => {
                self.results.push((**result).clone());
                Ok(())
            }
            Event::Finished(summary) => self.finished(summary),
        }
    }
}

/// `0.84 s`, `12.3 s`.
fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}
