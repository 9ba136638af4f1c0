//! `docs/findings.md` is true: each case in its tables fails for the program over the table, and what is said of
//! it holds the words that stand beside it. One test for each program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use libtest_mimic::{Arguments, Failed};
use serde_json::Value;

#[path = "support/needs.rs"]
mod needs;

/// Far more than the cases of a program take, ports that others hold included: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(15 * 60);

/// Programs that the document must speak of, so that an empty one is never green.
const PROMISED: [&str; 10] = [
    "001-mnet",
    "002-basic",
    "002-chat",
    "003-exec",
    "003-raw-upper",
    "003-time",
    "003-udp-upper",
    "003-upper",
    "004-count",
    "004-count-raw",
];

/// A row of a table.
#[derive(Clone, Debug)]
struct Finding {
    role: String,
    case: String,
    words: String,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They mostly wait, for ports and for programs that hang.
    arguments.test_threads = arguments.test_threads.or(Some(PROMISED.len()));
    let missing = match which::which("python3") {
        Ok(_) => Vec::new(),
        Err(_) => vec!["python3".to_owned()],
    };
    let text = std::fs::read_to_string(root().join("docs/findings.md")).expect("docs/findings.md");
    let trials = PROMISED.map(|program| {
        let findings = findings_of(program, &text);
        let hold = move || findings_hold(program, &findings);
        needs::trial(format!("findings::{program}"), missing.clone(), hold)
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows under a program's heading.
fn findings_of(program: &str, text: &str) -> Vec<Finding> {
    let heading = format!("## {program}");
    let section = text.lines().skip_while(|line| **line != *heading).skip(1);
    let rows = section.take_while(|line| !line.starts_with("## "));
    let finding = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let &["", role, case, words, ..] = &cells[..] else { return None };
        let case = case.strip_prefix('`')?.strip_suffix('`')?;
        let [role, case, words] = [role, case, words].map(str::to_owned);
        Some(Finding { role, case, words })
    };
    rows.filter_map(finding).collect()
}

fn findings_hold(program: &str, findings: &[Finding]) -> Result<(), Failed> {
    if findings.is_empty() {
        return Err(format!("docs/findings.md says nothing of {program}").into());
    }
    let mut command = cargo_bin_cmd!("interop");
    command
        .current_dir(root())
        .env("INTEROP_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/build"))
        .args(["check", &format!("peers/documents/{program}"), "--format", "json"])
        .args(findings.iter().flat_map(|finding| ["--case", &finding.case]))
        .timeout(HANG);
    let output = command.output().map_err(|e| format!("interop cannot be run: {e}"))?;
    let document: Value = serde_json::from_slice(&output.stdout).map_err(|e| {
        format!("{}: {e}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    let results = document["results"].as_array().map_or(&[][..], Vec::as_slice);
    for finding in findings {
        let is_it =
            |result: &&Value| result["role"] == *finding.role && result["case"] == *finding.case;
        let found = results.iter().find(is_it).ok_or_else(|| format!("no result: {finding:?}"))?;
        let says = |key: &str| found[key].as_str().is_some_and(|it| it.contains(&finding.words));
        if found["outcome"] != "fail" || !(says("summary") || says("diagnosis")) {
            return Err(format!("{finding:?} is not what was found: {found:#}").into());
        }
    }
    Ok(())
}
