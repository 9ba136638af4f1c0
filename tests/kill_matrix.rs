//! The programs that are wrong on purpose: one test for each and each role it plays, named
//! `server::length-little-endian`.
//!
//! Each is played by the program that users run, against the cases that have to find it and no others. Those
//! are run that are needed for every case to find one; `-- --include-ignored` runs the rest too. `interop selftest`
//! plays every mutant against all cases, and looks from the cases' side, too.

#[path = "support/needs.rs"]
mod needs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use interop::catalogue;
use interop::model::names::{CaseId, Role};
use interop::peer::mutants::{FOLDER, Mutants};
use libtest_mimic::{Arguments, Failed, Trial};

/// Far more than the cases of one mutant take: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(5 * 60);

/// How many tests run side by side, each of which starts one program at a time.
const TESTS_AT_ONCE: usize = 6;

/// A folder of mutants to be tried instead of the project's.
const ELSEWHERE: &str = "INTEROP_MUTANTS";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A program that is wrong is mostly waited for.
    arguments.test_threads = arguments.test_threads.or(Some(TESTS_AT_ONCE));
    let folder = std::env::var_os(ELSEWHERE).map_or_else(|| root().join(FOLDER), PathBuf::from);
    // Not there is as wrong as empty: a kill matrix of nothing would be green.
    let trials = match Mutants::load(&folder, &catalogue::cases()) {
        Ok(mutants) => trials(&mutants, &folder),
        Err(error) => vec![Trial::test("the_list::is_read", move || Err(error.into()))],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn trials(mutants: &Mutants, folder: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut seen: BTreeSet<(Role, &CaseId)> = BTreeSet::new();
    for mutant in &mutants.mutants {
        for (&role, cases) in &mutant.listed {
            let seen_before = seen.len();
            seen.extend(cases.iter().map(|case| (role, case)));
            let (switch, cases) = (mutant.switch.to_string(), cases.clone());
            let (name, folder) = (format!("{role}::{switch}"), folder.to_owned());
            let caught = move || is_caught(&folder, &switch, role, &cases);
            let trial = needs::trial(name, mutant.peer.missing.clone(), caught);
            let is_one_more_of_its_kind = seen.len() == seen_before;
            trials.push(match is_one_more_of_its_kind {
                true => trial.with_ignored_flag(true),
                false => trial,
            });
        }
    }
    trials
}

/// Every listed case finds it, for the right reason, and passes without the mistake.
fn is_caught(folder: &Path, switch: &str, role: Role, cases: &[CaseId]) -> Result<(), Failed> {
    let mut command = cargo_bin_cmd!("interop");
    command
        .current_dir(root())
        .env("INTEROP_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/build"))
        .args(["selftest", switch, "--role", &role.to_string()])
        .args(cases.iter().flat_map(|case| ["--case", case.as_str()]))
        .arg("--mutants")
        .arg(folder)
        .timeout(HANG);
    let output = command.output().map_err(|e| format!("interop cannot be run: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)).into())
}
