//! `interop report`: what can be done with the JSON documents of runs that are over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::exit::Failure;
use super::output;
use super::sinks::{Output, Sinks};
use crate::report;
use crate::report::compare::Comparison;
use crate::report::form::Form;
use crate::report::record::{Record, SCHEMA_VERSION, key};
use crate::runner::Event;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The result of a run in another form
    Convert {
        /// The JSON document
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        to: To,
    },
    /// One result of the parts of a run: a missing part, or one that is there twice, is an error
    Merge {
        /// The JSON documents
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        to: To,
    },
    /// What is different in a newer run; exit status 1 when something fails that did not
    Compare {
        /// The JSON document of the older run
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// The JSON document of the newer run
        #[arg(value_name = "NEW")]
        new: PathBuf,
        /// The form of the comparison
        #[arg(long, value_enum, default_value_t)]
        format: output::Format,
    },
}

/// Where it goes.
#[derive(Debug, clap::Args)]
struct To {
    /// The form of the result on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// A file to write the result to, instead of stdout; its form follows from its name: .json .jsonl .xml
    /// (JUnit) .tap .md .html [may be given several times]
    #[arg(long = "output", value_name = "FILE", conflicts_with = "format")]
    outputs: Vec<Output>,
    /// End as a run with this result would have ended
    #[arg(long)]
    exit_code: bool,
    /// With --exit-code: a failed should counts too
    #[arg(long, requires = "exit_code")]
    strict: bool,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    match &args.what {
        What::Convert { file, to } => to.write(&read(file)?),
        What::Merge { files, to } => to.write(&merge(files)?),
        What::Compare { old, new, format } => {
            let (old, new) = (read(old)?, read(new)?);
            let comparison = Comparison::of(&old, &new);
            match format {
                output::Format::Json => output::print_json(&comparison)?,
                output::Format::Human => output::print(&comparison.to_string())?,
            }
            Ok(ExitCode::from(u8::from(comparison.is_worse())))
        }
    }
}

impl To {
    fn write(&self, record: &Record) -> Result<ExitCode, Failure> {
        let mut sinks = Sinks::default();
        match &self.outputs[..] {
            [] => sinks.stdout(self.format.reporter(anstream::stdout())),
            files => files.iter().for_each(|file| sinks.file(file)),
        }
        // The same way that a run goes, so that there is one way only.
        let (cases, seed) = (record.results.len(), record.seed);
        sinks.tell(&Event::Planned { cases, seed, shard: record.shard });
        for result in &record.results {
            sinks.tell(&Event::CaseFinished(Box::new(result.clone())));
        }
        sinks.tell(&Event::Finished(record.summary.clone()));
        sinks.finish()?;
        let code = self.exit_code.then(|| record.summary.exit_code(self.strict));
        Ok(ExitCode::from(code.unwrap_or_default()))
    }
}

/// Reads the document of a run.
pub fn read(path: &Path) -> Result<Record, Failure> {
    let refuse = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path)
        .map_err(|e| Failure::environment(format!("cannot read {}: {e}", path.display())))?;
    let record: Record =
        serde_json::from_str(&text).map_err(|e| refuse(format!("no result document: {e}")))?;
    match record.schema_version {
        SCHEMA_VERSION => Ok(record),
        other => {
            Err(refuse(format!("its schema_version is {other}, and we know {SCHEMA_VERSION}")))
        }
    }
}

/// Results by themselves say when one is there twice; whether one is missing follows from what part of the run
/// each document says it is.
fn merge(paths: &[PathBuf]) -> Result<Record, Failure> {
    let mut merged = Record::default();
    let (mut parts, mut of) = (BTreeSet::new(), None);
    let mut seen = BTreeSet::new();
    for (number, path) in paths.iter().enumerate() {
        let record = read(path)?;
        let refuse = |why: String| Err(Failure::usage(format!("{}: {why}", path.display())));
        let whole = record.shard.map(|shard| shard.parts());
        if number == 0 {
            (merged.seed, of) = (record.seed, whole);
        } else if record.seed != merged.seed || whole != of {
            return refuse("it is no part of the same run: its seed or its --shard differs".into());
        }
        if let Some(shard) = record.shard
            && !parts.insert(shard.part())
        {
            return refuse(format!("part {shard} is there already"));
        }
        for result in &record.results {
            if !seen.insert(key(result)) {
                let (case, who) =
                    (&result.case, report::pair(result.server.as_ref(), result.client.as_ref()));
                return refuse(format!("{case} of {who} is there already"));
            }
        }
        merged.add(record);
    }
    let missing = (1..=of.unwrap_or_default()).find(|part| !parts.contains(part));
    match (missing, of) {
        (Some(part), Some(of)) => Err(Failure::usage(format!("part {part}/{of} is missing"))),
        _ => Ok(merged),
    }
}
