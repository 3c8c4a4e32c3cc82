//! The use cases of who asks for jobs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;
use tradai_domain::jobs::{BacktestConfig, ChangeOutcome, ExecutionId, JobChange, JobRecord, JobStatus};
use tradai_domain::ports::{
    AuditEntry, AuditLog, BlobStore, EventBus, JobDeletion, JobFilter, JobPage, JobRepository, PortError,
    Quota,
};
use tradai_domain::{Clock, IdSource, JobId, Millis};

use super::artifacts;
use super::executors::BacktestJobSubmitter;
use super::{JobReports, Prepare, Requester};
use crate::{Audit, Error, audit};

/// Jobs that are made ready at the same time; more wait. What they wait for may take hours, so they have places of
/// their own beside the slots of jobs that run.
pub(super) const MAX_PREPARING: usize = 4;
/// Jobs of which it is looked at the same time whether all is there.
pub(super) const MAX_LOOKING: usize = 4;

/// For how long after its job's end a program may still be ending.
const STILL_ENDS_MS: Millis = 600_000;

/// What the use cases stand on.
#[derive(Clone)]
pub struct JobPorts {
    /// Where jobs are kept.
    pub jobs: Arc<dyn JobRepository>,
    /// Who is told of them.
    pub events: Arc<dyn EventBus>,
    /// Where their results are.
    pub blobs: Arc<dyn BlobStore>,
    /// Who did what.
    pub audit: Arc<dyn AuditLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdSource>,
}

/// How jobs are dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// The name under which this process holds jobs. Whoever takes its place has the same, and finds them at once; no two
    /// that live do, or each takes the other's jobs for its own.
    pub holder: String,
    /// Jobs that run at the same time where this process watches over them; more wait. At least one.
    pub parallel: usize,
    /// How many jobs may wait.
    pub quota: Quota,
    /// How long the record of a job is kept, from its making; for good without.
    pub keep_for: Option<Duration>,
}

impl Default for JobSettings {
    /// Two at a time; a thousand may wait of each who asks, five thousand of all; seven days; a holder without a name of
    /// its own.
    fn default() -> Self {
        Self {
            holder: "jobs".to_owned(),
            parallel: 2,
            quota: Quota { total: 5_000, each: 1_000 },
            keep_for: Some(Duration::from_secs(7 * 86_400)),
        }
    }
}

/// Takes jobs in and watches over them. Held as an `Arc`, in a tokio runtime.
pub struct Jobs {
    pub(super) ports: JobPorts,
    audit: Audit,
    pub(super) reports: JobReports,
    pub(super) executor: Option<Arc<dyn BacktestJobSubmitter>>,
    pub(super) prepare: Option<Arc<dyn Prepare>>,
    pub(super) settings: JobSettings,
    pub(super) slots: Arc<Semaphore>,
    pub(super) preparing: Semaphore,
    pub(super) looking: Semaphore,
    pub(super) tasks: TaskTracker,
    pub(super) stopping: CancellationToken,
    /// Jobs that a task of this process hands over or watches.
    pub(super) in_hand: Mutex<BTreeSet<JobId>>,
    /// Until when the last lease of this process lasts; 0 before the first.
    pub(super) held_until: AtomicI64,
}

impl Jobs {
    /// Returns the use cases. Without an executor jobs can be looked at, and none are taken.
    #[must_use]
    pub fn new(
        ports: JobPorts,
        executor: Option<Arc<dyn BacktestJobSubmitter>>,
        settings: JobSettings,
    ) -> Arc<Self> {
        Self::with_preparation(ports, executor, settings, None)
    }

    /// As [`Jobs::new`], with something that is done before a job is handed over.
    #[must_use]
    pub fn with_preparation(
        ports: JobPorts,
        executor: Option<Arc<dyn BacktestJobSubmitter>>,
        settings: JobSettings,
        prepare: Option<Arc<dyn Prepare>>,
    ) -> Arc<Self> {
        let reports = JobReports::new(ports.jobs.clone(), ports.events.clone(), ports.clock.clone());
        Arc::new(Self {
            audit: Audit::new(ports.audit.clone(), ports.clock.clone()),
            reports,
            executor,
            prepare,
            slots: Arc::new(Semaphore::new(settings.parallel.clamp(1, Semaphore::MAX_PERMITS))),
            settings,
            preparing: Semaphore::new(MAX_PREPARING),
            looking: Semaphore::new(MAX_LOOKING),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            in_hand: Mutex::default(),
            held_until: AtomicI64::new(0),
            ports,
        })
    }

    /// Returns what jobs report through.
    #[must_use]
    pub fn reports(&self) -> &JobReports {
        &self.reports
    }

    /// Returns a job.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::Port`].
    pub async fn get(&self, id: JobId) -> Result<Arc<JobRecord>, Error> {
        self.ports.jobs.get(id).await?.ok_or(Error::NoSuchJob { id })
    }

