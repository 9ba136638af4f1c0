//! Reports: each a consumer of the runner's events, one file for each form. None knows another.

pub mod annotations;
pub mod bench;
pub mod compare;
mod failure;
pub mod form;
mod hexdump;
pub mod html;
pub mod human;
pub mod json;
pub mod jsonl;
pub mod junit;
mod mark;
pub mod markdown;
mod matrix;
mod mistakes;
mod plain;
pub mod progress;
pub mod record;
mod ruler;
#[cfg(test)]
mod schemas;
pub mod selftest;
mod sequence;
pub(crate) mod steps;
pub mod tap;
#[cfg(test)]
mod tests;
pub mod timings;
pub(crate) mod words;

use std::io;

pub(crate) use failure::pair;
pub(crate) use mark::style;

use crate::runner::Event;

/// Shows a run, or writes it down.
pub trait Reporter {
    /// Takes one event in.
    ///
    /// # Errors
    /// When what it writes to takes no more.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}
