//! The word to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Tells every part of a service that it is to stop. Cheap to clone; saying it twice is the same as once.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Returns one that [`Shutdown::stop`] triggers, and nothing else.
    #[must_use]
    pub fn manual() -> Self {
        Self::default()
    }

    /// Returns one that SIGTERM and SIGINT trigger. Must be called within a runtime.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = shutdown.clone();
        // Lives as long as the process: it owns nothing but the two signal streams.
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                () = told.0.cancelled() => return,
            };
            info!(signal = name, "{name}: stopping");
            told.stop();
        });
        Ok(shutdown)
    }

    /// Says stop.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Returns whether stop was said.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until stop is said. Cancel safe.
    pub async fn stopping(&self) {
        self.0.cancelled().await;
    }
}
