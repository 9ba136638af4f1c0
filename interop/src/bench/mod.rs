//! Servers side by side under load: what a message costs each of them, in one interleaved run.
//!
//! [`cell`] says which load, [`load`] is the process that makes it, [`rounds`] starts the servers and
//! drives them in turn, [`compare`] makes figures, ratios and doubts of what was measured.
//!
//! Figures of two runs cannot be compared: machines are noisy. So servers take turns, round by round,
//! and what is told is the median of the rounds, how far they lie apart, and the ratio to a baseline.

pub mod cell;
pub mod compare;
pub mod load;
pub mod rounds;
