//! Peers: the programs under test, described by a `peer.toml`, started and ended here and nowhere else.
//!
//! [`manifest`] reads one description, [`registry`] finds them all and says which can run here,
//! [`mutants`] reads the list of programs that are wrong on purpose,
//! [`build`] makes what a peer has to build, [`process`] starts, watches and ends a program,
//! [`server`] brings a server up, [`client`] speaks the contracts of client programs.

pub mod build;
pub mod client;
pub mod command;
pub mod guard;
pub mod manifest;
pub mod mutants;
pub mod package;
pub mod port;
pub mod process;
pub mod registry;
pub mod server;
pub mod spawn;
pub mod start;

/// Where everything listens: never beyond this machine.
pub const HOST: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;
