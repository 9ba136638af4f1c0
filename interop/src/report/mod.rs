//! Reports: each a consumer of the runner's events, one file for each form. None knows another.

mod failure;
pub mod human;
pub mod json;
mod mark;
mod matrix;
pub mod progress;

use std::io;

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
