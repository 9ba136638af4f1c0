//! The mutants: correct programs that make one deliberate mistake when the environment says so. A list
//! beside them, `mutants.toml`, says which mistakes there are and which cases have to find each. Read as
//! strictly as a `peer.toml`: a name that means nothing would be a mistake that nobody looks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::registry::{Peer, Registry};
use crate::model::alike;
use crate::model::case::Case;
use crate::model::names::{CaseId, PeerName, Role};
use crate::model::pattern::Pattern;
use crate::model::protocol::Protocol;

/// The list's name in the mutants' folder.
pub const FILE: &str = "mutants.toml";
/// Where the mutants of a project are, seen from its `interop.toml`.
pub const FOLDER: &str = "peers/mutants";
/// The environment variable that tells a program which mistake to make.
pub const SWITCH: &str = "MUTANT";
/// The roles in which a mutant can be played. Pairings would say nothing that these two do not.
pub const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// A program with one mistake.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// The value of [`SWITCH`]; its name in every result, too.
    pub switch: PeerName,
    /// The name of the program that makes the mistake.
    pub base: PeerName,
    /// What it speaks while it makes the mistake.
    pub protocol: Protocol,
    /// The mistake, in words.
    pub what: String,
    /// The roles that it plays, and the cases that have to fail in each.
    pub listed: BTreeMap<Role, Vec<CaseId>>,
    /// A text that the diagnosis of one failure at least has to contain.
    pub diagnosis: Option<String>,
    /// The program, switched, in these roles alone and without declared deviations.
    pub peer: Peer,
}

/// Why no mutant can be expected to fail some cases.
#[derive(Debug, Clone)]
pub struct Excuse {
    /// The entry's key as it is written.
    pub key: String,
    /// Why.
    pub reason: String,
    role: Option<Role>,
    pattern: Pattern,
}

/// A list of mutants, and the programs that make their mistakes.
#[derive(Debug, Clone)]
pub struct Mutants {
    /// In the order of the list.
    pub mutants: Vec<Mutant>,
    /// The programs without a mistake, by name and without declared deviations.
    pub bases: Vec<Peer>,
    /// Cases that need no mutant.
    pub excuses: Vec<Excuse>,
}

/// Why a list was refused: the file, the place in it, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct MutantsError {
    path: PathBuf,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    mutant: Vec<RawMutant>,
    #[serde(default)]
    unkilled: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMutant {
    switch: String,
    peer: String,
    protocol: Option<String>,
    what: String,
    server: Option<Vec<String>>,
    client: Option<Vec<String>>,
    diagnosis: Option<String>,
}

impl Mutants {
    /// Reads a list, or the one in a folder, and the programs that it names. `cases` are all there are.
    ///
    /// # Errors
    /// When it cannot be read, a key is unknown, missing or wrong, a name means nothing or is used twice, or
    /// a program's `peer.toml` is refused.
    pub fn load(path: &Path, cases: &[Arc<Case>]) -> Result<Self, MutantsError> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let error = |message: String| MutantsError { path: path.clone(), message };
        let text = fs::read_to_string(&path).map_err(|e| error(format!("cannot be read: {e}")))?;
        let raw: RawList =
            toml::from_str(&text).map_err(|e| error(e.to_string().trim_end().to_owned()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::check(raw, folder, cases).map_err(error)
    }

    fn check(raw: RawList, folder: &Path, cases: &[Arc<Case>]) -> Result<Self, String> {
        if raw.mutant.is_empty() {
            return Err("no [[mutant]]: expected at least one".to_owned());
        }
        let mut bases: BTreeMap<String, Peer> = BTreeMap::new();
        let mut mutants = Vec::new();
        for raw in raw.mutant {
            let place = format!("mutant `{}`", raw.switch);
            let base = match bases.get(&raw.peer) {
                Some(base) => base,
                None => {
                    let base = load_base(folder, &raw.peer)
                        .map_err(|e| format!("{place}: key `peer`: {e}"))?;
                    bases.entry(raw.peer.clone()).or_insert(base)
                }
            };
            mutants.push(raw.check(base, cases).map_err(|e| format!("{place}: {e}"))?);
        }
        let bases: Vec<Peer> = bases.into_values().collect();
        let mut names = BTreeSet::new();
        let all = bases.iter().map(Peer::name).chain(mutants.iter().map(|mutant| &mutant.switch));
        for name in all {
            if !names.insert(name) {
                return Err(format!(
                    "the name `{name}` is used twice: expected that the switches and the programs have \
                     names of their own"
                ));
            }
        }
        let excuses = raw.unkilled.into_iter().map(Excuse::check).collect::<Result<_, _>>()?;
        Ok(Self { mutants, bases, excuses })
    }

    /// Leaves the mutants that `takes` takes, and the programs that these are made of.
    pub fn keep(&mut self, takes: impl FnMut(&Mutant) -> bool) {
        self.mutants.retain(takes);
        self.bases.retain(|base| self.mutants.iter().any(|mutant| mutant.base == *base.name()));
    }

    /// All of them, and the programs without a mistake, as peers like any other. A program that speaks several
    /// protocols is held to those in which a mistake is made.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let mutants = self.mutants.iter().map(|mutant| mutant.peer.clone());
        Registry::of_peers(self.bases.iter().map(|base| self.as_measure(base)).chain(mutants))
    }

