//! Pure data and judgement: what a case is, what was seen, and whether it was right. No I/O.
//!
//! A [`Case`](case::Case) says what to do; the stage does it and writes a
//! [`Transcript`](transcript::Transcript); [`judge`](oracle::judge) compares what was seen with what
//! the [`Ledger`](ledger::Ledger) says was due, and returns a [`Verdict`](outcome::Verdict).

pub mod alike;
pub mod body;
pub mod case;
pub mod conduct;
pub mod cut;
pub mod diagnosis;
pub mod dialogue;
pub mod excerpt;
pub mod fit;
pub mod ledger;
pub(crate) mod micros;
pub mod names;
pub mod oracle;
pub mod outcome;
pub mod pattern;
pub mod protocol;
#[cfg(test)]
pub(crate) mod script;
pub mod service;
pub mod shorter;
pub mod sweep;
pub mod transcript;
