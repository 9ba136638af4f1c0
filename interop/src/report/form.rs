//! The forms in which a result can be written, and the reporter of each.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;

use super::record::{AtEnd, Record, WriteAs};
use super::{Reporter, html, human, json, jsonl, junit, markdown, tap};

/// The form of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    #[default]
    Human,
    /// One document for programs; its shape is a contract
    Json,
    /// The same as it happens, one event a line
    Jsonl,
    /// XML for CI servers
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// For a pull request
    Markdown,
    /// One page for a browser, which needs nothing beside it
    Html,
}

/// The names that files of each form end in.
const ENDINGS: [(&str, Form); 6] = [
    ("json", Form::Json),
    ("jsonl", Form::Jsonl),
    ("xml", Form::Junit),
    ("tap", Form::Tap),
    ("md", Form::Markdown),
    ("html", Form::Html),
];

impl Form {
    /// The form that a file's name asks for.
    ///
    /// # Errors
    /// In words, where its ending is none that is known.
    pub fn of_file(path: &Path) -> Result<Self, String> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let known = ENDINGS.iter().find(|(known, _)| Some(*known) == ending);
        known.map(|(_, form)| *form).ok_or_else(|| {
            let known: Vec<String> =
                ENDINGS.iter().map(|(ending, _)| format!(".{ending}")).collect();
            format!(
                "the form follows from the name: expected one that ends in {}",
                known.join(", ")
            )
        })
    }

    /// A reporter that writes in this form.
    #[must_use]
    pub fn reporter<'a>(self, out: impl Write + 'a) -> Box<dyn Reporter + 'a> {
        match self {
            Self::Jsonl => Box::new(jsonl::Jsonl::new(out)),
            _ => Box::new(AtEnd::new(out, self.at_end())),
        }
    }

    /// Writes a run that is over.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn write(self, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        (self.at_end())(record, out)
    }

    const fn at_end(self) -> WriteAs {
        match self {
            Self::Human => human::write,
            Self::Json => json::write,
            Self::Jsonl => jsonl::write,
            Self::Junit => junit::write,
            Self::Tap => tap::write,
            Self::Markdown => markdown::write,
            Self::Html => html::write,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.pad(name.as_ref().map_or("", |name| name.get_name()))
    }
}
