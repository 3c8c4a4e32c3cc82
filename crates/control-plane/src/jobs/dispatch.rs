//! Handing a job over, and watching over it until it ends.

use std::sync::{Arc, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, info, info_span, warn};
use tradai_domain::jobs::{BacktestJobMessage, ExecutionId, JobChange, JobRecord, JobStatus};
use tradai_domain::ports::{PortError, TaskEnd};
use tradai_domain::{ErrorKind, JobId};

use super::executors::BacktestJobSubmitter;
use super::repeat::{persist, repeat};
use super::{Jobs, Reported};

/// What a program says last that gets no memory.
const NO_MEMORY: &str = "memory allocation of ";

impl Jobs {
    /// Hands a job over, in a task of its own; nothing happens to one that is in hand already. What it is asked to do
    /// is read again if it is not known here.
    ///
    /// Returns whether it was not in hand.
    pub(super) fn spawn_dispatch(
        self: &Arc<Self>,
        record: &JobRecord,
        message: Option<&BacktestJobMessage>,
    ) -> bool {
        let Some(executor) = self.executor.clone() else { return false };
        let span = info_span!("dispatch", job_id = %record.job_id, trace_id = %record.trace_id);
        let Some(hand) = self.take(record.job_id) else { return false };
        let is_ready = message.is_some_and(|message| !self.needs_preparation(message));
        let dispatch = async move { hand.jobs.dispatch(hand.id, executor, is_ready).await };
        self.tasks.spawn(dispatch.instrument(span));
        true
    }

    /// Watches over a job that somebody else handed over, in a task of its own. Returns whether it was not in hand.
    pub(super) fn spawn_watch(self: &Arc<Self>, record: &JobRecord, execution: ExecutionId) -> bool {
        let Some(executor) = self.executor.clone() else { return false };
        let span = info_span!("watch", job_id = %record.job_id, trace_id = %record.trace_id);
        let Some(hand) = self.take(record.job_id) else { return false };
        // It runs already; it takes a slot if one is free, so that not too many others start.
        let slot = self.slots.clone().try_acquire_owned().ok();
        let watch = async move { hand.jobs.watch(hand.id, executor.as_ref(), &execution, slot).await };
        self.tasks.spawn(watch.instrument(span));
        true
    }

    /// Takes a job in hand; `None` when it is.
    fn take(self: &Arc<Self>, id: JobId) -> Option<Hand> {
        let taken = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        taken.then(|| Hand { jobs: self.clone(), id })
    }

