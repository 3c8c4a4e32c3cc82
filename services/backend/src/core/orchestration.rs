//! What is done for a job before it is handed over: candles of an exchange are completed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tracing::info;
use tradai_control_plane::jobs::{JobReports, Prepare};
use tradai_domain::configs::{ConfigId, ConfigVersion};
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage, Collecting, JobChange, PinnedConfig};
use tradai_domain::ports::{ConfigRepository, ExchangeKey, PortError};
use tradai_domain::{Clock, ErrorKind, IdSource, JobId, StrategyName, TimeRange};
use tradai_platform::wiring::Wiring;
use tradai_trading::JobVariables;

use super::Catalogue;
use super::candles::Candles;
use super::needs::{Sources, Subject};
use super::stretch::{Stretch, from_start, from_stored};
use crate::infrastructure::peer::{Peer, PeerError, PeerTrace};

/// How long collecting may take as a whole.
const COLLECTING: Duration = Duration::from_secs(2 * 3_600);

/// Lets the data service complete what a job needs of an exchange. A job that names none takes what is stored.
pub(crate) struct CandleCollection {
    data_collection: Peer,
    catalogue: Arc<Catalogue>,
    configs: Arc<dyn ConfigRepository>,
    variables: JobVariables,
    reports: JobReports,
    ids: Arc<dyn IdSource>,
    clock: Arc<dyn Clock>,
    collecting: Mutex<BTreeMap<JobId, Collecting>>,
}

