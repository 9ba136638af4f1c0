//! Marks and colours. A mark says by itself what its colour says again.

use anstyle::{AnsiColor, Color, Style};

use crate::model::names::Level;
use crate::model::outcome::Outcome;

/// Which signs the reader's terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// ✓ ✗ ●
    Unicode,
    /// ok X ~
    Ascii,
}

/// How a text for people has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Which signs are shown.
    pub charset: Charset,
    /// How many columns a line has.
    pub width: usize,
}

impl Charset {
    /// By the locale, as the C library reads it.
    #[must_use]
    pub fn of_environment() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }

    /// The mark of an outcome.
    #[must_use]
    pub const fn mark(self, outcome: Outcome) -> &'static str {
        match (self, outcome) {
            (Self::Unicode, Outcome::Pass) => "✓",
            (Self::Unicode, Outcome::Fail) => "✗",
            (Self::Unicode, Outcome::Known) => "≈",
            (Self::Unicode, Outcome::Skipped) => "–",
            (Self::Unicode, Outcome::Unsupported) => "∅",
            (_, Outcome::Error) => "!",
            (Self::Ascii, Outcome::Pass) => "ok",
            (Self::Ascii, Outcome::Fail) => "X",
            (Self::Ascii, Outcome::Known) => "~",
            (Self::Ascii, Outcome::Skipped) => "-",
            (Self::Ascii, Outcome::Unsupported) => "n/a",
        }
    }

    /// What separates the parts of a line.
    #[must_use]
    pub const fn dot(self) -> &'static str {
        match self {
            Self::Unicode => "·",
            Self::Ascii => "-",
        }
    }
}

/// The colour of an outcome; a failure that only warns is not red.
#[must_use]
pub fn style(outcome: Outcome, level: Level) -> Style {
    let colour = match (outcome, level) {
        (Outcome::Pass, _) => AnsiColor::Green,
        (Outcome::Fail, Level::Must) => AnsiColor::Red,
        (Outcome::Fail | Outcome::Known, _) => AnsiColor::Yellow,
        (Outcome::Error, _) => AnsiColor::Magenta,
        (Outcome::Skipped | Outcome::Unsupported, _) => return Style::new().dimmed(),
    };
    Style::new().fg_color(Some(Color::Ansi(colour)))
}
