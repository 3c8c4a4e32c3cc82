//! The one place that listens to signals while the platform runs.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tradai_service::Shutdown;

/// Exit code of a process that was interrupted: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// Returns the word to stop, which SIGINT and SIGTERM say. Said twice, the process ends at once. Must be called
/// within a runtime.
///
/// # Errors
/// When the signals cannot be listened to.
pub(super) fn shutdown() -> io::Result<Shutdown> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let shutdown = Shutdown::manual();
    let told = shutdown.clone();
    // Lives as long as the process: it owns nothing but the two signal streams.
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if told.is_stopping() {
                eprintln!("Ended at once. Jobs that run are taken up by the next `tradai up`.");
                std::process::exit(INTERRUPTED);
            }
            eprintln!("Stopping; once more (Ctrl-C) ends at once.");
            told.stop();
        }
    });
    Ok(shutdown)
}
