//! The result as JUnit XML, for CI servers: a suite is a pairing, or a peer on its own.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::plain;
use super::record::Record;
use crate::model::outcome::Outcome;
use crate::runner::CaseResult;

/// What a suite is called that holds what is wrong beside the cases.
const BESIDE: &str = "beside the cases";

/// Writes a run that is over. A known deviation is skipped, with its reason: it was expected.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("interop");
    report.set_time(record.summary.duration);
    // Results of the same peers stand beside each other, but for those of several protocols.
    let mut suites: Vec<TestSuite> = Vec::new();
    for result in &record.results {
        let name = plain::peers(result);
        let suite = match suites.iter().position(|suite| suite.name.as_str() == name) {
            Some(at) => &mut suites[at],
            None => {
                suites.push(TestSuite::new(name));
                let last = suites.len() - 1;
                &mut suites[last]
            }
        };
        suite.add_test_case(case(result));
    }
    for suite in &mut suites {
        let times = suite.test_cases.iter().filter_map(|case| case.time);
        let time = times.sum();
        suite.set_time(time);
    }
    let troubles = record.troubles();
    if !troubles.is_empty() {
        let mut suite = TestSuite::new(BESIDE);
        for trouble in troubles {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(&trouble.what);
            suite.add_test_case(TestCase::new(trouble.name, status));
        }
        suites.push(suite);
    }
    report.add_test_suites(suites);
    report.serialize(out).map_err(io::Error::other)
}

fn case(result: &CaseResult) -> TestCase {
    let kind = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(plain::sentence(result));
        status.set_type(match result.blame {
            Some(blame) => format!("{} {blame}", result.level),
            None => result.level.to_string(),
        });
        status.set_description(plain::text(result));
        status
    };
    let status = match result.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => kind(NonSuccessKind::Failure),
        Outcome::Error => kind(NonSuccessKind::Error),
        Outcome::Known | Outcome::Skipped | Outcome::Unsupported => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(plain::sentence(result));
            status.set_type(result.outcome.to_string());
            status
        }
    };
    let mut case = TestCase::new(plain::case(result), status);
    case.set_classname(plain::peers(result));
    case.set_time(result.duration_us);
    case
}
