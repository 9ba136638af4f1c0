//! The stage acts a case out with real processes and sockets, and writes the transcript.
//!
//! [`act`](act()) performs the steps: what is written in `writes`, the client programs in `clients`, a case's own
//! server in `own`, what programs use in `resources`. For a one-sided case the [`raw end`](raw) is the other
//! side; for a pairing the [`link`] stands between both; each is of a stream or of `datagrams`. [`delivery`] sees
//! to it that a fragment arrives by itself, `afterwards` looks on when something did not come, [`scene`] holds what all tasks of a case share, `sleep` knows whether the programs will go on, and
//! `forensics` what is found when they do not.

mod act;
mod afterwards;
mod cast;
mod clients;
mod datagrams;
pub mod delivery;
pub mod dialect;
mod forensics;
pub mod link;
mod own;
pub mod raw;
mod resources;
pub mod scene;
mod sleep;
mod soak;
#[cfg(target_os = "linux")]
pub mod sock_diag;
mod writes;

pub use act::{Acted, Tails, act};
pub use cast::{Cast, ClientCast, ServerCast, Standing};
pub use dialect::Heard;
