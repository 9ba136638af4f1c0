//! `docs/findings.md` is true: played by the command over its table, each case in it fails, of the bytes that it
//! shows, and what is said holds the words that stand beside it. One test for each table.

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

/// Tables that the document must have, so that an empty one is never green.
const PROMISED: [&str; 12] = [
    "001-mnet",
    "001-test-pack",
    "002-basic",
    "002-chat",
    "003-exec",
    "003-raw-upper",
    "003-time",
    "003-time, its client",
    "003-udp-upper",
    "003-upper",
    "004-count",
    "004-count-raw",
];

/// A case of one message in one piece: who passes it is known to say something.
const PLAIN: &str = "framing.single";

/// A row of a table.
#[derive(Clone, Debug)]
struct Finding {
    role: String,
    case: String,
    /// What was due, and what came, as far as they are shown: hexadecimal, without the spaces.
    bytes: Option<[String; 2]>,
    words: String,
}

/// A table, and the command over it: its words behind `interop`.
#[derive(Clone, Debug, Default)]
struct Section {
    command: Vec<String>,
    findings: Vec<Finding>,
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
    let trials = PROMISED.map(|heading| {
        let section = section_of(heading, &text);
        let hold = move || findings_hold(heading, &section);
        needs::trial(format!("findings::{heading}"), missing.clone(), hold)
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands under a heading.
fn section_of(heading: &str, text: &str) -> Section {
    let heading = format!("## {heading}");
    let lines = text.lines().skip_while(|line| **line != *heading).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    let text = lines.join(" ");
    let mut code = text.split('`').skip(1).step_by(2);
    let command = code.find_map(|code| code.strip_prefix("interop ")).unwrap_or_default();
    Section {
        command: command.split_whitespace().map(str::to_owned).collect(),
        findings: lines.into_iter().filter_map(finding).collect(),
    }
}

/// A row of a table, but for its head.
fn finding(row: &str) -> Option<Finding> {
    let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
    let &[role, case, bytes, words, _mends] = &cells[..] else { return None };
    let case = case.strip_prefix('`')?.strip_suffix('`')?;
    let hex = |text: &str| text.replace("nothing", "").replace(['`', ' '], "");
    let bytes = bytes.split_once('→').map(|(due, got)| [hex(due), hex(got)]);
    let [role, case, words] = [role, case, words].map(str::to_owned);
    Some(Finding { role, case, bytes, words })
}

fn findings_hold(heading: &str, section: &Section) -> Result<(), Failed> {
    let Some((subcommand, arguments)) = section.command.split_first() else {
        return Err(format!("docs/findings.md has no command under {heading}").into());
    };
    if section.findings.is_empty() {
        return Err(format!("docs/findings.md says nothing of {heading}").into());
    }
    let cases = section.findings.iter().map(|finding| finding.case.as_str());
    let mut command = cargo_bin_cmd!("interop");
    command
        .current_dir(root())
        .env("INTEROP_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/build"))
        .args([subcommand, "--format", "json"])
        .args(cases.chain([PLAIN]).flat_map(|case| ["--case", case]))
        .args(arguments)
        .timeout(HANG);
    let output = command.output().map_err(|e| format!("interop cannot be run: {e}"))?;
    let document: Value = serde_json::from_slice(&output.stdout).map_err(|e| {
        format!("{}: {e}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    let results = document["results"].as_array().map_or(&[][..], Vec::as_slice);
    for finding in &section.findings {
        let of_it =
            |result: &&Value| result["role"] == *finding.role && result["case"] == *finding.case;
        let of_it: Vec<&Value> = results.iter().filter(of_it).collect();
        if !of_it.iter().any(|result| is_told(finding, result)) {
            return Err(format!("{finding:?} is not what was found: {of_it:#?}").into());
        }
    }
    Ok(())
}

fn is_told(finding: &Finding, result: &Value) -> bool {
    let says = |key: &str| result[key].as_str().is_some_and(|it| it.contains(&finding.words));
    let shows = |side: &str, bytes: &str| {
        let shown = result["excerpt"][side]["hex"].as_str();
        shown.is_some_and(
            |shown| if bytes.is_empty() { shown.is_empty() } else { shown.contains(bytes) },
        )
    };
    let bytes = finding.bytes.as_ref();
    result["outcome"] == "fail"
        && (says("summary") || says("diagnosis"))
        && bytes.is_none_or(|[due, got]| shows("expected", due) && shows("got", got))
}