    /// Whether a case says something of this program: one that has a mistake is to be found by it, one that has
    /// none passes it.
    #[must_use]
    pub fn is_measured_by(&self, program: &PeerName, case: &Case) -> bool {
        let mutant = self.mutants.iter().find(|mutant| mutant.switch == *program);
        mutant.is_none_or(|mutant| {
            mutant.listed.get(&case.role).is_some_and(|listed| listed.contains(&case.id))
        })
    }

    fn as_measure(&self, base: &Peer) -> Peer {
        let is_needed = |role, protocol: &Protocol| {
            self.mutants.iter().any(|mutant| {
                mutant.base == *base.name()
                    && mutant.protocol == *protocol
                    && mutant.listed.contains_key(&role)
            })
        };
        let mut base = base.clone();
        if let Some(side) = &mut base.manifest.server {
            side.protocols.retain(|protocol| is_needed(Role::Server, protocol));
        }
        if let Some(side) = &mut base.manifest.client {
            side.protocols.retain(|protocol| is_needed(Role::Client, protocol));
        }
        base
    }
}

fn load_base(folder: &Path, name: &str) -> Result<Peer, String> {
    let mut base = Peer::load(&folder.join(name)).map_err(|e| e.to_string())?;
    // What is right in all is the measure here; and a mutant is not excused by what its program declares.
    base.manifest.server.iter_mut().for_each(|side| side.known.clear());
    base.manifest.client.iter_mut().for_each(|side| side.known.clear());
    Ok(base)
}

impl RawMutant {
    fn check(self, base: &Peer, cases: &[Arc<Case>]) -> Result<Mutant, String> {
        let switch: PeerName = self.switch.parse().map_err(|e| format!("key `switch`: {e}"))?;
        let mut listed = BTreeMap::new();
        for (role, ids) in [(Role::Server, self.server), (Role::Client, self.client)] {
            if let Some(ids) = ids {
                let ids = checked(&ids, role, cases).map_err(|e| format!("key `{role}`: {e}"))?;
                listed.insert(role, ids);
            }
        }
        if listed.is_empty() {
            return Err("neither a key `server` nor a key `client`: expected at least one".into());
        }
        let mut peer = base.clone();
        peer.manifest.name = switch.clone();
        let sides = [peer.manifest.server.is_some(), peer.manifest.client.is_some()];
        if let Some((role, _)) =
            ROLES.iter().zip(sides).find(|(role, has)| !has && listed.contains_key(role))
        {
            return Err(format!("key `{role}`: the program `{}` is no {role}", base.name()));
        }
        let protocol = match &self.protocol {
            Some(name) => name.parse().map_err(|e| format!("key `protocol`: {e}"))?,
            None => Protocol::default(),
        };
        let spoken = [
            peer.manifest.server.as_mut().map(|side| &mut side.protocols),
            peer.manifest.client.as_mut().map(|side| &mut side.protocols),
        ];
        for (role, protocols) in ROLES.into_iter().zip(spoken) {
            let Some(protocols) = protocols.filter(|_| listed.contains_key(&role)) else {
                continue;
            };
            protocols.retain(|spoken| *spoken == protocol);
            if protocols.is_empty() {
                let base = base.name();
                return Err(format!("key `protocol`: `{base}` speaks no {protocol} as a {role}"));
            }
        }
        let switched = || (SWITCH.to_owned(), switch.to_string());
        peer.manifest.server = peer.manifest.server.filter(|_| listed.contains_key(&Role::Server));
        peer.manifest.client = peer.manifest.client.filter(|_| listed.contains_key(&Role::Client));
        peer.manifest.server.iter_mut().for_each(|side| side.env.extend([switched()]));
        peer.manifest.client.iter_mut().for_each(|side| side.env.extend([switched()]));
        let base = base.name().clone();
        let Self { what, diagnosis, .. } = self;
        Ok(Mutant { switch, base, protocol, what, listed, diagnosis, peer })
    }
}

