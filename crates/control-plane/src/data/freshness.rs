//! How old the newest candle is.

use tradai_domain::ports::StoredSeries;
use tradai_domain::{CandleKind, Millis, SeriesKey};

/// Longest time that exchanges leave between two funding rates: whatever grid they are kept on, none is due earlier.
const FUNDING_INTERVAL_MS: Millis = 8 * 3_600_000;

/// Whether the newest candle is new enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FreshnessStatus {
    /// It lags behind no further than allowed.
    Fresh,
    /// It lags further behind.
    Stale,
    /// There is none.
    Missing,
}

impl FreshnessStatus {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Missing => "missing",
        }
    }
}

/// The newest candle of a series, and how far it lags behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// The series.
    pub key: SeriesKey,
    /// Whether that is new enough.
    pub status: FreshnessStatus,
    /// Open time of the newest stored candle.
    pub last_open: Option<Millis>,
    /// Milliseconds since it closed.
    pub age_ms: Option<Millis>,
    /// Closed candles that are newer than it.
    pub lag_candles: Option<u64>,
}

/// Returns how old the newest candle of a series is at `now`; fresh while no more than `max_lag` closed candles are
/// newer. Funding rates are fresh for the eight hours until the next is paid as well.
#[must_use]
pub fn freshness_of(key: &SeriesKey, stored: Option<&StoredSeries>, now: Millis, max_lag: u64) -> Freshness {
    let Some((_, last)) = stored.and_then(|series| series.ends) else {
        let status = FreshnessStatus::Missing;
        return Freshness { key: key.clone(), status, last_open: None, age_ms: None, lag_candles: None };
    };
    let step = key.timeframe.millis();
    let closed = last.saturating_add(step);
    let newer = (key.timeframe.floor(now).saturating_sub(closed)) / step;
    let lag = u64::try_from(newer).unwrap_or(0);
    let allowed = match key.kind {
        CandleKind::FundingRate => max_lag.max(u64::try_from(FUNDING_INTERVAL_MS / step).unwrap_or(0)),
        _ => max_lag,
    };
    Freshness {
        key: key.clone(),
        status: if lag <= allowed { FreshnessStatus::Fresh } else { FreshnessStatus::Stale },
        last_open: Some(last),
        age_ms: Some(now.saturating_sub(closed).max(0)),
        lag_candles: Some(lag),
    }
}

#[cfg(test)]
mod tests {
    use tradai_domain::Timeframe;
    use tradai_domain::ports::SeriesNotes;

    use super::*;

    const HOUR: Millis = 3_600_000;

    fn lag(kind: CandleKind, last: Millis, now: Millis) -> Freshness {
        let symbol = "BTC/USDT:USDT".parse().unwrap();
        let key = SeriesKey { symbol, timeframe: Timeframe::H1, kind };
        let stored = StoredSeries {
            key: key.clone(),
            version: 1,
            committed: 0,
            ends: Some((0, last)),
            rows: 1,
            bytes: 0,
            holes: Vec::new(),
            data_hash: String::new(),
            synthetic: false,
            notes: SeriesNotes::default(),
        };
        freshness_of(&key, Some(&stored), now, 1)
    }

    #[test]
    fn counts_the_closed_candles_that_are_newer() {
        // The candle of 10:00 closes at 11:00; those of 11:00 and 12:00 are closed at 13:00.
        for (now, expected, status) in [
            (11 * HOUR, 0, FreshnessStatus::Fresh),
            (12 * HOUR - 1, 0, FreshnessStatus::Fresh),
            (12 * HOUR, 1, FreshnessStatus::Fresh),
            (13 * HOUR, 2, FreshnessStatus::Stale),
        ] {
            let freshness = lag(CandleKind::Mark, 10 * HOUR, now);
            assert_eq!((freshness.lag_candles, freshness.status), (Some(expected), status), "{now}");
            assert_eq!(freshness.age_ms, Some(now - 11 * HOUR));
        }
    }

    #[test]
    fn a_funding_rate_is_fresh_until_the_next_is_overdue() {
        for (now, expected, status) in [
            (16 * HOUR, 7, FreshnessStatus::Fresh),
            (17 * HOUR, 8, FreshnessStatus::Fresh),
            (18 * HOUR, 9, FreshnessStatus::Stale),
        ] {
            let freshness = lag(CandleKind::FundingRate, 8 * HOUR, now);
            assert_eq!((freshness.lag_candles, freshness.status), (Some(expected), status), "{now}");
        }
    }
}
