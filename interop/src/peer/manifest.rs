//! `peer.toml`: the public contract by which a program is described. Read strictly: an unknown key, a
//! placeholder that means nothing or a pattern that does not compile is an error that names its place.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use rust_server::framing::{Framing, MaxFrame};
use serde::Deserialize;

use super::command::{PLACEHOLDERS, Template};
use crate::model::names::PeerName;
use crate::model::pattern::Pattern;
use crate::model::protocol::Protocol;
use crate::model::service::Service;
use crate::model::transcript::Stop;

/// The file's name in a peer's folder.
pub const FILE: &str = "peer.toml";

/// What a `peer.toml` says, checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Unique among the peers of a run.
    pub name: PeerName,
    /// For people: `Erlang`.
    pub language: String,
    /// For people: what kind of program it is.
    pub summary: String,
    /// Programs that have to be on PATH.
    pub requires: Vec<String>,
    /// Package manager -> the packages that bring them.
    pub install: BTreeMap<String, String>,
    /// Commands that are run once, before the first start.
    pub build: Vec<Template>,
    /// What it does as a server.
    pub server: Option<ServerSide>,
    /// What it does as a client.
    pub client: Option<ClientSide>,
}

/// A peer as a server.
#[derive(Debug, Clone)]
pub struct ServerSide {
    /// How it is started.
    pub start: Start,
    /// The line by which it says that it accepts; without it, its listening socket is looked for.
    pub ready: Option<Regex>,
    /// The port that the program hard-codes.
    pub port: Option<u16>,
    /// What it speaks.
    pub protocols: Vec<Protocol>,
    /// The limit that it promises to enforce.
    pub max_frame: Option<MaxFrame>,
    /// After how long it drops a silent client, where it does.
    pub idle_timeout: Option<Duration>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
    /// Declared deviations.
    pub known: Vec<Known>,
}

/// How a server comes to stand.
#[derive(Debug, Clone)]
pub enum Start {
    /// By this command.
    Command(Template),
    /// It runs already, and is not ours to start or to end.
    Running(SocketAddr),
}

/// A peer as a client.
#[derive(Debug, Clone)]
pub struct ClientSide {
    /// How it is started.
    pub command: Template,
    /// How messages are given to it and taken from it.
    pub contract: Contract,
    /// The port that the program hard-codes.
    pub port: Option<u16>,
    /// What it speaks.
    pub protocols: Vec<Protocol>,
    /// The limit that it promises to enforce.
    pub max_frame: Option<MaxFrame>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
    /// Declared deviations.
    pub known: Vec<Known>,
}

/// How messages pass between the harness and a client program.
#[derive(Debug, Clone)]
pub enum Contract {
    /// 4-byte big-endian length and body, both ways: a netcat for messages.
    Frames,
    /// A line of text is a message.
    Lines {
        /// Finds a received message in a line of output; group 1 is its text.
        received: Regex,
        /// What it sends by itself.
        greeting: Vec<String>,
        /// How it is stopped.
        stop: Stop,
    },
}

/// A declared deviation: a pattern of cases, and why the peer fails them.
#[derive(Debug, Clone)]
pub struct Known {
    /// Which cases.
    pub pattern: Pattern,
    /// Why.
    pub reason: String,
}

/// Why a `peer.toml` was refused: the file, the place in it, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct ManifestError {
    path: PathBuf,
    message: String,
}

impl Manifest {
    /// Reads and checks the `peer.toml` of a folder.
    ///
    /// # Errors
    /// When there is none, when it is not TOML, and when a key is unknown, missing or wrong.
    pub fn load(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(FILE);
        let error = |message: String| ManifestError { path: path.clone(), message };
        let text = fs::read_to_string(&path).map_err(|e| error(format!("cannot be read: {e}")))?;
        Self::parse(&text).map_err(error)
    }

