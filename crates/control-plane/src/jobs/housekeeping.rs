//! Deleting what has had its time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tradai_domain::ports::{PortError, WorkflowRuns};
use tradai_domain::{Clock, ErrorKind, Millis};

use super::{Batches, Jobs};
use crate::configs::Configs;

/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a sweep may take: one that never ends would be the last.
const SWEEP_PATIENCE: Duration = Duration::from_secs(600);

/// Deletes what is kept of tasks that started before a moment and have ended, and returns their number.
pub type Sweep = Arc<dyn Fn(Millis) -> BoxFuture<'static, Result<usize, PortError>> + Send + Sync>;

/// When things are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HousekeepingSettings {
    /// How often.
    pub every: Duration,
    /// How long what is kept of tasks stays, from their start. Jobs and config versions say so themselves.
    pub keep_tasks: Duration,
    /// How long runs of workflows stay, from their end.
    pub keep_workflows: Duration,
}

impl Default for HousekeepingSettings {
    /// Every hour; seven days of both.
    fn default() -> Self {
        let week = Duration::from_secs(7 * 86_400);
        Self { every: Duration::from_secs(3_600), keep_tasks: week, keep_workflows: week }
    }
}

/// What one round deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Jobs, with all that was stored of them.
    pub jobs: usize,
    /// Batches, whose jobs go by themselves.
    pub batches: u64,
    /// Config versions.
    pub configs: u64,
    /// Tasks that had ended.
    pub tasks: usize,
    /// Runs of workflows.
    pub workflows: u64,
}

/// Deletes jobs, batches, config versions, runs of workflows and remains of tasks whose time is over. Any number of
/// processes may do so on one state: each thing is deleted once.
pub struct Housekeeping {
    jobs: Arc<Jobs>,
    batches: Option<Batches>,
    workflows: Option<Arc<dyn WorkflowRuns>>,
    configs: Configs,
    sweep: Option<Sweep>,
    clock: Arc<dyn Clock>,
    settings: HousekeepingSettings,
}

impl Housekeeping {
    /// Returns it; nothing is deleted before [`Housekeeping::run`]. Without `sweep` there are no tasks to sweep.
    #[must_use]
    pub fn new(
        jobs: Arc<Jobs>,
        configs: Configs,
        sweep: Option<Sweep>,
        clock: Arc<dyn Clock>,
        settings: HousekeepingSettings,
    ) -> Self {
        Self { jobs, batches: None, workflows: None, configs, sweep, clock, settings }
    }

    /// Deletes batches, too.
    #[must_use]
    pub fn with_batches(self, batches: Batches) -> Self {
        Self { batches: Some(batches), ..self }
    }

    /// Deletes runs of workflows, too.
    #[must_use]
    pub fn with_workflows(self, workflows: Arc<dyn WorkflowRuns>) -> Self {
        Self { workflows: Some(workflows), ..self }
    }

    /// Deletes at once and then at its interval, until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let every = Millis::try_from(self.settings.every.as_millis()).unwrap_or(Millis::MAX);
        let mut due = self.clock.now_ms();
        loop {
            let now = self.clock.now_ms();
            if now >= due {
                // What is left is found the next time.
                if stop.run_until_cancelled(self.tick()).await.is_none() {
                    return;
                }
                due = now.saturating_add(every);
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Deletes once. What cannot be deleted is said at warn and left for the next time.
    pub async fn tick(&self) -> Deleted {
        let HousekeepingSettings { keep_tasks, keep_workflows, .. } = self.settings;
        let sweep = async {
            match &self.sweep {
                Some(sweep) => sweep(self.ago(keep_tasks)).await,
                None => Ok(0),
            }
        };
        let workflows = async {
            match &self.workflows {
                Some(workflows) => workflows.delete_ended(self.ago(keep_workflows)).await,
                None => Ok(0),
            }
        };
        let batches = async {
            match &self.batches {
                Some(batches) => batches.delete_expired().await,
                None => Ok(0),
            }
        };
        // Who sweeps tasks may have to wait for a daemon.
        let (tasks, jobs, configs, batches, workflows) = tokio::join!(
            tokio::time::timeout(SWEEP_PATIENCE, sweep),
            self.jobs.delete_expired(),
            self.configs.delete_expired(),
            batches,
            workflows,
        );
        let tasks = tasks.unwrap_or_else(|_| {
            let late = format!("they were not swept in {} s", SWEEP_PATIENCE.as_secs());
            Err(PortError::new(ErrorKind::Unavailable, late))
        });
        let deleted = Deleted {
            batches: or_warn("batches", batches),
            jobs: or_warn("jobs", jobs),
            configs: or_warn("config versions", configs),
            tasks: or_warn("remains of tasks", tasks),
            workflows: or_warn("runs of workflows", workflows),
        };
        if deleted != Deleted::default() {
            let Deleted { jobs, batches, configs, tasks, workflows } = deleted;
            info!(
                jobs,
                batches,
                configs,
                tasks,
                workflows,
                "deleted {jobs} jobs, {batches} batches, {configs} config versions, {tasks} old tasks, \
                 {workflows} runs of workflows"
            );
        }
        deleted
    }

    /// Returns the moment that long ago.
    fn ago(&self, time: Duration) -> Millis {
        self.clock.now_ms().saturating_sub(Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX))
    }
}

/// Returns a number, or 0 and the reason in the log.
fn or_warn<T: Default, E: fmt::Display>(what: &str, deleted: Result<T, E>) -> T {
    deleted.unwrap_or_else(|error| {
        warn!(%error, "old {what} stay for now: {error}");
        T::default()
    })
}

impl fmt::Debug for Housekeeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Housekeeping").field("settings", &self.settings).finish_non_exhaustive()
    }
}
