//! Progress on stderr: one live line on a terminal, a counter line now and then elsewhere; and failures as they
//! come, so that nobody has to wait for the first until the last.
//!
//! It counts what surprises. Where failures are what is wanted, of mutants, they have another name and are not
//! told one by one.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::mark::{Charset, style};
use super::words::{self, clip, counted};
use super::{Reporter, failure, plain};
use crate::model::names::PeerName;
use crate::model::outcome::Outcome;
use crate::runner::{CaseResult, Event};

/// How often the live line is drawn, at most, in times a second.
const DRAWS: u8 = 15;
/// How many columns the live line needs beside what is going on.
const FIXED: usize = 42;
/// Who has told of nothing for so long is called slow.
const SLOW: Duration = Duration::from_secs(3);
/// How many failures are told as they come: more would only hide that they are the same.
const TOLD: usize = 20;
/// How often a counter line is written where there is no terminal: after each so many percent.
const PERCENT: usize = 10;
/// And at least so often while cases finish.
const QUIET: Duration = Duration::from_secs(10);

/// Shows how far a run is.
#[derive(Debug)]
pub struct Progress {
    form: Form,
    /// What surprises are called.
    word: &'static str,
    failing: usize,
    /// How many surprises are still told as they come.
    to_tell: usize,
}

#[derive(Debug)]
enum Form {
    /// On a terminal: a line that changes.
    Live { bar: ProgressBar, now: Arc<Mutex<Now>> },
    /// In CI, in a file, in a pipe: lines that stay.
    Counter { planned: usize, done: usize, said: usize, at: Instant },
}

/// What is going on.
#[derive(Debug, Default)]
struct Now {
    /// Who plays, and when something was last heard of it.
    playing: BTreeMap<Unit, Instant>,
    /// The last result, in words.
    last: String,
    failing: String,
}

type Unit = (Option<PeerName>, Option<PeerName>, String);

impl Progress {
    /// What suits this process's stderr.
    #[must_use]
    pub fn of_environment() -> Self {
        Self { to_tell: TOLD, ..Self::counting("failing") }
    }

    /// The same with another word for the cases that fail, which are only counted.
    #[must_use]
    pub fn counting(word: &'static str) -> Self {
        let in_ci =
            std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let form = if io::stderr().is_terminal() && !in_ci {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS);
            Form::Live { bar: ProgressBar::with_draw_target(None, target), now: Arc::default() }
        } else {
            Form::Counter { planned: 0, done: 0, said: 0, at: Instant::now() }
        };
        Self { form, word, failing: 0, to_tell: 0 }
    }

    fn finished(&mut self, result: &CaseResult) -> io::Result<()> {
        if matches!(result.outcome, Outcome::Fail | Outcome::Error) {
            self.failing += 1;
            if self.to_tell > 0 {
                self.to_tell -= 1;
                self.form.say(&line(result))?;
                if self.to_tell == 0 {
                    self.form.say("further failures are shown at the end")?;
                }
            }
        }
        let failing = match self.failing {
            0 => String::new(),
            count => format!("{count} {}", self.word),
        };
        self.form.count(result, &failing)
    }
}

impl Reporter for Progress {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { cases, .. } => self.form.begin(*cases),
            Event::UnitStarted { server, client, protocol } => {
                self.form.start((server.clone(), client.clone(), protocol.to_string()));
                Ok(())
            }
            Event::CaseFinished(result) => self.finished(result),
            Event::UnitFinished(times) => {
                let (server, client) = (times.server.clone(), times.client.clone());
                self.form.end(&(server, client, times.protocol.to_string()));
                Ok(())
            }
            Event::Finished(_) => {
                if let Form::Live { bar, .. } = &self.form {
                    bar.finish_and_clear();
                }
                Ok(())
            }
        }
    }
}

