//! Taking up jobs: those that nobody living holds, and those that this process lost sight of.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::info;
use tradai_domain::jobs::WorkflowType;
use tradai_domain::ports::{JobFilter, JobPage, Lease, MAX_PAGE};
use tradai_domain::{JobId, Millis};

use super::Jobs;
use super::executors::BacktestJobSubmitter;
use crate::Error;

/// How long a process counts as alive that says nothing. Clocks of machines that share a state may differ by as much as
/// is left of it after a few times [`Jobs::TAKE_UP_EVERY`].
pub(super) const LEASE_MS: Millis = 20_000;

/// What recovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Jobs that had been handed over, and are watched over again.
    pub watched: usize,
    /// Jobs that had not, or nobody noted it, and are handed over now.
    pub handed_over: usize,
}

impl Jobs {
    /// How often [`Jobs::take_up`] is to be called, so that this process counts as alive.
    pub const TAKE_UP_EVERY: Duration = Duration::from_secs(5);

    /// Takes up every job that is to be taken up, and tells what was not told of the newest jobs; to be called once, when
    /// a process starts.
    ///
    /// # Errors
    /// [`Error::Port`] when the jobs cannot be read.
    pub async fn recover(self: &Arc<Self>) -> Result<Recovered, Error> {
        let recovered = self.take_up().await?;
        for record in self.list(&JobFilter::default(), JobPage::first(MAX_PAGE)).await? {
            self.reports.announce(&record, 0).await;
        }
        Ok(recovered)
    }

    /// Says that this process lives, and takes up every job that has not ended and that nobody else who lives holds: those
    /// of its own name that it has not in hand, and those of the dead. A job whose process is gone ends failed, one that
    /// was never handed over is. What is in hand already is let be, and so is what was handed over to whom nobody here
    /// watches, so that this may be repeated for ever.
    ///
    /// Any number of processes may do this at once: one of them gets a job. Should one that was taken for dead go on, then
    /// handing over is still idempotent, and so is reporting.
    ///
    /// # Errors
    /// [`Error::Port`] when the jobs cannot be read.
    pub async fn take_up(self: &Arc<Self>) -> Result<Recovered, Error> {
        let mut recovered = Recovered::default();
        // Who cannot hand jobs over keeps them from nobody.
        let Some(executor) = self.executor.as_ref().filter(|_| !self.stopping.is_cancelled()) else {
            return Ok(recovered);
        };
        let now = self.ports.clock.now_ms();
        let lease = Lease {
            holder: self.settings.holder.clone(),
            // There is nothing here that could run another kind.
            workflow_type: WorkflowType::Backtest,
            now,
            until: now.saturating_add(LEASE_MS),
        };
        let ids = self.ports.jobs.take_up(&lease).await?;
        self.held_until.store(lease.until, Ordering::Relaxed);
        for id in ids {
            if !self.is_in_hand(id) {
                self.take_one_up(id, executor.as_ref(), &mut recovered).await?;
            }
        }
        let Recovered { watched, handed_over } = recovered;
        if recovered != Recovered::default() {
            info!(
                watched,
                handed_over, "{watched} jobs are watched over again, {handed_over} are handed over"
            );
        }
        Ok(recovered)
    }

    async fn take_one_up(
        self: &Arc<Self>,
        id: JobId,
        executor: &dyn BacktestJobSubmitter,
        recovered: &mut Recovered,
    ) -> Result<(), Error> {
        let Some(record) = self.ports.jobs.get(id).await? else { return Ok(()) };
        if record.status.is_terminal() {
            return Ok(());
        }
        match record.execution_arn.clone() {
            None => recovered.handed_over += usize::from(self.spawn_dispatch(&record, None)),
            Some(execution) if executor.watches() => {
                recovered.watched += usize::from(self.spawn_watch(&record, execution));
            }
            Some(_) => {}
        }
        Ok(())
    }
}
