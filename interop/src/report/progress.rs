//! Progress on stderr: one live line on a terminal, a counter line now and then elsewhere.
//!
//! It counts what surprises. Where failures are what is wanted, of mutants, they have another name.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Reporter, failure};
use crate::model::outcome::Outcome;
use crate::runner::Event;

/// How often the live line is drawn, at most, in times a second.
const DRAWS: u8 = 15;
/// How often a counter line is written where there is no terminal: after each so many percent.
const PERCENT: usize = 10;
/// And at least so often while cases finish.
const QUIET: Duration = Duration::from_secs(10);

/// Shows how far a run is.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Live(Live),
    /// In CI, in a file, in a pipe.
    Counter(Counter),
}

/// One line that changes.
#[derive(Debug)]
pub struct Live {
    bar: ProgressBar,
    word: &'static str,
    failing: usize,
}

/// Lines that stay.
#[derive(Debug)]
pub struct Counter {
    word: &'static str,
    planned: usize,
    done: usize,
    failing: usize,
    said: usize,
    at: Instant,
}

impl Progress {
    /// What suits this process's stderr.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::counting("failing")
    }

    /// The same, with a word for the cases that fail.
    #[must_use]
    pub fn counting(word: &'static str) -> Self {
        let in_ci =
            std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        if io::stderr().is_terminal() && !in_ci {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS);
            let bar = ProgressBar::with_draw_target(None, target);
            Self::Live(Live { bar, word, failing: 0 })
        } else {
            let at = Instant::now();
            Self::Counter(Counter { word, planned: 0, done: 0, failing: 0, said: 0, at })
        }
    }
}

impl Reporter for Progress {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::Live(live) => live.event(event),
            Self::Counter(counter) => counter.event(event),
        }
    }
}

impl Live {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { cases, .. } => {
                self.bar.set_length(*cases as u64);
                let template = "{spinner} {pos}/{len} [{bar:24}] {elapsed}  {wide_msg}";
                let style = ProgressStyle::with_template(template).map_err(io::Error::other)?;
                self.bar.set_style(style.progress_chars("=> "));
                self.bar.enable_steady_tick(Duration::from_millis(100));
            }
            Event::CaseFinished(result) => {
                self.bar.inc(1);
                self.failing += usize::from(is_surprise(result.outcome));
                let failing = match self.failing {
                    0 => String::new(),
                    count => format!("{count} {}  ", self.word),
                };
                self.bar.set_message(format!("{failing}{}  {}", failure::who(result), result.case));
            }
            Event::UnitStarted { .. } | Event::UnitFinished(_) => {}
            Event::Finished(_) => self.bar.finish_and_clear(),
        }
        Ok(())
    }
}

impl Counter {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { cases, .. } => self.planned = *cases,
            Event::CaseFinished(result) => {
                self.done += 1;
                self.failing += usize::from(is_surprise(result.outcome));
                let share = self.done * 100 / self.planned.max(1) / PERCENT;
                if share > self.said || self.at.elapsed() > QUIET {
                    self.said = share;
                    self.at = Instant::now();
                    let failing = match self.failing {
                        0 => String::new(),
                        count => format!(", {count} {}", self.word),
                    };
                    writeln!(io::stderr(), "{}/{} cases{failing}", self.done, self.planned)?;
                }
            }
            Event::UnitStarted { .. } | Event::UnitFinished(_) | Event::Finished(_) => {}
        }
        Ok(())
    }
}

const fn is_surprise(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Fail | Outcome::Error)
}
