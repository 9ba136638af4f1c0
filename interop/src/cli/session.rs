//! What `run`, `check` and `selftest` have in common: from a plan to what became of it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::dry_run;
use super::exit::Failure;
use super::names::one_of;
use super::rerun::Memory;
use super::sinks::{Output, Sinks};
use crate::capture::{Captures, Which};
use crate::catalogue;
use crate::limits;
use crate::model::case::Case;
use crate::model::names::{CaseId, Level};
use crate::model::pattern::Pattern;
use crate::peer::{build, guard, registry::Registry, spawn};
use crate::report::Reporter;
use crate::report::form::Form;
use crate::report::progress::Progress;
use crate::report::timings::Timings;
use crate::report::words;
use crate::runner::again::Again;
use crate::runner::shard::Shard;
use crate::runner::{self, Event, Options, Plan, Summary};

/// The flags that both take.
#[derive(Debug, Args)]
pub struct SessionArgs {
    /// Only these cases: an id, a group, a glob such as 'framing.*', or a clause such as P9
    #[arg(long = "case", value_name = "PATTERN", value_delimiter = ',')]
    pub cases: Vec<Pattern>,
    /// Only cases of this level
    #[arg(long = "level", value_name = "LEVEL", value_delimiter = ',',
        value_parser = one_of([Level::Must, Level::Should, Level::Info]))]
    pub levels: Vec<Level>,
    /// Only this framing and service, as in line/ack; globs such as 'mnet*/*' are allowed
    #[arg(long = "protocol", value_name = "FRAMING/SERVICE", value_delimiter = ',')]
    pub protocols: Vec<glob::Pattern>,
    /// A failed should fails the run too
    #[arg(long)]
    pub strict: bool,
    /// Show where the time went, behind the result
    #[arg(long)]
    pub timings: bool,
    /// Say what would be played, and play nothing
    #[arg(long)]
    pub dry_run: bool,
    /// End the run at the first failure that fails it
    #[arg(long)]
    pub fail_fast: bool,
    /// Play all of it again, so many times at most, until something is not as expected; the result is that of
    /// the last round
    #[arg(long, value_name = "N", conflicts_with = "until_fail",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// The same without a limit
    #[arg(long)]
    pub until_fail: bool,
    /// Write what went over the wire, as a .pcapng file for each case: of those that failed, or of all
    #[arg(long, value_enum, value_name = "WHICH")]
    pub capture: Option<Which>,
    /// Where to; what is there of these cases is replaced
    #[arg(long, value_name = "DIR", default_value = CAPTURES, requires = "capture")]
    pub capture_dir: PathBuf,
    #[command(flatten)]
    pub play: PlayArgs,
    /// The form of the result on stdout
    #[arg(long, value_enum, default_value_t)]
    pub format: Form,
    /// A file to write the result to as well; its form follows from its name: .json .jsonl .xml (JUnit) .tap
    /// .md .html [may be given several times]
    #[arg(long = "output", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub outputs: Vec<Output>,
}

/// How programs are played with, whatever is made of the results.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// How many pairings run side by side [default: two for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// How long a server may take until it is ready, and a client until it has connected
    #[arg(long, value_name = "TIME", default_value = START,
        value_parser = humantime::parse_duration)]
    pub start_timeout: Duration,
    /// How much longer than usual is waited for what does not come: for machines and peers that are slow
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0,
        value_parser = timeout_scale)]
    pub timeout_scale: f64,
    /// Of what is random in the cases: bytes, cuts, orders. Same seed, same run
    #[arg(long, value_name = "N", default_value_t = catalogue::SEED)]
    pub seed: u64,
}

/// Where captures go that are not told where to.
const CAPTURES: &str = "interop-captures";

/// [`limits::START`] as it is typed.
const START: &str = "20s";

fn timeout_scale(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (0.1..=100.0).contains(factor));
    factor.ok_or_else(|| "expected a number from 0.1 to 100".to_owned())
}

/// Which part of a run is to be played.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// The environment says it.
    Auto,
    /// This one.
    Of(Shard),
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Of) }
    }
}

impl Part {
    /// Asks the environment, where it has to.
    pub fn shard(self) -> Result<Shard, Failure> {
        match self {
            Self::Of(shard) => Ok(shard),
            Self::Auto => Shard::of_environment(|name| std::env::var(name).ok())
                .map_err(|why| Failure::usage(format!("--shard auto: {why}"))),
        }
    }
}

/// Nothing is left to play; with what is known of why.
pub fn nothing_selected(what: &str, plan: &Plan) -> Failure {
    let mut text = format!("nothing selected: {what}");
    for (since, cases) in &plan.not_asked {
        let cases: Vec<&str> = cases.iter().map(CaseId::as_str).collect();
        let cases = words::list(&cases, words::width() / 2);
        let _ = write!(text, "\n  {cases}: not asked, since {since}");
    }
    Failure::nothing_selected(text)
}

