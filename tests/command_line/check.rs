//! `interop check`: one side only.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{
    ECHO_SERVER, Elsewhere, FRAMES_CLIENT, LINES_CLIENT, Peer, Project, column, document,
    fixed_port,
};

/// A project of loose programs, as somebody has who has never heard of us.
fn loose() -> Project {
    let project = Project::empty();
    project.write("server.py", ECHO_SERVER);
    project.write("client.py", FRAMES_CLIENT);
    project.write("lines.py", LINES_CLIENT);
    project
}

#[test]
fn a_folder_is_checked_in_every_role_that_it_has() {
    let project = Project::of([Peer::server("echo"), Peer::client("frames")]);
    for (folder, role) in [("echo", "server"), ("./frames", "client")] {
        let run = project.run(&format!("check {folder} --case framing.single --format json"));
        let (status, document) = document(&run);
        assert_eq!((status, column(&document, "role")), (0, vec![role]), "{document:#}");
    }
}

#[test]
fn a_folder_needs_no_project() {
    let project = Project::of([Peer::server("echo")]);
    std::fs::remove_file(project.path("interop.toml")).expect("removed");
    project.run("check echo --case framing.single").code(0);
}

#[test]
fn a_server_is_checked_by_its_command() {
    let run = loose().run("check server --case framing -- python3 server.py {port}");
    run.code(0).stdout(contains("passed"));
}

#[test]
fn a_server_that_chooses_its_port_is_checked_by_its_ready_line() {
    let ready =
        r"check server --ready on.(?P<port>\d+)$ --case framing.single -- python3 server.py 0";
    loose().run(ready).code(0);
}

#[test]
fn a_server_with_a_hard_coded_port_is_checked() {
    let port = fixed_port();
    let words =
        format!("check server --port {port} --case framing.single -- python3 server.py {port}");
    loose().run(&words).code(0);
}

#[test]
fn a_server_that_runs_already_is_checked_by_its_address_and_left_running() {
    let project = loose();
    let server = Elsewhere::start(&project);
    for host in ["127.0.0.1", "localhost"] {
        let words = format!("check server --addr {host}:{} --case framing", server.port);
        project.run(&words).code(0).stdout(contains("passed"));
    }
    std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("it still runs");
}

#[test]
fn an_address_where_nobody_listens_is_an_error_that_names_it() {
    let port = fixed_port();
    let run = loose().run(&format!("check server --addr 127.0.0.1:{port} --case framing.single"));
    run.code(3).stdout(contains(format!("127.0.0.1:{port}")).and(contains("refused")));
}

#[test]
fn a_client_is_checked_by_its_command() {
    let run = loose().run("check client --case framing -- python3 client.py {port}");
    run.code(0).stdout(contains("passed"));
}

#[test]
fn a_client_of_contract_lines_is_checked_by_its_command() {
    let run = loose().run(
        "check client --contract lines --received got:.(.*)$ --greeting hello --stop eof \
         --case framing -- python3 lines.py {port}",
    );
    run.code(0).stdout(contains("passed"));
}

#[test]
fn the_mistake_of_a_program_is_found_and_named() {
    let project = loose();
    project.write("wrong.py", &ECHO_SERVER.replace("struct.pack(\">I\"", "struct.pack(\"<I\""));
    let run = project.run("check server --case framing.single -- python3 wrong.py {port}");
    let run = run
        .code(1)
        .stdout(contains("length field is little-endian").and(contains("blame     server")));
    let said = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    let (_, again) = said.split_once("again ").expect("the command that shows it again");
    let again = again.lines().next().expect("a line");
    project.shell(again).code(1).stdout(contains("length field is little-endian"));

    project.write("wrong.py", &LINES_CLIENT.replace("\">I\", len(body)", "\">I\", len(text)"));
    let run = project.run(
        "check client --contract lines --received got:.(.*)$ --greeting hello \
         --case payload.multibyte -- python3 wrong.py {port}",
    );
    run.code(1).stdout(contains("characters instead of bytes"));
}

#[test]
fn a_server_that_waits_for_gigabytes_is_told_why() {
    let project = loose();
    // It reads lengths in the wrong byte order too, so it answers nothing.
    project.write("wrong.py", &ECHO_SERVER.replace(">I", "<I"));
    let run = project.run("check server --case framing.single -- python3 wrong.py {port}");
    run.code(1).stdout(contains("little-endian").and(contains("blame     server")));
}

#[test]
fn braces_that_name_nothing_reach_the_program_as_they_are() {
    let project = loose();
    let demand = "import sys\nassert sys.argv[2] == '{}{x y}{unknown}', sys.argv\n";
    project.write("server.py", &format!("{demand}{ECHO_SERVER}"));
    let command = ["python3", "server.py", "{port}", "{}{x y}{unknown}"];
    let words = ["check", "server", "--case", "framing.single", "--"];
    project.interop(words.into_iter().chain(command)).assert().code(0);
}

#[test]
fn wrong_usage_says_what_is_needed() {
    for (words, needed) in [
        ("check server", "--addr"),
        ("check client", "--"),
        ("check server -- python3 server.py", "{port}"),
        ("check client -- python3 client.py", "{port}"),
        ("check client --addr 127.0.0.1:9", "check server"),
        ("check server --addr nowhere", "nowhere"),
        ("check server --addr 127.0.0.1:9 -- x {port}", "cannot be used with"),
        ("check server --framing u33be -- x {port}", "u32be"),
        ("check client --contract lines -- x {port}", "--received"),
        ("check client --contract lines --received got: -- x {port}", "group 1"),
        ("check server --ready ( -- x {port}", "--ready"),
    ] {
        loose().run(words).code(2).stdout("").stderr(contains(needed));
    }
}

#[test]
fn cases_that_are_none_or_are_of_the_other_role_exit_with_4() {
    for pattern in ["nope", "limits.garbage"] {
        let words = format!("check client --case {pattern} -- python3 client.py {{port}}");
        loose().run(&words).code(4).stdout("");
    }
}
