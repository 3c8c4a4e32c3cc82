//! Waiting for what comes about by itself.

use std::time::Duration;

/// Longer than any machine takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How soon something is looked at again.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until something is so.
pub async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to be");
}
