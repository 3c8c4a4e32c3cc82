//! Taking a job in.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::{info, warn};
use tradai_domain::configs::ConfigHash;
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage, JobRecord, JobStatus, TraceId, WorkflowType};
use tradai_domain::ports::{Claim, PortError};
use tradai_domain::{ErrorKind, JobId, Millis};

use super::{BacktestRequest, Jobs, artifacts};
use crate::Error;

/// How long a request may take to choose the id of its job.
const LEASE: Duration = Duration::from_secs(30);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requester {
    /// The name that a key or token belongs to.
    pub actor: String,
    /// The trace that the request belongs to; a job without one begins its own.
    pub trace_id: Option<TraceId>,
    /// What a repeated request is recognised by.
    pub idempotency_key: Option<String>,
}

/// What a key stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bound {
    job_id: JobId,
    /// Whether the job was stored. One that was and is not there any more was deleted, and is not made again.
    stored: bool,
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
    /// Takes a backtest in: checks and stores it, and returns before it is run. It is handed over in a task of its
    /// own; what goes wrong there is in the record.
    ///
    /// A request whose key was used before by the same actor for the same backtest gets that job, also when the first
    /// one died on its way: the job's id is bound to the key before anything is made under it.
    ///
    /// # Errors
    /// [`Error::Request`] with every value that is not allowed; [`Error::KeyReused`] and [`Error::KeyInFlight`];
    /// [`Error::NoExecutor`]; [`Error::Stopping`]; [`Error::Port`].
    pub async fn submit(
        self: &Arc<Self>,
        request: &BacktestRequest,
        requester: &Requester,
    ) -> Result<Submitted, Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        if self.executor.is_none() {
            return Err(Error::NoExecutor);
        }
        let config = request.check()?;
        let fresh = JobId(self.ports.ids.next(self.ports.clock.as_ref()));
        let bound = match &requester.idempotency_key {
            Some(key) => self.bind(key, requester, &config, fresh).await?,
            None => Bound { job_id: fresh, stored: false },
        };
        let id = bound.job_id;
        if id != fresh {
            match self.ports.jobs.get(id).await? {
                Some(record) => {
                    // The first request may have failed after it stored the job.
                    if record.status == JobStatus::Pending && record.execution_arn.is_none() {
                        self.spawn_dispatch(&record);
                    }
                    return Ok(Submitted { record, replayed: true });
                }
                None if bound.stored => return Err(Error::NoSuchJob { id }),
                None => {}
            }
        }
        self.audit(requester, "job.submit", id.to_string()).await?;
        let record = self.store(id, config, requester).await?;
        info!(job_id = %id, trace_id = %record.trace_id, strategy = %record.strategy_name, "job {id} was taken in");
        if let Some(key) = &requester.idempotency_key
            && let Err(error) = self.complete(key, requester, &Bound { job_id: id, stored: true }).await
        {
            // The job is stored; only its deletion would not be remembered.
            warn!(%error, job_id = %id, "the key of a job was not noted: {error}");
        }
        self.reports.announce(&record, 1).await;
        self.spawn_dispatch(&record);
        Ok(Submitted { record, replayed: id != fresh })
    }

    /// Returns what a key stands for; `fresh` when it is new.
    async fn bind(
        &self,
        key: &str,
        requester: &Requester,
        config: &BacktestConfig,
        fresh: JobId,
    ) -> Result<Bound, Error> {
        let (ports, now) = (&self.ports, self.ports.clock.now_ms());
        let stored_key = stored_key(key, requester);
        match ports.idempotency.begin(&stored_key, fingerprint(config)?, now, LEASE).await? {
            Claim::InFlight => Err(Error::KeyInFlight),
            Claim::OtherRequest => Err(Error::KeyReused),
            Claim::Replay(reply) => serde_json::from_slice(&reply).map_err(|error| Error::Damaged {
                what: "the reply of an idempotency key",
                problem: error.to_string(),
            }),
            Claim::New => {
                let bound = Bound { job_id: fresh, stored: false };
                let completed = self.complete(key, requester, &bound).await;
                if completed.is_err()
                    && let Err(error) = ports.idempotency.release(&stored_key).await
                {
                    warn!(%error, "an idempotency key stays taken until its lease ends: {error}");
                }
                completed.map(|()| bound)
            }
        }
    }

    async fn complete(&self, key: &str, requester: &Requester, bound: &Bound) -> Result<(), Error> {
        let reply = serde_json::to_vec(bound).map_err(no_json)?;
        let (key, now) = (stored_key(key, requester), self.ports.clock.now_ms());
        Ok(self.ports.idempotency.complete(&key, reply, now).await?)
    }

    /// Stores config and record. Repeating it changes nothing.
    async fn store(
        &self,
        id: JobId,
        config: BacktestConfig,
        requester: &Requester,
    ) -> Result<JobRecord, Error> {
        let (ports, now) = (&self.ports, self.ports.clock.now_ms());
        let trace_id = requester.trace_id.unwrap_or_else(|| id.into());
        let message = BacktestJobMessage::new(id, trace_id, config);
        let key = artifacts::config_key(id)?;
        let bytes = serde_json::to_vec(&message).map_err(no_json)?;
        ports.blobs.put_if_absent(&key, bytes).await?;
        let BacktestConfig { strategy, strategy_version, .. } = message.config;
        let record = JobRecord {
            strategy_version,
            config_s3_path: Some(ports.blobs.uri(&key)),
            ttl: self.settings.keep_for.map(|keep| ttl(now, keep)),
            ..JobRecord::pending(id, WorkflowType::Backtest, strategy, trace_id, now)
        };
        Ok(ports.jobs.create(&record).await?.unwrap_or(record))
    }
}

/// Two actors that chose the same key do not meet; the length keeps the parts apart.
fn stored_key(key: &str, requester: &Requester) -> String {
    format!("job.submit:{}:{}:{key}", requester.actor.len(), requester.actor)
}

fn ttl(now: Millis, keep: Duration) -> i64 {
    now.div_euclid(1_000).saturating_add(i64::try_from(keep.as_secs()).unwrap_or(i64::MAX))
}

/// Hash of what is asked for, whatever the order of its keys.
fn fingerprint(config: &BacktestConfig) -> Result<[u8; 32], Error> {
    let Value::Object(map) = serde_json::to_value(config).map_err(no_json)? else {
        return Err(no_json("it is no object").into());
    };
    Ok(digest(&map))
}

fn digest(map: &Map<String, Value>) -> [u8; 32] {
    let hash = ConfigHash::of(map);
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(hash.as_str().as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(digits[at]).to_digit(16).unwrap_or(0);
        *byte = u8::try_from(digit(0) * 16 + digit(1)).unwrap_or(0);
    }
    bytes
}

fn no_json(error: impl std::fmt::Display) -> PortError {
    PortError::new(ErrorKind::Internal, format!("the job has no JSON: {error}"))
}