    /// Returns jobs that fit, the newest first.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn list(&self, filter: &JobFilter, page: JobPage) -> Result<Vec<JobRecord>, Error> {
        Ok(self.ports.jobs.list(filter, page).await?)
    }

    /// Returns what a job was asked to do.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::Port`].
    pub async fn config(&self, id: JobId) -> Result<BacktestConfig, Error> {
        let message = self.ports.jobs.message(id).await?;
        message.map(|message| message.config).ok_or(Error::NoSuchJob { id })
    }

    /// Returns where the results of a job are.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::NoResult`] for a job that did not complete; [`Error::Port`].
    pub async fn results(&self, id: JobId) -> Result<String, Error> {
        let record = self.get(id).await?;
        let status = record.status;
        let there = record.result_s3_path.as_ref().filter(|_| status == JobStatus::Completed);
        there.cloned().ok_or(Error::NoResult { id, status })
    }

    /// Cancels a job, wherever it stands, and stops whoever runs it. Repeating it stops again whoever was not stopped.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::JobEnded`] for a job that ended in another way; [`Error::Port`].
    pub async fn cancel(self: &Arc<Self>, id: JobId, requester: &Requester) -> Result<JobRecord, Error> {
        self.audit.note(requester, "job.cancel", id.to_string()).await?;
        let change = JobChange::status(JobStatus::Cancelled, self.ports.clock.now_ms());
        let reported = self.reports.report(id, change).await?.ok_or(Error::NoSuchJob { id })?;
        if let ChangeOutcome::Refused(_) = reported.outcome {
            return Err(Error::JobEnded { id, status: reported.record.status });
        }
        let record = reported.record;
        if let (Some(executor), Some(execution)) = (self.executor.clone(), record.execution_arn.clone()) {
            // Ending a process may take a while, and the status is what counts.
            self.tasks.spawn(async move {
                if let Err(error) = executor.stop(&execution).await {
                    warn!(%error, job_id = %id, "a cancelled job still runs; cancel it again: {error}");
                }
            });
        }
        Ok(record)
    }

    /// Deletes a job that has ended, and all that is stored of it.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::JobActive`]; [`Error::Port`].
    pub async fn delete(&self, id: JobId, requester: &Requester) -> Result<(), Error> {
        let record = self.get(id).await?;
        let status = record.status;
        if !status.is_terminal() {
            return Err(Error::JobActive { id, status });
        }
        self.audit.note(requester, "job.delete", id.to_string()).await?;
        match self.erase(&record).await? {
            JobDeletion::Deleted | JobDeletion::Absent => Ok(()),
            JobDeletion::Active(status) => Err(Error::JobActive { id, status }),
        }
    }

    /// Deletes every job whose time is over, and all that is stored of it. Returns how many there were. One that cannot
    /// be deleted is said at warn and found again the next time; so are those that are left when the process stops.
    ///
    /// # Errors
    /// [`Error::Port`] when the jobs cannot be listed; what was deleted stays so.
    pub async fn delete_expired(&self) -> Result<usize, Error> {
        let now = self.ports.clock.now_ms();
        let (mut deleted, mut after) = (0, None);
        loop {
            let records = self.ports.jobs.expired(now, after).await?;
            let Some(last) = records.last() else { return Ok(deleted) };
            after = Some(last.job_id);
            for record in &records {
                if self.stopping.is_cancelled() {
                    return Ok(deleted);
                }
                match self.erase(record).await {
                    Ok(JobDeletion::Deleted) => deleted += 1,
                    Ok(JobDeletion::Absent | JobDeletion::Active(_)) => {}
                    Err(error) => {
                        warn!(%error, job_id = %record.job_id, "an old job stays for now: {error}");
                    }
                }
            }
        }
    }

    /// Deletes what is stored of a job that has ended, and its record last: while that is there, the deletion can be
    /// repeated.
    async fn erase(&self, record: &JobRecord) -> Result<JobDeletion, PortError> {
        if let (Some(executor), Some(execution)) = (&self.executor, &record.execution_arn) {
            if let Err(error) = executor.forget(execution).await {
                // A daemon that is gone for good is no reason to keep a job.
                warn!(%error, job_id = %record.job_id, "what was kept of the job's program stays: {error}");
            }
            self.clean_up(record, executor.clone(), execution.clone());
        }
        artifacts::delete(self.ports.blobs.as_ref(), record.job_id).await?;
        self.ports.jobs.delete(record.job_id).await
    }

    /// Cleans up, in a task of its own, after a program that still ends while its job is deleted: nothing is forgotten of
    /// one that runs.
    fn clean_up(&self, record: &JobRecord, executor: Arc<dyn BacktestJobSubmitter>, execution: ExecutionId) {
        let (id, stopping) = (record.job_id, self.stopping.clone());
        let since = record.completed_at.map(|at| self.ports.clock.now_ms().saturating_sub(at));
        if since.is_some_and(|since| since > STILL_ENDS_MS) {
            return;
        }
        self.tasks.spawn(async move {
            let clean = async {
                executor.stop(&execution).await?;
                executor.wait(&execution).await?;
                executor.forget(&execution).await
            };
            if let Some(Err(error)) = stopping.run_until_cancelled(clean).await {
                warn!(%error, job_id = %id, "what was kept of the job's program stays: {error}");
            }
        });
    }

    /// Takes no more jobs and hands none over. Those that run go on, and whoever takes jobs up next finds all of them.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let until = self.held_until.load(Ordering::Relaxed);
        if until == 0 {
            return;
        }
        if let Err(error) = self.ports.jobs.let_go(&self.settings.holder, until).await {
            warn!(%error, "others wait for the jobs of this process until its lease is over: {error}");
        }
    }

    pub(super) fn entry(&self, requester: &Requester, action: &str, subject: String) -> AuditEntry {
        audit::entry(requester, action, subject, self.ports.clock.now_ms())
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs")
            .field("executor", &self.executor.as_ref().map(|executor| executor.mode()))
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
