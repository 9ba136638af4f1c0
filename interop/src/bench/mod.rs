//! Servers side by side under load: what a message costs each of them, in one interleaved run.
//!
//! [`cell`] says which load, [`load`] is the process that makes it, [`cores`] says where it runs and where the
//! servers do, [`rounds`] starts the servers and drives them in turn, [`machine`] watches what else went on,
//! [`idle`] asks what a connection takes that says nothing, [`compare`] makes figures and ratios of what was
//! measured, [`doubt`] says why they cannot be trusted, [`results`] is all of it. [`harness`] measures the harness instead of a
//! server, [`siege`] what honest clients see of a server while others break the rules.
//!
//! Figures of two runs cannot be compared: machines are noisy. So servers take turns, round by round,
//! and what is told is the median of the rounds, how far they lie apart, and the ratio to a baseline.

pub mod cell;
pub mod compare;
pub mod cores;
pub mod doubt;
pub mod harness;
pub mod idle;
pub mod load;
pub mod machine;
pub mod results;
pub mod rounds;
pub mod siege;