fn checked(ids: &[String], role: Role, cases: &[Arc<Case>]) -> Result<Vec<CaseId>, String> {
    if ids.is_empty() {
        return Err("names no case: expected at least one, or no such key".to_owned());
    }
    let find = |id: &String| {
        let mut called = cases.iter().filter(|case| case.id.as_str() == id);
        match called.clone().find(|case| case.role == role) {
            Some(case) => Ok(case.id.clone()),
            None if called.next().is_some() => Err(format!("`{id}` is no case for a {role}")),
            None => {
                let ids = cases.iter().map(|case| case.id.as_str());
                let meant = alike::did_you_mean(id, ids).map_or(String::new(), |it| it + " ");
                Err(format!("`{id}` is no case: {meant}`interop list cases` shows all"))
            }
        }
    };
    ids.iter().map(find).collect()
}

impl Excuse {
    /// `framing.segments`, or for one role alone `server:framing.segments`.
    fn check((key, reason): (String, String)) -> Result<Self, String> {
        let place = format!("[unkilled] \"{key}\"");
        if reason.trim().is_empty() {
            return Err(format!("{place} has no reason: expected one in words"));
        }
        let (role, pattern) = match key.split_once(':') {
            None => (None, key.as_str()),
            Some((role, pattern)) => match ROLES.into_iter().find(|it| it.to_string() == role) {
                Some(role) => (Some(role), pattern),
                None => return Err(format!("{place}: `{role}` is neither server nor client")),
            },
        };
        let pattern = pattern.parse().map_err(|e| format!("{place}: {e}"))?;
        Ok(Self { key, reason, role, pattern })
    }

