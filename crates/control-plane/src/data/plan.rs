//! What to collect: a request, and the plan that it becomes once it is known to make sense.

use std::collections::BTreeSet;

use tradai_domain::ports::{ExchangeKey, Span};
use tradai_domain::{CandleKind, Millis, SeriesKey, Symbol, Timeframe, format_utc};

use super::{Exchange, Exchanges, closed_span};
use crate::{Error, RequestFault};

/// How much one request may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectLimits {
    /// Symbols that one request may name.
    pub symbols: usize,
    /// Candles that the whole of one request may come to, symbols times candles of the span. Of an incremental
    /// sync only series count of which nothing is stored: the others lack what is newer, however long ago they began.
    pub candles: u64,
    /// Series that are collected at the same time, over all requests.
    pub concurrency: usize,
}

impl Default for CollectLimits {
    /// 500 symbols; 25 million candles, which is about two hours at Binance's limit; eight at a time.
    fn default() -> Self {
        Self { symbols: 500, candles: 25_000_000, concurrency: 8 }
    }
}

/// Which candles of the markets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PriceKind {
    /// Of trades.
    #[default]
    Traded,
    /// Of the mark price; perpetuals only.
    Mark,
    /// Funding rates; perpetuals only.
    FundingRate,
}

impl PriceKind {
    /// Returns the key of the series.
    #[must_use]
    pub fn series(self, symbol: &Symbol, timeframe: Timeframe) -> SeriesKey {
        let kind = match self {
            Self::Traded => CandleKind::traded(symbol),
            Self::Mark => CandleKind::Mark,
            Self::FundingRate => CandleKind::FundingRate,
        };
        SeriesKey { symbol: symbol.clone(), timeframe, kind }
    }
}

/// Which part of the span is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// What is missing of it.
    #[default]
    Gaps,
    /// What is newer than the newest stored candle; the start counts for series of which nothing is stored.
    Incremental,
    /// All of it: stored candles that the exchange has corrected are replaced.
    Repair,
}

/// What to collect, as hosts ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// From where; the first configured exchange when absent.
    pub exchange: Option<ExchangeKey>,
    /// The markets. For an incremental sync, none means every stored series of the timeframe.
    pub symbols: Vec<Symbol>,
    /// The length of the candles.
    pub timeframe: Timeframe,
    /// Which candles.
    pub price: PriceKind,
    /// From when; may be left out of an incremental sync.
    pub start: Option<Millis>,
    /// Until when, exclusive; until now when absent or later than now.
    pub end: Option<Millis>,
    /// Which part of the span.
    pub mode: SyncMode,
    /// Whether to ask again for what the exchange did not have before.
    pub recheck: bool,
}

/// A request that makes sense.
#[derive(Debug, Clone)]
pub struct SyncPlan {
    /// The exchange.
    pub exchange: Exchange,
    /// The series, in the order of the request, none twice.
    pub series: Vec<SeriesKey>,
    /// The length of their candles.
    pub timeframe: Timeframe,
    /// The span, as far as candles were closed when it was planned. Without a start in an incremental sync it
    /// starts at `None`.
    pub start: Option<Millis>,
    /// Its end, exclusive.
    pub end: Millis,
    /// Which part of it.
    pub mode: SyncMode,
    /// Whether to ask again for what the exchange did not have.
    pub recheck: bool,
}

impl SyncPlan {
    /// Returns the span that is collected of a series whose newest stored candle is `last`; `None` when nobody said
    /// where to begin.
    pub(super) fn span(&self, last: Option<Millis>) -> Option<Span> {
        let newer = last.map(|last| last.saturating_add(self.timeframe.millis()));
        let start = match self.mode {
            SyncMode::Incremental => newer.or(self.start)?,
            SyncMode::Gaps | SyncMode::Repair => self.start?,
        };
        Some(Span::new(start, self.end))
    }
}

/// Checks a request that names its symbols and returns the plan; everything that is wrong with it at once. For an
/// incremental sync, `stored` has the series of which there are candles.
pub(super) fn plan(
    exchanges: &Exchanges,
    limits: &CollectLimits,
    request: &SyncRequest,
    stored: &BTreeSet<SeriesKey>,
    now: Millis,
) -> Result<SyncPlan, Error> {
    let mut faults = Vec::new();
    let exchange = match exchanges.resolve(request.exchange.as_ref()) {
        Ok(exchange) => Some(exchange),
        Err(Error::Request(unknown)) => {
            faults.extend(unknown);
            None
        }
        Err(other) => return Err(other),
    };
    if let Some(exchange) = exchange {
        check_timeframe(exchange, request.timeframe, &mut faults);
    }
    check_symbols(request, limits, &mut faults);
    check_times(request, now, &mut faults);
    let series = distinct_series(request);
    let span = span_of(request, now);
    check_size(request, span, &series, stored, limits, &mut faults);
    match exchange {
        Some(exchange) if faults.is_empty() => Ok(SyncPlan {
            exchange: exchange.clone(),
            series,
            timeframe: request.timeframe,
            start: request.start.map(|_| span.start),
            end: span.end,
            mode: request.mode,
            recheck: request.recheck,
        }),
        _ => Err(Error::Request(faults)),
    }
}

