//! The use cases of collecting.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tradai_domain::ports::{Span, StoredSeries, VersionChoice};
use tradai_domain::{Clock, Millis, SeriesKey, Symbol};

use super::outcome::{SeriesError, SeriesState, SyncProgress};
use super::plan::{depends_on_stored, plan};
use super::series_sync::{Ended, note_end, sync_series};
use super::turns::Turns;
use super::{
    CollectLimits, Coverage, Exchange, Exchanges, Freshness, Quality, SyncMode, SyncPlan, SyncRequest,
    SyncResult, closed_span, coverage_of, freshness_of, quality,
};
use crate::{Error, RequestFault};

/// Milliseconds of a day.
const DAY_MS: Millis = 86_400_000;

/// Most days that [`Collector::plan_ensure`] adds before the start.
const MAX_PADDING_DAYS: u32 = 3_650;

/// Collects candles and says how complete they are. Cheap to clone; clones share their limits.
#[derive(Clone)]
pub struct Collector {
    exchanges: Arc<Exchanges>,
    clock: Arc<dyn Clock>,
    limits: CollectLimits,
    turns: Arc<Turns>,
    slots: Arc<Semaphore>,
}

/// How complete the candles are that somebody needs.
#[derive(Debug, Clone, PartialEq)]
pub struct EnsureReport {
    /// Every series, in the order of the request.
    pub coverage: Vec<Coverage>,
}

impl EnsureReport {
    /// Returns whether nothing is missing that could be had.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.coverage.iter().all(Coverage::is_complete)
    }
}

/// What was found of stored series.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// The series that could be read.
    pub items: Vec<T>,
    /// One text for each series that could not, of which nothing else is known.
    pub damaged: Vec<String>,
}

impl Collector {
    /// Returns a collector.
    #[must_use]
    pub fn new(exchanges: Exchanges, clock: Arc<dyn Clock>, limits: CollectLimits) -> Self {
        Self {
            exchanges: Arc::new(exchanges),
            clock,
            limits,
            turns: Arc::default(),
            slots: Arc::new(Semaphore::new(limits.concurrency.max(1))),
        }
    }

    /// Returns the exchanges.
    #[must_use]
    pub fn exchanges(&self) -> &Exchanges {
        &self.exchanges
    }

