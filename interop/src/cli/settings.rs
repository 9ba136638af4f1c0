//! The settings of a run. Each option of `interop run` is one, under three names: `--start-timeout`,
//! `INTEROP_START_TIMEOUT`, and the key `start_timeout` of `interop.toml`. The first that says something holds, in this
//! order. The options themselves are the table; nothing is listed here a second time.

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{
    Arg, ArgAction, ArgMatches, Args as _, Command, CommandFactory as _, FromArgMatches as _,
};
use clap::{Id, ValueHint};

use super::exit::Failure;
use super::session::PlayArgs;
use super::{Cli, run};
use crate::model::alike;
use crate::peer::project::{Entry, PEERS, Project};

/// The command whose options are the settings.
const RUN: &str = "run";
/// Others, which share with it how programs are played with.
const OTHERS: [&str; 2] = ["check", "selftest"];

/// One setting.
#[derive(Debug)]
pub struct Setting {
    id: Id,
    /// Without the dashes.
    option: String,
    many: bool,
    is_path: bool,
}

impl Setting {
    /// All of them, in the order of the help.
    pub fn all() -> Vec<Self> {
        Self::of(&run::Args::augment_args(Command::new(RUN)))
    }

    /// Those that hold for a command.
    fn of_command(name: &str) -> Vec<Self> {
        match name {
            RUN => Self::all(),
            name if OTHERS.contains(&name) => Self::of(&PlayArgs::augment_args(Command::new(RUN))),
            _ => Vec::new(),
        }
    }

    fn of(command: &Command) -> Vec<Self> {
        let setting = |arg: &Arg| {
            let hint = arg.get_value_hint();
            Some(Self {
                id: arg.get_id().clone(),
                option: arg.get_long()?.to_owned(),
                many: matches!(arg.get_action(), ArgAction::Append),
                is_path: matches!(hint, ValueHint::FilePath | ValueHint::DirPath),
            })
        };
        command.get_arguments().filter_map(setting).collect()
    }

    /// What the command line knows it by.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Its option.
    pub fn flag(&self) -> String {
        format!("--{}", self.option)
    }

    /// Its key in `interop.toml`.
    pub fn key(&self) -> String {
        self.option.replace('-', "_")
    }

    /// Its variable in the environment.
    pub fn variable(&self) -> String {
        format!("INTEROP_{}", self.key().to_uppercase())
    }

    /// Whether it can have many values.
    pub const fn has_many(&self) -> bool {
        self.many
    }

    /// Whether the environment says something; an empty variable does not.
    fn is_in_environment(&self) -> bool {
        std::env::var_os(self.variable()).is_some_and(|value| !value.is_empty())
    }

    /// What the project says, as it is typed: paths are seen from its folder.
    fn values(&self, project: &Project, entry: &Entry) -> Vec<String> {
        let value = |value: &String| match self.is_path {
            true => project.root.join(value).display().to_string(),
            false => value.clone(),
        };
        entry.values.iter().map(value).collect()
    }
}

/// The command line, without what the environment and a project say.
pub fn command() -> Command {
    // Without a command, `run` is meant.
    let whole = Cli::command().subcommand_required(false).arg_required_else_help(false);
    whole.mut_subcommand(RUN, |run| run.mut_args(switchable))
}

/// What a project switches on, the command line can switch off: `--strict=false`.
fn switchable(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .default_value("false")
        .value_parser(BoolishValueParser::new())
        .value_name("BOOL")
        .hide_default_value(true)
        .hide_possible_values(true)
}

/// Reads the command line, and what the environment and the project add to it. Help, the version and wrong usage
/// end the program.
pub fn parse(mut words: Vec<OsString>) -> Result<Cli, Failure> {
    let typed = command().get_matches_from(&words);
    let name = match typed.subcommand_name() {
        Some(name) => name.to_owned(),
        None => {
            words.push(RUN.into());
            RUN.to_owned()
        }
    };
    let settings = Setting::of_command(&name);
    let matches = if settings.is_empty() {
        typed
    } else {
        let said = typed.subcommand_matches(&name);
        layered(&name, settings, said, project()?.as_ref(), words)?
    };
    Cli::from_arg_matches(&matches).map_err(|e| e.exit())
}

/// What holds for a run where nothing is typed.
pub fn in_force(project: Option<&Project>) -> Result<ArgMatches, Failure> {
    let words = [super::program(), RUN.to_owned()].map(OsString::from).to_vec();
    let mut matches = layered(RUN, Setting::all(), None, project, words)?;
    let (_, matches) = matches.remove_subcommand().unwrap_or_default();
    Ok(matches)
}

