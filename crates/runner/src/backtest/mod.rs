//! A backtest as a job: from a request to a folder with everything that came of it.
//!
//! [`run`] loads candles from the store, runs strategy and engine, and returns a [`Finished`] run; its
//! [`Finished::write`] puts `result.json`, `trades.parquet`, `equity.parquet`, `report.html` and `manifest.json`
//! into a folder that appears whole or not at all. The manifest holds all that is needed to run the job again
//! ([`crate::verify`]): settings, the strategy's own text, market rules, and which version of which candles.

mod data;
mod folder;
mod manifest;
mod result_file;
mod staging;
mod table;

use std::sync::Arc;

use serde_json::{Map, Value};
use tradai_domain::configs::ConfigId;
use tradai_domain::ports::ExchangeKey;
use tradai_domain::{JobId, SeriesKey, Symbol};
use tradai_engine::{MarketRules, Outcome, PairData, Progress, SignalSource, Statistics};
use tradai_strategy::{Settings, Strategy};
use tradai_timeseries::CandleStore;

use crate::Error;

pub use data::{DataVersion, StoreCandles};
pub use folder::{JOB_FILES, JobFolder, JobSummary};
pub use manifest::{Manifest, StrategySource};
#[cfg(test)]
pub(crate) use table::equity as equity_table;

/// What to test.
#[derive(Clone)]
pub struct BacktestRequest {
    /// The job's id: name of its folder.
    pub job_id: JobId,
    /// When it was asked for, in milliseconds.
    pub created_at: i64,
    /// The strategy.
    pub strategy: Arc<dyn Strategy>,
    /// Where the strategy came from: enough to make it again.
    pub source: StrategySource,
    /// Settings on top of the strategy's own, weakest first (files, then the command line).
    pub layers: Vec<Map<String, Value>>,
    /// Market rules that are known; missing ones are assumed (see [`crate::market_rules`]).
    pub rules: MarketRules,
    /// Exchange whose collected candles the store holds; `None` for candles that were imported.
    pub exchange: Option<ExchangeKey>,
    /// The stored config version that the layers hold; `None` when they hold none.
    pub config_id: Option<ConfigId>,
    /// Versions of the candles to use; empty takes the newest.
    pub data: Vec<DataVersion>,
}

/// A backtest that ran, in memory.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The effective settings.
    pub settings: Settings,
    /// Pairs with candles, columns and signals.
    pub pairs: Vec<PairData>,
    /// Trades, locks, wallet.
    pub outcome: Outcome,
    /// Statistics.
    pub statistics: Statistics,
    /// All that is needed to run it again; file hashes are filled in by [`Finished::write`].
    pub manifest: Manifest,
}

impl Finished {
    /// Returns what a reader of the numbers must know: made-up candles, filled holes, assumed market rules.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let made_up: Vec<String> = self
            .manifest
            .data
            .iter()
            .filter(|data| data.synthetic)
            .map(|data| data.key.to_string())
            .collect();
        if made_up.len() == self.manifest.data.len() {
            notices.push("SYNTHETIC candles: the numbers say nothing about any real market.".to_owned());
        } else if !made_up.is_empty() {
            notices.push(format!("SYNTHETIC candles among real ones: {}.", made_up.join(", ")));
        }
        for pair in self.pairs.iter().filter(|pair| pair.filled > 0) {
            let share = 100.0 * pair.filled as f64 / pair.frame.len() as f64;
            notices.push(format!(
                "{}: {} missing candles stand at the previous close with volume 0 ({share:.1} %).",
                pair.symbol, pair.filled
            ));
        }
        if !self.manifest.rules.assumed.is_empty() {
            let what = crate::market_rules::ASSUMPTIONS;
            notices.push(format!("Market rules are assumed: {what}. Give real ones with --markets."));
        }
        notices
    }
}

/// Returns the settings that [`run`] goes by: all layers on top of one another, with the pairs that are tested.
///
/// # Errors
/// [`Error::Settings`] with every fault; [`Error::Invalid`] when no pair is named and none that fits is stored.
pub fn settings(request: &BacktestRequest, store: &CandleStore) -> Result<Settings, Error> {
    effective_settings(request, &StoreCandles::new(store, &request.data))
}

