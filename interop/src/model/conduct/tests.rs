//! Transcripts written by hand: what programs use, where they listen, and what they leave.

use std::net::IpAddr;

use crate::model::case::{Budget, Resource};
use crate::model::names::Clause::{P3, P4, P9, P10, P11, P12};
use crate::model::names::Level::{Info, Must, Should};
use crate::model::outcome::Blame::{Client, Server};
use crate::model::script::Script;
use crate::model::transcript::{Channel, Exit, Sight};

const MIB: u64 = 1024 * 1024;

fn measured(case: &str, of: Resource, growth: u64) -> Script {
    let budget = Budget { of, growth: 100 * MIB, warns: of == Resource::AddressSpace };
    Script::of_server(case).saw(Sight::Measured { budget, growth })
}

#[test]
fn what_is_within_its_budget_is_right() {
    for of in [
        Resource::Memory,
        Resource::AddressSpace,
        Resource::Descriptors,
        Resource::Threads,
        Resource::Processes,
    ] {
        measured("connection.thousand", of, 0).is_right();
        measured("connection.thousand", of, 100 * MIB).is_right();
    }
}

#[test]
fn what_is_above_its_budget_fails_in_the_words_of_its_unit() {
    let over = |of| measured("connection.thousand", of, 100 * MIB + 1);
    let memory = "touched 100 MiB more than before, where at most 100 MiB would be right";
    over(Resource::Memory).is_wrong(P11, Must, Server, memory);
    over(Resource::Descriptors).is_wrong(P11, Must, Server, "holds 104857601 open files more");
    over(Resource::Threads).is_wrong(P11, Must, Server, "holds 104857601 threads more");
    over(Resource::Processes).is_wrong(P11, Must, Server, "holds 104857601 processes more");
    let claimed = measured("limits.oversize-reserve", Resource::Memory, 101 * MIB);
    claimed.is_wrong(P9, Must, Server, "touched 101 MiB");
}

#[test]
fn addresses_that_are_only_reserved_only_warn() {
    let reserved = measured("limits.oversize-reserve", Resource::AddressSpace, 1024 * MIB);
    reserved.is_wrong(P9, Should, Server, "reserved 1024 MiB of addresses more");
    reserved.at_level(Info).is_wrong(P9, Info, Server, "reserved");
}

#[test]
fn a_program_that_does_not_come_to_rest_keeps_a_processor_busy() {
    let rested = |at_rest| Script::of_server("limits.spin").saw(Sight::Rested { at_rest });
    rested(false).is_wrong(P11, Must, Server, "keeps a processor busy");
    rested(true).is_right();
}

#[test]
fn memory_that_grows_with_all_that_is_said_warns_where_it_is_more_than_a_heap_may_take() {
    let soaked = |growth| {
        let sight = Sight::Soaked { conn: 0, said: 640 * MIB, growth, right: 500 * MIB };
        Script::of_server("connection.many-bytes").saw(sight)
    };
    soaked(500 * MIB).is_right();
    let words = "has 501 MiB more since 640 MiB came on one connection";
    soaked(501 * MIB).is_wrong(P3, Should, Server, words);
}

#[test]
fn a_program_that_takes_everything_queues_without_bound() {
    let took = Script::of_server("concurrency.slow-reader-bounded")
        .saw(Sight::TookAll { conn: 0, bytes: 128 * MIB });
    took.is_wrong(P10, Should, Server, "took 128 MiB without being read from");
}

#[test]
fn who_holds_back_is_right_and_it_is_told() {
    let held =
        Script::of_server("concurrency.slow-reader-bounded").saw(Sight::HeldBack { conn: 0 });
    held.is_right();
    assert_eq!(held.verdict().note.as_deref(), Some("held back when it was not read from"));
}

#[test]
fn twice_as_many_segments_as_messages_are_worth_telling() {
    let server = |segments| {
        let channel = Channel::Answers(0);
        Script::of_server("framing.segments").saw(Sight::Segments { channel, segments })
    };
    server(8).is_right();
    server(15).is_right(); // now and then one is cut on its way
    server(16).is_wrong(P4, Info, Server, "sends 8 messages in 16 segments");
    let client = |segments| {
        let channel = Channel::Requests(0);
        Script::of_client("framing.segments").saw(Sight::Segments { channel, segments })
    };
    client(15).is_right();
    client(16).is_wrong(P4, Info, Client, "sends 8 messages in 16 segments");
}

#[test]
fn a_second_server_on_a_taken_port_has_to_end_and_not_with_success() {
    let second = |exit| Script::of_server("lifecycle.port-taken").saw(Sight::Second { exit });
    second(Some(Exit::Code(1))).is_right();
    second(Some(Exit::Code(98))).is_right();
    second(Some(Exit::Signal(6))).is_right();
    second(Some(Exit::Code(0))).is_wrong(P12, Must, Server, "exited with status 0");
    second(None).is_wrong(P12, Must, Server, "did not end: it may share the port, or wait");
}

#[test]
fn what_is_left_behind_is_named() {
    let left = |script: Script, commands: &[&str]| {
        let commands = commands.iter().map(ToString::to_string).collect();
        script.saw(Sight::LeftBehind { commands, listen: false })
    };
    let (server, client) =
        [Script::of_server, Script::of_client].map(|of| of("lifecycle.leaves-nothing")).into();
    left(server.clone(), &[]).is_right();
    let words = "the server ended, and left processes behind: sleep 9, tail -f log";
    left(server, &["sleep 9", "tail -f log"]).is_wrong(P12, Must, Server, words);
    let children = ["serve 7", "sleep 9", "serve 7"].map(str::to_owned).to_vec();
    let children = Sight::LeftBehind { commands: children, listen: true };
    let words = "left processes behind, which hold its port: serve 7 (2 times), sleep 9";
    Script::of_server("lifecycle.leaves-nobody").saw(children).is_wrong(P12, Must, Server, words);
    left(client.clone(), &[]).is_right();
    left(client, &["sleep 9"]).is_wrong(P12, Must, Client, "the client ended");
}

#[test]
fn where_others_can_connect_is_a_warning_and_where_it_listens_is_told() {
    let addresses = |all: &[&str]| -> Vec<IpAddr> {
        all.iter().map(|address| address.parse().unwrap()).collect()
    };
    let exposed = |on: &[&str]| {
        Script::of_server("lifecycle.loopback").saw(Sight::Exposed { on: addresses(on) })
    };
    exposed(&[]).is_right();
    let words = "listens on 0.0.0.0, ::: every machine";
    exposed(&["0.0.0.0", "::"]).is_wrong(P12, Should, Server, words);
    let ready = |on: &[&str]| {
        Script::of_server("lifecycle.address").saw(Sight::Ready { listens_on: addresses(on) })
    };
    ready(&["0.0.0.0"]).is_right();
    assert_eq!(ready(&["0.0.0.0"]).verdict().note.as_deref(), Some("listens on 0.0.0.0"));
    assert_eq!(ready(&[]).verdict().note, None, "that is not known");
}
