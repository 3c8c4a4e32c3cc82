//! Syncs that take longer than somebody wants to wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span};
use tradai_domain::{Clock, IdSource, JobId, Millis};

use super::{Collector, SeriesState, SyncPlan, SyncProgress, SyncResult};
use crate::Error;

/// How many jobs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLimits {
    /// Jobs that may be under way at the same time; more are refused.
    pub active: usize,
    /// Ended jobs that are remembered; the oldest are forgotten first.
    pub kept: usize,
    /// How long an ended job is remembered.
    pub kept_for: Duration,
}

impl Default for JobLimits {
    /// 16 under way; 200 ended ones for a day.
    fn default() -> Self {
        Self { active: 16, kept: 200, kept_for: Duration::from_secs(24 * 3_600) }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// It is under way.
    Running,
    /// It ended; series that failed are in the result.
    Completed,
    /// It ended, and not one series was collected.
    Failed,
    /// It was stopped before its end.
    Cancelled,
}

impl JobStatus {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns whether nothing more will happen.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::Running
    }

    fn of(result: &SyncResult) -> Self {
        let any = |state| result.series.iter().any(|series| series.state == state);
        if any(SeriesState::Cancelled) {
            Self::Cancelled
        } else if any(SeriesState::Done) || result.series.is_empty() {
            Self::Completed
        } else {
            Self::Failed
        }
    }
}

/// One sync under way, or ended.
#[derive(Debug)]
pub struct SyncJob {
    /// Its id.
    pub id: JobId,
    /// What it is traced by.
    pub trace_id: String,
    /// When it was accepted, which is when it began.
    pub created: Millis,
    /// What it collects.
    pub plan: SyncPlan,
    progress: SyncProgress,
    cancel: CancellationToken,
    ended: CancellationToken,
    end: Mutex<Option<(Millis, JobStatus)>>,
}

/// A job as it stands at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncJobView {
    /// Its status.
    pub status: JobStatus,
    /// When it ended.
    pub ended: Option<Millis>,
    /// What it came to so far.
    pub result: SyncResult,
}

impl SyncJob {
    /// Returns how it stands.
    #[must_use]
    pub fn view(&self) -> SyncJobView {
        // The end first: whoever sees it also sees everything before it.
        let end = *self.end.lock().unwrap_or_else(PoisonError::into_inner);
        SyncJobView {
            status: end.map_or(JobStatus::Running, |(_, status)| status),
            ended: end.map(|(at, _)| at),
            result: SyncResult::of(&self.plan, &self.progress),
        }
    }

    /// Asks it to stop; what it has fetched is committed first. Idempotent.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits until it has ended. Cancel safe.
    pub async fn wait(&self) {
        self.ended.cancelled().await;
    }

    fn finish(&self, at: Millis, status: JobStatus) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, status));
        self.ended.cancel();
    }
}

/// Is told of every job that ended.
type OnEnd = Box<dyn Fn(&SyncJobView) + Send + Sync>;

/// Runs sync jobs and remembers them. In memory: a job that dies with the process is asked for again, and its
/// successor fetches what is missing.
pub struct SyncJobs {
    collector: Collector,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: JobLimits,
    jobs: Mutex<BTreeMap<JobId, Arc<SyncJob>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    on_end: Option<OnEnd>,
}

impl SyncJobs {
    /// Returns a registry without jobs.
    #[must_use]
    pub fn new(
        collector: Collector,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        limits: JobLimits,
    ) -> Self {
        Self {
            collector,
            clock,
            ids,
            limits,
            jobs: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            on_end: None,
        }
    }

    /// Tells somebody of every job that ends, such as who counts them.
    #[must_use]
    pub fn on_end(self, tell: impl Fn(&SyncJobView) + Send + Sync + 'static) -> Self {
        Self { on_end: Some(Box::new(tell)), ..self }
    }

    /// Starts a job. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::TooManyJobs`]; [`Error::Stopping`].
    pub fn submit(self: &Arc<Self>, plan: SyncPlan, trace_id: String) -> Result<Arc<SyncJob>, Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Stopping);
        }
        let created = self.clock.now_ms();
        let job = Arc::new(SyncJob {
            id: JobId(self.ids.next(self.clock.as_ref())),
            trace_id,
            created,
            progress: SyncProgress::new(&plan),
            plan,
            cancel: self.stop.child_token(),
            ended: CancellationToken::new(),
            end: Mutex::new(None),
        });
        {
            let mut jobs = self.lock();
            self.forget_old(&mut jobs, created);
            let active = jobs.values().filter(|job| !job.ended.is_cancelled()).count();
            if active >= self.limits.active {
                return Err(Error::TooManyJobs { limit: self.limits.active });
            }
            jobs.insert(job.id, job.clone());
        }
        let span = info_span!("sync", job_id = %job.id, trace_id = %job.trace_id);
        self.tasks.spawn(self.clone().run(job.clone()).instrument(span));
        Ok(job)
    }

    async fn run(self: Arc<Self>, job: Arc<SyncJob>) {
        // Ends the job even if collecting panics: somebody may be waiting for it.
        let ending = EndOnDrop { job: &job, clock: self.clock.as_ref() };
        let result = self.collector.sync(&job.plan, &job.progress, &job.cancel).await;
        let status = JobStatus::of(&result);
        job.finish(self.clock.now_ms(), status);
        drop(ending);
        if let Some(tell) = &self.on_end {
            tell(&job.view());
        }
        info!(job_id = %job.id, "sync job {} {}", job.id, status.as_str());
    }

    /// Returns a job, or `None` when there is none of this id, or not any more.
    #[must_use]
    pub fn find(&self, id: JobId) -> Option<Arc<SyncJob>> {
        self.lock().get(&id).cloned()
    }

    /// Returns the jobs that are remembered, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<SyncJob>> {
        self.lock().values().rev().cloned().collect()
    }

    /// Cancels every job, refuses new ones, and waits until all have committed what they fetched. Cancel safe.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn forget_old(&self, jobs: &mut BTreeMap<JobId, Arc<SyncJob>>, now: Millis) {
        let kept_for = i64::try_from(self.limits.kept_for.as_millis()).unwrap_or(i64::MAX);
        let end_of = |job: &SyncJob| *job.end.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|_, job| end_of(job).is_none_or(|(at, _)| now.saturating_sub(at) < kept_for));
        // Ids sort by the time they were made.
        let ended: Vec<JobId> = jobs.values().filter(|job| end_of(job).is_some()).map(|job| job.id).collect();
        for id in ended.iter().take(ended.len().saturating_sub(self.limits.kept)) {
            jobs.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, Arc<SyncJob>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks a job that never reached its end as failed.
struct EndOnDrop<'a> {
    job: &'a SyncJob,
    clock: &'a dyn Clock,
}

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if !self.job.ended.is_cancelled() {
            self.job.finish(self.clock.now_ms(), JobStatus::Failed);
        }
    }
}
