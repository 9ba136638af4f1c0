//! Patterns that select cases: by dotted component, or by a clause.
//!
//! Used by `--case` and by the keys of `[server.known]` and `[client.known]`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::alike;
use super::case::Case;
use super::names::Clause;

/// `framing`, `framing.*`, `*.empty*`, `framing.header-split`, or a clause such as `P9`.
///
/// Each component is a glob; a pattern with fewer components than an id matches the whole group.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    components: Vec<glob::Pattern>,
}

impl Pattern {
    /// Whether the pattern names this case, by its id or by a clause that it covers.
    #[must_use]
    pub fn matches(&self, case: &Case) -> bool {
        self.matches_names(case.id.as_str(), &case.clauses)
    }

    /// Whether the pattern names a case that is called so and covers these clauses.
    #[must_use]
    pub fn matches_names(&self, id: &str, clauses: &[Clause]) -> bool {
        clauses.iter().any(|clause| clause.to_string() == self.text) || self.matches_id(id)
    }

    /// The names that may have been meant by a pattern that matches no case, in words: groups, ids and clauses.
    #[must_use]
    pub fn slip(&self, cases: &[Arc<Case>]) -> Option<String> {
        let ids = cases.iter().map(|case| case.id.as_str());
        let groups = ids.clone().filter_map(|id| id.split('.').next());
        let clauses = Clause::ALL.map(|clause| clause.to_string());
        let clauses = clauses.iter().map(String::as_str);
        alike::did_you_mean(&self.text, ids.chain(groups).chain(clauses))
    }

    fn matches_id(&self, id: &str) -> bool {
        let names: Vec<&str> = id.split('.').collect();
        self.components.len() <= names.len()
            && self.components.iter().zip(names).all(|(pattern, name)| pattern.matches(name))
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let component = |part: &str| {
            if part.is_empty() {
                return Err(format!(
                    "`{text}` is not a pattern: a component between dots is empty"
                ));
            }
            glob::Pattern::new(part).map_err(|e| format!("`{text}` is not a pattern: {e}"))
        };
        let components = text.split('.').map(component).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), components })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(pattern: &str, id: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches_id(id)
    }

    #[test]
    fn a_pattern_matches_by_component_and_a_short_one_by_group() {
        assert!(matches("framing.header-split", "framing.header-split"));
        assert!(matches("framing", "framing.header-split"));
        assert!(matches("framing.*", "framing.single"));
        assert!(matches("*.header-*", "framing.header-split"));
        assert!(!matches("framing.header", "framing.header-split"));
        assert!(!matches("fram", "framing.single"));
        assert!(!matches("framing.single.more", "framing.single"));
    }

    #[test]
    fn an_empty_component_is_refused() {
        assert!("framing.".parse::<Pattern>().is_err());
        assert!("".parse::<Pattern>().is_err());
    }
}
