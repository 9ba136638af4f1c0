//! The runner: plans which cases are played with which peers, plays them, and tells what happens as
//! [`Event`]s. It knows no reporter; reporters know nothing else.

pub mod again;
pub mod clock;
pub mod event;
mod evidence;
mod house;
pub mod kill_matrix;
pub mod known;
pub mod plan;
mod player;
mod run;
pub mod select;
pub mod shard;
mod table;
mod together;
mod unit;

pub use event::{CaseResult, Event, Summary};
pub use plan::{Plan, Unit};
pub use run::{Options, run};
pub use select::Selection;
