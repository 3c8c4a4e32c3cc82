//! What is done for a job before it is handed over: candles of an exchange are completed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tracing::info;
use tradai_control_plane::jobs::Prepare;
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage};
use tradai_domain::ports::{ExchangeKey, PortError};
use tradai_domain::{Clock, ErrorKind, IdSource, JobId, Millis, TimeRange};

use super::Catalogue;
use super::needs::{Need, Sources};
use crate::infrastructure::peer::{Peer, PeerError, PeerTrace};

/// How long the service that collects may take to answer; it answers before it is done.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one reply is held back, in seconds.
const WAIT_SECONDS: &str = "20";
/// How often candles are asked for where the service that collects forgets about it.
const BEGINNINGS: u32 = 4;
/// How long collecting may take as a whole.
const COLLECTING: Duration = Duration::from_secs(2 * 3_600);

/// How far the candles of a job are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Collecting {
    /// Series that are there.
    pub(crate) done: u64,
    /// Series that the job needs.
    pub(crate) total: u64,
}

/// Lets the data service complete what a job needs of an exchange. A job that names none takes what is stored.
pub(crate) struct CandleCollection {
    data_collection: Peer,
    catalogue: Arc<Catalogue>,
    ids: Arc<dyn IdSource>,
    clock: Arc<dyn Clock>,
    collecting: Mutex<BTreeMap<JobId, Collecting>>,
}

impl CandleCollection {
    pub(crate) fn new(
        data_collection: Peer,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { data_collection, catalogue, ids, clock, collecting: Mutex::default() }
    }

    /// Returns how far the candles of a job are, while they are collected.
    pub(crate) fn of(&self, id: JobId) -> Option<Collecting> {
        self.collecting().get(&id).copied()
    }

    /// Returns for how long candles cannot be asked for, while the data service is left alone.
    pub(crate) fn refuses(&self) -> Option<Duration> {
        self.data_collection.refuses()
    }

    fn collecting(&self) -> MutexGuard<'_, BTreeMap<JobId, Collecting>> {
        self.collecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trace(&self, job: &BacktestJobMessage) -> PeerTrace {
        PeerTrace::of(job.trace_id, &*self.ids, &*self.clock)
    }

    /// Completes the candles of a job, one kind after the other.
    async fn collect(&self, job: &BacktestJobMessage, exchange: &ExchangeKey) -> Result<(), PortError> {
        let (needs, range) = self.needs(job).await?;
        if range.start.is_none() {
            // There is no telling how much is missing: what is stored is tested.
            return Ok(());
        }
        let peer = self.data_collection.within(self.trace(job));
        let series = |needs: &[Need]| needs.iter().map(|need| need.symbols.len() as u64).sum::<u64>();
        let total = series(&needs);
        for (at, need) in needs.iter().enumerate() {
            let before = series(&needs[..at]);
            let note = |done| {
                let collecting = Collecting { done: before + done, total };
                self.collecting().insert(job.job_id, collecting);
            };
            note(0);
            let body = ensure_body(range, exchange, need);
            complete(&peer, &body, note).await.map_err(|error| named(error, exchange))?;
        }
        info!(job_id = %job.job_id, %exchange, series = total, "{total} series of {exchange} are complete");
        Ok(())
    }

    /// Returns what a job needs, and of which stretch; its config and its strategy say what the request leaves open.
    async fn needs(&self, job: &BacktestJobMessage) -> Result<(Vec<Need>, TimeRange), PortError> {
        let request = &job.config;
        let (name, trace) = (&request.strategy, self.trace(job));
        let (strategy, resolved) = tokio::join!(
            self.catalogue.show(name, trace.clone()),
            self.catalogue.resolved(name, request.config_id.as_ref(), trace),
        );
        let known = |answer: &Result<Value, PeerError>| answer.as_ref().map_or(Value::Null, Value::clone);
        let strategy = strategy.map(|answer| answer.value);
        let sources = Sources { request, resolved: &known(&resolved), strategy: &known(&strategy) };
        if !sources.is_told() {
            // What the strategy's file says may be what its config says otherwise.
            resolved?;
        }
        match (sources.needs(), strategy) {
            (Some(needs), _) => Ok((needs, sources.range())),
            (None, Err(unknown)) => Err(unknown.into()),
            (None, Ok(_)) => Err(no_timeframe(request)),
        }
    }
}

