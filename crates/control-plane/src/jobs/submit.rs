//! Taking a job in.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::{info, warn};
use tradai_domain::configs::ConfigHash;
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage, JobRecord, TraceId, WorkflowType};
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
        let id = match &requester.idempotency_key {
            Some(key) => self.bind(key, requester, &config, fresh).await?,
            None => fresh,
        };
        if id != fresh
            && let Some(record) = self.ports.jobs.get(id).await?
        {
            return Ok(Submitted { record, replayed: true });
        }
        self.audit(requester, "job.submit", id.to_string()).await?;
        let record = self.store(id, config, requester).await?;
        info!(job_id = %id, trace_id = %record.trace_id, strategy = %record.strategy_name, "job {id} was taken in");
        self.reports.announce(&record).await;
        self.spawn_dispatch(&record);
        Ok(Submitted { record, replayed: id != fresh })
    }

    /// Returns the id that a key stands for; `fresh` when it is new.
    async fn bind(
        &self,
        key: &str,
        requester: &Requester,
        config: &BacktestConfig,
        fresh: JobId,
    ) -> Result<JobId, Error> {
        let (ports, now) = (&self.ports, self.ports.clock.now_ms());
        // Two actors that chose the same key do not meet; lengths keep the parts apart.
        let key = format!("job.submit:{}:{}:{key}", requester.actor.len(), requester.actor);
        match ports.idempotency.begin(&key, fingerprint(config)?, now, LEASE).await? {
            Claim::InFlight => Err(Error::KeyInFlight),
            Claim::OtherRequest => Err(Error::KeyReused),
            Claim::Replay(reply) => {
                let id = String::from_utf8(reply).ok().and_then(|text| text.parse().ok());
                let problem = || "it names no job".to_owned();
                id.ok_or_else(|| Error::Damaged {
                    what: "the reply of an idempotency key",
                    problem: problem(),
                })
            }
            Claim::New => {
                let bound = ports.idempotency.complete(&key, fresh.to_string().into_bytes(), now).await;
                if bound.is_err()
                    && let Err(error) = ports.idempotency.release(&key).await
                {
                    warn!(%error, "an idempotency key stays taken until its lease ends: {error}");
                }
                bound?;
                Ok(fresh)
            }
        }
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
