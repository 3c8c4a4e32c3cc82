//! How long a sandbox takes to come up with what `tradai sandbox` replays by default: thirteen months of
//! one-minute candles of three spot markets and three perpetuals.
//!
//! `cargo bench -p tradai-sandbox`.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

use std::sync::Arc;
use std::time::Instant;

use tradai_domain::{SystemClock, Timeframe};
use tradai_sandbox::{Settings, build, sample};

const SYMBOLS: [&str; 6] =
    ["BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];
const DAY: i64 = 86_400_000;
/// 2024-01-01.
const START: i64 = 1_704_067_200_000;

fn main() {
    let symbols: Vec<_> = SYMBOLS.iter().map(|symbol| symbol.parse().unwrap()).collect();
    for _ in 0..3 {
        let started = Instant::now();
        let series = sample(1, &symbols, Timeframe::M1, START, START + 395 * DAY);
        let candles: usize = series.iter().map(|series| series.candles.len()).sum();
        let made = started.elapsed();
        let sandbox = build(Settings::new(series), Arc::new(SystemClock)).unwrap();
        let up = started.elapsed();
        println!("{candles} candles made in {made:.2?}, up after {up:.2?} at {}", sandbox.now());
    }
}
