//! Completions and man pages.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::Project;

#[test]
fn completions_know_the_commands_and_bash_takes_them() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = project.run(&format!("completions {shell}")).success().stderr("");
        said.stdout(contains("selftest").and(contains("fail-fast")));
    }
    let interop = assert_cmd::cargo::cargo_bin!("interop").display().to_string();
    let load = format!(
        "{interop} completions bash > complete && bash -c '. ./complete && complete -p interop'"
    );
    project.shell(&load).success();
    project.run("completions tcsh").code(2);
}

#[test]
fn each_command_has_a_man_page() {
    let project = Project::empty();
    project.run("man pages").success().stdout("");
    for name in ["interop.1", "interop-run.1", "interop-report-merge.1"] {
        let page = fs::read_to_string(project.path("pages").join(name)).expect(name);
        assert!(page.contains(".TH "), "{name}");
    }
    assert!(!project.path("pages/interop-guard.1").exists(), "what is hidden has no page");
    project.write("file", "");
    project.run("man file/pages").code(3).stderr(contains("cannot write to file/pages"));
}
