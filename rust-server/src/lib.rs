//! The reference implementation of length-prefixed messages over TCP: a framing without I/O, a server
//! and a client on tokio, and the two programs `rust-server` and `rust-client`.
//!
//! | room | what it holds | knows |
//! |---|---|---|
//! | [`framing`] | how messages are laid on a byte stream, pure | limits |
//! | [`service`] | what a server answers to a message | framing |
//! | [`server`] | connections, time-outs, the end | service, framing, settings, limits |
//! | [`client`] | connect, send, receive, call | framing, service (its words for a heartbeat), settings, limits |
//! | [`cli`] | the two programs | all of these |
//! | [`limits`] | every bound, with its unit and its reason | nothing |
//! | [`settings`] | addresses and durations as newtypes, read from text | limits |
//!
//! `P1` to `P13` in comments are the clauses of the protocol (`docs/protocol.md`).

mod ascii;
pub mod cli;
pub mod client;
pub mod framing;
pub mod limits;
pub mod server;
pub mod service;
pub mod settings;