    /// Returns the time by the collector's clock.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now_ms()
    }

    /// Checks a request. An incremental sync without symbols gets every stored series of its timeframe.
    ///
    /// # Errors
    /// [`Error::Request`] with everything that is wrong; [`Error::Port`] when the stored series cannot be listed.
    pub async fn plan(&self, request: &SyncRequest) -> Result<SyncPlan, Error> {
        let now = self.now();
        if request.mode == SyncMode::Incremental && request.symbols.is_empty() {
            let exchange = self.exchanges.resolve(request.exchange.as_ref())?;
            let fits = |key: &SeriesKey| *key == request.price.series(&key.symbol, request.timeframe);
            let listed = exchange.candles.list().await?.series;
            let found = listed.iter().filter(|series| fits(&series.key));
            let symbols: Vec<Symbol> = found.map(|series| series.key.symbol.clone()).collect();
            if symbols.is_empty() {
                let reason = format!(
                    "no series of {} is stored of {} yet, so that symbols and a start are needed",
                    request.timeframe,
                    exchange.key()
                );
                return Err(Error::Request(vec![RequestFault::new("symbols", reason)]));
            }
            // Nobody named them: the limit is for what callers may name.
            let limits = CollectLimits { symbols: usize::MAX, ..self.limits };
            return plan(
                &self.exchanges,
                &limits,
                &SyncRequest { symbols, ..request.clone() },
                &with_candles(listed),
                now,
            );
        }
        let stored = if depends_on_stored(&self.limits, request, now) {
            with_candles(self.exchanges.resolve(request.exchange.as_ref())?.candles.list().await?.series)
        } else {
            BTreeSet::new()
        };
        plan(&self.exchanges, &self.limits, request, &stored, now)
    }

    /// Collects what a plan asks for, its series side by side, and returns what it came to. A series that fails
    /// stops none of the others. Once `cancel` is triggered no more is asked for; what was fetched is committed.
    pub async fn sync(
        &self,
        plan: &SyncPlan,
        progress: &SyncProgress,
        cancel: &CancellationToken,
    ) -> SyncResult {
        let series = stream::iter(0..plan.series.len());
        series
            .for_each_concurrent(self.limits.concurrency.max(1), |at| {
                self.sync_one(plan, at, progress, cancel)
            })
            .await;
        let result = SyncResult::of(plan, progress);
        info!(
            exchange = %result.exchange, timeframe = %result.timeframe, rows = result.rows_synced,
            "synced {} of {} series of {}, {} candles",
            result.symbols_synced, result.series.len(), result.exchange, result.rows_synced
        );
        result
    }

    async fn sync_one(
        &self,
        plan: &SyncPlan,
        at: usize,
        progress: &SyncProgress,
        cancel: &CancellationToken,
    ) {
        let key = &plan.series[at];
        // The turn first: who waits for one must not keep others from working.
        let ready = async {
            let turn = self.turns.wait(plan.exchange.key(), key).await;
            (turn, self.slots.acquire().await)
        };
        let (_turn, _slot) = tokio::select! {
            biased;
            () = cancel.cancelled() => return note_end(progress, at, Ok(Ended::Cancelled)),
            ready = ready => ready,
        };
        progress.update(at, |outcome| outcome.state = SeriesState::Running);
        let ended = sync_series(plan, at, progress, cancel, || self.now()).await;
        if let Err(SeriesError { message, .. }) = &ended {
            warn!(exchange = %plan.exchange.key(), symbol = %key.symbol, timeframe = %key.timeframe, error = %message,
                "{} {} was not collected to its end: {message}", key.symbol, key.timeframe);
        }
        note_end(progress, at, ended);
    }

    /// Checks a request for candles that must be there, with `padding_days` before its start for indicators to warm
    /// up on, and returns the plan that would bring them.
    ///
    /// # Errors
    /// Those of [`Collector::plan`].
    pub async fn plan_ensure(&self, request: &SyncRequest, padding_days: u32) -> Result<SyncPlan, Error> {
        if padding_days > MAX_PADDING_DAYS {
            let reason = format!("{padding_days} is more than {MAX_PADDING_DAYS}");
            return Err(Error::Request(vec![RequestFault::new("padding_days", reason)]));
        }
        let padding = Millis::from(padding_days).saturating_mul(DAY_MS);
        // A start before 1970 would be refused, though only the padding reaches there.
        let pad = |start: Millis| if start >= 0 { start.saturating_sub(padding).max(0) } else { start };
        let padded = SyncRequest { start: request.start.map(pad), mode: SyncMode::Gaps, ..request.clone() };
        self.plan(&padded).await
    }

    /// Returns how complete the series of a plan are, without asking the exchange.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn report(&self, plan: &SyncPlan) -> Result<EnsureReport, Error> {
        let mut coverage = Vec::with_capacity(plan.series.len());
        for key in &plan.series {
            let stored = plan.exchange.candles.find(key, &VersionChoice::Latest).await?;
            let last = stored.as_ref().and_then(|series| series.ends).map(|(_, last)| last);
            let span = plan.span(last).unwrap_or(Span::new(plan.end, plan.end));
            coverage.push(coverage_of(key, stored.as_ref(), span));
        }
        Ok(EnsureReport { coverage })
    }

    /// Returns what is known of stored series in a span: of those named, one of which that cannot be read is an error,
    /// or of all. Without a start each series is
    /// looked at from its first candle on, without an end until now.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn coverage(
        &self,
        exchange: &Exchange,
        keys: Option<&[SeriesKey]>,
        start: Option<Millis>,
        end: Option<Millis>,
    ) -> Result<Found<Coverage>, Error> {
        let now = self.now();
        let Found { items, damaged } = self.stored(exchange, keys).await?;
        let coverage = items.into_iter().map(|(key, stored)| {
            let first = stored.as_ref().and_then(|series| series.ends).map(|(first, _)| first);
            let start = start.or(first).unwrap_or(now);
            let span = closed_span(Span::new(start, end.unwrap_or(now)), key.timeframe, now);
            coverage_of(&key, stored.as_ref(), span)
        });
        Ok(Found { items: coverage.collect(), damaged })
    }

    /// Returns how old the newest candles are: of the series named, or of all that are stored.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn freshness(
        &self,
        exchange: &Exchange,
        keys: Option<&[SeriesKey]>,
        max_lag: u64,
    ) -> Result<Found<Freshness>, Error> {
        let now = self.now();
        let Found { items, damaged } = self.stored(exchange, keys).await?;
        let freshness = items.iter().map(|(key, stored)| freshness_of(key, stored.as_ref(), now, max_lag));
        Ok(Found { items: freshness.collect(), damaged })
    }

    /// Reads the candles of a series in a span and returns what is wrong with them, or `None` when there is no such
    /// series.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn quality(
        &self,
        exchange: &Exchange,
        key: &SeriesKey,
        start: Option<Millis>,
        end: Option<Millis>,
    ) -> Result<Option<Quality>, Error> {
        quality::examine(exchange, key, start, end).await
    }

    async fn stored(
        &self,
        exchange: &Exchange,
        keys: Option<&[SeriesKey]>,
    ) -> Result<Found<(SeriesKey, Option<StoredSeries>)>, Error> {
        let Some(keys) = keys else {
            let listed = exchange.candles.list().await?;
            for problem in &listed.damaged {
                warn!(exchange = %exchange.key(), error = %problem, "a series cannot be read: {problem}");
            }
            let items = listed.series.into_iter().map(|series| (series.key.clone(), Some(series)));
            return Ok(Found { items: items.collect(), damaged: listed.damaged });
        };
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push((key.clone(), exchange.candles.find(key, &VersionChoice::Latest).await?));
        }
        Ok(Found { items: found, damaged: Vec::new() })
    }
}

/// Returns the keys of the series that have a candle.
fn with_candles(listed: Vec<StoredSeries>) -> BTreeSet<SeriesKey> {
    listed.into_iter().filter(|series| series.ends.is_some()).map(|series| series.key).collect()
}
