//! What may have been meant by a name that is none.

/// How many names are proposed.
const PROPOSED: usize = 3;
/// How alike a name is that may have been meant, from 0 to 1.
const ALIKE: f64 = 0.75;
/// How much less alike than the best of them another may be.
const CLOSE: f64 = 0.05;

/// "did you mean `one`, `other`?", of those names that are much like this word, the most alike first; `None` where
/// there is none. A glob is compared without its wildcards, and without a dot that they leave behind.
#[must_use]
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let word = word.replace(['*', '?'], "");
    let word = word.trim_end_matches('.');
    let alike = |name: &'a str| (strsim::jaro_winkler(word, name), name);
    let mut names: Vec<(f64, &str)> = names.into_iter().map(alike).collect();
    names.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    names.dedup();
    let (best, _) = *names.first().filter(|(alike, _)| *alike > ALIKE)?;
    let meant = names.iter().take_while(|(alike, _)| best - alike < CLOSE).take(PROPOSED);
    let meant: Vec<String> = meant.map(|(_, name)| format!("`{name}`")).collect();
    Some(format!("did you mean {}?", meant.join(", ")))
}

/// What else there is to say of a word that is none of a few names: which may have been meant, and all of them.
#[must_use]
pub fn one_of(word: &str, names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let all = names.join(", ");
    match did_you_mean(word, names) {
        Some(meant) => format!("{meant} Expected one of {all}"),
        None => format!("expected one of {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_much_alike_is_proposed_and_nothing_else() {
        let names = ["rust", "python", "erlang", "framing.single"];
        let meant = |word: &str| did_you_mean(word, names);
        assert_eq!(meant("pyhton").as_deref(), Some("did you mean `python`?"));
        assert_eq!(meant("rsut*").as_deref(), Some("did you mean `rust`?"));
        assert_eq!(meant("framing.sinle").as_deref(), Some("did you mean `framing.single`?"));
        assert_eq!(
            did_you_mean("framng.*", ["framing"]).as_deref(),
            Some("did you mean `framing`?")
        );
        assert_eq!(meant("nobody"), None);
        assert_eq!(meant(""), None);
    }

    #[test]
    fn names_that_are_equally_alike_are_all_proposed() {
        let said = did_you_mean("case-4", ["case-1", "case-2", "other"]);
        assert_eq!(said.as_deref(), Some("did you mean `case-1`, `case-2`?"));
        assert_eq!(one_of("zzz", &["a", "b"]), "expected one of a, b");
    }
}
