//! Tests that need programs which may not be here: shown as ignored, with the reason, or failing where
//! `INTEROP_REQUIRE=all` is set.

use libtest_mimic::{Failed, Trial};

/// A test that is played when nothing is `missing`.
pub fn trial(
    name: String,
    missing: Vec<String>,
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    if missing.is_empty() {
        return Trial::test(name, test);
    }
    let missing = missing.join(", ");
    let needs = format!("needs {missing}");
    let all_are_required = std::env::var_os("INTEROP_REQUIRE").is_some_and(|value| value == "all");
    let absent = move || {
        Err(format!("not on PATH: {missing}; `interop doctor --install` brings what is missing")
            .into())
    };
    Trial::test(name, absent).with_kind(needs).with_ignored_flag(!all_are_required)
}
