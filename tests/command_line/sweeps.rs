//! Cases that cut one message at every place: the places at which it goes wrong are told.

use predicates::str::contains;

use crate::support::{Peer, Project, results};

/// A server that is wrong when a body of five bytes comes as three and two.
fn stumbles_in_the_body() -> Peer {
    Peer::server("stumbles").but(
        "data += chunk",
        "if count == 5 and not data and len(chunk) == 3:\n            return None\n        data += chunk",
    )
}

/// A server that trusts one read to give the whole header.
fn hasty() -> Peer {
    Peer::server("hasty")
        .but("header = exactly(connection, 4)", "header = connection.recv(4) or None")
}

#[test]
fn a_mistake_at_one_place_is_told_as_that_place() {
    let project = Project::of([stumbles_in_the_body()]);
    let (status, document) = project.json("--case framing.every-offset");
    assert_eq!(status, 1, "{document:#}");
    let result = &results(&document)[0];
    assert_eq!(result["ruler"], "body of 5: wrong when cut after byte 7 (tried 1-8)", "{result:#}");
}

#[test]
fn the_places_at_which_a_sweep_goes_wrong_are_told_for_each_length() {
    let project = Project::of([hasty()]);
    let (status, document) = project.json("--case framing.every-offset");
    assert_eq!(status, 1, "{document:#}");
    let ruler = results(&document)[0]["ruler"].as_str().expect("a ruler");
    assert_eq!(ruler.lines().count(), 8, "one line for each length: {ruler}");
    assert!(ruler.starts_with("body of 0: wrong when cut after byte 1-3, which is everywhere\n"));
    assert!(ruler.contains("\nbody of 5: wrong when cut after byte 1-3 (tried 1-8)\n"), "{ruler}");
    assert!(ruler.ends_with("\nbody of 256: wrong when cut after byte 1-3 (tried 1-259)"));

    let shown = project.run("run --case framing.every-offset").code(1);
    shown
        .stdout(contains("    where     body of 0     ✗✗✗.|        after 1-3 of 1-3\n"))
        .stdout(contains("\n              body of 5     ✗✗✗.|.....   after 1-3 of 1-8\n"))
        .stdout(contains("\n              body of 256                after 1-3 of 1-259\n"));
}