/// The command line over the environment over the project. What excludes something that is said above it is left out.
fn layered(
    name: &str,
    settings: Vec<Setting>,
    typed: Option<&ArgMatches>,
    project: Option<&Project>,
    words: Vec<OsString>,
) -> Result<ArgMatches, Failure> {
    let command = command();
    let options = command.find_subcommand(name).unwrap_or(&command);
    let exclude = |one: &Id, other: &Id| {
        let excludes = |one: &Id, other: &Id| {
            let arg = options.get_arguments().find(|arg| arg.get_id() == one);
            let conflicts = arg.map(|arg| options.get_arg_conflicts_with(arg));
            conflicts.unwrap_or_default().iter().any(|arg| arg.get_id() == other)
        };
        excludes(one, other) || excludes(other, one)
    };
    let mut said: Vec<Id> = Vec::new();
    if let Some(typed) = typed {
        let is_typed = |id: &Id| typed.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        said.extend(typed.ids().filter(|id| is_typed(id)).cloned());
    }
    let is_free = |said: &[Id], setting: &Setting| !said.iter().any(|id| exclude(id, &setting.id));
    let by_environment: Vec<&Setting> =
        settings.iter().filter(|it| it.is_in_environment() && is_free(&said, it)).collect();
    said.extend(by_environment.iter().map(|setting| setting.id.clone()));
    let by_project = |setting: &Setting| {
        // The folders of the peers are looked up by whoever needs them.
        let entry = project?.entry(&setting.key()).filter(|entry| entry.key != PEERS)?;
        let values = setting.values(project?, entry);
        is_free(&said, setting).then_some(values)
    };

    let layer = |arg: Arg| {
        let Some(setting) = settings.iter().find(|setting| setting.id == *arg.get_id()) else {
            return arg;
        };
        let arg = match by_environment.iter().any(|it| it.id == setting.id) {
            true => arg.env(setting.variable()).hide_env(true),
            false => arg,
        };
        match by_project(setting) {
            Some(values) => arg.default_values(values),
            None => arg,
        }
    };
    let matches = command.clone().mut_subcommand(name, |options| options.mut_args(layer));
    matches.try_get_matches_from(words).map_err(|error| {
        let blamed = by_environment.iter().find(|setting| is_about(&error, setting));
        match blamed {
            Some(setting) => Failure::usage(format!("{}: {}", setting.variable(), why(&error))),
            None => error.exit(),
        }
    })
}

/// Whether the environment's value of this setting is what was refused. Before this nothing that was typed was.
fn is_about(error: &clap::Error, setting: &Setting) -> bool {
    let named = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    named.split([' ', '=', '[']).next() == Some(&setting.flag())
}

/// What is wrong, without the help around it.
fn why(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.split("\n\nFor more").next().unwrap_or_default();
    let text = text.split("\n\nUsage").next().unwrap_or_default();
    text.trim_start_matches("error: ").trim_end().to_owned()
}

/// The nearest project, where there is one, whose every setting is one and has a value that can be.
pub fn project() -> Result<Option<Project>, Failure> {
    let Ok(here) = std::env::current_dir() else { return Ok(None) };
    let project = Project::nearest(&here).map_err(Failure::usage)?;
    project.as_ref().map_or(Ok(()), check)?;
    Ok(project)
}

fn check(project: &Project) -> Result<(), Failure> {
    let file = project.file();
    let settings = Setting::all();
    let keys: Vec<String> = settings.iter().map(Setting::key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let parse = |words: &[String]| {
        let words = ["interop", RUN].into_iter().chain(words.iter().map(String::as_str));
        command().try_get_matches_from(words).map_err(|error| why(&error))
    };
    let mut all = Vec::new();
    for entry in &project.entries {
        let (key, line) = (&entry.key, entry.line);
        let refuse =
            |why: String| Failure::usage(format!("{}: line {line}: {why}", file.display()));
        let Some(setting) = settings.iter().find(|setting| setting.key() == *key) else {
            return Err(refuse(format!("unknown key `{key}`: {}", alike::one_of(key, &keys))));
        };
        if !setting.many && entry.values.len() != 1 {
            return Err(refuse(format!("`{key}`: expected one value, not a list")));
        }
        if key != PEERS {
            let typed = |value: String| format!("{}={value}", setting.flag());
            let words: Vec<String> =
                setting.values(project, entry).into_iter().map(typed).collect();
            parse(&words).map_err(|why| refuse(format!("`{key}`: {why}")))?;
            all.extend(words);
        }
    }
    // What can be by itself may exclude something else.
    let together = parse(&all).map_err(|why| format!("{}: {why}", file.display()));
    together.map(|_| ()).map_err(Failure::usage)
}
