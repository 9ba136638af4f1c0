//! `interop doctor`, on machines that exist only as directories on PATH.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use rustix::process::geteuid;

use crate::support::{Peer, Project};

/// A machine with this package manager on PATH, and one peer, which needs `frob` out of a package.
/// The package manager logs what it is told, and `install` puts `frob` on PATH.
fn machine(program: &str) -> Project {
    let install = "install = { apt = \"frob-deb libfrob\", dnf = \"frob-rpm\", pacman = \"frob-arch\", \
                   apk = \"frob-alpine\", brew = \"frob-cask\" }";
    let peer = Peer::server("frobber").top("requires = [\"frob\"]").top(install);
    let project = Project::of([peer]);
    let bin = project.path("bin").display().to_string();
    let script = format!(
        "echo \"{program} $*\" >> {bin}/log\n\
         case \"$1\" in install|-S|add) : > {bin}/frob; /bin/chmod +x {bin}/frob;; esac"
    );
    project.write_program(&format!("bin/{program}"), &script);
    // What a user other than root needs to install anything.
    project.write_program("bin/sudo", &format!("echo sudo >> {bin}/log\nexec \"$@\""));
    project
}

fn doctor(project: &Project, words: &str) -> assert_cmd::assert::Assert {
    let mut command = project.interop(words.split_whitespace());
    command.env("PATH", project.path("bin")).assert()
}

/// What the package manager was told, without the words of `sudo`.
fn told(project: &Project) -> Vec<String> {
    let log = fs::read_to_string(project.path("bin/log")).unwrap_or_default();
    log.lines().filter(|line| *line != "sudo").map(str::to_owned).collect()
}

#[test]
fn what_is_missing_is_shown_with_the_commands_that_bring_it_and_nothing_is_done() {
    let project = machine("apt-get");
    doctor(&project, "doctor")
        .code(3)
        .stdout(contains("frobber").and(contains("frob")).and(contains("missing")))
        .stderr(contains("apt-get install -y --no-install-recommends frob-deb libfrob"));
    assert_eq!(told(&project), Vec::<String>::new());
}

#[test]
fn each_package_manager_is_asked_in_its_own_words() {
    for (program, words) in [
        (
            "apt-get",
            vec!["apt-get update", "apt-get install -y --no-install-recommends frob-deb libfrob"],
        ),
        ("dnf", vec!["dnf install -y frob-rpm"]),
        ("pacman", vec!["pacman -S --noconfirm --needed frob-arch"]),
        ("apk", vec!["apk add frob-alpine"]),
        ("brew", vec!["brew install frob-cask"]),
    ] {
        let project = machine(program);
        let mut run = doctor(&project, "doctor --install").code(0).stdout(contains("ok"));
        for command in &words {
            run = run.stdout(contains(*command));
        }
        assert_eq!(told(&project), words);
        doctor(&project, "doctor").code(0).stdout(contains("missing").not());
    }
}

#[test]
fn a_command_is_shown_before_it_runs() {
    let project = machine("dnf");
    project.write_program("bin/dnf", "echo the manager speaks");
    let run = doctor(&project, "doctor --install").code(3);
    let said = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    let (shown, spoke) = (said.find("dnf install"), said.find("the manager speaks"));
    assert!(shown.is_some() && shown < spoke, "{said}");
}

#[test]
fn sudo_is_used_by_all_but_root_and_never_with_brew() {
    for (program, needs_root) in [("apk", true), ("brew", false)] {
        let project = machine(program);
        doctor(&project, "doctor --install").code(0);
        let log = fs::read_to_string(project.path("bin/log")).expect("a log");
        assert_eq!(log.contains("sudo"), needs_root && !geteuid().is_root(), "{program}: {log}");
    }
}

#[test]
fn a_machine_without_a_known_package_manager_is_told_so() {
    let project = machine("zypper");
    for words in ["doctor", "doctor --install"] {
        let run = doctor(&project, words).code(3).stdout(contains("missing"));
        run.stderr(contains("no package manager").and(contains("apt, dnf, pacman, apk, brew")));
    }
}

#[test]
fn a_package_that_no_manifest_names_is_left_to_the_user() {
    let project = machine("apt-get");
    let peer = "name = \"frobber\"\nlanguage = \"X\"\nrequires = [\"frob\"]\n\
                [server]\ncommand = [\"frob\", \"{port}\"]\n";
    project.write("frobber/peer.toml", peer);
    let run = doctor(&project, "doctor --install").code(3);
    run.stderr(contains("frob").and(contains("by hand")));
    assert_eq!(told(&project), Vec::<String>::new());
}

#[test]
fn an_installation_that_fails_exits_with_3_and_names_the_command() {
    let project = machine("apk");
    project.write_program("bin/apk", "echo no space left >&2\nexit 9");
    let run = doctor(&project, "doctor --install").code(3);
    run.stderr(contains("apk add frob-alpine").and(contains("failed")));
}

#[test]
fn an_installation_that_brings_nothing_exits_with_3() {
    let project = machine("apk");
    project.write_program("bin/apk", "exit 0");
    doctor(&project, "doctor --install").code(3).stderr(contains("still not on PATH"));
}

#[test]
fn where_nothing_is_missing_nothing_is_installed() {
    let project = machine("apt-get");
    project.write_program("bin/frob", "");
    doctor(&project, "doctor --install").code(0).stdout(contains("ok")).stderr("");
    assert_eq!(told(&project), Vec::<String>::new());
}

#[test]
fn programs_read_what_is_missing_as_json() {
    let project = machine("apt-get");
    let run = doctor(&project, "doctor --format json").code(3);
    let needs: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(needs[0]["program"], "frob");
    assert!(needs[0]["path"].is_null(), "{needs:#}");
    assert_eq!(needs[0]["packages"], serde_json::json!(["frob-deb", "libfrob"]));
}
