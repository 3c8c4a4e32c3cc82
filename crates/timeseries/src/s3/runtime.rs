//! The threads that a connection to S3 needs.

use std::fmt;
use std::io;

/// A small tokio runtime. Sockets and timers are served by its threads, while the operation itself runs on the
/// thread that waits for it, within [`Runtime::enter`].
///
/// Sync code therefore waits with nothing but the thread's own sleep and wakes, which works everywhere: also on a
/// thread of another tokio runtime, where tokio's own `block_on` would panic. An async task that calls sync
/// methods still keeps its thread from other tasks; hosts call them within `spawn_blocking`.
pub(crate) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Starts two threads: one mostly decrypts, one mostly sends.
    pub(crate) fn new() -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).max_blocking_threads(4).thread_name("tradai-s3").enable_io().enable_time();
        builder.build().map(Some).map(Self)
    }

    /// Makes the runtime the one that futures find while the guard lives.
    pub(crate) fn enter(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        self.0.as_ref().map(tokio::runtime::Runtime::enter)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // A plain drop waits for the threads, and panics on a thread of another runtime. Nothing is lost: every
        // operation has ended when its method returned.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}