    /// Whether any of its commands knows of `{out}`.
    #[must_use]
    pub fn uses_out(&self) -> bool {
        let server = self.server.iter().filter_map(|side| match &side.start {
            Start::Command(command) => Some(command),
            Start::Running(_) => None,
        });
        let client = self.client.iter().map(|side| &side.command);
        !self.build.is_empty() || server.chain(client).any(|command| command.mentions("out"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
        raw.check()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    language: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    install: BTreeMap<String, String>,
    #[serde(default)]
    build: Vec<Vec<String>>,
    speaks: Option<Vec<String>>,
    server: Option<RawServer>,
    client: Option<RawClient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServer {
    command: Vec<String>,
    ready: Option<String>,
    port: Option<u16>,
    framing: Option<String>,
    service: Option<String>,
    speaks: Option<Vec<String>>,
    max_frame: Option<String>,
    idle_timeout: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    known: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    command: Vec<String>,
    contract: RawContract,
    received: Option<String>,
    greeting: Option<Vec<String>>,
    stop: Option<RawStop>,
    port: Option<u16>,
    framing: Option<String>,
    service: Option<String>,
    speaks: Option<Vec<String>>,
    max_frame: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    known: BTreeMap<String, String>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawContract {
    Frames,
    Lines,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawStop {
    Eof,
    Interrupt,
}

impl Raw {
    fn check(self) -> Result<Manifest, String> {
        let name = self.name.parse().map_err(|e| format!("key `name`: {e}"))?;
        if self.server.is_none() && self.client.is_none() {
            return Err(
                "neither a [server] nor a [client] section: expected at least one".to_owned()
            );
        }
        let step = |(nth, words): (usize, Vec<String>)| {
            template(words, &["out"]).map_err(|e| format!("key `build`, step {}: {e}", nth + 1))
        };
        let build = self.build.into_iter().enumerate().map(step).collect::<Result<_, _>>()?;
        let speaks = self.speaks.as_deref();
        let server = self.server.map(|raw| raw.check(speaks)).transpose();
        let client = self.client.map(|raw| raw.check(speaks)).transpose();
        Ok(Manifest {
            name,
            language: self.language,
            summary: self.summary,
            requires: self.requires,
            install: self.install,
            build,
            server: server.map_err(|e| format!("[server] {e}"))?,
            client: client.map_err(|e| format!("[client] {e}"))?,
        })
    }
}

impl RawServer {
    fn check(self, speaks: Option<&[String]>) -> Result<ServerSide, String> {
        let ready = self.ready.as_deref().map(|text| pattern("ready", text)).transpose()?;
        let command =
            template(self.command, PLACEHOLDERS).map_err(|e| format!("key `command`: {e}"))?;
        let side = ServerSide {
            start: Start::Command(command),
            ready,
            port: checked_port(self.port)?,
            protocols: protocols(self.framing, self.service, self.speaks.as_deref().or(speaks))?,
            max_frame: self.max_frame.as_deref().map(max_frame).transpose()?,
            idle_timeout: self.idle_timeout.as_deref().map(duration).transpose()?,
            env: self.env,
            known: known(self.known)?,
        };
        if side.learns_its_port() {
            Ok(side)
        } else {
            Err("key `command`: the program cannot learn its port: expected a {port} in the command, a `ready` \
                 pattern with a group named port, or a `port` that it hard-codes"
                .to_owned())
        }
    }
}

impl RawClient {
    fn check(self, speaks: Option<&[String]>) -> Result<ClientSide, String> {
        let command =
            template(self.command, PLACEHOLDERS).map_err(|e| format!("key `command`: {e}"))?;
        if self.port.is_none() && !command.mentions("port") {
            return Err(
                "key `command`: the program cannot learn where to connect: expected a {port} in \
                        the command, or a `port` that it hard-codes"
                    .to_owned(),
            );
        }
        let contract = match self.contract {
            RawContract::Lines => {
                let text = self
                    .received
                    .ok_or("key `received` is missing: contract \"lines\" needs it")?;
                let received = pattern("received", &text)?;
                if received.captures_len() < 2 {
                    return Err(format!(
                        "key `received`: `{text}` has no group: group 1 is the text"
                    ));
                }
                let stop = match self.stop {
                    Some(RawStop::Interrupt) => Stop::Interrupt,
                    Some(RawStop::Eof) | None => Stop::EndOfInput,
                };
                Contract::Lines { received, greeting: self.greeting.unwrap_or_default(), stop }
            }
            RawContract::Frames => {
                let of_lines = [
                    ("received", self.received.is_some()),
                    ("greeting", self.greeting.is_some()),
                    ("stop", self.stop.is_some()),
                ];
                if let Some((key, _)) = of_lines.iter().find(|(_, given)| *given) {
                    return Err(format!(
                        "key `{key}` belongs to contract \"lines\", and this is \"frames\""
                    ));
                }
                Contract::Frames
            }
        };
        Ok(ClientSide {
            command,
            contract,
            port: checked_port(self.port)?,
            protocols: protocols(self.framing, self.service, self.speaks.as_deref().or(speaks))?,
            max_frame: self.max_frame.as_deref().map(max_frame).transpose()?,
            env: self.env,
            known: known(self.known)?,
        })
    }
}

fn template(words: Vec<String>, allowed: &[&str]) -> Result<Template, String> {
    Template::new(words, allowed)
}

fn pattern(key: &str, text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|e| format!("key `{key}`: `{text}` is not a regular expression: {e}"))
}

fn checked_port(port: Option<u16>) -> Result<Option<u16>, String> {
    match port {
        Some(0) => Err("key `port`: 0 is not a port that a program can hard-code".to_owned()),
        port => Ok(port),
    }
}

fn max_frame(text: &str) -> Result<MaxFrame, String> {
    text.parse().map_err(|e| format!("key `max_frame`: {e}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|e| format!("key `idle_timeout`: `{text}` is not a time such as \"30 s\": {e}"))
}

fn protocols(
    framing: Option<String>,
    service: Option<String>,
    speaks: Option<&[String]>,
) -> Result<Vec<Protocol>, String> {
    match speaks {
        None => {
            let framing: Framing = match framing {
                Some(name) => name.parse().map_err(|e| format!("key `framing`: {e}"))?,
                None => Framing::DEFAULT,
            };
            let service: Service = match service {
                Some(name) => name.parse().map_err(|e| format!("key `service`: {e}"))?,
                None => Service::default(),
            };
            Ok(vec![Protocol::new(framing, service)])
        }
        Some(_) if framing.is_some() || service.is_some() => {
            Err("key `speaks` stands instead of `framing` and `service`: expected one or the other"
                .to_owned())
        }
        Some([]) => Err("key `speaks` is empty: expected at least one FRAMING/SERVICE".to_owned()),
        Some(names) => {
            // What only other versions of the harness can judge is left to them.
            let parsed = names.iter().map(|name| name.parse::<Protocol>());
            let (known, unknown): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
            match unknown.into_iter().find_map(Result::err) {
                Some(error) if known.is_empty() => Err(format!("key `speaks`: {error}")),
                _ => Ok(known.into_iter().flatten().collect()),
            }
        }
    }
}

fn known(entries: BTreeMap<String, String>) -> Result<Vec<Known>, String> {
    let entry = |(pattern, reason): (String, String)| {
        if reason.trim().is_empty() {
            return Err(format!("key `known.\"{pattern}\"` has no reason: expected one in words"));
        }
        let pattern = pattern.parse().map_err(|e| format!("section `known`: {e}"))?;
        Ok(Known { pattern, reason })
    };
    entries.into_iter().map(entry).collect()
}

impl Manifest {
    /// The protocols that it speaks, in whatever role.
    pub fn protocols(&self) -> impl Iterator<Item = &Protocol> {
        let server = self.server.iter().flat_map(|side| &side.protocols);
        server.chain(self.client.iter().flat_map(|side| &side.protocols))
    }
}

impl ServerSide {
    /// Whether the program says itself which port it chose.
    #[must_use]
    pub fn reports_its_port(&self) -> bool {
        self.ready
            .as_ref()
            .is_some_and(|ready| ready.capture_names().any(|name| name == Some("port")))
    }

    /// Whether the program and the harness can come to know the same port.
    #[must_use]
    pub fn learns_its_port(&self) -> bool {
        match &self.start {
            Start::Running(_) => true,
            Start::Command(command) => {
                self.port.is_some() || self.reports_its_port() || command.mentions("port")
            }
        }
    }
}

impl Contract {
    /// How it is stopped.
    #[must_use]
    pub const fn stop(&self) -> Stop {
        match self {
            Self::Frames => Stop::EndOfInput,
            Self::Lines { stop, .. } => *stop,
        }
    }

    /// What the client sends by itself.
    #[must_use]
    pub fn greeting(&self) -> &[String] {
        match self {
            Self::Frames => &[],
            Self::Lines { greeting, .. } => greeting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str =
        "name = \"x\"\nlanguage = \"X\"\n[server]\ncommand = [\"x\", \"{port}\"]\n";

    fn refusal(text: &str) -> String {
        Manifest::parse(text).expect_err("refused")
    }

    #[test]
    fn the_least_that_a_peer_can_say_is_enough() {
        let manifest = Manifest::parse(MINIMAL).unwrap();
        let server = manifest.server.unwrap();
        assert_eq!(server.protocols, [Protocol::default()]);
        assert!(server.ready.is_none() && server.max_frame.is_none() && manifest.client.is_none());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_what_was_expected() {
        let message = refusal(&MINIMAL.replace("command", "comand"));
        assert!(message.contains("line 4") && message.contains("comand"), "{message}");
        assert!(message.contains("expected") && message.contains("`command`"), "{message}");
    }

    #[test]
    fn wrong_values_are_named_with_what_was_expected() {
        for (text, named) in [
            (MINIMAL.replace("\"x\"\nlang", "\"No Spaces\"\nlang"), "a-z"),
            (MINIMAL.replace("{port}", "{prot}"), "{prot}"),
            (MINIMAL.replace(", \"{port}\"", ""), "learn its port"),
            (format!("{MINIMAL}framing = \"u33be\""), "u32be"),
            (format!("{MINIMAL}service = \"ehco\""), "echo"),
            (format!("{MINIMAL}ready = '(?P<port>'"), "ready"),
            (format!("{MINIMAL}max_frame = \"many\""), "max_frame"),
            (format!("{MINIMAL}port = 70000"), "port"),
            (format!("{MINIMAL}[server.known]\n\"framing.*\" = \" \""), "reason"),
            (MINIMAL.replace("[server]", "[client]"), "contract"),
            (MINIMAL.replace("[server]", "[client]\ncontract = \"lines\""), "received"),
            ("name = \"x\"\nlanguage = \"X\"".to_owned(), "[server]"),
        ] {
            let message = refusal(&text);
            assert!(message.contains(named), "expected `{named}` in: {message}");
        }
    }

    #[test]
    fn a_client_of_lines_says_how_it_is_read_greets_and_stops() {
        let text = "name = \"x\"\nlanguage = \"X\"\n[client]\ncommand = [\"x\"]\nport = 9000\n\
                    contract = \"lines\"\nreceived = 'got: (.*)'\ngreeting = [\"hi\"]\nstop = \"interrupt\"";
        let client = Manifest::parse(text).unwrap().client.unwrap();
        assert_eq!(client.contract.stop(), Stop::Interrupt);
        assert_eq!(client.contract.greeting(), ["hi"]);
    }
}
