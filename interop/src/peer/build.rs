//! What a peer has to build, built once and again when its folder changes.
//!
//! The products live in a cache outside of the repository, in a directory named after the peer's folder and
//! its fingerprint. A lock keeps two runs from building the same at once.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::getuid;
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};

use super::command::Values;
use super::manifest::{self, Manifest};
use super::process::{Launch, Lines, Process, Tail, wait_exit};
use crate::limits;
use crate::model::transcript::Exit;

/// Why a peer could not be built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuildError {
    /// A build command failed.
    #[error("building {peer}: `{command}` {how}{output}")]
    Failed {
        /// Which peer.
        peer: String,
        /// Which command.
        command: String,
        /// What became of it.
        how: String,
        /// What it wrote.
        output: String,
    },
    /// The folder cannot be read, or is too large to be fingerprinted.
    #[error("peer folder {}: {reason}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// The cache cannot be used.
    #[error("build cache {}: {reason}", path.display())]
    Cache {
        /// Which path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Written into `{out}` when every step has succeeded.
const DONE: &str = ".built";

/// Makes `{out}` for a peer, runs its build commands there unless that has been done for this content.
///
/// # Errors
/// When the folder or the cache cannot be used, or a command fails.
pub async fn prepare(
    manifest: &Manifest,
    folder: &Path,
    cache: &Path,
    values: impl Fn(PathBuf) -> Values,
) -> Result<PathBuf, BuildError> {
    if !manifest.uses_out() {
        return Ok(PathBuf::new());
    }
    let fingerprint = fingerprint(folder)?;
    // Named after the folder: peers that share one, as mutants do, share what is built of it.
    let name = folder.file_name().unwrap_or_default().display();
    let out = cache.join(format!("{name}-{fingerprint}"));
    let unusable = |e: io::Error| BuildError::Cache { path: out.clone(), reason: e.to_string() };
    fs::create_dir_all(&out).map_err(unusable)?;
    if manifest.build.is_empty() {
        return Ok(out);
    }
    let _lock = lock(&cache.join(format!("{name}-{fingerprint}.lock"))).await?;
    if out.join(DONE).exists() {
        return Ok(out);
    }
    let values = values(out.clone());
    for step in &manifest.build {
        let argv = step.fill(&values);
        let launch = Launch { argv, folder: folder.to_owned(), env: Default::default() };
        run(manifest, &launch).await?;
    }
    fs::write(out.join(DONE), []).map_err(unusable)?;
    Ok(out)
}

/// Where build products are kept: `INTEROP_CACHE_DIR`, or the user's cache directory, or, where none is known,
/// a directory for temporary files.
#[must_use]
pub fn cache_dir() -> PathBuf {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("INTEROP_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("interop")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/interop")))
        .unwrap_or_else(|| std::env::temp_dir().join(format!("interop-{}", getuid().as_raw())));
    // The working directory differs from peer to peer.
    std::path::absolute(&cache).unwrap_or(cache)
}

async fn run(manifest: &Manifest, launch: &Launch) -> Result<(), BuildError> {
    let tail = Tail::default();
    let failed = |how: String, tail: &Tail| BuildError::Failed {
        peer: manifest.name.to_string(),
        command: launch.command_line(),
        how,
        output: tail.lines().iter().map(|line| format!("\n    {line}")).collect(),
    };
    let started = Process::start_build(launch).await;
    let (process, pipes) = started.map_err(|e| failed(format!("cannot be run: {e}"), &tail))?;
    drop(pipes.stdin);
    let keep = |logs: Tail| {
        async move |pipe: &mut (dyn tokio::io::AsyncRead + Unpin + Send)| {
            let mut lines = Lines::of(pipe);
            while let Some(line) = lines.next().await {
                logs.push(&line);
            }
        }
    };
    let (mut stdout, mut stderr) = (pipes.stdout, pipes.stderr);
    let (out, err) = (keep(tail.clone()), keep(tail.clone()));
    let mut exit = process.watch_exit();
    let all = async { tokio::join!(out(&mut stdout), err(&mut stderr), wait_exit(&mut exit)).2 };
    match timeout(limits::BUILD, all).await {
        Ok(Some(Exit::Code(0))) => Ok(()),
        Ok(Some(exit)) => Err(failed(exit.to_string(), &tail)),
        Ok(None) => Err(failed("could not be waited for".to_owned(), &tail)),
        Err(_) => {
            process.stop(limits::GRACE).await;
            Err(failed(format!("did not end within {} s", limits::BUILD.as_secs()), &tail))
        }
    }
}

async fn lock(path: &Path) -> Result<File, BuildError> {
    let unusable = |reason: String| BuildError::Cache { path: path.to_owned(), reason };
    let file = File::create(path).map_err(|e| unusable(e.to_string()))?;
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(20);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if waited < limits::LOCK => {
                sleep(pause).await;
                waited += pause;
            }
            Err(fs::TryLockError::WouldBlock) => {
                return Err(unusable(format!(
                    "held by another run for {} s",
                    limits::LOCK.as_secs()
                )));
            }
            Err(fs::TryLockError::Error(e)) => return Err(unusable(e.to_string())),
        }
    }
}

/// A name for what is in a folder: every file's path and content, but for what is hidden, made by
/// interpreters, or another peer's folder.
fn fingerprint(folder: &Path) -> Result<String, BuildError> {
    let refuse = |reason: String| BuildError::Folder { folder: folder.to_owned(), reason };
    let mut files = Vec::new();
    list(folder, &mut files).map_err(|e| refuse(e.to_string()))?;
    if files.len() > limits::FOLDER_FILES {
        return Err(refuse(format!("more than {} files", limits::FOLDER_FILES)));
    }
    files.sort();
    let mut hash = Sha256::new();
    let mut budget = limits::FOLDER_BYTES;
    for path in &files {
        let mut content = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(budget + 1).read_to_end(&mut content));
        let read = read.map_err(|e| refuse(format!("{}: {e}", path.display())))? as u64;
        budget = budget
            .checked_sub(read)
            .ok_or_else(|| refuse(format!("more than {} bytes", limits::FOLDER_BYTES)))?;
        let name = path.strip_prefix(folder).unwrap_or(path);
        hash.update(name.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(read.to_be_bytes());
        hash.update(&content);
    }
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let name = entry.file_name();
        let passing = [".", "__pycache__"]
            .iter()
            .any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()));
        if passing || files.len() > limits::FOLDER_FILES {
            continue;
        }
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() && !path.join(manifest::FILE).exists() {
            list(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_follows_names_and_contents_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "one").unwrap();
        let first = fingerprint(folder.path()).unwrap();
        fs::create_dir(path("__pycache__")).unwrap();
        fs::write(path("__pycache__/a.pyc"), "x").unwrap();
        fs::create_dir(path("other")).unwrap();
        fs::write(path("other/peer.toml"), "").unwrap();
        assert_eq!(fingerprint(folder.path()).unwrap(), first);
        fs::write(path("a"), "two").unwrap();
        let second = fingerprint(folder.path()).unwrap();
        fs::rename(path("a"), path("b")).unwrap();
        let third = fingerprint(folder.path()).unwrap();
        assert!(first != second && second != third);
    }
}
