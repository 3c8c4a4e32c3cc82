//! How far the engine is, told at a pace that slows nobody down.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use tradai_control_plane::jobs::{JobReports, Reported};
use tradai_domain::jobs::{JobChange, Progress};
use tradai_domain::{Clock, JobId};

use crate::Error;

/// The least time between two reports.
const PACE: Duration = Duration::from_millis(200);
/// How long a job goes without asking whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The engine's side: takes what it tells without waiting, and tells it when nobody wants the rest.
pub(super) struct Meter {
    progress: watch::Sender<Progress>,
    given_up: CancellationToken,
}

impl Meter {
    /// Returns both sides.
    pub(super) fn new(given_up: CancellationToken) -> (Self, watch::Receiver<Progress>) {
        let (progress, receiver) = watch::channel(Progress::NONE);
        (Self { progress, given_up }, receiver)
    }
}

impl tradai_engine::Progress for Meter {
    fn advance(&self, done: u64, total: u64) {
        let now = Progress::of(done, total);
        self.progress.send_if_modified(|known| {
            let moved = now > *known;
            *known = now.max(*known);
            moved
        });
    }

    fn is_stopped(&self) -> bool {
        self.given_up.is_cancelled()
    }
}

/// Reports progress, each thousandth at most once, until the job turns out to have ended; never returns otherwise. Cancel
/// safe.
pub(super) async fn follow(
    reports: &JobReports,
    id: JobId,
    mut progress: watch::Receiver<Progress>,
    clock: &dyn Clock,
) -> Error {
    loop {
        let change = match tokio::time::timeout(LOOK_EVERY, progress.changed()).await {
            Ok(Ok(())) => JobChange::progress(*progress.borrow_and_update(), clock.now_ms()),
            // The engine is done; its end is told by its thread.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => JobChange { at: clock.now_ms(), ..JobChange::default() },
        };
        match reports.report(id, change).await {
            Ok(Some(Reported { record, .. })) if record.status.is_terminal() => {
                return Error::Ended { id, status: record.status };
            }
            Ok(Some(_)) => {}
            Ok(None) => return Error::NoSuchJob { id },
            // The job does not depend on it, and the next report says more.
            Err(error) => warn!(%error, "progress was not reported: {error}"),
        }
        tokio::time::sleep(PACE).await;
    }
}
