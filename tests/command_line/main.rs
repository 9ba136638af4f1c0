//! The program `interop` as its users meet it: what it prints, where, and how it ends.

mod bench;
mod capture;
mod check;
mod conduct;
mod datagrams;
mod doctor;
mod errors;
mod explain;
mod help;
mod known;
mod lifecycle;
mod list;
mod manifests;
mod merging;
mod patience;
mod peers;
mod reports;
mod results;
mod rounds;
mod scaling;
mod selection;
mod selftest;
mod shell;
mod signals;
mod support;
mod sweeps;
