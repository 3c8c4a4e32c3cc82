//! Stored series as clients see them.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use tradai_domain::ports::{ExchangeKey, StoredSeries};
use tradai_domain::{CandleKind, Millis};
use tradai_service::utoipa::{self, ToSchema};

/// One stored series.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeriesBody {
    /// Its name in the store, as `/symbols/{key}` takes it.
    #[schema(example = "BTC_USDT_USDT_1h")]
    pub(super) key: String,
    exchange: String,
    symbol: String,
    timeframe: &'static str,
    /// `traded`, `mark` or `funding_rate`.
    price: &'static str,
    /// Open time of the first candle.
    first: Option<String>,
    /// Open time of the last candle.
    last: Option<String>,
    /// Number of candles.
    rows: u64,
    /// Bytes of the newest version.
    bytes: u64,
    /// Holes between the first and the last.
    gaps: usize,
    /// The newest version.
    version: u64,
    /// When it was committed.
    committed_at: String,
    /// Equal hashes mean equal candles.
    data_hash: String,
    /// Whether the candles are made up.
    synthetic: bool,
}

impl SeriesBody {
    pub(super) fn of(exchange: &ExchangeKey, series: &StoredSeries) -> Self {
        Self {
            key: series.key.store_symbol(),
            exchange: exchange.to_string(),
            symbol: series.key.symbol.to_string(),
            timeframe: series.key.timeframe.as_str(),
            price: price_name(series.key.kind),
            first: series.ends.map(|(first, _)| date(first)),
            last: series.ends.map(|(_, last)| date(last)),
            rows: series.rows,
            bytes: series.bytes,
            gaps: series.holes.len(),
            version: series.version,
            committed_at: date(series.committed),
            data_hash: series.data_hash.clone(),
            synthetic: series.synthetic,
        }
    }
}

pub(super) fn price_name(kind: CandleKind) -> &'static str {
    match kind {
        CandleKind::Spot | CandleKind::Futures => "traded",
        CandleKind::Mark => "mark",
        CandleKind::FundingRate => "funding_rate",
    }
}

/// Returns a moment as RFC 3339, with milliseconds only where there are any.
pub(super) fn date(at: Millis) -> String {
    let format = if at % 1_000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    DateTime::from_timestamp_millis(at).map_or_else(String::new, |at| at.to_rfc3339_opts(format, true))
}
