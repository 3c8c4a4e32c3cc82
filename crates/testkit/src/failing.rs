//! An adapter that fails when a test wants it to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tradai_domain::jobs::{BacktestJobMessage, ChangeOutcome, JobChange, JobRecord};
use tradai_domain::ports::{
    Created, JobDeletion, JobFilter, JobPage, JobRepository, Lease, NewJob, PortError, RequestKey, TaskEnd,
    TaskHandle, TaskRunner, TaskSpec, TaskStatus,
};
use tradai_domain::{ErrorKind, JobId, Millis};

/// When a call fails, seen from the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before it has an effect.
    Before,
    /// After it had one: the answer is lost.
    After,
    /// The process dies before the call has an effect: it never returns.
    DeathBefore,
    /// The process dies after the call had its effect.
    DeathAfter,
}

/// Stands before a port and lets calls that change something fail, in the order in which faults were given.
#[derive(Debug, Default)]
pub struct Failing<P> {
    inner: P,
    faults: Mutex<VecDeque<Option<Fault>>>,
    dead: AtomicBool,
}

impl<P> Failing<P> {
    /// Returns a port that does not fail.
    pub fn new(inner: P) -> Self {
        Self { inner, faults: Mutex::default(), dead: AtomicBool::new(false) }
    }

    /// Returns what stands behind.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Lets the next changing calls go so: `None` goes well.
    pub fn next(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Returns whether a call came to the point at which its process dies.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Never returns, as a call of a process that was killed.
    async fn die<T>(&self) -> T {
        self.dead.store(true, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn change<T>(&self, call: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten();
        let refused = || Err(PortError::new(ErrorKind::Unavailable, "the storage is away"));
        match fault {
            None => call.await,
            Some(Fault::Before) => refused(),
            Some(Fault::After) => {
                call.await?;
                refused()
            }
            Some(Fault::DeathBefore) => self.die().await,
            Some(Fault::DeathAfter) => {
                call.await?;
                self.die().await
            }
        }
    }
}

#[async_trait]
impl<P: JobRepository> JobRepository for Failing<P> {
    async fn create(&self, job: &NewJob) -> Result<Created, PortError> {
        self.change(self.inner.create(job)).await
    }

    async fn recall(&self, key: &RequestKey, now: Millis) -> Result<Option<Created>, PortError> {
        self.inner.recall(key, now).await
    }

    async fn message(&self, id: JobId) -> Result<Option<BacktestJobMessage>, PortError> {
        self.inner.message(id).await
    }

    async fn get(&self, id: JobId) -> Result<Option<Arc<JobRecord>>, PortError> {
        self.inner.get(id).await
    }

    async fn get_many(&self, ids: &[JobId]) -> Result<Vec<JobRecord>, PortError> {
        self.inner.get_many(ids).await
    }

    async fn list(&self, filter: &JobFilter, page: JobPage) -> Result<Vec<JobRecord>, PortError> {
        self.inner.list(filter, page).await
    }

    async fn apply(
        &self,
        id: JobId,
        change: &JobChange,
    ) -> Result<Option<(JobRecord, ChangeOutcome)>, PortError> {
        self.change(self.inner.apply(id, change)).await
    }

    async fn take_up(&self, lease: &Lease) -> Result<Vec<JobId>, PortError> {
        self.inner.take_up(lease).await
    }

    async fn holder(&self, id: JobId) -> Result<Option<String>, PortError> {
        self.inner.holder(id).await
    }

    async fn let_go(&self, holder: &str, until: Millis) -> Result<(), PortError> {
        self.inner.let_go(holder, until).await
    }

    async fn delete(&self, id: JobId) -> Result<JobDeletion, PortError> {
        self.change(self.inner.delete(id)).await
    }

    async fn expired(&self, now: Millis, after: Option<JobId>) -> Result<Vec<JobRecord>, PortError> {
        self.inner.expired(now, after).await
    }
}

#[async_trait]
impl<P: TaskRunner> TaskRunner for Failing<P> {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        self.change(self.inner.start(task)).await
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        self.inner.status(task).await
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        self.inner.wait(task).await
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.change(self.inner.stop(task)).await
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.change(self.inner.forget(task)).await
    }
}
