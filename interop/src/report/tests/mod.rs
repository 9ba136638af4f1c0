//! What each report makes of one run in which everything happens.

use super::form::Form;
use super::mark::{Charset, Look};
use super::record::Record;
use super::{annotations, human, mistakes};
use crate::model::names::{CaseId, PeerName};
use crate::runner::CaseResult;

fn record() -> Record {
    serde_json::from_str(include_str!("record.json")).expect("a record")
}

fn written(form: Form) -> String {
    let mut out = Vec::new();
    form.write(&record(), &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

fn for_people(charset: Charset, width: usize) -> String {
    let mut out = Vec::new();
    human::write_as(&record(), Look { charset, width }, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

fn stripped(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn json_that_was_read_is_written_as_it_was() {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(value(&written(Form::Json)), value(include_str!("record.json")));
}

#[test]
fn jsonl() {
    insta::assert_snapshot!(written(Form::Jsonl));
}

#[test]
fn junit() {
    insta::assert_snapshot!(written(Form::Junit));
}

#[test]
fn tap() {
    insta::assert_snapshot!(written(Form::Tap));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(written(Form::Markdown));
}

#[test]
fn human_plain() {
    insta::assert_snapshot!(stripped(&for_people(Charset::Unicode, 100)));
}

#[test]
fn human_in_colour() {
    insta::assert_snapshot!(for_people(Charset::Unicode, 100).replace('\u{1b}', "ESC"));
}

#[test]
fn human_in_ascii_on_a_narrow_terminal() {
    let text = stripped(&for_people(Charset::Ascii, 80));
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn annotations_of_a_step() {
    let mut out = Vec::new();
    annotations::write(&record(), &mut out).expect("memory takes all");
    insta::assert_snapshot!(String::from_utf8(out).expect("text"));
}

#[test]
fn of_many_annotations_the_tenth_says_how_many_more_there_are() {
    let mut record = record();
    let failure =
        record.results.iter().find(|result| result.case.as_str() == "framing.every-offset");
    record.results = vec![failure.expect("a failure").clone(); 40];
    record.summary.stale.clear();
    record.summary.error = 0;
    let mut out = Vec::new();
    annotations::write(&record, &mut out).expect("memory takes all");
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text.lines().filter(|line| line.starts_with("::error ")).count(), 10, "{text}");
    assert!(text.ends_with("::error title=interop::and 31 more\n"), "{text}");
}

#[test]
fn markdown_of_thousands_of_failures_fits_a_pull_request() {
    let mut record = record();
    record.results = record.results.iter().cycle().take(9000).cloned().collect();
    let mut out = Vec::new();
    Form::Markdown.write(&record, &mut out).expect("memory takes all");
    assert!(out.len() < 65_536, "{}", out.len());
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains(" more*"), "it says that something is left out");
}

#[test]
fn nothing_that_a_peer_says_ends_the_data_of_a_page() {
    let page = written(Form::Html);
    let (_, data) = page.split_once("type=\"application/json\" id=\"data\">").expect("data");
    let (data, _) = data.split_once("</script>").expect("an end");
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["results"].as_array().map(Vec::len), Some(9));
    assert_eq!(data["clauses"].as_object().map(serde_json::Map::len), Some(13));
    for outside in ["http://", "https://", "//cdn", "src=", "@import"] {
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
}

#[test]
fn what_one_mistake_fails_is_told_once_by_the_shortest_of_it() {
    let wrong = record().results.into_iter().find(|it| it.case.as_str() == "framing.every-offset");
    let mut short = wrong.expect("a failure with a dialogue");
    short.diagnosis = Some("the tail is lost (2 of 4 bytes)".to_owned());
    let mut long = short.clone();
    long.case = CaseId::new("framing.byte-by-byte");
    long.diagnosis = Some("the tail is lost (3 of 4 bytes)".to_owned());
    let dialogue = long.dialogue.as_mut().expect("a dialogue");
    dialogue.moments.extend(dialogue.moments.clone());
    let mut another = short.clone();
    another.diagnosis = None;
    another.summary = "P3: 7 bytes are left over".to_owned();
    let mut same = another.clone();
    same.summary = "P3: 12 bytes are left over".to_owned();
    let mut of_another_peer = short.clone();
    of_another_peer.server = Some(PeerName::try_from("another".to_owned()).expect("a name"));

    let results = [long, same, of_another_peer, short, another];
    let mistakes = mistakes::of(&results);
    let told: Vec<_> = mistakes.iter().map(|it| (it.whose(), it.words(), it.results())).collect();
    let expected = [
        ("server another".to_owned(), "the tail is lost", 1),
        ("server wrong".to_owned(), "the tail is lost", 2),
        ("server wrong".to_owned(), "P3: 7 bytes are left over", 2),
    ];
    assert_eq!(told[..2], expected[..2]);
    assert_eq!((&told[2].0, told[2].2), (&expected[2].0, expected[2].2));
    assert_eq!(mistakes[1].clearest.case.as_str(), "framing.every-offset");
    assert_eq!(mistakes[1].other_cases(), [&CaseId::new("framing.byte-by-byte")]);
}

#[test]
fn what_one_failure_leaves_open_another_decides() {
    let wrong = record().results.into_iter().find(|it| it.case.as_str() == "framing.every-offset");
    let mut open = wrong.expect("a failure with a dialogue");
    open.diagnosis =
        Some("either the tail is lost (2 of 4), or a time-out ends it (9 ms)".to_owned());
    let mut decided = open.clone();
    decided.case = CaseId::new("framing.byte-by-byte");
    decided.diagnosis = Some("a time-out ends it (31 ms)".to_owned());
    let told = |results: &[CaseResult]| -> Vec<(String, usize)> {
        let mistakes = mistakes::of(results);
        mistakes.iter().map(|it| (it.words().to_owned(), it.results())).collect()
    };
    assert_eq!(
        told(std::slice::from_ref(&open)),
        [("either the tail is lost, or a time-out ends it".to_owned(), 1)]
    );
    let both = [open.clone(), decided.clone()];
    assert_eq!(told(&both), [("a time-out ends it".to_owned(), 2)]);
    // Where the peer makes both mistakes, it may be either.
    let mut other = decided.clone();
    other.diagnosis = Some("the tail is lost".to_owned());
    assert_eq!(told(&[open, decided, other]).len(), 3);
}

#[test]
fn an_interruption_and_lost_cases_are_never_green() {
    let mut record = record();
    record.results.retain(|result| result.case.as_str() == "framing.single");
    record.summary.stale.clear();
    record.summary.interrupted = true;
    record.summary.error = 2;
    let said = |form: Form| {
        let mut out = Vec::new();
        form.write(&record, &mut out).expect("memory takes all");
        String::from_utf8(out).expect("text")
    };
    assert!(said(Form::Tap).contains("\nnot ok 3 ") && said(Form::Tap).contains("\nBail out! "));
    assert!(said(Form::Junit).contains("errors=\"2\""), "{}", said(Form::Junit));
    assert!(said(Form::Markdown).contains("nothing was told of 2 cases"));
}

#[test]
fn a_matrix_of_many_servers_is_drawn_in_blocks_that_fit_the_lines() {
    let mut record = record();
    let one = record.results.iter().find(|result| result.case.as_str() == "framing.single");
    let one = one.expect("a pass").clone();
    for number in 0..14 {
        let server = format!("server-number-{number}").parse().ok();
        record.results.push(CaseResult { server, ..one.clone() });
    }
    let mut out = Vec::new();
    let look = Look { charset: Charset::Unicode, width: 80 };
    human::write_as(&record, look, &mut out).expect("memory takes all");
    let text = stripped(&String::from_utf8(out).expect("text"));
    let matrix: Vec<&str> = text.lines().skip_while(|line| !line.contains("client ↓")).collect();
    assert_eq!(matrix.iter().filter(|line| line.contains("client ↓")).count(), 6, "{text}");
    assert!(matrix.iter().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn no_line_of_a_failure_is_wider_than_the_terminal_but_the_command() {
    for width in [80, 120, 200] {
        let text = stripped(&for_people(Charset::Unicode, width));
        let blocks = text.lines().take_while(|line| !line.contains("client ↓"));
        for line in blocks.filter(|line| !line.contains("    again ")) {
            assert!(line.trim_end().chars().count() <= width, "{width}: {line}");
        }
    }
}
