//! Reading strategy files, and what declared strategies do.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

mod columns;
mod faults;
mod files;
mod fuzz;
mod fuzz_corpus;
mod hooks;
mod hostile;
mod schema;

use std::path::Path;
use std::sync::Arc;
use tradai_domain::{CandleSeries, SeriesKey, Symbol, Timeframe};
use tradai_strategy::{CandleSource, DeclarativeStrategy, Frame, Signals, Strategy};

pub(super) fn load(text: &str) -> DeclarativeStrategy {
    DeclarativeStrategy::from_yaml(text, Path::new("t.yaml")).unwrap_or_else(|error| panic!("{error}"))
}

/// The faults of a file, one per line of text.
pub(super) fn faults_of(text: &str) -> Vec<String> {
    let error = DeclarativeStrategy::from_yaml(text, Path::new("t.yaml")).err();
    error
        .map(|error| error.faults.iter().map(|fault| fault.render(Path::new("t.yaml"))).collect())
        .unwrap_or_default()
}

/// A strategy of which only the sections given differ.
pub(super) fn with(signals: &str, rest: &str) -> String {
    format!("strategy: {{name: T, timeframe: 5m}}\nsignals:\n{signals}\n{rest}")
}

pub(super) fn wave(rows: i64, timeframe: Timeframe) -> CandleSeries {
    let mut series = CandleSeries::with_capacity(1_000);
    for row in 0..rows {
        let x = row as f64 * timeframe.minutes() as f64 / 5.0;
        let price = 100.0 + 12.0 * (x / 90.0).sin() + 5.0 * (x / 13.0).sin() + 2.0 * (x / 3.1).cos();
        let spread = 0.4 + 0.3 * (x / 7.0).sin();
        let (open, close) = (price - 0.3 * (x * 1.7).sin(), price);
        let volume = 1_000.0 + 600.0 * (x / 5.0).sin();
        let (high, low) = (open.max(close) + spread, open.min(close) - spread);
        series.push(row * timeframe.millis(), [open, high, low, close, volume]);
    }
    series
}

/// Made-up candles of every series.
pub(super) struct Waves;

impl CandleSource for Waves {
    fn candles(&self, key: &SeriesKey) -> Option<Arc<CandleSeries>> {
        Some(Arc::new(wave(6_000 * 5 / key.timeframe.minutes(), key.timeframe)))
    }
}

pub(super) fn populated(strategy: &dyn Strategy, pair: &str, timeframe: Timeframe) -> (Frame, Signals) {
    let pair: Symbol = pair.parse().unwrap();
    let candles = Waves.candles(&SeriesKey::traded(&pair, timeframe)).unwrap();
    let mut frame = Frame::new(pair, timeframe, candles);
    let mut signals = Signals::new(frame.len());
    strategy.populate_indicators(&mut frame, &Waves).unwrap();
    strategy.populate_entry_trend(&frame, &mut signals).unwrap();
    strategy.populate_exit_trend(&frame, &mut signals).unwrap();
    (frame, signals)
}
