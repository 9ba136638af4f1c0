//! A project: the folder of the nearest `interop.toml`, and what that says. What its settings mean, beside the peers, is
//! the command line's to know.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Spanned, Value};

use super::registry::RegistryError;

/// The file that lists the peers of a project, found in the working directory or above it.
pub const FILE: &str = "interop.toml";
/// The key that lists them.
pub const PEERS: &str = "peers";

/// What an `interop.toml` says.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// A key and what stands behind it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The line that it stands in, from 1.
    pub line: usize,
    /// As they would be typed on a command line; a value that is no list is one of one.
    pub values: Vec<String>,
}

impl Project {
    /// The project of the nearest `interop.toml`, at `start` or above it, where there is one.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or a value is of a kind that no setting has.
    pub fn nearest(start: &Path) -> Result<Option<Self>, RegistryError> {
        match Self::root(start) {
            Ok(root) => Self::read(root).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The folder of the nearest `interop.toml`, at `start` or above it.
    ///
    /// # Errors
    /// When there is none.
    pub fn root(start: &Path) -> Result<&Path, RegistryError> {
        let found = start.ancestors().find(|folder| folder.join(FILE).is_file());
        found.ok_or_else(|| RegistryError::NoProject(start.to_owned()))
    }

    fn read(root: &Path) -> Result<Self, RegistryError> {
        let path = root.join(FILE);
        let refuse = |message: String| RegistryError::Project { path: path.clone(), message };
        let text = fs::read_to_string(&path).map_err(|e| refuse(e.to_string()))?;
        let table: BTreeMap<Spanned<String>, Value> =
            toml::from_str(&text).map_err(|e| refuse(e.to_string().trim_end().to_owned()))?;
        let mut entries = Vec::new();
        for (key, value) in table {
            let line = text[..key.span().start].matches('\n').count() + 1;
            let key = key.into_inner();
            let values = match value {
                Value::Array(values) => values.into_iter().map(typed).collect(),
                value => typed(value).map(|value| vec![value]),
            };
            let values = values.ok_or_else(|| RegistryError::Project {
                path: path.clone(),
                message: format!(
                    "line {line}: `{key}`: expected text, a number, true or false, or a list of these"
                ),
            })?;
            entries.push(Entry { key, line, values });
        }
        entries.sort_by_key(|entry| entry.line);
        Ok(Self { root: root.to_owned(), entries })
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.root.join(FILE)
    }

    /// What it says under a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The folders of its peers.
    ///
    /// # Errors
    /// When it does not say.
    pub fn peers(&self) -> Result<&[String], RegistryError> {
        self.entry(PEERS).map(|entry| &entry.values[..]).ok_or_else(|| RegistryError::Project {
            path: self.file(),
            message: format!("no key `{PEERS}`: expected a list of peer folders, globs allowed"),
        })
    }
}

/// A value as it would be typed.
fn typed(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(yes.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
