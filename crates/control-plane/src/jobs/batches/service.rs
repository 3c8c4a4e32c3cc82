//! The use cases of batches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tracing::{info, warn};
use tradai_domain::jobs::{
    BacktestConfig, BatchCancellation, BatchChange, BatchId, BatchRecord, BatchState, JobRecord, JobStatus,
};
use tradai_domain::ports::{BatchRepository, CreatedBatch, NewBatch, PortError};
use tradai_domain::{ErrorKind, JobId, Millis};

use super::grid::{BatchPlace, BatchRequest};
use crate::jobs::recover::LEASE_MS;
use crate::jobs::{Jobs, Requester};
use crate::request_key::request_key;
use crate::{Error, audit};

/// Jobs of a batch that are taken in or cancelled at the same time.
const AT_A_TIME: usize = 8;
/// Characters that are kept of why a job could not be made.
const MAX_REASON: usize = 300;
/// Batches that are read at once.
const ROUND: usize = 50;

/// Takes batches in, shows, cancels and completes them. Clones share everything.
#[derive(Clone)]
pub struct Batches {
    jobs: Arc<Jobs>,
    batches: Arc<dyn BatchRepository>,
}

/// A batch that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmittedBatch {
    /// The batch as it stands.
    pub record: BatchRecord,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
}

/// A batch and its jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchView {
    /// The batch.
    pub record: BatchRecord,
    /// Its jobs in the order of the grid: what sets each apart, its id, and its record; `None` while it is not there, or
    /// not any more, or where it could not be made ([`BatchView::refusal`]).
    pub jobs: Vec<(BatchPlace, JobId, Option<JobRecord>)>,
}

impl Batches {
    /// Returns the use cases over those of jobs.
    #[must_use]
    pub fn new(jobs: Arc<Jobs>, batches: Arc<dyn BatchRepository>) -> Self {
        Self { jobs, batches }
    }

    /// Returns the batch that an earlier request with the same key made, and completes it if it has to be; `None` for a
    /// request that makes one.
    ///
    /// # Errors
    /// [`Error::KeyReused`]; [`Error::NoSuchBatch`] for a key whose batch was deleted; [`Error::Port`].
    pub async fn recall(
        &self,
        request: &BatchRequest,
        requester: &Requester,
    ) -> Result<Option<SubmittedBatch>, Error> {
        let Some(key) = request_key("batch.submit", requester, request)? else { return Ok(None) };
        match self.batches.recall(&key, self.jobs.ports.clock.now_ms()).await? {
            None | Some(CreatedBatch::New) => Ok(None),
            Some(other) => self.known(other).await.map(Some),
        }
    }

    /// Takes a batch in: stores it, whole or not at all, then takes in its jobs. `configs` are those of the request's
    /// cells, in their order, checked.
    ///
    /// # Errors
    /// Those of [`Batches::recall`]; [`Error::TooManyWaiting`] when not all of its jobs may wait; [`Error::NoExecutor`];
    /// [`Error::Stopping`]; [`Error::Port`].
    pub async fn take_in(
        &self,
        request: &BatchRequest,
        configs: Vec<BacktestConfig>,
        requester: &Requester,
    ) -> Result<SubmittedBatch, Error> {
        if self.jobs.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        if self.jobs.executor.is_none() {
            return Err(Error::NoExecutor);
        }
        let Some(strategy) = configs.first().map(|config| config.strategy.clone()) else {
            return Err(PortError::new(ErrorKind::Internal, "a batch without jobs").into());
        };
        let ports = &self.jobs.ports;
        let (now, next) = (ports.clock.now_ms(), || ports.ids.next(ports.clock.as_ref()));
        let id = BatchId(next());
        let record = BatchRecord {
            batch_id: id,
            name: request.name.clone(),
            strategy_name: strategy,
            jobs: configs.iter().map(|_| JobId(next())).collect(),
            state: BatchState::Submitting,
            created_at: now,
            created_by: requester.actor.clone(),
            via: requester.via.clone(),
            trace_id: requester.trace_id.unwrap_or_else(|| JobId(id.0).into()),
            ttl: self.jobs.ttl(now),
            cancellation: None,
            error: None,
            refused: BTreeMap::new(),
        };
        ports.audit.append(&audit::entry(requester, "batch.submit", id.to_string(), now)).await?;
        let new = NewBatch {
            record: record.clone(),
            request: serde_json::to_value(request).map_err(no_json)?,
            key: request_key("batch.submit", requester, request)?,
            quota: Some(self.jobs.settings.quota),
        };
        match self.batches.create(&new).await? {
            CreatedBatch::New => {
                info!(batch_id = %id, jobs = record.jobs.len(), "batch {id} was taken in");
                let record = self.submit_now(record, Some(configs)).await;
                Ok(SubmittedBatch { record, replayed: false })
            }
            other => self.known(other).await,
        }
    }

