//! Keeping at it: jobs of processes that are gone are taken up, batches that were cut short are completed, and this
//! process is known to live.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::warn;
use tradai_control_plane::jobs::{Batches, Jobs};

/// Recovers jobs at once, and takes up from then on what nobody holds, until told to stop. What does not work is tried
/// again. Does nothing else: this process counts as alive by it.
pub(crate) async fn recover(jobs: Arc<Jobs>, stop: CancellationToken) {
    let mut has_recovered = false;
    loop {
        let done = if has_recovered { jobs.take_up().await } else { jobs.recover().await };
        match done {
            Ok(_) => has_recovered = true,
            Err(error) => {
                warn!(%error, "jobs that nobody holds could not be taken up; trying again: {error}")
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(Jobs::TAKE_UP_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Completes batches from time to time, until told to stop.
pub(crate) async fn complete(batches: Batches, stop: CancellationToken) {
    loop {
        if let Err(error) = batches.complete().await {
            warn!(%error, "batches could not be completed; trying again: {error}");
        }
        if stop.run_until_cancelled(tokio::time::sleep(Jobs::TAKE_UP_EVERY)).await.is_none() {
            return;
        }
    }
}
