//! What who runs a job says of it.

use std::fmt;
use std::sync::Arc;

use tracing::{info, warn};
use tradai_domain::jobs::{BacktestJobMessage, ChangeOutcome, Collecting, JobChange, JobEvent, JobRecord};
use tradai_domain::ports::{EventBus, JobRepository, PortError};
use tradai_domain::{Clock, JobId, Millis};

use super::repeat::repeat;

/// Takes reports of jobs: stores what the job's law allows, and tells what is new.
///
/// A job's own process reports, and so do a workflow and whoever watches over the process: the same report may come
/// from all of them, late and in any order.
#[derive(Clone)]
pub struct JobReports {
    jobs: Arc<dyn JobRepository>,
    events: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The job as it stands. Whoever runs a job that has ended by now stops.
    pub record: JobRecord,
    /// What the report changed.
    pub outcome: ChangeOutcome,
}

impl Reported {
    /// Returns whether the job stands elsewhere because of the report.
    #[must_use]
    pub fn updated(&self) -> bool {
        matches!(&self.outcome, ChangeOutcome::Applied { steps, .. } if !steps.is_empty())
    }
}

impl JobReports {
    /// Returns what reports go through.
    #[must_use]
    pub fn new(jobs: Arc<dyn JobRepository>, events: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> Self {
        Self { jobs, events, clock }
    }

    /// Takes a report in; `None` when there is no such job. A report that comes too late changes nothing and is no
    /// error: see [`Reported::updated`].
    ///
    /// # Errors
    /// [`PortError`] when it could not be stored; repeating it is safe.
    pub async fn report(&self, id: JobId, change: JobChange) -> Result<Option<Reported>, PortError> {
        let Some((record, outcome)) = self.jobs.apply(id, &change).await? else { return Ok(None) };
        match &outcome {
            ChangeOutcome::Refused(refused) => {
                info!(job_id = %id, trace_id = %record.trace_id, "a report came too late: {refused}");
                // Whoever ended the job may have died before it told.
                self.announce(&record, 0).await;
            }
            ChangeOutcome::Applied { steps, changed } => {
                for step in steps {
                    info!(job_id = %id, trace_id = %record.trace_id, "job {id} is {}", step.new);
                }
                if change.status.is_some() {
                    self.announce(&record, steps.len()).await;
                } else if *changed && change.progress.is_some() {
                    self.publish(&JobEvent::progressed(&record, self.clock.now_ms())).await;
                }
            }
        }
        Ok(Some(Reported { record, outcome }))
    }

    /// Tells how far the candles of a job are. Told once for each state; what cannot be told holds up nothing.
    pub async fn collecting(&self, job: &BacktestJobMessage, collecting: Collecting) {
        let now = self.clock.now_ms();
        self.publish(&JobEvent::collecting(job.job_id, job.trace_id, collecting, now)).await;
    }

    /// As [`JobReports::report`], repeated a few times where it may work later. For reports that decide what becomes of
    /// a job.
    ///
    /// # Errors
    /// Those of [`JobReports::report`].
    pub async fn insist(&self, id: JobId, change: JobChange) -> Result<Option<Reported>, PortError> {
        repeat(|| self.report(id, change.clone())).await
    }

    /// Tells a job's history since it was taken in, of which the last `fresh` events happened just now. What was told
    /// before is not told again, also if the bus has forgotten it: whoever acts on a failure acts once. So an event that
    /// a process which died did not tell comes with the next report, or with recovery.
    pub(super) async fn announce(&self, record: &JobRecord, fresh: usize) {
        let history = JobEvent::history(record);
        let earlier = history.len().saturating_sub(fresh);
        let since = match self.events.remembered_since().await {
            Ok(since) => since,
            Err(error) => {
                warn!(%error, job_id = %record.job_id, "a job's earlier events are not told: {error}");
                Some(Millis::MAX)
            }
        };
        // That it was taken in was told in the same step.
        for (at, event) in history.iter().enumerate().skip(1) {
            if at >= earlier || since.is_none_or(|since| event.at > since) {
                self.publish(event).await;
            }
        }
    }

    /// An event that cannot be told holds up nothing: the record is what counts.
    async fn publish(&self, event: &JobEvent) {
        if let Err(error) = self.events.publish(event).await {
            warn!(%error, job_id = %event.job_id, "an event of a job was not told: {error}");
        }
    }
}

impl fmt::Debug for JobReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobReports")
    }
}
