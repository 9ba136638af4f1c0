//! SIGTERM and SIGINT for `rust-server`: the first asks it to stop, the second ends it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Begins to listen for both signals, and gives a future that completes at the first. After that the
/// second ends the process at once, with exit code 128 + the signal's number.
///
/// # Errors
/// The system does not let signals be caught.
pub(super) fn first() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let _ = next(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            let kind = next(&mut terminate, &mut interrupt).await;
            std::process::exit(128 + kind.as_raw_value());
        });
    })
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    }
}
