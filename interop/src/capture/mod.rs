//! Captures: what went over the wire in a case, as a file that packet analysers read.
//!
//! Nothing is captured: that needs rights that few have, and other systems other means. A transcript knows what
//! was written and read, when, and between which addresses, so packets are made of that ([`wire`] and
//! [`stream`]) and written as [`pcapng`]. The runner writes a capture as soon as it is known what a case came to.

pub mod packet;
pub mod pcapng;
pub mod stream;
pub mod wire;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::limits;
use crate::model::outcome::Outcome;
use crate::model::transcript::Transcript;
use pcapng::{Interface, Writer};
use wire::{Wire, Wrong};

/// What ends a capture's file name.
const EXTENSION: &str = "pcapng";

/// Of which cases captures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// Of all that neither pass nor are skipped
    Failed,
    /// Of every one; cases that are otherwise played as one are played one by one
    All,
}

/// What stands in a capture beside its packets.
#[derive(Debug, Clone)]
pub struct About {
    /// Its file's name, without the extension.
    pub name: String,
    /// What is said of all of it.
    pub comment: String,
    /// Where its packets were seen: with one peer, or on both sides of the link.
    pub interfaces: Vec<Interface>,
    /// What is said of one of its packets.
    pub wrong: Option<Wrong>,
}

/// The folder of a run's captures.
#[derive(Debug)]
pub struct Captures {
    folder: PathBuf,
    which: Which,
    /// The first one that could not be written, and why.
    trouble: Mutex<Option<String>>,
}

impl Captures {
    /// Captures in this folder, which is made if need be.
    ///
    /// # Errors
    /// When no file can be made in it.
    pub fn in_folder(folder: &Path, which: Which) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let trial = folder.join(format!(".interop-{}", std::process::id()));
        File::create(&trial)?;
        fs::remove_file(&trial)?;
        Ok(Self { folder: folder.to_owned(), which, trouble: Mutex::default() })
    }

    /// Whether one is written of a case that came to this.
    #[must_use]
    pub fn want(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Pass => self.want_all(),
            Outcome::Skipped => false,
            Outcome::Fail | Outcome::Known | Outcome::Unsupported | Outcome::Error => true,
        }
    }

    /// Whether every case is to have one, and so a connection of its own.
    #[must_use]
    pub fn want_all(&self) -> bool {
        self.which == Which::All
    }

    /// Writes one, and returns where it stands; `None` when it cannot be written, which is told at the end.
    pub fn write(&self, about: &About, transcript: &Transcript) -> Option<PathBuf> {
        let path = self.folder.join(format!("{}.{EXTENSION}", about.name));
        match write_to(&path, about, transcript) {
            Ok(()) => Some(path),
            Err(error) => {
                let trouble = format!("cannot write {}: {error}", path.display());
                let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(trouble);
                None
            }
        }
    }

    /// What could not be written, if anything.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What has its name is whole: a run may be ended while it is being written.
fn write_to(path: &Path, about: &About, transcript: &Transcript) -> io::Result<()> {
    let part = path.with_extension("part");
    let file = BufWriter::new(File::create(&part)?);
    let written = write(file, limits::CAPTURE, about, transcript);
    let written = written.and_then(|file| file.into_inner().map_err(io::Error::from)).map(drop);
    let moved = written.and_then(|()| fs::rename(&part, path));
    if moved.is_err() {
        let _ = fs::remove_file(&part);
    }
    moved
}

/// Writes the capture of a transcript, of at most `limit` bytes.
///
/// # Errors
/// When `out` takes no more.
pub fn write<W: io::Write>(
    out: W,
    limit: u64,
    about: &About,
    transcript: &Transcript,
) -> io::Result<W> {
    let application = concat!("interop ", env!("CARGO_PKG_VERSION"));
    let mut writer = Writer::new(out, limit, &about.comment, application, &about.interfaces)?;
    let put = |packet| writer.packet(packet);
    Wire::new(&transcript.setting, about.wrong.as_ref(), put).carry(transcript)?;
    writer.finish()
}

#[cfg(test)]
mod tests;
