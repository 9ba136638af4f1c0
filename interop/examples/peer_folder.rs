//! A program with a `peer.toml`, as a server and as a client; what it fails is looked at case by case.
//!
//! `cargo run --example peer_folder -- ./my-peer`

use std::error::Error;
use std::path::PathBuf;

use interop::embed::Check;

/// What is checked where no folder is named.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python-client/peer");

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PYTHON.into(), PathBuf::from);
    let check = Check::peer(folder)?.protocol("u32be/echo".parse()?).cases("framing.header-*")?;
    let played = check.run()?;
    for failure in played.failures() {
        let likely = failure.diagnosis.as_deref().unwrap_or("no known mistake explains it");
        println!("{} as a {}: {} ({likely})", failure.case, failure.role, failure.summary);
    }
    played.assert_passes();
    println!("{} cases, all as they should be", played.results.len());
    Ok(())
}
