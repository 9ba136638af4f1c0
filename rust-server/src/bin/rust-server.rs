//! The reference server as a program; all of it is in `rust_server::cli`.

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;

/// tokio aligns what belongs to a connection to 128 bytes. For that the system's allocator takes 1,024 bytes of
/// a connection where this one takes 896, since it keeps the room before and behind as pieces that
/// nobody asks for.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    rust_server::cli::server_main(std::env::args_os())
}
