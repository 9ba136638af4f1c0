//! The result as one JSON document, for other programs. Its shape is a public contract: keys are stable.

use std::io::{self, Write};

use super::record::Record;

/// Writes a run that is over.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, record)?;
    writeln!(out)
}
