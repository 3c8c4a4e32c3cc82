//! `result.json`.

use serde_json::{Value, json};
use tradai_domain::{SeriesKey, format_utc};

use super::Finished;

/// The result as one JSON document: what ran, the statistics, the locks, the settings. Trades are in
/// `trades.parquet`.
pub(super) fn render(finished: &Finished) -> Value {
    let Finished { settings, outcome, statistics, manifest, pairs } = finished;
    let series: Vec<Value> = pairs
        .iter()
        .map(|pair| {
            let key = SeriesKey::traded(&pair.symbol, settings.timeframe);
            json!({"pair": pair.symbol, "series": key.store_symbol(), "candles": pair.frame.len(),
                "filled": pair.filled})
        })
        .collect();
    json!({
        "job_id": manifest.job_id,
        "strategy": manifest.strategy,
        "synthetic": manifest.synthetic(),
        "timeframe": settings.timeframe,
        "timeframe_detail": settings.timeframe_detail,
        "backtest_start": format_utc(outcome.start),
        "backtest_end": format_utc(outcome.end),
        "stake_currency": settings.stake_currency,
        "trading_mode": settings.trading_mode,
        "pairs": series,
        "assumed_market_rules": manifest.rules.assumed,
        "config_hash": manifest.config_hash,
        "engine_version": manifest.engine_version,
        "statistics": statistics,
        "locks": outcome.locks,
        "settings": settings.as_given(),
    })
}
