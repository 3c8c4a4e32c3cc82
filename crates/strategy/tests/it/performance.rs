//! How long rules take. Run with `cargo test --release -p tradai-strategy --test it performance -- --ignored
//! --nocapture`.

#![expect(clippy::disallowed_methods, reason = "measures time, which nothing else may look at")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tradai_domain::{CandleSeries, Timeframe};
use tradai_strategy::{Frame, Signals, Strategy};

/// Twenty pairs over a year of 5-minute candles.
const PAIRS: usize = 20;
const ROWS: i64 = 105_120;

fn candles(pair: usize) -> CandleSeries {
    let mut series = CandleSeries::with_capacity(ROWS as usize);
    // A plain linear congruential generator: the same candles in every run.
    let mut state = pair as u64 * 977 + 1;
    let mut price: f64 = 100.0;
    for row in 0..ROWS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5;
        let open = price;
        price *= 1.0 + 0.004 * step;
        series.push(
            row * Timeframe::M5.millis(),
            [open, open.max(price) * 1.001, open.min(price) * 0.999, price, 5.0],
        );
    }
    series
}

#[test]
#[ignore = "a measurement"]
fn bench_strategy() {
    let strategy = crate::shared::golden_strategy("bench");
    let market: Vec<Arc<CandleSeries>> = (0..PAIRS).map(|pair| Arc::new(candles(pair))).collect();
    for round in 0..4 {
        let (mut indicators, mut rules) = (Duration::ZERO, Duration::ZERO);
        let mut entries = 0;
        for series in &market {
            let mut frame = Frame::new("A/B".parse().unwrap(), Timeframe::M5, series.clone());
            let mut signals = Signals::new(frame.len());
            let start = Instant::now();
            strategy.populate_indicators(&mut frame, &()).unwrap();
            indicators += start.elapsed();
            let start = Instant::now();
            strategy.populate_entry_trend(&frame, &mut signals).unwrap();
            strategy.populate_exit_trend(&frame, &mut signals).unwrap();
            rules += start.elapsed();
            entries += signals.flags().iter().filter(|&&bits| bits & 1 == 1).count();
        }
        println!("round {round}: indicators {indicators:?}, rules {rules:?}, {entries} entries");
    }
}
