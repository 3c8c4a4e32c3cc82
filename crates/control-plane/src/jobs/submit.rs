//! Taking a job in.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage, JobRecord, JobStatus, TraceId, WorkflowType};
use tradai_domain::ports::{Created, NewJob, PortError, Quota};
use tradai_domain::{ErrorKind, JobId, Millis};

use super::{BacktestRequest, Jobs, check_size};
use crate::Error;
use crate::request_key::request_key;

/// What a submission is called in the audit log and in keys.
const ACTION: &str = "job.submit";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requester {
    /// The name that a key or token belongs to.
    pub actor: String,
    /// The trace that the request belongs to; a job without one begins its own.
    pub trace_id: Option<TraceId>,
    /// What a repeated request is recognised by.
    pub idempotency_key: Option<String>,
    /// The service that asks for them, where they do not ask themselves.
    pub via: Option<String>,
}

/// A job that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The job as it stands.
    pub record: JobRecord,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
}

impl Jobs {
    /// Takes a backtest in that is not checked yet: see [`Jobs::take_in`].
    ///
    /// # Errors
    /// [`Error::Request`] with every value that is not allowed; those of [`Jobs::take_in`].
    pub async fn submit(
        self: &Arc<Self>,
        request: &BacktestRequest,
        requester: &Requester,
    ) -> Result<Submitted, Error> {
        self.take_in(request.check()?, requester).await
    }

    /// Takes a backtest in: stores it and all that belongs to it in one step, and returns before it is run. It is
    /// handed over in a task of its own; what goes wrong there is in the record.
    ///
    /// A request whose key was used before by the same actor for the same backtest gets that job, also when the answer
    /// to the first one got lost.
    ///
    /// # Errors
    /// [`Error::KeyReused`]; [`Error::NoSuchJob`] for a key whose job was deleted; [`Error::Request`] for more than one
    /// backtest may ask for; [`Error::TooManyWaiting`]; [`Error::NoExecutor`]; [`Error::Stopping`]; [`Error::Port`].
    pub async fn take_in(
        self: &Arc<Self>,
        config: BacktestConfig,
        requester: &Requester,
    ) -> Result<Submitted, Error> {
        let id = JobId(self.ports.ids.next(self.ports.clock.as_ref()));
        self.take_in_as(id, config, requester, Some(self.settings.quota)).await
    }

    /// As [`Jobs::take_in`], under an id that was given to it before, and with another quota or none. An id that is there
    /// already is the job.
    pub(super) async fn take_in_as(
        self: &Arc<Self>,
        id: JobId,
        config: BacktestConfig,
        requester: &Requester,
        quota: Option<Quota>,
    ) -> Result<Submitted, Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        if self.executor.is_none() {
            return Err(Error::NoExecutor);
        }
        check_size(&config, None, self.ports.clock.now_ms()).map_err(|fault| Error::Request(vec![fault]))?;
        let job = NewJob { quota, ..self.new_job(id, config, requester)? };
        match self.ports.jobs.create(&job).await? {
            Created::New => {
                let NewJob { record, message, .. } = job;
                let (id, trace_id) = (record.job_id, record.trace_id);
                info!(job_id = %id, %trace_id, strategy = %record.strategy_name, "job {id} was taken in");
                self.spawn_dispatch(&record, Some(&message));
                Ok(Submitted { record, replayed: false })
            }
            other => self.known(other),
        }
    }

    /// Returns the job that an earlier request with the same key made, so that whoever repeats one gets it, whatever else
    /// has changed since; `None` for a request that makes a job.
    ///
    /// # Errors
    /// [`Error::KeyReused`]; [`Error::NoSuchJob`] for a key whose job was deleted; [`Error::Port`].
    pub async fn recall(
        self: &Arc<Self>,
        config: &BacktestConfig,
        requester: &Requester,
    ) -> Result<Option<Submitted>, Error> {
        let Some(key) = request_key(ACTION, requester, config)? else { return Ok(None) };
        let recalled = self.ports.jobs.recall(&key, self.ports.clock.now_ms()).await?;
        recalled.map(|created| self.known(created)).transpose()
    }

    /// Returns the job that was there, or why there is none.
    fn known(self: &Arc<Self>, created: Created) -> Result<Submitted, Error> {
        match created {
            Created::Before(record) => {
                // Who took it in may have died before it was handed over.
                if record.status == JobStatus::Pending && record.execution_arn.is_none() {
                    self.spawn_dispatch(&record, None);
                }
                Ok(Submitted { record: *record, replayed: true })
            }
            Created::Deleted(id) => Err(Error::NoSuchJob { id }),
            Created::OtherRequest => Err(Error::KeyReused),
            Created::TooMany => Err(self.too_many_waiting()),
            Created::TooManyOfActor => Err(self.too_many_waiting_of_actor()),
            Created::New => {
                Err(PortError::new(ErrorKind::Internal, "a job that is new was there before").into())
            }
        }
    }

    pub(super) fn too_many_waiting(&self) -> Error {
        let (limit, setting) = (self.settings.quota.total, "BACKEND_MAX_WAITING_JOBS");
        Error::TooManyWaiting { limit, whose: "of all together", setting }
    }

    pub(super) fn too_many_waiting_of_actor(&self) -> Error {
        let (limit, setting) = (self.settings.quota.each, "BACKEND_MAX_WAITING_JOBS_PER_CALLER");
        Error::TooManyWaiting { limit, whose: "of yours", setting }
    }

    /// Returns when what is made now may be deleted, in seconds since the epoch.
    pub(super) fn ttl(&self, now: Millis) -> Option<i64> {
        self.settings.keep_for.map(|keep| ttl(now, keep))
    }

    fn new_job(&self, id: JobId, config: BacktestConfig, requester: &Requester) -> Result<NewJob, Error> {
        let now = self.ports.clock.now_ms();
        let trace_id = requester.trace_id.unwrap_or_else(|| id.into());
        let key = request_key(ACTION, requester, &config)?;
        let record = JobRecord {
            strategy_version: config.strategy_version.clone(),
            ttl: self.ttl(now),
            ..JobRecord::pending(id, WorkflowType::Backtest, config.strategy.clone(), trace_id, now)
        };
        let entry = self.entry(requester, ACTION, id.to_string());
        Ok(NewJob {
            record,
            message: BacktestJobMessage {
                requested_by: Some(requester.actor.clone()).filter(|actor| !actor.is_empty()),
                ..BacktestJobMessage::new(id, trace_id, config)
            },
            entry,
            key,
            holder: self.settings.holder.clone(),
            quota: Some(self.settings.quota),
        })
    }
}

fn ttl(now: Millis, keep: Duration) -> i64 {
    now.div_euclid(1_000).saturating_add(i64::try_from(keep.as_secs()).unwrap_or(i64::MAX))
}
