//! Help and version.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::Project;

#[test]
fn help_names_every_command_and_every_exit_status() {
    let mut help = Project::empty().run("--help").success().stderr("");
    for word in ["run", "check", "list", "doctor", "selftest", "bench", "Exit status", "77", "130"]
    {
        help = help.stdout(contains(word));
    }
}

#[test]
fn each_command_has_help_of_its_own() {
    for (command, flag) in [
        ("run", "--shard"),
        ("check", "--addr"),
        ("list", "requirements"),
        ("doctor", "--install"),
        ("selftest", "--matrix"),
        ("bench", "--baseline"),
    ] {
        let help = Project::empty().run(&format!("{command} --help")).success();
        help.stdout(contains("Usage: interop").and(contains(command)).and(contains(flag)));
    }
}

#[test]
fn the_version_is_one_line() {
    let version = Project::empty().run("--version").success();
    version.stdout(format!("interop {}\n", env!("CARGO_PKG_VERSION"))).stderr("");
}

#[test]
fn wrong_usage_is_named_and_exits_with_2() {
    for (words, named) in [
        ("bogus", "bogus"),
        ("run --bogus", "--bogus"),
        ("run --format yaml", "yaml"),
        ("run --jobs 0", "--jobs"),
        ("run --role boss", "server, client or pairing"),
        ("run --level may", "must, should or info"),
        ("run --shard 3/2", "K/N"),
        ("run --shard 0/2", "K/N"),
        ("list bogus", "requirements"),
        ("check", "PEER"),
    ] {
        Project::empty().run(words).code(2).stdout("").stderr(contains(named));
    }
}
