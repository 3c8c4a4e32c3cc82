//! What a process does first: it takes up jobs of processes that are gone.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;
use tradai_control_plane::jobs::Jobs;

/// How long the state is left alone after it could not be read.
const PAUSE: Duration = Duration::from_secs(5);

/// Recovers jobs: tries until it works, or is told to stop.
pub(crate) async fn recover(jobs: Arc<Jobs>, stop: CancellationToken) {
    while let Err(error) = jobs.recover().await {
        warn!(%error, "jobs of the time before could not be taken up; trying again: {error}");
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}
