//! Imported candles in the words of data-collection's API, so that pages show them as they show collected ones.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use tradai_control_plane::data::{Coverage, closed_span, coverage_of};
use tradai_domain::ports::{Span, StoredSeries, StoredSeriesList};
use tradai_domain::{CandleKind, Millis, SeriesKey, Symbol, Timeframe};

/// Spans that a bar draws.
const LISTED_SPANS: usize = 20;

/// What a form asks for; all of it where nothing is named.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) symbols: Vec<Symbol>,
    pub(super) timeframe: Option<Timeframe>,
    pub(super) start: Option<Millis>,
    pub(super) end: Option<Millis>,
}

impl Wanted {
    /// Returns how complete the series are that are meant. One that is named and not stored is among them.
    pub(super) fn coverage(&self, stored: &StoredSeriesList, now: Millis) -> Vec<Value> {
        if let (false, Some(timeframe)) = (self.symbols.is_empty(), self.timeframe) {
            let keys = self.symbols.iter().map(|symbol| SeriesKey::traded(symbol, timeframe));
            let find = |key: &SeriesKey| stored.series.iter().find(|series| series.key == *key);
            return keys.map(|key| self.one(&key, find(&key), now)).collect();
        }
        let fits = |series: &&StoredSeries| {
            matches!(series.key.kind, CandleKind::Spot | CandleKind::Futures)
                && self.timeframe.is_none_or(|timeframe| series.key.timeframe == timeframe)
                && (self.symbols.is_empty() || self.symbols.contains(&series.key.symbol))
        };
        let meant = stored.series.iter().filter(fits);
        meant.map(|series| self.one(&series.key, Some(series), now)).collect()
    }

    fn one(&self, key: &SeriesKey, stored: Option<&StoredSeries>, now: Millis) -> Value {
        let own = stored.map(extent);
        let start = self.start.or(own.map(|own| own.start));
        let end = self.end.or(own.map(|own| own.end)).unwrap_or(now);
        let span = closed_span(Span::new(start.unwrap_or(end), end), key.timeframe, now);
        document(&coverage_of(key, stored, span), stored.is_some_and(|series| series.synthetic))
    }
}

/// Returns a series as `GET /api/v1/symbols` lists it.
pub(super) fn series(series: &StoredSeries) -> Value {
    json!({
        "key": series.key.store_symbol(),
        "symbol": series.key.symbol,
        "timeframe": series.key.timeframe.as_str(),
        "price": price(series.key.kind),
        "first": series.ends.map(|(first, _)| date(first)),
        "last": series.ends.map(|(_, last)| date(last)),
        "rows": series.rows,
        "bytes": series.bytes,
        "gaps": series.holes.len(),
        "synthetic": series.synthetic,
    })
}

/// Returns how complete a series is from its first candle to its last: nobody keeps imported ones up to now.
pub(super) fn coverage(series: &StoredSeries) -> Value {
    document(&coverage_of(&series.key, Some(series), extent(series)), series.synthetic)
}

fn extent(series: &StoredSeries) -> Span {
    let step = series.key.timeframe.millis();
    series.ends.map_or(Span::new(0, 0), |(first, last)| Span::new(first, last.saturating_add(step)))
}

/// As `GET /api/v1/coverage` says it.
fn document(coverage: &Coverage, synthetic: bool) -> Value {
    let span = |span: &Span| json!({"start": date(span.start), "end": date(span.end)});
    let spans = |spans: &[Span]| spans.iter().take(LISTED_SPANS).map(span).collect::<Vec<_>>();
    json!({
        "key": coverage.key.store_symbol(),
        "symbol": coverage.key.symbol,
        "timeframe": coverage.key.timeframe.as_str(),
        "price": price(coverage.key.kind),
        "version": coverage.version,
        "synthetic": synthetic,
        "span": (!coverage.span.is_empty()).then(|| span(&coverage.span)),
        "stored": coverage.stored,
        "missing": coverage.missing_candles(),
        "absent": coverage.absent_candles(),
        "ratio": coverage.ratio(),
        "missing_spans": spans(&coverage.missing),
        "absent_spans": spans(&coverage.absent),
    })
}

fn price(kind: CandleKind) -> &'static str {
    match kind {
        CandleKind::Spot | CandleKind::Futures => "traded",
        CandleKind::Mark => "mark",
        CandleKind::FundingRate => "funding_rate",
    }
}

fn date(at: Millis) -> String {
    DateTime::from_timestamp_millis(at)
        .map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use tradai_domain::ports::SeriesNotes;

    use super::*;

    const HOUR: Millis = 3_600_000;

    fn stored() -> StoredSeriesList {
        let series = StoredSeries {
            key: SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1),
            version: 1,
            committed: 0,
            ends: Some((10 * HOUR, 19 * HOUR)),
            rows: 8,
            bytes: 100,
            holes: vec![Span::new(12 * HOUR, 14 * HOUR)],
            data_hash: String::new(),
            synthetic: true,
            notes: SeriesNotes::default(),
        };
        StoredSeriesList { series: vec![series], damaged: Vec::new() }
    }

    #[test]
    fn a_series_is_as_complete_as_its_holes_say() {
        let coverage = coverage(&stored().series[0]);
        assert_eq!((&coverage["stored"], &coverage["missing"]), (&json!(8), &json!(2)));
        assert_eq!(coverage["span"], json!({"start": "1970-01-01T10:00:00Z", "end": "1970-01-01T20:00:00Z"}));
        assert_eq!(
            coverage["missing_spans"],
            json!([{"start": "1970-01-01T12:00:00Z", "end": "1970-01-01T14:00:00Z"}])
        );
        assert_eq!((&coverage["ratio"], &coverage["synthetic"]), (&json!(0.8), &json!(true)));
    }

    #[test]
    fn what_is_named_and_not_stored_is_missing() {
        let symbols = vec!["BTC/USDT".parse().unwrap(), "XRP/USDT".parse().unwrap()];
        let wanted = Wanted { symbols, timeframe: Some(Timeframe::H1), ..Wanted::default() };
        let found = wanted.coverage(&stored(), 100 * HOUR);
        assert_eq!((&found[0]["stored"], &found[1]["stored"]), (&json!(8), &json!(0)));
        assert_eq!((&found[1]["version"], &found[1]["span"]), (&Value::Null, &Value::Null));
        let from =
            Wanted { start: Some(18 * HOUR), end: Some(22 * HOUR), ..wanted }.coverage(&stored(), 100 * HOUR);
        assert_eq!((&from[0]["stored"], &from[0]["missing"]), (&json!(2), &json!(2)));
        assert_eq!(from[1]["missing"], 4);
    }

    #[test]
    fn nothing_named_means_all_of_the_timeframe() {
        let all = |timeframe| Wanted { timeframe, ..Wanted::default() }.coverage(&stored(), 100 * HOUR).len();
        assert_eq!((all(None), all(Some(Timeframe::H1)), all(Some(Timeframe::M5))), (1, 1, 0));
    }
}
