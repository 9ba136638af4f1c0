//! The judgement on made-up results: no program is started.

use std::fs;

use super::*;
use crate::catalogue;
use crate::model::names::{CaseId, Level};
use crate::model::outcome::{Blame, Outcome};
use crate::runner::{Plan, Selection};

const PEER: &str = "name = \"base\"\nlanguage = \"X\"\n[server]\ncommand = [\"x\", \"{port}\"]\n\
                    [client]\ncommand = [\"x\", \"{port}\"]\ncontract = \"frames\"\n";
const MUTANT: &str = "[[mutant]]\nswitch = \"wrong\"\npeer = \"here\"\nwhat = \"it is wrong\"\n\
                      server = [\"framing.single\", \"payload.empty\"]\ndiagnosis = \"endian\"\n";

/// Some mutants, and a run of them in which everything passes until something is said of it.
struct Run {
    mutants: Mutants,
    cases: Vec<Arc<Case>>,
    results: Vec<CaseResult>,
    interrupted: bool,
    everything: bool,
}

impl Run {
    fn of(list: &str) -> Self {
        Self::of_cases(list, catalogue::cases())
    }

    fn of_cases(list: &str, cases: Vec<Arc<Case>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("here")).unwrap();
        fs::write(folder.path().join("here/peer.toml"), PEER).unwrap();
        fs::write(folder.path().join("mutants.toml"), list).unwrap();
        let mutants = Mutants::load(folder.path(), &catalogue::cases()).unwrap();
        let selection = Selection { roles: ROLES.to_vec(), ..Selection::default() };
        let plan = Plan::new(&mutants.registry(), &cases, &selection);
        let results = plan.units.iter().flat_map(|unit| {
            unit.cases.iter().map(|(case, level)| CaseResult::blank(unit, case, *level))
        });
        let results = results.collect();
        Self { mutants, cases, results, interrupted: false, everything: true }
    }

    fn result(&mut self, peer: &str, role: Role, id: &str) -> &mut CaseResult {
        let it = |result: &&mut CaseResult| {
            row::who(result) == Some(peer) && result.role == role && result.case.as_str() == id
        };
        self.results.iter_mut().find(it).expect("a result")
    }

    /// This case finds the mistake of this server.
    fn server_fails(mut self, peer: &str, id: &str) -> Self {
        let result = self.result(peer, Role::Server, id);
        result.outcome = Outcome::Fail;
        result.blame = Some(Blame::Server);
        result.diagnosis = Some("length field is little-endian".to_owned());
        self
    }

    /// Both cases that have to find the mutant `wrong` do.
    fn found(list: &str) -> Self {
        Self::of(list)
            .server_fails("wrong", "framing.single")
            .server_fails("wrong", "payload.empty")
    }

    fn but(mut self, id: &str, change: impl FnOnce(&mut CaseResult)) -> Self {
        change(self.result("wrong", Role::Server, id));
        self
    }

    fn judge(&self) -> (KillMatrix, u8) {
        let mut summary = Summary { interrupted: self.interrupted, ..Summary::default() };
        self.results.iter().for_each(|result| summary.count(result));
        let asked = Asked { roles: &ROLES, cases: &self.cases, everything: self.everything };
        let matrix = KillMatrix::judge(&self.mutants, asked, &self.results, &summary);
        let code = matrix.exit_code(&summary);
        (matrix, code)
    }

    fn verdict(&self) -> Verdict {
        self.judge().0.mutants[0].outcome
    }
}

fn ids(ids: &[CaseId]) -> Vec<&str> {
    ids.iter().map(CaseId::as_str).collect()
}

#[test]
fn a_mutant_that_every_listed_case_finds_is_caught() {
    let run = Run::found(MUTANT).server_fails("wrong", "framing.header-split");
    let (matrix, _) = run.judge();
    let row = &matrix.mutants[0];
    assert_eq!((matrix.mutants.len(), row.role, row.outcome), (1, Role::Server, Verdict::Caught));
    assert_eq!(ids(&row.killed_by), ["framing.single", "payload.empty", "framing.header-split"]);
    assert_eq!(row.diagnoses, ["length field is little-endian"]);
}

#[test]
fn a_mutant_that_nothing_binding_finds_survives() {
    assert_eq!(Run::of(MUTANT).verdict(), Verdict::Survived);
    let list = MUTANT.replace(", \"payload.empty\"", "");
    let informed = Run::of(&list)
        .server_fails("wrong", "payload.empty")
        .but("payload.empty", |result| result.level = Level::Info);
    assert_eq!(informed.verdict(), Verdict::Survived);
    assert_eq!(informed.judge().1, 1);
}

#[test]
fn a_listed_case_that_only_informs_finds_a_smell() {
    let list = MUTANT.replace(", \"payload.empty\"", "");
    let smelt = Run::of(&list)
        .server_fails("wrong", "framing.single")
        .but("framing.single", |result| result.level = Level::Info);
    assert_eq!(smelt.verdict(), Verdict::Caught);
}

#[test]
fn a_mutant_that_a_listed_case_does_not_find_is_missed_by_it() {
    let run = Run::of(MUTANT).server_fails("wrong", "framing.single");
    let (matrix, code) = run.judge();
    assert_eq!((matrix.mutants[0].outcome, code), (Verdict::Missed, 1));
    assert_eq!(ids(&matrix.mutants[0].missed), ["payload.empty"]);
}

#[test]
fn a_mutant_whose_mistake_no_diagnosis_names_is_misdiagnosed() {
    let nameless = |result: &mut CaseResult| result.diagnosis = None;
    let run = Run::found(MUTANT).but("framing.single", nameless);
    assert_eq!(run.verdict(), Verdict::Caught, "one that names it is enough");
    let run = run.but("payload.empty", |result| result.diagnosis = Some("sticky".to_owned()));
    assert_eq!(run.verdict(), Verdict::Misdiagnosed);
}

