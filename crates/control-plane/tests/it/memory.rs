//! How much memory collecting takes: run alone, in a process of its own, and in a release build.

use std::sync::Arc;

use tradai_control_plane::data::{BATCH_ROWS, CollectLimits, SyncRequest};
use tradai_domain::{ManualClock, RandomIds, Timeframe};
use tradai_timeseries::CandleStore;

use crate::exchange::{HOUR, Market, START, World, request};

/// Returns a figure of this process in MiB: `VmRSS` now, `VmHWM` at most.
fn memory_mib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// `cargo nextest run --release -p tradai-control-plane --run-ignored only --no-capture memory`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute, and measures"]
async fn two_hundred_symbols_of_a_hundred_thousand_minutes() {
    const MINUTES: i64 = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START + (MINUTES / 60 + 1) * HOUR));
    let store = CandleStore::open(dir.path(), clock.clone(), Arc::new(RandomIds)).unwrap();
    let limits = CollectLimits::default();
    let world = World::with_pages(clock, store, limits, 1_500);
    let symbols: Vec<String> = (0..200).map(|at| format!("A{at}/USDT")).collect();
    for symbol in &symbols {
        world.exchange.list(symbol, Market::default());
    }
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let wanted = SyncRequest {
        timeframe: Timeframe::M1,
        end: Some(START + MINUTES * 60_000),
        ..request(&names, 0..1)
    };
    let before = memory_mib("VmRSS");
    let result = world.sync(&wanted).await;
    let most = memory_mib("VmHWM");
    assert_eq!((result.symbols_synced, result.rows_synced), (200, 200 * 100_000));
    let in_flight = u64::try_from(limits.concurrency * BATCH_ROWS * 48 / 1024 / 1024).unwrap();
    println!("{before} MiB before, {most} MiB at most; {in_flight} MiB of candles may be in flight");
    assert!(most - before < 64 + in_flight, "{before} MiB before, {most} MiB at most");
}