    /// Whether it speaks of this case.
    #[must_use]
    pub fn covers(&self, case: &Case) -> bool {
        self.role.is_none_or(|role| role == case.role) && self.pattern.matches(case)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    const PEER: &str = "name = \"base\"\nlanguage = \"X\"\n[server]\ncommand = [\"x\", \"{port}\"]\n\
                        [server.known]\n\"framing\" = \"because\"\n";
    const LIST: &str = "[[mutant]]\nswitch = \"off-by-one\"\npeer = \"here\"\nwhat = \"counts wrongly\"\n\
                        server = [\"framing.single\"]\n";

    fn load(list: &str) -> Result<Mutants, String> {
        load_with(PEER, list)
    }

    fn load_with(peer: &str, list: &str) -> Result<Mutants, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("here")).unwrap();
        fs::write(folder.path().join("here/peer.toml"), peer).unwrap();
        fs::write(folder.path().join(FILE), list).unwrap();
        Mutants::load(folder.path(), &catalogue::cases()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_mutant_is_its_program_switched_and_excused_of_nothing() {
        let mutants = load(LIST).unwrap();
        let mutant = &mutants.mutants[0];
        assert_eq!((mutant.switch.as_str(), mutant.base.as_str()), ("off-by-one", "base"));
        let side = mutant.peer.manifest.server.as_ref().unwrap();
        assert_eq!(side.env.get(SWITCH).map(String::as_str), Some("off-by-one"));
        assert!(side.known.is_empty());
        let base = mutants.bases[0].manifest.server.as_ref().unwrap();
        assert!(!base.env.contains_key(SWITCH) && base.known.is_empty());
        assert_eq!(mutants.registry().peers().count(), 2);
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_place() {
        for (list, named) in [
            (LIST.replace("what", "waht"), "waht"),
            (LIST.replace("off-by-one", "Off"), "key `switch`: `Off`"),
            (LIST.replace("\"here\"", "\"there\""), "mutant `off-by-one`: key `peer`"),
            (LIST.replace("framing.single", "framing.singel"), "key `server`: `framing.singel`"),
            (
                LIST.replace("framing.single", "connection.server-ends"),
                "`connection.server-ends` is no case for a server",
            ),
            (LIST.replace("[\"framing.single\"]", "[]"), "key `server`: names no case"),
            (LIST.replace("server =", "client ="), "the program `base` is no client"),
            (LIST.replace("server = [\"framing.single\"]", ""), "neither a key `server`"),
            (LIST.replace("what", "protocol = \"line\"\nwhat"), "`line` is not a protocol"),
            (
                LIST.replace("what", "protocol = \"line/ack\"\nwhat"),
                "key `protocol`: `base` speaks no line/ack as a server",
            ),
            (LIST.replace("off-by-one", "base"), "`base` is used twice"),
            ([LIST, LIST].concat(), "`off-by-one` is used twice"),
            (
                format!("{LIST}[unkilled]\n\"framing\" = \"\""),
                "[unkilled] \"framing\" has no reason",
            ),
            (format!("{LIST}[unkilled]\n\"boss:framing\" = \"x\""), "`boss` is neither"),
            ("mutant = []".to_owned(), "no [[mutant]]"),
        ] {
            let message = load(&list).expect_err("refused");
            assert!(message.contains(named), "expected `{named}` in: {message}");
            assert!(message.contains(FILE), "no file in: {message}");
        }
    }

    #[test]
    fn an_excuse_speaks_of_one_role_or_of_both() {
        let list = format!("{LIST}[unkilled]\n\"client:framing.single\" = \"x\"\nP9 = \"y\"");
        let excuses = load(&list).unwrap().excuses;
        let covered = |key: &str, role, id: &str| {
            let excuse = excuses.iter().find(|excuse| excuse.key == key).unwrap();
            let cases = catalogue::cases();
            excuse.covers(cases.iter().find(|it| it.role == role && it.id.as_str() == id).unwrap())
        };
        assert!(covered("client:framing.single", Role::Client, "framing.single"));
        assert!(!covered("client:framing.single", Role::Server, "framing.single"));
        assert!(covered("P9", Role::Server, "limits.oversize-refused"));
    }

    #[test]
    fn a_program_is_the_measure_in_the_protocols_of_its_mutants_alone() {
        let peer = PEER.replace(
            "[server]",
            "speaks = [\"u32be/echo\", \"line/ack\", \"raw/upper\"]\n[server]",
        );
        let line =
            LIST.replace("off-by-one", "of-lines").replace("what", "protocol = \"line/ack\"\nwhat");
        let mutants = load_with(&peer, &[LIST, &line].concat()).unwrap();
        let spoken = |name: &str| {
            let registry = mutants.registry();
            let peer = registry.peers().find(|peer| peer.name().as_str() == name).unwrap().clone();
            let protocols = &peer.manifest.server.as_ref().unwrap().protocols;
            protocols.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(spoken("base"), ["u32be/echo", "line/ack"]);
        assert_eq!(spoken("off-by-one"), ["u32be/echo"]);
        assert_eq!(spoken("of-lines"), ["line/ack"]);
    }

    #[test]
    fn the_programs_of_mutants_that_are_left_out_are_left_out_too() {
        let mut mutants = load(LIST).unwrap();
        mutants.keep(|mutant| mutant.switch.as_str() != "off-by-one");
        assert!(mutants.mutants.is_empty() && mutants.bases.is_empty());
    }
}
