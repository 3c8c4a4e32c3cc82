//! Runs the schedules when they are due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tradai_domain::{Clock, ErrorKind, JobId, Millis};

use super::{Collector, PriceKind, Schedule, Schedules, SyncJobs, SyncMode, SyncRequest};
use crate::Error;

/// How often the schedules and the clock are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What a schedule last did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRun {
    /// When it was due.
    pub due: Millis,
    /// The job it started.
    pub job_id: Option<JobId>,
    /// Why it started none.
    pub error: Option<String>,
}

/// Starts an incremental sync whenever a schedule is due.
///
/// What cannot start for now, because as many jobs run as may or the store cannot be reached, is tried again by every
/// later look. A time that passes while no scheduler runs is not made up for: the next run brings everything that is
/// newer than what is stored. Several services on one store each run the schedules; what the second would fetch is there by then.
pub struct Scheduler {
    collector: Collector,
    jobs: Arc<SyncJobs>,
    schedules: Schedules,
    clock: Arc<dyn Clock>,
    runs: Mutex<BTreeMap<String, ScheduleRun>>,
    /// When those were due that could not start for now, by name.
    waiting: Mutex<BTreeMap<String, Millis>>,
}

impl Scheduler {
    /// Returns a scheduler; nothing runs before [`Scheduler::run`].
    #[must_use]
    pub fn new(
        collector: Collector,
        jobs: Arc<SyncJobs>,
        schedules: Schedules,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { collector, jobs, schedules, clock, runs: Mutex::default(), waiting: Mutex::default() }
    }

    /// Returns what each schedule last did, by name.
    #[must_use]
    pub fn runs(&self) -> BTreeMap<String, ScheduleRun> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs schedules until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let mut since = self.clock.now_ms();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let now = self.clock.now_ms();
            if let Err(error) = self.tick(since, now).await {
                warn!(%error, "the schedules cannot be read: {error}");
                continue;
            }
            since = now.max(since);
        }
    }

    /// Starts what came due in `(since, now]`, and what came due earlier and could not start then. However often one
    /// came due, it is started once.
    ///
    /// # Errors
    /// When the schedules cannot be read; what they would have started is started by a later call.
    pub async fn tick(&self, since: Millis, now: Millis) -> Result<(), Error> {
        let book = self.schedules.load().await?;
        // Whoever is still in the way notes itself again; what was deleted or turned off is forgotten.
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for schedule in book.schedules.iter().filter(|schedule| schedule.enabled) {
            let due = waiting.get(&schedule.name).copied().unwrap_or_else(|| schedule.every.next(since));
            if due <= now {
                self.start(schedule, due).await;
            }
        }
        Ok(())
    }

    /// Returns whether what a schedule started last is still under way. Starting it again would bring nothing sooner.
    fn is_running(&self, schedule: &Schedule) -> bool {
        let last = self.runs().get(&schedule.name).and_then(|run| run.job_id);
        last.and_then(|id| self.jobs.find(id)).is_some_and(|job| !job.view().status.is_final())
    }

    async fn start(&self, schedule: &Schedule, due: Millis) {
        if self.is_running(schedule) {
            warn!("schedule {} is due, but what it started last is still under way", schedule.name);
            return;
        }
        let request = SyncRequest {
            exchange: schedule.exchange.clone(),
            symbols: schedule.symbols.clone(),
            timeframe: schedule.timeframe,
            price: PriceKind::Traded,
            start: schedule.start,
            end: None,
            mode: SyncMode::Incremental,
            recheck: false,
        };
        let started = match self.collector.plan(&request).await {
            Ok(plan) => self.jobs.submit(plan, format!("schedule-{}-{due}", schedule.name)),
            Err(error) => Err(error),
        };
        let run = match started {
            Ok(job) => {
                info!(job_id = %job.id, "schedule {} started sync job {}", schedule.name, job.id);
                ScheduleRun { due, job_id: Some(job.id), error: None }
            }
            Err(error) => {
                let run = ScheduleRun { due, job_id: None, error: Some(error.to_string()) };
                // Said once, not at every look.
                if self.runs().get(&schedule.name) != Some(&run) {
                    warn!(%error, "schedule {} could not start: {error}", schedule.name);
                }
                if error.kind() == ErrorKind::Unavailable {
                    let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.insert(schedule.name.clone(), due);
                }
                run
            }
        };
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(schedule.name.clone(), run);
    }
}
