//! Backtest jobs, as whoever asks for them sees them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tradai_control_plane::Error;
use tradai_control_plane::jobs::{BacktestRequest, Jobs, Requester, Submitted};
use tradai_domain::jobs::{BacktestConfig, Collecting, JobRecord, JobStatus, TraceId, WorkflowType};
use tradai_domain::ports::{EventBus, EventSubscription, JobFilter, JobPage, PortError};
use tradai_domain::{ErrorKind, JobId};

use super::{CandleCollection, Catalogue, Checks, JobMetrics};

/// Takes backtests in and shows how they go. A job of another kind is not there, for this.
pub(crate) struct Backtests {
    jobs: Arc<Jobs>,
    events: Arc<dyn EventBus>,
    metrics: JobMetrics,
    catalogue: Arc<Catalogue>,
    collection: Arc<CandleCollection>,
    checks: Arc<Checks>,
}

/// Part of a list.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The jobs, the newest first.
    pub(crate) records: Vec<JobRecord>,
    /// The last of them, when there are more.
    pub(crate) more_before: Option<JobId>,
}

impl Backtests {
    pub(crate) fn new(
        jobs: Arc<Jobs>,
        events: Arc<dyn EventBus>,
        metrics: JobMetrics,
        catalogue: Arc<Catalogue>,
        collection: Arc<CandleCollection>,
        checks: Arc<Checks>,
    ) -> Self {
        Self { jobs, events, metrics, catalogue, collection, checks }
    }

    /// Returns what is asked for if it can run, as far as anybody knows: what [`Backtests::submit`] refuses, this names,
    /// without a job.
    pub(crate) async fn check(
        &self,
        request: &BacktestRequest,
        trace_id: Option<TraceId>,
    ) -> Result<BacktestConfig, Error> {
        let config = request.check()?;
        self.check_with_others(&config, trace_id).await?;
        Ok(config)
    }

    /// Returns what one job of a batch asks for if it would be taken in by itself.
    pub(crate) async fn check_for_batch(
        &self,
        request: &BacktestRequest,
        trace_id: Option<TraceId>,
    ) -> Result<BacktestConfig, Error> {
        let config = request.check()?;
        self.refuse_without_candles(&config)?;
        self.check_with_others(&config, trace_id).await?;
        Ok(config)
    }

    /// Counts jobs that were taken in with a batch.
    pub(crate) fn count_submitted(&self, jobs: usize) {
        (0..jobs).for_each(|_| self.metrics.submitted());
    }

    /// Refuses a job whose candles nobody can be asked for.
    fn refuse_without_candles(&self, config: &BacktestConfig) -> Result<(), Error> {
        if let (Some(_), Some(pause)) = (&config.exchange, self.collection.refuses()) {
            let away = "data-collection does not answer, and candles of an exchange need it";
            return Err(PortError::new(ErrorKind::Unavailable, away).retry_after(pause).into());
        }
        Ok(())
    }

    async fn check_with_others(
        &self,
        config: &BacktestConfig,
        trace_id: Option<TraceId>,
    ) -> Result<(), Error> {
        self.catalogue.check(&config.strategy, trace_id).await?;
        self.checks.check(config, trace_id).await
    }

    /// Takes a backtest in, if it can run, as far as anybody knows, and its candles can be asked for. A repeated request
    /// gets its job whatever has changed since.
    pub(crate) async fn submit(
        &self,
        request: &BacktestRequest,
        requester: &Requester,
    ) -> Result<Submitted, Error> {
        let config = request.check()?;
        if let Some(before) = self.jobs.recall(&config, requester).await? {
            return Ok(before);
        }
        self.refuse_without_candles(&config)?;
        self.check_with_others(&config, requester.trace_id).await?;
        let submitted = self.jobs.take_in(config, requester).await?;
        if !submitted.replayed {
            self.metrics.submitted();
        }
        Ok(submitted)
    }

    /// Returns a backtest.
    pub(crate) async fn get(&self, id: JobId) -> Result<Arc<JobRecord>, Error> {
        let record = self.jobs.get(id).await?;
        if record.workflow_type == WorkflowType::Backtest { Ok(record) } else { Err(Error::NoSuchJob { id }) }
    }

    /// Returns how far the candles of a backtest are, while they are collected.
    pub(crate) fn collecting(&self, id: JobId) -> Option<Collecting> {
        self.collection.of(id)
    }

    /// Returns what a backtest is asked to do.
    pub(crate) async fn config(&self, id: JobId) -> Result<BacktestConfig, Error> {
        self.jobs.config(id).await
    }

    /// Returns a backtest that is completed.
    pub(crate) async fn completed(&self, id: JobId) -> Result<Arc<JobRecord>, Error> {
        let record = self.get(id).await?;
        let status = record.status;
        if status == JobStatus::Completed { Ok(record) } else { Err(Error::NoResult { id, status }) }
    }

    /// Returns a backtest once it has ended, or as it stands after so long.
    pub(crate) async fn wait(&self, id: JobId, patience: Duration) -> Result<Arc<JobRecord>, Error> {
        if patience.is_zero() {
            return self.get(id).await;
        }
        // Before the look, so that an end between the two is heard.
        let after = self.events.newest().await?;
        let record = self.get(id).await?;
        if record.status.is_terminal() {
            return Ok(record);
        }
        let mut events = EventSubscription::new(self.events.clone(), Some(id), after);
        let ended = async {
            loop {
                events.next().await?;
                let record = self.get(id).await?;
                if record.status.is_terminal() {
                    return Ok(record);
                }
            }
        };
        match timeout(patience, ended).await {
            Ok(ended) => ended,
            Err(_) => self.get(id).await,
        }
    }

    /// Returns jobs that fit, the newest first.
    pub(crate) async fn list(&self, filter: &JobFilter, page: JobPage) -> Result<Listed, Error> {
        let records = self.jobs.list(filter, page).await?;
        let last = records.last().map(|record| record.job_id).filter(|_| records.len() == page.size());
        let more_before = match last {
            Some(last) => {
                let next = self.jobs.list(filter, JobPage { before: Some(last), limit: 1 }).await?;
                next.first().map(|_| last)
            }
            None => None,
        };
        Ok(Listed { records, more_before })
    }

    /// Cancels a backtest, wherever it stands.
    pub(crate) async fn cancel(&self, id: JobId, requester: &Requester) -> Result<JobRecord, Error> {
        self.get(id).await?;
        self.jobs.cancel(id, requester).await
    }

    /// Deletes a backtest that has ended, and its results.
    pub(crate) async fn delete(&self, id: JobId, requester: &Requester) -> Result<(), Error> {
        self.get(id).await?;
        self.jobs.delete(id, requester).await
    }
}
