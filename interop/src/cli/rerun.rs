//! `--rerun`: what was not as expected is played again, and nothing else. Every run keeps a list of it in the cache
//! folder, one for each project; or it is read from the JSON document of a run that is over.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::exit::Failure;
use super::report::read;
use crate::model::alike;
use crate::model::case::Case;
use crate::model::names::{CaseId, PeerName, Role};
use crate::model::outcome::Outcome;
use crate::model::pattern::Pattern;
use crate::peer::build;
use crate::peer::project::Project;
use crate::report::record::Record;
use crate::report::{self, Reporter, words};
use crate::runner::event::Stale;
use crate::runner::{CaseResult, Event, Plan, Unit};

/// The version of the list.
const VERSION: u32 = 1;
/// The folder of the lists, in the cache folder.
const FOLDER: &str = "failed";
/// How many names are told that are no more.
const TOLD: usize = 5;
/// The word for what this machine remembers.
const FAILED: &str = "failed";

/// What is to be played again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rerun {
    /// What was not as expected when it was last played here.
    Failed,
    /// What was not as expected in the run of a JSON document.
    Of(PathBuf),
}

impl FromStr for Rerun {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_document = || Path::new(text).extension().is_some_and(|it| it == "json");
        match text {
            FAILED => Ok(Self::Failed),
            text if is_document() => Ok(Self::Of(text.into())),
            text => Err(format!(
                "{}expected `{FAILED}`, or the .json of a run",
                alike::did_you_mean(text, [FAILED]).map_or(String::new(), |meant| meant + " ")
            )),
        }
    }
}

/// A case that these peers play.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Played {
    server: Option<PeerName>,
    client: Option<PeerName>,
    protocol: String,
    case: CaseId,
}

/// The list of a project.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    /// Of which project, for people.
    project: String,
    failed: BTreeSet<Played>,
}

impl Played {
    fn of_result(result: &CaseResult) -> Self {
        Self {
            server: result.server.clone(),
            client: result.client.clone(),
            protocol: result.protocol().to_string(),
            case: result.case.clone(),
        }
    }

    fn of_plan(unit: &Unit, case: &Case) -> Self {
        Self {
            server: unit.server_name().cloned(),
            client: unit.client_name().cloned(),
            protocol: unit.protocol.to_string(),
            case: case.id.clone(),
        }
    }
}

/// What of a run was not as expected: what failed at whatever level, errors, and what a declared deviation spoke of
/// that is none any more.
fn unexpected(record: &Record) -> BTreeSet<Played> {
    let is_unexpected = |result: &&CaseResult| {
        matches!(result.outcome, Outcome::Fail | Outcome::Error)
            || record.summary.stale.iter().any(|stale| speaks_of(stale, result))
    };
    record.results.iter().filter(is_unexpected).map(Played::of_result).collect()
}

fn speaks_of(stale: &Stale, result: &CaseResult) -> bool {
    let peer = match stale.section {
        Role::Client => &result.client,
        Role::Server | Role::Pairing => &result.server,
    };
    let matches =
        |pattern: Pattern| pattern.matches_names(result.case.as_str(), &result.requirement);
    result.role == stale.section
        && peer.as_ref() == Some(&stale.peer)
        && stale.pattern.parse().is_ok_and(matches)
}

/// What this machine remembers of the runs of a project.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    project: String,
    record: Record,
    /// Remembered, and there no more.
    gone: BTreeSet<Played>,
}

impl Memory {
    /// Of the project at hand, with the peers of these folders where they are not its own.
    pub fn new(folders: &[String]) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let mut project = Project::root(&here).unwrap_or(&here).display().to_string();
        for folder in folders {
            project += &format!(" --peers {}", here.join(folder).display());
        }
        let digest = Sha256::digest(&project);
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = build::cache_dir().join(FOLDER).join(format!("{name}.json"));
        Self { path, project, record: Record::default(), gone: BTreeSet::new() }
    }

    /// Leaves in a plan what is to be played again. `everything` is all that could be played.
    pub fn narrow(
        &mut self,
        plan: &mut Plan,
        rerun: &Rerun,
        everything: &Plan,
    ) -> Result<(), Failure> {
        let (failed, of) = match rerun {
            Rerun::Failed => (self.failed()?, "when it was last played here".to_owned()),
            Rerun::Of(path) => (unexpected(&read(path)?), format!("in {}", path.display())),
        };
        if failed.is_empty() {
            return Err(Failure::nothing_selected(format!(
                "nothing selected: everything was as expected {of}"
            )));
        }
        let there: BTreeSet<Played> = everything
            .units
            .iter()
            .flat_map(|unit| unit.told().map(|case| Played::of_plan(unit, case)))
            .collect();
        self.gone = failed.difference(&there).cloned().collect();
        self.tell_gone();
        plan.retain(|unit, case| failed.contains(&Played::of_plan(unit, case)));
        Ok(())
    }

    fn tell_gone(&self) {
        for Played { server, client, protocol, case } in self.gone.iter().take(TOLD) {
            let who = report::pair(server.as_ref(), client.as_ref());
            note!("no longer there: {case} of {who} in {protocol}");
        }
        let more = self.gone.len().saturating_sub(TOLD);
        if more > 0 {
            note!("no longer there: {} more", words::counted(more, "case"));
        }
    }

    fn failed(&self) -> Result<BTreeSet<Played>, Failure> {
        let name = self.path.display();
        match self.list() {
            Ok(Ok(list)) if list.version == VERSION => Ok(list.failed),
            Ok(Ok(List { version, .. })) => Err(Failure::usage(format!(
                "{name}: its version is {version}, and we know {VERSION}: play everything once"
            ))),
            Ok(Err(error)) => Err(Failure::usage(format!(
                "{name} is no list of what failed ({error}): play everything once"
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Failure::nothing_selected(format!(
                    "nothing selected: nothing is remembered of a run of {}; play everything once",
                    self.project
                )))
            }
            Err(error) => Err(Failure::environment(format!("cannot read {name}: {error}"))),
        }
    }

    fn list(&self) -> io::Result<serde_json::Result<List>> {
        fs::read_to_string(&self.path).map(|text| serde_json::from_str(&text))
    }

    /// What was not played is remembered as it was.
    fn update(&self) -> io::Result<()> {
        let known = self.list().ok().and_then(Result::ok).filter(|list| list.version == VERSION);
        let mut failed = known.map(|list| list.failed).unwrap_or_default();
        for result in &self.record.results {
            failed.remove(&Played::of_result(result));
        }
        failed.retain(|played| !self.gone.contains(played));
        failed.extend(unexpected(&self.record));
        let list = List { version: VERSION, project: self.project.clone(), failed };
        // Another run of this project may read it, or write its own.
        let fresh = self.path.with_extension(format!("{}.new", std::process::id()));
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new("")))?;
        fs::write(&fresh, serde_json::to_string_pretty(&list)?)?;
        fs::rename(&fresh, &self.path)
    }
}

impl Reporter for Memory {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.record.take(event);
        if matches!(event, Event::Finished(_))
            && let Err(error) = self.update()
        {
            let name = self.path.display();
            // The result of the run is the same without it.
            note!("cannot write {name}, for --rerun {FAILED}: {error}");
        }
        Ok(())
    }
}

/// All that could be played with these peers.
pub fn everything(registry: &crate::peer::registry::Registry, cases: &[Arc<Case>]) -> Plan {
    Plan::new(registry, cases, &crate::runner::Selection::default())
}
