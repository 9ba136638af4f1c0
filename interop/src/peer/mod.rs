//! Peers: the programs under test, described by a `peer.toml`, started and ended here and nowhere else.
//!
//! [`manifest`] reads one description, [`project`] an `interop.toml`, [`registry`] finds them all and says which can run here,
//! [`mutants`] reads the list of programs that are wrong on purpose,
//! [`build`] makes what a peer has to build, [`process`] starts, watches and ends a program,
//! [`server`] brings a server up, [`standing`] keeps one up for others to use, [`client`] speaks the contracts of client programs,
//! [`family`] finds all that a program started, [`vitals`] says what they use, [`affinity`] on which cores.

pub mod affinity;
pub mod build;
pub mod client;
pub mod command;
pub mod family;
pub mod guard;
pub mod manifest;
pub mod mutants;
pub mod package;
pub mod port;
mod proc;
pub mod process;
pub mod program;
pub mod project;
pub mod registry;
pub mod server;
pub mod spawn;
pub mod standing;
pub mod start;
pub mod vitals;

/// Where everything listens: never beyond this machine.
pub const HOST: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;
