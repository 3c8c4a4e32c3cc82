//! What nobody asks for: taking up jobs of a process that is gone, and clearing away what is old.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tradai_control_plane::jobs::Jobs;

/// How often old jobs are looked for.
const EVERY: Duration = Duration::from_secs(3_600);
/// How long the state is left alone after it could not be read.
const PAUSE: Duration = Duration::from_secs(5);

/// Deletes what is kept of tasks that ended long ago, and returns how many there were. Blocks.
pub type SweepTasks = Arc<dyn Fn() -> Result<usize, String> + Send + Sync>;

/// Keeps house.
pub(crate) struct Housekeeping {
    jobs: Arc<Jobs>,
    sweep_tasks: Option<SweepTasks>,
}

impl Housekeeping {
    pub(crate) fn new(jobs: Arc<Jobs>, sweep_tasks: Option<SweepTasks>) -> Self {
        Self { jobs, sweep_tasks }
    }

    /// Recovers, then clears away every hour, until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        // Between the two nothing is lost: both can be repeated, and are at the next start.
        let _stopped = stop.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        while let Err(error) = self.jobs.recover().await {
            warn!(%error, "jobs of the time before could not be taken up; trying again: {error}");
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            self.clear_away().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn clear_away(&self) {
        loop {
            match self.jobs.delete_expired().await {
                Ok(0) => break,
                Ok(deleted) => info!(deleted, "deleted {deleted} jobs whose time is over"),
                Err(error) => {
                    warn!(%error, "old jobs could not be deleted; trying again in an hour: {error}");
                    break;
                }
            }
        }
        let Some(sweep) = self.sweep_tasks.clone() else { return };
        match tokio::task::spawn_blocking(move || sweep()).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(swept)) => info!(swept, "deleted the output of {swept} old tasks"),
            Ok(Err(error)) => warn!(error, "the output of old tasks could not be deleted: {error}"),
        }
    }
}