/// Returns the span that a request names, as far as candles are closed.
fn span_of(request: &SyncRequest, now: Millis) -> Span {
    let end = request.end.unwrap_or(now).min(now);
    closed_span(Span::new(request.start.unwrap_or(end), end), request.timeframe, now)
}

/// Returns whether an incremental sync is within the limits only if some of its series are stored.
pub(super) fn depends_on_stored(limits: &CollectLimits, request: &SyncRequest, now: Millis) -> bool {
    let whole = span_of(request, now).candles(request.timeframe);
    let count = u64::try_from(request.symbols.len()).unwrap_or(u64::MAX);
    request.mode == SyncMode::Incremental
        && request.symbols.len() <= limits.symbols
        && whole.saturating_mul(count) > limits.candles
}

fn check_timeframe(exchange: &Exchange, timeframe: Timeframe, faults: &mut Vec<RequestFault>) {
    let offered = exchange.source.timeframes();
    if !offered.contains(&timeframe) {
        let names = offered.iter().map(|timeframe| timeframe.as_str()).collect::<Vec<_>>().join(" ");
        let reason = format!("{} has no candles of {timeframe}; it has {names}", exchange.key());
        faults.push(RequestFault::new("timeframe", reason));
    }
}

fn check_symbols(request: &SyncRequest, limits: &CollectLimits, faults: &mut Vec<RequestFault>) {
    let count = request.symbols.len();
    if count == 0 {
        faults.push(RequestFault::new("symbols", "at least one is needed, such as BTC/USDT:USDT"));
    }
    if count > limits.symbols {
        let reason = format!("{count} symbols are more than one request may have: {}", limits.symbols);
        faults.push(RequestFault::new("symbols", reason));
    }
    if request.price == PriceKind::Traded {
        return;
    }
    for (at, symbol) in request.symbols.iter().enumerate().filter(|(_, symbol)| !symbol.is_futures()).take(10)
    {
        let reason = format!("`{symbol}` is a spot market, which has neither mark price nor funding");
        faults.push(RequestFault::item("symbols", at, reason));
    }
}

fn check_times(request: &SyncRequest, now: Millis, faults: &mut Vec<RequestFault>) {
    let Some(start) = request.start else {
        if request.mode != SyncMode::Incremental {
            faults.push(RequestFault::new("start", "is needed, such as 2024-01-01"));
        }
        return;
    };
    if start < 0 {
        faults.push(RequestFault::new("start", "is before 1970"));
    }
    if start >= now {
        let reason = format!("{} is in the future; it is {}", format_utc(start), format_utc(now));
        faults.push(RequestFault::new("start", reason));
    }
    if let Some(end) = request.end.filter(|&end| end <= start) {
        let reason = format!("{} is not after the start, {}", format_utc(end), format_utc(start));
        faults.push(RequestFault::new("end", reason));
    }
}

fn check_size(
    request: &SyncRequest,
    span: Span,
    series: &[SeriesKey],
    stored: &BTreeSet<SeriesKey>,
    limits: &CollectLimits,
    faults: &mut Vec<RequestFault>,
) {
    let counts = |key: &&SeriesKey| request.mode != SyncMode::Incremental || !stored.contains(*key);
    let series = series.iter().filter(counts).count();
    let each = span.candles(request.timeframe);
    let candles = each.saturating_mul(u64::try_from(series).unwrap_or(u64::MAX));
    if candles > limits.candles {
        let reason = format!(
            "{series} symbols of {each} candles each come to {candles}, more than one request may: {}; ask for fewer \
             symbols, a shorter span or a longer timeframe",
            limits.candles
        );
        faults.push(RequestFault::new("symbols", reason));
    }
}

fn distinct_series(request: &SyncRequest) -> Vec<SeriesKey> {
    let mut seen = BTreeSet::new();
    let symbols = request.symbols.iter().filter(|symbol| seen.insert(symbol.as_str()));
    symbols.map(|symbol| request.price.series(symbol, request.timeframe)).collect()
}