#[async_trait]
impl Prepare for CandleCollection {
    fn is_needed(&self, job: &BacktestJobMessage) -> bool {
        job.config.exchange.is_some()
    }

    async fn prepare(&self, job: &BacktestJobMessage) -> Result<(), PortError> {
        let Some(exchange) = &job.config.exchange else { return Ok(()) };
        let _noted = Noted { collection: self, id: job.job_id };
        let too_long = |_| Err(PortError::new(ErrorKind::Conflict, "its candles took too long to collect"));
        tokio::time::timeout(COLLECTING, self.collect(job, exchange)).await.unwrap_or_else(too_long)
    }
}

/// Forgets how far a job's candles are, however collecting them ends.
struct Noted<'a> {
    collection: &'a CandleCollection,
    id: JobId,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.collection.collecting().remove(&self.id);
    }
}

/// Lets candles be completed and waits until they are. Asking again finds what was collected by then.
async fn complete(peer: &Peer, body: &Value, note: impl Fn(u64)) -> Result<(), PortError> {
    let ensure = || peer.post_again("/api/v1/ensure?wait=0", body, PATIENCE);
    let (mut reply, mut begun) = (ensure().await?, 1);
    loop {
        if reply["ready"] == true {
            return Ok(());
        }
        note(reply["progress"]["symbols_done"].as_u64().unwrap_or(0));
        match reply["status"].as_str() {
            Some("pending" | "running") => {}
            Some("completed") if reply["errors"].as_array().is_none_or(Vec::is_empty) => return Ok(()),
            Some(_) => return Err(uncollected(&reply)),
            None => {
                return Err(PortError::new(ErrorKind::Internal, "data-collection did not say how it stands"));
            }
        }
        let id: JobId = parse(&reply["job_id"])
            .ok_or_else(|| PortError::new(ErrorKind::Internal, "data-collection named no job"))?;
        let path = format!("/api/v1/sync/{id}");
        reply = match peer.get(&path, &[("wait", WAIT_SECONDS)], PATIENCE).await {
            // It knows its jobs as long as it runs: it was started again.
            Err(error) if error.kind() == ErrorKind::NotFound && begun < BEGINNINGS => {
                begun += 1;
                ensure().await?
            }
            reply => reply?,
        };
    }
}

/// Says why candles were not collected: of the first series that failed.
fn uncollected(reply: &Value) -> PortError {
    let errors = reply["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = errors.first() else {
        let status = reply["status"].as_str().unwrap_or_default();
        return PortError::new(ErrorKind::Conflict, format!("collecting them was {status}"));
    };
    let text = |name: &str| first[name].as_str().unwrap_or_default().chars().take(300).collect::<String>();
    let others = match errors.len() - 1 {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    let kind = if first["kind"] == "unavailable" { ErrorKind::Unavailable } else { ErrorKind::NotFound };
    PortError::new(kind, format!("{}: {}{others}", text("symbol"), text("message")))
}

fn named(mut error: PortError, exchange: &ExchangeKey) -> PortError {
    error.message = format!("candles of {exchange} could not be completed: {}", error.message);
    error
}

fn no_timeframe(config: &BacktestConfig) -> PortError {
    let text = format!("{} does not say the length of its candles; give `timeframe`", config.strategy);
    PortError::new(ErrorKind::Invalid, text)
}

fn parse<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn ensure_body(range: TimeRange, exchange: &ExchangeKey, need: &Need) -> Value {
    let date = |at: Millis| {
        let date = chrono::DateTime::from_timestamp_millis(at);
        date.map(|date| date.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    };
    json!({
        "exchange": exchange.to_string(),
        "symbols": need.symbols,
        "timeframe": need.timeframe.to_string(),
        "price": need.price,
        "start": range.start.and_then(date),
        "end": range.end.and_then(date),
        "padding_days": need.padding_days,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_series_that_failed_is_the_reason() {
        let reply = json!({"status": "completed", "errors": [
            {"symbol": "XRP/USDT", "kind": "not_found", "message": "there is no such market"},
            {"symbol": "ADA/USDT", "kind": "unavailable", "message": "x"}]});
        let error = uncollected(&reply);
        assert_eq!(error.message, "XRP/USDT: there is no such market (and 1 more)");
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(uncollected(&json!({"status": "cancelled"})).message, "collecting them was cancelled");
    }
}
