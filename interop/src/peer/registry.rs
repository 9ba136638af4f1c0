//! Which peers there are, and which of them can run here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{self, Manifest, ManifestError};
use super::package::{Manager, Package};
use super::project::{FILE, Project};
use crate::model::names::PeerName;

/// A peer: its folder and what its `peer.toml` says.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// What is known of it.
    pub manifest: Manifest,
    /// The programs that it requires and that are not here.
    pub missing: Vec<String>,
}

/// All peers of a run, by name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    peers: BTreeMap<PeerName, Arc<Peer>>,
}

/// Why the peers could not be found.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A `peer.toml` was refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// There is no `interop.toml`, and no `--peers`.
    #[error("no {FILE} in {} or above it: run inside of a project that has one, or name peer folders with --peers DIR", .0.display())]
    NoProject(PathBuf),
    /// The `interop.toml` was refused.
    #[error("{}: {message}", path.display())]
    Project {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A folder or a glob names no peer.
    #[error("{0}: no folder with a peer.toml there")]
    NoPeer(String),
    /// Two folders use one name.
    #[error("peer name `{name}` is used twice: in {} and in {}", first.display(), second.display())]
    Twice {
        /// The name.
        name: PeerName,
        /// Where it was seen first.
        first: PathBuf,
        /// Where it was seen again.
        second: PathBuf,
    },
}

impl Registry {
    /// The peers of a project.
    ///
    /// # Errors
    /// When it lists none, or one of them is refused.
    pub fn of_project(project: &Project) -> Result<Self, RegistryError> {
        Self::of_folders(&project.root, project.peers()?)
    }

    /// The peers in these folders; a folder may be a glob, and is looked up from `root`.
    ///
    /// # Errors
    /// When one names no peer, or a peer is refused.
    pub fn of_folders(root: &Path, patterns: &[String]) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for pattern in patterns {
            let folders = folders(root, pattern)?;
            for folder in folders {
                registry.add(Peer::load(&folder)?)?;
            }
        }
        Ok(registry)
    }

    fn add(&mut self, peer: Peer) -> Result<(), RegistryError> {
        let name = peer.manifest.name.clone();
        match self.peers.get(&name) {
            Some(known) if known.folder == peer.folder => Ok(()),
            Some(known) => {
                Err(RegistryError::Twice { name, first: known.folder.clone(), second: peer.folder })
            }
            None => {
                self.peers.insert(name, Arc::new(peer));
                Ok(())
            }
        }
    }

    /// All peers, by name.
    pub fn peers(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.peers.values()
    }

    /// A registry of one.
    #[must_use]
    pub fn of_one(peer: Peer) -> Self {
        Self::of_peers([peer])
    }

    /// A registry of peers that are at hand, which have different names.
    #[must_use]
    pub fn of_peers(peers: impl IntoIterator<Item = Peer>) -> Self {
        let named = |peer: Peer| (peer.name().clone(), Arc::new(peer));
        Self { peers: peers.into_iter().map(named).collect() }
    }
}

fn folders(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, RegistryError> {
    let none = || RegistryError::NoPeer(pattern.to_owned());
    let literal = root.join(pattern);
    if literal.join(manifest::FILE).is_file() {
        return Ok(vec![literal]);
    }
    // The folder itself may have a name that reads like a glob.
    let root = glob::Pattern::escape(root.to_str().ok_or_else(none)?);
    let matches = Path::new(&root).join(pattern);
    let matches = glob::glob(matches.to_str().ok_or_else(none)?).map_err(|_| none())?;
    let is_peer = |folder: &PathBuf| folder.join(manifest::FILE).is_file();
    let found: Vec<PathBuf> = matches.filter_map(Result::ok).filter(is_peer).collect();
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

impl Peer {
    /// Reads one peer.
    ///
    /// # Errors
    /// When its `peer.toml` is refused.
    pub fn load(folder: &Path) -> Result<Self, ManifestError> {
        let manifest = Manifest::load(folder)?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Ok(Self::new(folder, manifest))
    }

    /// A peer of a manifest that is at hand.
    #[must_use]
    pub fn new(folder: PathBuf, manifest: Manifest) -> Self {
        let absent = |program: &&String| find_program(program, &folder).is_none();
        let missing = manifest.requires.iter().filter(absent).cloned().collect();
        Self { folder, manifest, missing }
    }

    /// Where a program that it requires is, by PATH or by its own folder.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        find_program(program, &self.folder)
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &PeerName {
        &self.manifest.name
    }

    /// The package that brings what is missing, by this machine's package manager.
    #[must_use]
    pub fn package(&self, manager: Manager) -> Option<Package> {
        self.manifest.install.get(manager.name()).map(|name| Package::new(manager, name))
    }

    /// Why it cannot run here, and how to change that; `None` when it can.
    #[must_use]
    pub fn unavailable(&self) -> Option<String> {
        if self.missing.is_empty() {
            return None;
        }
        let missing = self.missing.join(", ");
        let hint = Manager::detect()
            .and_then(|manager| self.package(manager))
            .map_or_else(String::new, |package| format!("; get it by: {}", package.command_line()));
        Some(format!("not on PATH: {missing}{hint}"))
    }
}

fn find_program(program: &str, folder: &Path) -> Option<PathBuf> {
    which::which_in(program, std::env::var_os("PATH"), folder).ok()
}
