//! A bench for people: as [`text()`], and as one [`page()`] with charts. Not a consumer of events, since nothing can
//! be said of a server before the others have had their turns.

mod chart;
mod page;
mod siege;
mod text;

pub use page::page;
pub use siege::{part, siege};
pub use text::{harness, text};
