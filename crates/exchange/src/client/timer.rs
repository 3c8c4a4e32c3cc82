//! How a client waits.

use std::time::Duration;

use async_trait::async_trait;

/// Lets time pass. Held as `Arc<dyn Timer>`, so that tests decide how long a minute takes.
#[async_trait]
pub trait Timer: Send + Sync {
    /// Returns when `pause` has passed. Dropping the future ends the wait.
    async fn sleep(&self, pause: Duration);
}

/// Real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer;

#[async_trait]
impl Timer for TokioTimer {
    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
