//! What goes to stdout, and in which form.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use super::exit::Failure;

/// The form of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// For programs; its shape is a contract
    Json,
}

/// Writes to stdout. A reader that has gone, as in `interop list cases | head`, is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::environment(format!("cannot write to stdout: {e}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as JSON.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&json(value)?)
}

/// A value as JSON, and a newline.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::environment)?;
    Ok(format!("{text}\n"))
}