/// Plays a plan, shows it, and returns the exit status.
pub fn play(
    plan: Plan,
    registry: &Registry,
    cases: &[Arc<Case>],
    args: &SessionArgs,
    again: Again,
    memory: Option<Memory>,
) -> Result<ExitCode, Failure> {
    if args.timings && args.format != Form::Human {
        return Err(Failure::usage("--timings goes with --format human"));
    }
    if args.dry_run {
        return dry_run::show(&plan, args.format);
    }
    let mut sinks = Sinks::default();
    let rounds = if args.until_fail { u32::MAX } else { args.repeat.unwrap_or(1) };
    if rounds == 1 {
        // Progress first: its line is gone when the result is written.
        sinks.stderr(Box::new(Progress::of_environment()));
    }
    args.add_results(&mut sinks);
    if let Some(memory) = memory {
        sinks.listener(Box::new(memory));
    }
    let stop = args.fail_fast.then_some(if args.strict { Level::Should } else { Level::Must });
    let how = How { again: Some(again), stop, captures: args.captures()? };
    if rounds == 1 {
        let summary = perform(plan, registry, cases, &args.play, how, sinks)?;
        return Ok(ExitCode::from(summary.exit_code(args.strict)));
    }
    for round in 1..=rounds {
        let (mut events, mut listeners) = (Vec::new(), Sinks::default());
        listeners.stderr(Box::new(Progress::of_environment()));
        listeners.listener(Box::new(Kept(&mut events)));
        let summary = perform(plan.clone(), registry, cases, &args.play, how.clone(), listeners)?;
        let code = summary.exit_code(args.strict);
        if code != 0 || round == rounds {
            note!("round {round}: {}", if code == 0 { "as expected" } else { "not as expected" });
            events.iter().for_each(|event| sinks.tell(event));
            sinks.finish()?;
            return Ok(ExitCode::from(code));
        }
        note!("round {round}: as expected");
    }
    Ok(ExitCode::SUCCESS)
}

impl SessionArgs {
    /// The folder of the captures, if any are wanted: it has to be there before anything is played.
    fn captures(&self) -> Result<Option<Arc<Captures>>, Failure> {
        let Some(which) = self.capture else { return Ok(None) };
        let captures = Captures::in_folder(&self.capture_dir, which).map_err(|e| {
            let folder = self.capture_dir.display();
            Failure::environment(format!("cannot write captures to {folder}: {e}"))
        })?;
        Ok(Some(Arc::new(captures)))
    }

    /// Whoever shows the result.
    fn add_results(&self, sinks: &mut Sinks<'_>) {
        sinks.stdout(self.format.reporter(anstream::stdout()));
        if self.timings {
            sinks.stdout(Box::new(Timings::new(anstream::stdout())));
        }
        self.outputs.iter().for_each(|output| sinks.file(output));
        sinks.annotations();
    }
}

/// Keeps the events of a round, until it is known whether it is the last.
#[derive(Debug)]
struct Kept<'a>(&'a mut Vec<Event>);

impl Reporter for Kept<'_> {
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        self.0.push(event.clone());
        Ok(())
    }
}

/// What a run knows of its result beside how it is played.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// How one result is shown again.
    pub again: Option<Again>,
    /// It ends at the first failure that binds so much.
    pub stop: Option<Level>,
    /// Where what goes over the wire is written to.
    pub captures: Option<Arc<Captures>>,
}

/// Plays a plan and tells the reporters, in their order.
pub fn perform(
    plan: Plan,
    registry: &Registry,
    cases: &[Arc<Case>],
    args: &PlayArgs,
    how: How,
    mut sinks: Sinks<'_>,
) -> Result<Summary, Failure> {
    let interop = std::env::current_exe()
        .map_err(|e| Failure::environment(format!("cannot find our own executable: {e}")))?;
    let options = Options {
        jobs: args.jobs.map_or_else(default_jobs, usize::from),
        seed: args.seed,
        start: args.start_timeout,
        timeout_scale: args.timeout_scale,
        interop: interop.clone(),
        cache: build::cache_dir(),
        again: how.again,
        stop: how.stop,
        captures: how.captures.clone(),
    };
    raise_open_files();
    guard::start(&interop)
        .map_err(|e| Failure::environment(format!("cannot start the guard process: {e}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::environment(format!("cannot start the runtime: {e}")))?;
    let summary = runtime.block_on(async {
        let cancel = CancellationToken::new();
        cancel_on_signals(&cancel)
            .map_err(|e| Failure::environment(format!("cannot listen to signals: {e}")))?;
        let listen = |event: &Event| sinks.tell(event);
        Ok(runner::run(plan, registry, cases, options, cancel, listen).await)
    });
    guard::dismiss();
    let summary = summary?;
    // A pipe that a program left behind may still be read; nothing depends on that.
    runtime.shutdown_background();
    sinks.finish()?;
    match how.captures.and_then(|captures| captures.trouble()) {
        Some(trouble) => Err(Failure::environment(trouble)),
        None => Ok(summary),
    }
}

/// The first signal ends the run in good order, a second one at once.
fn cancel_on_signals(cancel: &CancellationToken) -> std::io::Result<()> {
    const INTERRUPTED: i32 = 130;
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    // What runs under `nohup` goes on without its terminal.
    if !spawn::is_ignored(SignalKind::hangup()) {
        kinds.push(SignalKind::hangup());
    }
    for kind in kinds {
        let mut signals = signal(kind)?;
        let cancel = cancel.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if cancel.is_cancelled() {
                    // The guard ends what still runs.
                    std::process::exit(INTERRUPTED);
                }
                cancel.cancel();
            }
        });
    }
    Ok(())
}

/// A case may hold more connections than some systems allow by default. What cannot be raised is found out
/// when it is needed.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(limits::OPEN_FILES, |most| most.min(limits::OPEN_FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    }
}

/// For as many open files as this: more than a run of cases needs, for us and all that we start.
///
/// # Errors
/// How many the system allows, where that is fewer.
pub fn allow_open_files(wanted: usize) -> Result<(), u64> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = wanted as u64;
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), ..limit };
    let allowed = || limit.maximum.or(limit.current).unwrap_or_default();
    setrlimit(Resource::Nofile, raised).map_err(|_| allowed())
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get() * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_that_is_shown_is_the_one_that_is_used() {
        assert_eq!(humantime::parse_duration(START), Ok(limits::START));
    }
}
