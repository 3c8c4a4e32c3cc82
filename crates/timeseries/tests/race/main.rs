//! Real processes and threads against one store: killed at any moment, racing, and on storages that tear puts and
//! flip bytes.
//!
//! `TRADAI_RACE_KILLS=n` kills so many processes instead of 200.

#![expect(clippy::unwrap_used, reason = "a test that cannot get its value has failed")]

mod faults;
mod kill;
mod unsynced;
mod updates;
mod worker;

use std::sync::Arc;

use tradai_domain::{CandleSeries, RandomIds, SeriesKey, SystemClock, Timeframe};
use tradai_timeseries::CandleStore;

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One-minute candles of a market.
fn series(base: &str) -> SeriesKey {
    SeriesKey::traded(&format!("{base}/USDT").parse().unwrap(), Timeframe::M1)
}

/// One candle per minute and value.
fn candles(rows: impl IntoIterator<Item = (i64, f64)>) -> CandleSeries {
    let mut candles = CandleSeries::default();
    for (minute, value) in rows {
        candles.push(START + minute * 60_000, [value; 5]);
    }
    candles
}

fn open(dir: &std::path::Path) -> CandleStore {
    CandleStore::open(dir, Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
}
