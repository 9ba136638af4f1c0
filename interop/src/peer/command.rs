//! Command lines of manifests, and the placeholders in them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::HOST;
use crate::model::protocol::Protocol;

/// What may stand in a command, in braces.
pub const PLACEHOLDERS: &[&str] = &["host", "port", "out", "framing", "service", "interop"];

/// A command whose placeholders are known to mean something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<String>);

/// What the placeholders stand for.
#[derive(Debug, Clone)]
pub struct Values {
    /// `{port}`.
    pub port: u16,
    /// `{out}`: absolute, the same for all commands of a peer.
    pub out: PathBuf,
    /// `{framing}` and `{service}`.
    pub protocol: Protocol,
    /// `{interop}`: this harness, for the peers that are built into it.
    pub interop: PathBuf,
}

impl Template {
    pub(super) fn new(words: Vec<String>, allowed: &[&str]) -> Result<Self, String> {
        if words.first().is_none_or(String::is_empty) {
            return Err("the command is empty: expected a program and its arguments".to_owned());
        }
        for word in &words {
            for name in placeholders(word) {
                if !allowed.contains(&name) {
                    let known: Vec<String> =
                        allowed.iter().map(|name| format!("{{{name}}}")).collect();
                    return Err(format!(
                        "unknown placeholder {{{name}}}: expected one of {}",
                        known.join(" ")
                    ));
                }
            }
        }
        Ok(Self(words))
    }

    /// A command as it was given on our own command line; braces that name nothing stay as they are.
    #[must_use]
    pub fn verbatim(words: Vec<String>) -> Self {
        Self(words)
    }

    /// Whether a placeholder stands in it.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|word| placeholders(word).any(|found| found == name))
    }

    /// The program and its arguments.
    #[must_use]
    pub fn fill(&self, values: &Values) -> Vec<OsString> {
        self.0.iter().map(|word| fill_word(word, values)).collect()
    }
}

fn fill_word(word: &str, values: &Values) -> OsString {
    let mut filled = OsString::new();
    let mut rest = word;
    while let Some((before, name, after)) = next_placeholder(rest) {
        filled.push(before);
        match name {
            "host" => filled.push(HOST.to_string()),
            "port" => filled.push(values.port.to_string()),
            "out" => filled.push(Path::new(&values.out)),
            "framing" => filled.push(values.protocol.framing.to_string()),
            "service" => filled.push(values.protocol.service.to_string()),
            "interop" => filled.push(Path::new(&values.interop)),
            other => filled.push(format!("{{{other}}}")),
        }
        rest = after;
    }
    filled.push(rest);
    filled
}

/// The names in braces; `{}` and braces around anything but a-z are no placeholders.
fn placeholders(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (_, name, after) = next_placeholder(rest)?;
        rest = after;
        Some(name)
    })
}

fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let inner = &text[open + 1..];
        let len = inner.bytes().take_while(u8::is_ascii_lowercase).count();
        if len > 0 && inner[len..].starts_with('}') {
            return Some((&text[..open], &inner[..len], &inner[len + 1..]));
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            port: 9000,
            out: PathBuf::from("/build here"),
            protocol: Protocol::default(),
            interop: PathBuf::from("interop"),
        }
    }

    #[test]
    fn placeholders_are_filled_wherever_they_stand() {
        let words =
            ["{host}:{port}", "-o{out}/x", "{framing}/{service}", "{}", "{Not}", "a{port}b{port}"];
        let template = Template::verbatim(words.map(str::to_owned).to_vec());
        let filled = template.fill(&values());
        assert_eq!(
            filled,
            ["127.0.0.1:9000", "-o/build here/x", "u32be/echo", "{}", "{Not}", "a9000b9000"]
        );
        assert!(template.mentions("port") && !template.mentions("interop"));
    }

    #[test]
    fn an_unknown_placeholder_is_refused_with_the_known_ones() {
        let error =
            Template::new(vec!["x".to_owned(), "{prot}".to_owned()], PLACEHOLDERS).unwrap_err();
        assert!(error.contains("{prot}") && error.contains("{port}"), "{error}");
    }
}