    /// Takes the jobs of a stored batch in, and returns it as it is then. What does not work now is done later: the batch
    /// is stored. Goes on when whoever asked does not wait for it. Without `configs` the jobs are those that are stored.
    async fn submit_now(&self, record: BatchRecord, configs: Option<Vec<BacktestConfig>>) -> BatchRecord {
        let (batches, stored) = (self.clone(), record.clone());
        let task = self.jobs.tasks.spawn(async move {
            match configs {
                Some(configs) => batches.submit(stored, configs.into_iter().map(Ok).collect()).await,
                None => batches.resume(stored).await,
            }
        });
        let id = record.batch_id;
        match task.await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => {
                warn!(%error, batch_id = %id, "jobs of a batch are taken in later: {error}");
                record
            }
            Err(error) => {
                warn!(%error, batch_id = %id, "jobs of a batch are taken in later");
                record
            }
        }
    }

    /// Takes the jobs of a batch in until somebody cancels it. A job that cannot be made, or whose config is none any
    /// more, is left out, and the batch says why; what may work later is an error.
    async fn submit(
        &self,
        record: BatchRecord,
        configs: Vec<Result<BacktestConfig, Error>>,
    ) -> Result<BatchRecord, Error> {
        let id = record.batch_id;
        let requester = Requester {
            actor: record.created_by.clone(),
            trace_id: Some(record.trace_id),
            via: record.via.clone(),
            idempotency_key: None,
        };
        let mut jobs = record.jobs.iter().copied().zip(configs);
        let (mut error, mut refused) = (None, BTreeMap::new());
        loop {
            let some: Vec<_> = jobs.by_ref().take(AT_A_TIME).collect();
            if some.is_empty() {
                break;
            }
            let now = self.batches.get(id).await?.ok_or_else(|| no_such(id))?;
            if now.state >= BatchState::Cancelling {
                break;
            }
            let taken = some.into_iter().map(|(job, config)| self.take_one_in(job, config, &requester));
            let taken: Vec<Option<(JobId, String)>> =
                stream::iter(taken).buffered(AT_A_TIME).try_collect().await?;
            for (job, reason) in taken.into_iter().flatten() {
                error.get_or_insert_with(|| reason.clone());
                refused.insert(job, reason);
            }
        }
        self.finish(id, error, refused).await
    }

    /// Takes in what is missing of a batch that is stored.
    async fn resume(&self, record: BatchRecord) -> Result<BatchRecord, Error> {
        let id = record.batch_id;
        match self.configs(&record).await {
            Ok(configs) => self.submit(record, configs).await,
            Err(error) if is_final(&error) => {
                warn!(%error, batch_id = %id, "jobs of a batch cannot be made: {error}");
                self.finish(id, Some(bounded(error.to_string())), BTreeMap::new()).await
            }
            Err(error) => Err(error),
        }
    }

    /// Takes one job of a batch in; returns it and why if it cannot be made.
    async fn take_one_in(
        &self,
        id: JobId,
        config: Result<BacktestConfig, Error>,
        requester: &Requester,
    ) -> Result<Option<(JobId, String)>, Error> {
        // Known by its id even when somebody deleted it: it is not made again.
        let requester = Requester { idempotency_key: Some(format!("batch {id}")), ..requester.clone() };
        let taken = match config {
            // Of a quota that was kept when the batch was stored.
            Ok(config) => self.jobs.take_in_as(id, config, &requester, None).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(_) | Err(Error::NoSuchJob { .. } | Error::KeyReused) => Ok(None),
            // A program that allowed more made it.
            Err(error) if is_final(&error) && self.jobs.ports.jobs.get(id).await?.is_none() => {
                warn!(%error, job_id = %id, "a job of a batch cannot be made: {error}");
                Ok(Some((id, bounded(error.to_string()))))
            }
            Err(error) if is_final(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that no more jobs of a batch are to be taken in.
    async fn finish(
        &self,
        id: BatchId,
        error: Option<String>,
        refused: BTreeMap<JobId, String>,
    ) -> Result<BatchRecord, Error> {
        let record = self.advance(id, &BatchChange::Submitted { error, refused }).await?;
        // Whoever cancelled it did not see those that were still to come.
        if record.state >= BatchState::Cancelling { self.cancel_rest(record).await } else { Ok(record) }
    }

    async fn advance(&self, id: BatchId, change: &BatchChange) -> Result<BatchRecord, Error> {
        self.batches.advance(id, change).await?.ok_or_else(|| no_such(id))
    }

    /// Returns the batch that was there, or why there is none.
    async fn known(&self, created: CreatedBatch) -> Result<SubmittedBatch, Error> {
        match created {
            CreatedBatch::Before(record) if record.state == BatchState::Submitting => {
                let record = self.submit_now(*record, None).await;
                Ok(SubmittedBatch { record, replayed: true })
            }
            CreatedBatch::Before(record) => Ok(SubmittedBatch { record: *record, replayed: true }),
            CreatedBatch::Deleted(id) => Err(no_such(id)),
            CreatedBatch::OtherRequest => Err(Error::KeyReused),
            CreatedBatch::TooMany => Err(self.jobs.too_many_waiting()),
            CreatedBatch::TooManyOfActor => Err(self.jobs.too_many_waiting_of_actor()),
            CreatedBatch::New => {
                Err(PortError::new(ErrorKind::Internal, "a batch that is new was there before").into())
            }
        }
    }

    async fn request(&self, id: BatchId) -> Result<BatchRequest, Error> {
        let request = self.batches.request(id).await?.ok_or_else(|| no_such(id))?;
        serde_json::from_value(request).map_err(damaged)
    }

    async fn places(&self, id: BatchId) -> Result<Vec<BatchPlace>, Error> {
        self.request(id).await?.places().map_err(damaged)
    }

    /// Returns the configs of a batch's jobs, in the order of the grid, or why a job cannot have one any more.
    async fn configs(&self, record: &BatchRecord) -> Result<Vec<Result<BacktestConfig, Error>>, Error> {
        let cells = self.request(record.batch_id).await?.cells().map_err(damaged)?;
        Ok(cells.iter().map(|cell| cell.request.check()).collect())
    }

    /// Takes in what is missing of the batches whose making was cut short, and cancels what is left of those that are
    /// cancelled; to be called from time to time. Those of the last seconds are in the hands of whoever was asked for
    /// them. Returns how many batches were completed; one that cannot be yet is said at warn and found again.
    ///
    /// # Errors
    /// [`Error::Port`] when the batches cannot be read.
    pub async fn complete(&self) -> Result<usize, Error> {
        let (mut completed, mut after) = (0, None);
        loop {
            let records = self.batches.unfinished(after, ROUND).await?;
            let Some(last) = records.last() else { return Ok(completed) };
            after = Some(last.batch_id);
            for record in records {
                if self.jobs.stopping.is_cancelled() {
                    return Ok(completed);
                }
                let id = record.batch_id;
                match self.complete_one(record).await {
                    Ok(is_done) => completed += usize::from(is_done),
                    Err(error) => warn!(%error, batch_id = %id, "a batch is not complete yet: {error}"),
                }
            }
        }
    }

    /// Returns whether nothing is left to be done.
    async fn complete_one(&self, record: BatchRecord) -> Result<bool, Error> {
        let done = match record.state {
            BatchState::Cancelling => self.cancel_rest(record).await?,
            _ if self.jobs.executor.is_none() || self.is_recent(record.created_at) => return Ok(false),
            _ => self.resume(record).await?,
        };
        Ok(matches!(done.state, BatchState::Submitted | BatchState::Cancelled))
    }

    /// Returns whether a process that did something then may still be at it.
    fn is_recent(&self, at: Millis) -> bool {
        self.jobs.ports.clock.now_ms().saturating_sub(at) < LEASE_MS
    }

    /// Returns a batch and its jobs.
    ///
    /// # Errors
    /// [`Error::NoSuchBatch`]; [`Error::Port`].
    pub async fn get(&self, id: BatchId) -> Result<BatchView, Error> {
        let record = self.batches.get(id).await?.ok_or_else(|| no_such(id))?;
        let places = self.places(id).await?;
        let mut records = self.records(&record).await?;
        let jobs = record.jobs.iter().zip(places).map(|(id, place)| (place, *id, records.remove(id)));
        Ok(BatchView { jobs: jobs.collect(), record })
    }

    async fn records(&self, batch: &BatchRecord) -> Result<BTreeMap<JobId, JobRecord>, Error> {
        let records = self.jobs.ports.jobs.get_many(&batch.jobs).await?;
        Ok(records.into_iter().map(|record| (record.job_id, record)).collect())
    }

    /// Returns batches with ids below `before`, the newest first.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn list(&self, before: Option<BatchId>, limit: usize) -> Result<Vec<BatchRecord>, Error> {
        Ok(self.batches.list(before, limit).await?)
    }

    /// Cancels a batch: what has not ended of it, also when whoever asks does not wait. What does not work now is done
    /// later: the batch is cancelling. Repeating it changes nothing more.
    ///
    /// # Errors
    /// [`Error::NoSuchBatch`]; [`Error::Port`].
    pub async fn cancel(&self, id: BatchId, requester: &Requester) -> Result<BatchView, Error> {
        let ports = &self.jobs.ports;
        let at = ports.clock.now_ms();
        ports.audit.append(&audit::entry(requester, "batch.cancel", id.to_string(), at)).await?;
        let cancellation = BatchCancellation {
            by: requester.actor.clone(),
            via: requester.via.clone(),
            trace_id: requester.trace_id,
            at,
        };
        let record = self.advance(id, &BatchChange::Cancelling(cancellation)).await?;
        let batches = self.clone();
        let task = self.jobs.tasks.spawn(async move { batches.cancel_rest(record).await });
        match task.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                warn!(%error, batch_id = %id, "jobs of a batch are cancelled later: {error}");
            }
            Err(error) => warn!(%error, batch_id = %id, "jobs of a batch are cancelled later"),
        }
        self.get(id).await
    }

    /// Cancels what is there of a batch that is cancelled, in the name of whoever did so.
    async fn cancel_rest(&self, record: BatchRecord) -> Result<BatchRecord, Error> {
        let Some(cancellation) = record.cancellation.clone() else { return Ok(record) };
        let requester = Requester {
            actor: cancellation.by,
            trace_id: cancellation.trace_id,
            via: cancellation.via,
            idempotency_key: None,
        };
        let records = self.records(&record).await?;
        let is_whole = records.len() == record.jobs.len();
        self.cancel_jobs(records, &requester).await?;
        // Whoever takes jobs in sees that it is to stop, and may just have been at one.
        if !is_whole && self.is_recent(cancellation.at) {
            return Ok(record);
        }
        self.advance(record.batch_id, &BatchChange::Cancelled).await
    }

    async fn cancel_jobs(
        &self,
        records: BTreeMap<JobId, JobRecord>,
        requester: &Requester,
    ) -> Result<(), Error> {
        let open = records.into_values().filter(|record| !record.status.is_terminal());
        let cancel = |record: JobRecord| async move {
            match self.jobs.cancel(record.job_id, requester).await {
                // It ended, or was deleted, while the others were cancelled.
                Ok(_) | Err(Error::JobEnded { .. } | Error::NoSuchJob { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        stream::iter(open.map(cancel)).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// Deletes the batches whose time is over, and returns how many there were. Their jobs go by themselves.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn delete_expired(&self) -> Result<u64, Error> {
        Ok(self.batches.delete_expired(self.jobs.ports.clock.now_ms()).await?)
    }
}

impl BatchView {
    /// Returns how many jobs stand somewhere.
    #[must_use]
    pub fn count(&self, status: JobStatus) -> usize {
        self.jobs.iter().filter(|(_, _, job)| job.as_ref().is_some_and(|job| job.status == status)).count()
    }

    /// Returns why a job could not be made, if it could not.
    #[must_use]
    pub fn refusal(&self, id: JobId) -> Option<&str> {
        self.record.refused.get(&id).map(String::as_str)
    }

    /// Returns how many jobs could not be made.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.not_there().filter(|id| self.refusal(*id).is_some()).count()
    }

    /// Returns how many jobs are not there, and could be made: still to be taken in, or deleted.
    #[must_use]
    pub fn absent(&self) -> usize {
        self.not_there().filter(|id| self.refusal(*id).is_none()).count()
    }

    fn not_there(&self) -> impl Iterator<Item = JobId> {
        self.jobs.iter().filter(|(_, _, job)| job.is_none()).map(|(_, id, _)| *id)
    }
}

/// Returns whether trying again cannot help.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Data)
}

/// Cuts a reason off that is long: each of 200 jobs may have one.
fn bounded(reason: String) -> String {
    match reason.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}

fn no_such(id: BatchId) -> Error {
    Error::NoSuchBatch { id }
}

fn damaged(problem: impl fmt::Display) -> Error {
    Error::Damaged { what: "the request of a batch", problem: problem.to_string() }
}

fn no_json(error: impl fmt::Display) -> PortError {
    PortError::new(ErrorKind::Internal, format!("the batch has no JSON: {error}"))
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_cut_off_between_characters() {
        let long = "é".repeat(MAX_REASON + 1);
        assert_eq!(bounded(long), format!("{}…", "é".repeat(MAX_REASON)));
        let short = "é".repeat(MAX_REASON);
        assert_eq!(bounded(short.clone()), short);
    }
}