impl CandleCollection {
    pub(crate) fn new(
        data_collection: Peer,
        catalogue: Arc<Catalogue>,
        wiring: &Wiring,
        variables: JobVariables,
    ) -> Self {
        let (clock, ids) = (wiring.clock.clone(), wiring.ids.clone());
        let reports = JobReports::new(wiring.jobs.clone(), wiring.events.clone(), clock.clone());
        let configs = wiring.configs.clone();
        Self {
            data_collection,
            catalogue,
            configs,
            variables,
            reports,
            ids,
            clock,
            collecting: Mutex::default(),
        }
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

    fn candles<'a>(&'a self, job: &BacktestJobMessage, exchange: &'a ExchangeKey) -> Candles<'a> {
        let peer = self.data_collection.within(self.trace(job));
        // Who asked for the job has its candles collected.
        let asker = job.requested_by.as_deref().map_or_else(|| peer.clone(), |name| peer.on_behalf_of(name));
        Candles { peer, asker, exchange }
    }

    /// Looks whether all candles of a job are there.
    async fn look(&self, job: &BacktestJobMessage, exchange: &ExchangeKey) -> Result<bool, PortError> {
        let candles = self.candles(job, exchange);
        for stretch in self.stretches(job, &candles).await? {
            if !candles.is_complete(&stretch).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Completes the candles of a job, one kind after the other.
    async fn collect(&self, job: &BacktestJobMessage, exchange: &ExchangeKey) -> Result<(), PortError> {
        let candles = self.candles(job, exchange);
        let stretches = self.stretches(job, &candles).await?;
        let total = stretches.iter().map(Stretch::series).sum();
        let mut all = Collecting { series_total: total, ..Collecting::default() };
        self.note(job, all).await;
        for stretch in &stretches {
            let (before, mut completion) = (all, candles.completion(stretch));
            let mut goes_on = true;
            while goes_on {
                goes_on = completion.goes_on().await?;
                let far = completion.far;
                all.candles_done = before.candles_done + far.candles_done;
                all.candles_total = before.candles_total + far.candles_total;
                let done = if goes_on { far.series_done.min(stretch.series()) } else { stretch.series() };
                all.series_done = before.series_done + done;
                self.note(job, all).await;
            }
        }
        info!(job_id = %job.job_id, %exchange, series = total, "{total} series of {exchange} are complete");
        Ok(())
    }

    /// Notes how far a job's candles are, and tells it where that is news.
    async fn note(&self, job: &BacktestJobMessage, collecting: Collecting) {
        let before = self.collecting().insert(job.job_id, collecting);
        if before != Some(collecting) {
            self.reports.collecting(job, collecting).await;
        }
    }

    /// Returns which candles a job needs from when on, as far as it says so, and otherwise as what is stored says.
    async fn stretches(
        &self,
        job: &BacktestJobMessage,
        candles: &Candles<'_>,
    ) -> Result<Vec<Stretch>, PortError> {
        let (mut subject, range) = self.subject(job).await?;
        if subject.symbols.is_empty() {
            let stored = candles.stored_pairs(subject.timeframe).await?;
            subject.symbols = stored.into_iter().filter(|symbol| subject.takes(symbol)).collect();
        }
        if subject.symbols.is_empty() {
            return Err(no_pairs(&job.config, &subject, candles.exchange));
        }
        let needs = subject.needs();
        let Some(start) = range.start else {
            let stored = candles.first_stored(subject.timeframe, &subject.symbols, range.end).await?;
            let now = self.clock.now_ms();
            let until = range.end.map_or(now, |end| end.min(now));
            return Ok(from_stored(needs, &subject.symbols, &stored, until, range.end));
        };
        Ok(from_start(needs, start, range.end))
    }

    /// Settles which config version a job runs with, and returns it; what was settled before counts, whatever is in use
    /// by now.
    async fn config(&self, job: &BacktestJobMessage) -> Result<Option<ConfigVersion>, PortError> {
        let (strategy, at) = (&job.config.strategy, self.clock.now_ms());
        let found = match &job.config.config_id {
            Some(id) => Some(self.version(strategy, id).await?),
            None => self.configs.active(strategy).await?,
        };
        let config = Some(PinnedConfig::of(found.as_ref()));
        let change = JobChange { at, config: config.clone(), ..JobChange::default() };
        let reported = self.reports.report(job.job_id, change).await?;
        let settled = reported.and_then(|reported| reported.record.config);
        if settled.is_none() || settled == config {
            return Ok(found);
        }
        match settled.as_ref().and_then(PinnedConfig::config_id) {
            Some(id) => self.version(strategy, id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn version(&self, strategy: &StrategyName, id: &ConfigId) -> Result<ConfigVersion, PortError> {
        let missing =
            || PortError::new(ErrorKind::NotFound, format!("there is no config version {id} of {strategy}"));
        self.configs.get(strategy, id).await?.ok_or_else(missing)
    }

    /// Returns what a job tests, and over which stretch; its config and its strategy say what the request leaves open.
    async fn subject(&self, job: &BacktestJobMessage) -> Result<(Subject, TimeRange), PortError> {
        let request = &job.config;
        let (stored, trace) = (self.config(job).await?, self.trace(job));
        let strategy = self.catalogue.show(&request.strategy, trace.clone()).await.map(|answer| answer.value);
        let resolved = match &strategy {
            Ok(strategy) => {
                let file = strategy["text"].as_str().unwrap_or_default();
                self.catalogue.merged(file, stored.as_ref(), &self.variables.of(job), trace).await
            }
            Err(unknown) => Err(unknown.clone()),
        };
        let known = |answer: &Result<Value, PeerError>| answer.as_ref().map_or(Value::Null, Value::clone);
        let sources = Sources { request, resolved: &known(&resolved), strategy: &known(&strategy) };
        if !sources.is_told() {
            // What the strategy's file says may be what its config says otherwise.
            resolved?;
        }
        match (sources.subject(), strategy) {
            (Some(subject), _) => Ok((subject, sources.range())),
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

    async fn is_ready(&self, job: &BacktestJobMessage) -> Result<bool, PortError> {
        let Some(exchange) = &job.config.exchange else { return Ok(true) };
        within_reason(self.look(job, exchange)).await.map_err(|error| named(error, exchange))
    }

    async fn prepare(&self, job: &BacktestJobMessage) -> Result<(), PortError> {
        let Some(exchange) = &job.config.exchange else { return Ok(()) };
        let _noted = Noted { collection: self, id: job.job_id };
        within_reason(self.collect(job, exchange)).await.map_err(|error| named(error, exchange))
    }
}

/// Does not wait for ever for services that do not answer, or collect for ever.
async fn within_reason<T>(work: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    let too_long = |_| Err(PortError::new(ErrorKind::Conflict, "its candles took too long to collect"));
    tokio::time::timeout(COLLECTING, work).await.unwrap_or_else(too_long)
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

fn named(mut error: PortError, exchange: &ExchangeKey) -> PortError {
    error.message = format!("candles of {exchange} could not be completed: {}", error.message);
    error
}

fn no_timeframe(config: &BacktestConfig) -> PortError {
    let text = format!("{} does not say the length of its candles; give `timeframe`", config.strategy);
    PortError::new(ErrorKind::Invalid, text)
}

fn no_pairs(config: &BacktestConfig, subject: &Subject, exchange: &ExchangeKey) -> PortError {
    let timeframe = subject.timeframe;
    let text = format!(
        "neither the job nor the config of {} names pairs, and no {timeframe} candles that it could take are stored; name \
         pairs, such as BTC/USDT, or collect some with `tradai data sync --exchange {exchange} --symbols BTC/USDT \
         --timeframe {timeframe} --start 2024-01-01`",
        config.strategy
    );
    PortError::new(ErrorKind::Invalid, text)
}
