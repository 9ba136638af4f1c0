//! The golden vectors of `tests/vectors/` through the framings of the other languages: each has its own
//! test program, which is run here.

#[path = "support/needs.rs"]
mod needs;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = vec![
        needs::trial("python::golden_vectors".to_owned(), missing(&["python3"]), python),
        needs::trial("erlang::golden_vectors".to_owned(), missing(&["erl", "erlc"]), erlang),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn missing(programs: &[&str]) -> Vec<String> {
    let absent = |program: &&&str| which::which(program).is_err();
    programs.iter().filter(absent).map(ToString::to_string).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

fn python() -> Result<(), Failed> {
    let mut test = command("python3", "python-client/peer");
    // No __pycache__ in the source tree.
    test.args(["-B", "test_framing.py"]).arg(root().join("tests/vectors"));
    // unittest succeeds when it finds no test at all.
    let said = succeeds(&mut test)?;
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran "));
    match ran.and_then(|rest| rest.split(' ').next()?.parse().ok()) {
        Some(1_u32..) => Ok(()),
        _ => Err(format!("no test ran:\n{said}").into()),
    }
}

fn erlang() -> Result<(), Failed> {
    let out = tempfile::tempdir().expect("a temporary directory");
    let mut build = command("erlc", "erlang/peer");
    build.arg("-pa").arg(out.path()).arg("-o").arg(out.path());
    build.args([
        "framing.erl",
        "u32be.erl",
        "line.erl",
        "fixed_1024.erl",
        "ascii4.erl",
        "ascii.erl",
    ]);
    build.args(["mnet.erl", "mnet_le.erl", "raw.erl", "datagram.erl", "framing_test.erl"]);
    succeeds(&mut build)?;
    let mut test = command("erl", "erlang/peer");
    test.args(["-noshell", "-noinput", "-pa"]).arg(out.path());
    test.args(["-s", "framing_test", "-extra"]).arg(root().join("tests/vectors"));
    let said = succeeds(&mut test)?;
    match said.split_once(" passed, 0 failed").and_then(|(count, _)| count.trim().parse().ok()) {
        Some(1_u32..) => Ok(()),
        _ => Err(format!("no test ran:\n{said}").into()),
    }
}

#[expect(clippy::disallowed_methods, reason = "these programs are awaited, and have no children")]
fn command(program: &str, folder: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root().join(folder));
    command
}

/// What it wrote on both pipes.
fn succeeds(command: &mut Command) -> Result<String, Failed> {
    let output = command.output().map_err(|e| format!("{command:?} cannot be run: {e}"))?;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    match output.status.success() {
        true => Ok(said.concat()),
        false => {
            Err(format!("{command:?} ended with {}:\n{}", output.status, said.concat()).into())
        }
    }
}