impl Form {
    fn begin(&mut self, cases: usize) -> io::Result<()> {
        match self {
            Self::Live { bar, now } => {
                bar.set_length(cases as u64);
                let now = now.clone();
                let tell = move |_: &ProgressState, out: &mut dyn fmt::Write| {
                    let now = now.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = words::width_of_stderr().saturating_sub(FIXED);
                    // A line that cannot be drawn is none.
                    let _ = out.write_str(&clip(&now.words(), room));
                };
                let template = "{spinner} {pos}/{len} [{bar:16}] {elapsed:>3}  {now}";
                let style = ProgressStyle::with_template(template).map_err(io::Error::other)?;
                bar.set_style(style.progress_chars("=> ").with_key("now", tell));
                bar.enable_steady_tick(Duration::from_millis(100));
                Ok(())
            }
            Self::Counter { planned, .. } => {
                *planned = cases;
                writeln!(io::stderr(), "{} to play", counted(cases, "case"))
            }
        }
    }

    fn start(&self, unit: Unit) {
        if let Self::Live { now, .. } = self {
            now.lock().unwrap_or_else(PoisonError::into_inner).playing.insert(unit, Instant::now());
        }
    }

    fn end(&self, unit: &Unit) {
        if let Self::Live { now, .. } = self {
            now.lock().unwrap_or_else(PoisonError::into_inner).playing.remove(unit);
        }
    }

    fn count(&mut self, result: &CaseResult, failing: &str) -> io::Result<()> {
        match self {
            Self::Live { bar, now } => {
                let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
                let (server, client) = (result.server.clone(), result.client.clone());
                let unit = (server, client, result.protocol().to_string());
                now.playing.entry(unit).and_modify(|heard| *heard = Instant::now());
                now.last = format!("{}  {}", failure::who(result), result.case);
                failing.clone_into(&mut now.failing);
                drop(now);
                bar.inc(1);
            }
            Self::Counter { planned, done, said, at } => {
                *done += 1;
                let share = *done * 100 / (*planned).max(1) / PERCENT;
                if share > *said || at.elapsed() > QUIET {
                    (*said, *at) = (share, Instant::now());
                    let comma = if failing.is_empty() { "" } else { ", " };
                    writeln!(io::stderr(), "{done}/{planned} cases{comma}{failing}")?;
                }
            }
        }
        Ok(())
    }

    /// A line that stays.
    fn say(&self, line: &str) -> io::Result<()> {
        match self {
            // It is written above the live line, by whoever draws that; so colours are ours to leave out.
            Self::Live { bar, .. } => {
                let colours = anstream::AutoStream::choice(&io::stderr());
                let bare = colours == anstream::ColorChoice::Never;
                bar.println(if bare { plain::without_colour(line) } else { line.to_owned() });
                Ok(())
            }
            Self::Counter { .. } => writeln!(anstream::stderr(), "{line}"),
        }
    }
}

impl Now {
    /// How many fail; then who keeps everybody waiting, or else what was last heard of.
    fn words(&self) -> String {
        let silence = |(unit, heard): (_, &Instant)| (heard.elapsed(), unit);
        let slow = self.playing.iter().map(silence).max().filter(|(silent, _)| *silent > SLOW);
        let going_on = match slow {
            Some((silent, (server, client, _))) => {
                format!(
                    "{} s: {}",
                    silent.as_secs(),
                    failure::pair(server.as_ref(), client.as_ref())
                )
            }
            None => self.last.clone(),
        };
        match self.failing.is_empty() {
            true => going_on,
            false => format!("{}  {going_on}", self.failing),
        }
    }
}

/// A surprise in one line.
fn line(result: &CaseResult) -> String {
    let colour = style(result.outcome, result.level);
    let mark = Charset::of_environment().mark(result.outcome);
    let what = result.diagnosis.as_deref().unwrap_or(&result.summary);
    let what = what.lines().next().unwrap_or_default();
    let told = format!("{}  {}: {what}", plain::case(result), failure::who(result));
    let room = words::width_of_stderr().saturating_sub(mark.len() + 1);
    format!("{colour}{mark}{colour:#} {}", clip(&told, room))
}
