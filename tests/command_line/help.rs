//! Help and version.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Peer, Project};

#[test]
fn help_names_every_command_and_every_exit_status() {
    let mut help = Project::empty().run("--help").success().stderr("");
    for word in [
        "run",
        "check",
        "list",
        "config",
        "doctor",
        "selftest",
        "bench",
        "Exit status",
        "77",
        "130",
    ] {
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
        ("run --role boss", "[possible values: server, client, pairing]"),
        ("run --level shuld", "a similar value exists: 'should'"),
        ("run --shard 3/2", "K/N"),
        ("run --shard 0/2", "K/N"),
        ("list bogus", "requirements"),
        ("check", "PEER"),
    ] {
        Project::empty().run(words).code(2).stdout("").stderr(contains(named));
    }
}

#[test]
fn a_slip_of_the_pen_is_told_what_may_have_been_meant() {
    let mutants = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/mutants");
    let selftest = format!("selftest lenght-little-endian --mutants {mutants}");
    for (words, meant) in [
        ("chekc", "a similar subcommand exists: 'check'"),
        ("list framigns", "a similar value exists: 'framings'"),
        ("run --stirct", "a similar argument exists: '--strict'"),
        ("run --role sever", "a similar value exists: 'server'"),
        ("check server --framing u32bee -- x {port}", "a similar value exists: 'u32be'"),
        ("check server --service ech -- x {port}", "a similar value exists: 'echo'"),
        (&selftest, "did you mean `length-little-endian`?"),
    ] {
        Project::empty().run(words).code(2).stdout("").stderr(contains(meant));
    }
    let project = Project::of([Peer::server("echo")]);
    project.run("bench ehco").code(2).stderr(contains("did you mean `echo`?"));
}
