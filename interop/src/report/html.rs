//! The result as one page for a browser, which needs nothing beside it: no server, no network.
//!
//! The page carries the [`Record`] as data and the scripts that show it, so that thousands of results cost
//! nothing until somebody looks at them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::record::Record;
use crate::model::names::Clause;

/// Where the parts go.
const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    record: &'a Record,
    troubles: Vec<String>,
    clauses: BTreeMap<String, &'static str>,
}

/// Writes a run that is over.
///
/// # Errors
/// When `out` takes no more.
pub fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let troubles = record.troubles();
    let troubles = troubles.iter().map(|trouble| format!("{}: {}", trouble.name, trouble.what));
    let data = Data {
        record,
        troubles: troubles.collect(),
        clauses: Clause::ALL.map(|clause| (clause.to_string(), clause.rule())).into(),
    };
    // Nothing that a peer says may end the script element that it stands in.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let parts = [("/*style*/", STYLE), ("/*data*/", data.as_str()), ("/*script*/", SCRIPT)];
    let mut rest = PAGE;
    for (place, part) in parts {
        let Some((before, behind)) = rest.split_once(place) else {
            return Err(io::Error::other(format!("page.html lacks {place}")));
        };
        out.write_all(before.as_bytes())?;
        out.write_all(part.as_bytes())?;
        rest = behind;
    }
    out.write_all(rest.as_bytes())
}