#[test]
fn a_failure_that_blames_somebody_else_is_misblamed() {
    let run = Run::found(MUTANT).but("payload.empty", |it| it.blame = Some(Blame::Harness));
    let (matrix, _) = run.judge();
    assert_eq!(matrix.mutants[0].outcome, Verdict::Misblamed);
    let expected =
        row::Misblame { case: CaseId::new("payload.empty"), blame: Some(Blame::Harness) };
    assert_eq!(matrix.mutants[0].misblamed, [expected]);
}

#[test]
fn an_error_is_neither_caught_nor_survived() {
    let run = Run::found(MUTANT).but("framing.prompt-answer", |it| it.outcome = Outcome::Error);
    assert_eq!(run.verdict(), Verdict::Error);
}

#[test]
fn a_program_without_a_mistake_that_fails_is_a_fault() {
    assert!(Run::found(MUTANT).judge().0.failed_baselines().next().is_none());
    let run = Run::found(MUTANT).server_fails("base", "payload.one-byte");
    let (matrix, code) = run.judge();
    let failed: Vec<&CaseId> =
        matrix.failed_baselines().flat_map(|base| &base.failed).map(|it| &it.case).collect();
    assert_eq!((failed, code), (vec![&CaseId::new("payload.one-byte")], 1));
}

#[test]
fn what_a_program_fails_without_its_mistake_says_nothing_of_the_mistake() {
    let run = Run::found(MUTANT)
        .server_fails("base", "framing.single")
        .server_fails("base", "payload.empty");
    assert_eq!(run.verdict(), Verdict::Survived);
}

/// A catalogue of the two cases that have to find the mutant.
fn two_cases() -> Vec<Arc<Case>> {
    let listed = ["framing.single", "payload.empty"];
    let keep = |case: &Arc<Case>| case.role == Role::Server && listed.contains(&case.id.as_str());
    catalogue::cases().into_iter().filter(keep).collect()
}

#[test]
fn all_is_well_when_every_mutant_is_found_and_every_case_finds_one() {
    let run = Run::of_cases(MUTANT, two_cases())
        .server_fails("wrong", "framing.single")
        .server_fails("wrong", "payload.empty");
    let (matrix, code) = run.judge();
    assert_eq!(code, 0, "{matrix:#?}");
    assert!(matrix.cases.iter().all(|row| row.kills == 1), "{matrix:#?}");
}

#[test]
fn a_case_that_finds_nothing_is_a_fault_unless_it_is_excused() {
    let list = MUTANT.replace(", \"payload.empty\"", "");
    let judge = |excuse: &str| {
        let list = format!("{list}[unkilled]\n{excuse}");
        let run = Run::of_cases(&list, two_cases()).server_fails("wrong", "framing.single");
        let (matrix, code) = run.judge();
        let idle = matrix.cases_without_a_kill().map(|row| row.case.to_string());
        (idle.collect::<Vec<_>>(), code)
    };
    assert_eq!(judge(""), (vec!["payload.empty".to_owned()], 1));
    assert_eq!(judge("\"payload.empty\" = \"no program gets it wrong\""), (vec![], 0));
    assert_eq!(judge("\"client:payload\" = \"x\"").1, 1, "it speaks of another role");
}

#[test]
fn an_excuse_for_a_case_that_finds_a_mutant_is_stale_and_so_is_one_for_no_case() {
    let stale = |key: &str| {
        let list = format!("{MUTANT}[unkilled]\n\"{key}\" = \"x\"");
        let run = Run::found(&list);
        run.judge().0.stale
    };
    assert!(stale("framing.single")[0].problem.contains("finds wrong"));
    let mut run = Run::found(&format!("{MUTANT}[unkilled]\n\"framing.single\" = \"x\""));
    run.everything = false;
    assert_eq!(run.judge().1, 1, "it is a fault by itself");
    assert!(stale("framing.nope")[0].problem.contains("matches no case"));
    assert_eq!(stale("client:framing.single"), []);
}

#[test]
fn only_a_run_of_everything_says_that_a_case_finds_nothing() {
    let mut run = Run::found(MUTANT);
    assert!(run.judge().0.cases_without_a_kill().count() > 10);
    run.everything = false;
    let (matrix, code) = run.judge();
    assert_eq!((matrix.cases_without_a_kill().count(), code), (0, 0));
}

#[test]
fn a_mutant_whose_program_is_not_here_is_skipped_and_excuses_its_cases() {
    let mut run = Run::of_cases(MUTANT, two_cases());
    run.results.iter_mut().for_each(|result| result.outcome = Outcome::Skipped);
    let (matrix, code) = run.judge();
    assert_eq!((matrix.mutants[0].outcome, code), (Verdict::Skipped, 77));
}

#[test]
fn a_mutant_none_of_whose_cases_were_asked_for_is_not_judged() {
    let others =
        catalogue::cases().into_iter().filter(|case| case.id.as_str() == "framing.every-offset");
    let mut run = Run::of_cases(MUTANT, others.collect());
    run.everything = false;
    assert_eq!((run.verdict(), run.judge().1), (Verdict::Unjudged, 0));
}

#[test]
fn an_interrupted_run_says_nothing_of_what_it_did_not_come_to() {
    let mut run = Run::of(MUTANT).server_fails("wrong", "framing.single");
    run.results.retain(|result| result.case.as_str() != "payload.empty");
    run.interrupted = true;
    assert_eq!((run.verdict(), run.judge().1), (Verdict::Unjudged, 130));
}
