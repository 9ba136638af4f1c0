//! `interop explain`: a case or a clause in words.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::Project;

#[test]
fn a_case_says_what_it_does_in_each_role_what_it_catches_and_where_it_is_not_asked() {
    let said = Project::empty().run("explain framing.header-split").success().stderr("");
    said.stdout(contains("catches   "))
        .stdout(contains("P4        TCP segment boundaries carry no meaning"))
        .stdout(contains("as a test of a server  (must)").and(contains("as a test of a client")))
        .stdout(contains("1.  ").and(contains("wait until all that is due has come")))
        .stdout(contains("not in    datagram").and(contains("since ")))
        .stdout(contains("interop run --case framing.header-split"));
}

#[test]
fn a_clause_gives_its_rule_its_explanation_and_the_cases_that_cover_it() {
    let said = Project::empty().run("explain p1").success();
    said.stdout(contains("P1 A frame is a 4-byte unsigned big-endian length"))
        .stdout(contains("Usual mistakes: ").and(contains("### ").not()))
        .stdout(contains("framing.single").and(contains("server must")));
}

#[test]
fn every_clause_can_be_explained() {
    for number in 1..=13 {
        let said = Project::empty().run(&format!("explain P{number}")).success();
        said.stdout(contains("cases that cover it"));
    }
}

#[test]
fn a_slip_of_the_pen_is_told_what_may_have_been_meant() {
    let said = Project::empty().run("explain framing.sinle").code(2);
    said.stderr(contains("no case and no clause: did you mean `framing.single`"));
    for (name, hint) in [
        ("P41", "`P4`"),
        ("framng", "did you mean `framing`?"),
        ("framing", "it is a group, of framing."),
        ("u32be", "it is a framing"),
        ("line/ack", "it is a framing"),
        ("upper", "it is a service"),
    ] {
        Project::empty().run(&format!("explain {name}")).code(2).stderr(contains(hint));
    }
    Project::empty().run("explain zzz").code(2).stderr(contains("interop list cases"));
}
