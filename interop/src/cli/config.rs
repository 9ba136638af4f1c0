//! `interop config`: which settings a run has here, and who says so.

use std::fmt::Write as _;
use std::process::ExitCode;

use anstyle::Style;
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;
use serde_json::Value;

use super::exit::Failure;
use super::output::{self, Format};
use super::settings::{self, Setting};
use crate::peer::project::{FILE, PEERS, Project};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Settings {
    /// The nearest interop.toml.
    file: Option<String>,
    settings: Vec<Row>,
}

/// A setting, its names, and what it is.
#[derive(Serialize)]
struct Row {
    setting: String,
    flag: String,
    variable: String,
    /// None where nothing is said, and nothing by default.
    value: Value,
    source: Source,
    /// In the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Source {
    Environment,
    File,
    Default,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let project = settings::project()?;
    let matches = settings::in_force(project.as_ref())?;
    let row = |setting: &Setting| row(setting, &matches, project.as_ref());
    let settings = Settings {
        file: project.as_ref().map(|project| project.file().display().to_string()),
        settings: Setting::all().iter().map(row).collect(),
    };
    match args.format {
        Format::Json => output::print_json(&settings)?,
        Format::Human => output::print(&text(&settings))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn row(setting: &Setting, matches: &ArgMatches, project: Option<&Project>) -> Row {
    let entry = project.and_then(|project| project.entry(&setting.key()));
    let source = match matches.value_source(setting.id()) {
        Some(ValueSource::EnvVariable) => Source::Environment,
        Some(_) if entry.is_some() => Source::File,
        // The folders of the peers are not looked up by the command line.
        None if setting.key() == PEERS && entry.is_some() => Source::File,
        _ => Source::Default,
    };
    let raw = matches.get_raw(setting.id()).into_iter().flatten();
    let raw = raw.map(|value| value.to_string_lossy().into_owned());
    let mut values: Vec<String> = raw.collect();
    if let (PEERS, Source::File, Some(entry)) = (&*setting.key(), source, entry) {
        values.clone_from(&entry.values);
    }
    Row {
        setting: setting.key(),
        flag: setting.flag(),
        variable: setting.variable(),
        value: match (setting.has_many(), values.first()) {
            (true, _) => values.into(),
            (false, Some(value)) => match matches.try_get_one::<bool>(setting.id()) {
                Ok(Some(&yes)) => yes.into(),
                _ => plain(value),
            },
            (false, None) => Value::Null,
        },
        source,
        line: entry.filter(|_| source == Source::File).map(|entry| entry.line),
    }
}

/// A number as such, and all else as text.
fn plain(value: &str) -> Value {
    let parsed = serde_json::from_str(value).ok().filter(Value::is_number);
    parsed.unwrap_or_else(|| value.into())
}

fn text(settings: &Settings) -> String {
    let value = |row: &Row| match &row.value {
        Value::Null => "-".to_owned(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let source = |row: &Row| match (row.source, row.line) {
        (Source::Environment, _) => row.variable.clone(),
        (Source::File, Some(line)) => format!("{FILE}, line {line}"),
        (Source::File, None) => FILE.to_owned(),
        (Source::Default, _) => "default".to_owned(),
    };
    let rows: Vec<(&Row, String)> =
        settings.settings.iter().map(|row| (row, source(row))).collect();
    let names = rows.iter().map(|(row, _)| row.setting.len()).max().unwrap_or_default();
    let sources = rows.iter().map(|(_, source)| source.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (row, source) in rows {
        let style = if row.source == Source::Default { DIM } else { BOLD };
        let (setting, value) = (&row.setting, value(row));
        let _ = writeln!(text, "{style}{setting:<names$}{style:#}  {source:<sources$}  {value}");
    }
    let file = settings.file.as_deref();
    let file = file.map_or_else(|| format!("no {FILE} here or above"), |file| format!("in {file}"));
    let _ = writeln!(text, "\n{DIM}{file}{DIM:#}");
    text
}