/// Runs a backtest.
///
/// # Errors
/// [`Error`] naming setting, pair, series or object; [`Error::Stopped`] when `progress` says so.
pub fn run(
    request: &BacktestRequest,
    store: &CandleStore,
    progress: &dyn Progress,
) -> Result<Finished, Error> {
    let candles = StoreCandles::new(store, &request.data);
    let settings = effective_settings(request, &candles)?;
    let rules = crate::market_rules::complete(&request.rules, &settings);
    let (preparing, trading) = Part::halves(progress);
    let strategy = request.strategy.as_ref();
    let pairs = tradai_engine::prepare(
        &settings,
        strategy,
        &candles,
        &rules.rules,
        SignalSource::Strategy,
        &preparing,
    )?;
    let outcome = tradai_engine::backtest::run(&settings, strategy, &pairs, &trading);
    if progress.is_stopped() {
        return Err(Error::Stopped);
    }
    let statistics = Statistics::new(&settings, &pairs, &outcome);
    let manifest = Manifest::new(request, &settings, &rules, candles.into_versions());
    Ok(Finished { settings, pairs, outcome, statistics, manifest })
}

/// One part of a run, told as such: steps count in thousandths of the whole.
struct Part<'a> {
    whole: &'a dyn Progress,
    before: u64,
}

impl<'a> Part<'a> {
    const HALF: u64 = 500;

    /// Loading candles and computing indicators takes about as long as going through them.
    fn halves(whole: &'a dyn Progress) -> (Self, Self) {
        (Self { whole, before: 0 }, Self { whole, before: Self::HALF })
    }
}

impl Progress for Part<'_> {
    fn advance(&self, done: u64, total: u64) {
        self.whole.advance(self.before + Self::HALF * done / total.max(1), 2 * Self::HALF);
    }

    fn is_stopped(&self) -> bool {
        self.whole.is_stopped()
    }
}

/// Merges the layers; without a whitelist, every stored pair that fits is tested.
fn effective_settings(request: &BacktestRequest, candles: &StoreCandles<'_>) -> Result<Settings, Error> {
    let own = request.strategy.settings();
    let merge = |extra: &Map<String, Value>| {
        let layers: Vec<&Map<String, Value>> =
            std::iter::once(&own).chain(&request.layers).chain(std::iter::once(extra)).collect();
        Settings::merge(&layers)
            .map_err(|faults| Error::Settings { source_name: request.strategy.name().to_owned(), faults })
    };
    let settings = merge(&Map::new())?;
    if !settings.pair_whitelist.is_empty() {
        return merge(&whitelist(&settings.pair_whitelist));
    }
    let futures = settings.trading_mode == tradai_strategy::TradingMode::Futures;
    let fits = |key: &SeriesKey| {
        key.timeframe == settings.timeframe
            && *key == SeriesKey::traded(&key.symbol, key.timeframe)
            && key.symbol.is_futures() == futures
            && key.symbol.settle().unwrap_or(key.symbol.quote()) == settings.stake_currency
    };
    let pairs: Vec<Symbol> = candles.keys()?.into_iter().filter(fits).map(|key| key.symbol).collect();
    if pairs.is_empty() {
        return Err(Error::Invalid(format!(
            "no {} candles of {} markets in {} are stored; see `tradai data list`, add some with \
             `tradai data import` or `tradai data sample`",
            settings.timeframe,
            if futures { "futures" } else { "spot" },
            settings.stake_currency,
        )));
    }
    merge(&whitelist(&pairs))
}

/// The pairs as a settings layer: every job names them, so that running it again tests the same ones.
fn whitelist(pairs: &[Symbol]) -> Map<String, Value> {
    let pairs = pairs.iter().map(|pair| Value::String(pair.to_string())).collect();
    Map::from_iter([("pair_whitelist".to_owned(), Value::Array(pairs))])
}