    pub(super) fn is_in_hand(&self, id: JobId) -> bool {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    async fn dispatch(&self, id: JobId, executor: Arc<dyn BacktestJobSubmitter>, is_ready: bool) {
        match self.take_turn(id, executor.as_ref(), is_ready).await {
            Ok(Some((execution, slot))) => {
                Box::pin(self.watch(id, executor.as_ref(), &execution, Some(slot))).await;
            }
            Ok(None) => {}
            // What failed last may work for whoever goes on.
            Err(error) if error.is_transient() && self.stopping.is_cancelled() => {}
            Err(error) => {
                let reason = format!("the job could not be handed over ({}): {error}", executor.mode());
                self.report_failure(id, reason).await;
            }
        }
    }

    /// Makes a job ready, waits for a slot, and hands the job over; `None` when there is nothing to watch over: it has
    /// ended, somebody else holds it by now, or this process stops, which leaves it pending for recovery.
    ///
    /// The slot comes last, so that nothing waits for candles that another job needs. Thousands may wait for one: what is
    /// done before and after is boxed, so that each occupies what waiting takes.
    async fn take_turn(
        &self,
        id: JobId,
        executor: &dyn BacktestJobSubmitter,
        is_ready: bool,
    ) -> Result<Option<(ExecutionId, OwnedSemaphorePermit)>, PortError> {
        if !is_ready && !Box::pin(self.make_ready(id)).await? {
            return Ok(None);
        }
        let slot = self.stopping.run_until_cancelled(self.slots.clone().acquire_owned()).await;
        let Some(Ok(slot)) = slot else { return Ok(None) };
        // A slot that becomes free because this process stops comes at the same moment, and wins.
        if self.stopping.is_cancelled() {
            return Ok(None);
        }
        Ok(Box::pin(self.hand_over(id, executor)).await?.map(|execution| (execution, slot)))
    }

    /// Hands a job over; `None` when there is nothing to watch over any more.
    async fn hand_over(
        &self,
        id: JobId,
        executor: &dyn BacktestJobSubmitter,
    ) -> Result<Option<ExecutionId>, PortError> {
        let message = self.message(id).await?;
        // An executor that is away for a while is no reason to let all the jobs that wait fail one after the other.
        let submit = || async {
            // It may have been cancelled or deleted while it waited.
            if !self.is_wanted(id).await? {
                return Ok(None);
            }
            executor.submit(&message).await.map(Some)
        };
        let Some(execution) = persist(&self.stopping, submit).await? else { return Ok(None) };
        let change = JobChange {
            at: self.ports.clock.now_ms(),
            execution_arn: Some(execution.clone()),
            ..JobChange::default()
        };
        let reported = persist(&self.stopping, || self.reports.report(id, change.clone())).await?;
        if reported.is_none_or(|Reported { record, .. }| record.status == JobStatus::Cancelled) {
            // Cancelled between the look and the start: whoever cancelled knew nothing to stop.
            repeat(|| executor.stop(&execution)).await?;
            return Ok(None);
        }
        Ok(Some(execution))
    }

    /// Makes ready what a job needs; false when it is not to be handed over. One that cannot be made ready fails; a
    /// process that stops leaves it pending, and recovery begins anew.
    ///
    /// It is looked first whether all is there, which has places of its own: who needs nothing but the look does not wait
    /// for candles of others, which may take hours.
    async fn make_ready(&self, id: JobId) -> Result<bool, PortError> {
        let Some(prepare) = &self.prepare else { return Ok(true) };
        if !self.is_wanted(id).await? {
            return Ok(false);
        }
        let message = self.message(id).await?;
        if !prepare.is_needed(&message) {
            return Ok(true);
        }
        let look = repeat(|| prepare.is_ready(&message));
        match self.in_place(id, &self.looking, look).await? {
            Some(false) => {}
            looked => return Ok(looked.is_some()),
        }
        let made = self.in_place(id, &self.preparing, repeat(|| prepare.prepare(&message))).await?;
        Ok(made.is_some())
    }

    /// Does something for a job once there is a place for it. `None` when the job is not to be handed over: it has ended,
    /// it cannot be done, which is why it fails, or this process stops.
    async fn in_place<T>(
        &self,
        id: JobId,
        places: &Semaphore,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<Option<T>, PortError> {
        let place = self.stopping.run_until_cancelled(places.acquire()).await;
        let Some(Ok(_place)) = place else { return Ok(None) };
        if !self.is_wanted(id).await? {
            return Ok(None);
        }
        tokio::select! {
            () = self.stopping.cancelled() => Ok(None),
            ended = self.ended(id) => ended.map(|()| None),
            done = work => match done {
                Ok(done) => Ok(Some(done)),
                Err(error) => {
                    self.report_failure(id, error.to_string()).await;
                    Ok(None)
                }
            },
        }
    }

    fn needs_preparation(&self, message: &BacktestJobMessage) -> bool {
        self.prepare.as_ref().is_some_and(|prepare| prepare.is_needed(message))
    }

    /// Returns what a job is asked to do.
    async fn message(&self, id: JobId) -> Result<BacktestJobMessage, PortError> {
        let message = persist(&self.stopping, || self.ports.jobs.message(id)).await?;
        let missing =
            "what the job is asked to do is not there, as where an older program took it in; submit it again";
        message.ok_or_else(|| PortError::new(ErrorKind::Data, missing))
    }

    /// Returns whether a job is there, has not ended, and is held by this process: one that was not heard of for too
    /// long finds that somebody else took its jobs up.
    async fn is_wanted(&self, id: JobId) -> Result<bool, PortError> {
        let record = persist(&self.stopping, || self.ports.jobs.get(id)).await?;
        if record.is_none_or(|record| record.status.is_terminal()) {
            return Ok(false);
        }
        let holder = persist(&self.stopping, || self.ports.jobs.holder(id)).await?;
        let is_ours = holder.as_ref() == Some(&self.settings.holder);
        if !is_ours {
            info!(job_id = %id, holder, "job {id} is somebody else's by now");
        }
        Ok(is_ours)
    }

    /// Returns once a job has ended, or is not there any more.
    async fn ended(&self, id: JobId) -> Result<(), PortError> {
        loop {
            let seen = persist(&self.stopping, || self.ports.events.newest()).await?;
            if !self.is_wanted(id).await? {
                return Ok(());
            }
            persist(&self.stopping, || self.ports.events.wait(seen)).await?;
        }
    }

    /// Waits for a job's program to end, however long nobody can tell, and reports its job failed if that did not report
    /// its own end.
    async fn watch(
        &self,
        id: JobId,
        executor: &dyn BacktestJobSubmitter,
        execution: &ExecutionId,
        slot: Option<OwnedSemaphorePermit>,
    ) {
        let waiting = persist(&self.stopping, || executor.wait(execution));
        let Some(end) = self.stopping.run_until_cancelled(waiting).await else { return };
        match end {
            Ok(Some(end)) => self.report_failure(id, unreported(&end)).await,
            Ok(None) => {}
            Err(error) => {
                warn!(%error, "nobody knows whether the job still runs; it is looked at again: {error}");
            }
        }
        drop(slot);
    }

    /// Reports a job failed, however long that cannot be stored; nothing happens to one that has ended.
    async fn report_failure(&self, id: JobId, reason: String) {
        let change = JobChange::failed(reason, self.ports.clock.now_ms());
        if let Err(error) = persist(&self.stopping, || self.reports.report(id, change.clone())).await {
            warn!(%error, job_id = %id, "a failed job could not be reported; whoever takes it up does: {error}");
        }
    }
}

/// A job that is in hand, until this is dropped.
struct Hand {
    jobs: Arc<Jobs>,
    id: JobId,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.jobs.in_hand.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Says how a program ended that did not say what came of it.
fn unreported(end: &TaskEnd) -> String {
    if end.is_success() {
        "the job's process ended without a result".to_owned()
    } else if end.reason.contains(NO_MEMORY) {
        format!(
            "the job's process {}; it took more memory than it may (BACKEND_JOB_MEMORY_MIB), or than there is: name \
             fewer pairs or a shorter time",
            end.reason
        )
    } else {
        format!("the job's process {}", end.reason)
    }
}
