//! How far a run is, from its first pair to its last candle, and how it is stopped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tradai_domain::{JobId, ManualClock, SequentialIds, SeriesKey, Timeframe};
use tradai_engine::{MarketRules, Progress};
use tradai_runner::backtest::{self, BacktestRequest, Finished};
use tradai_runner::{Error, strategies};
use tradai_timeseries::{CandleStore, sample};

const PAIRS: [&str; 2] = ["BTC/USDT", "ETH/USDT"];

/// Runs 20,000 candles of two pairs.
pub(crate) fn run(progress: &dyn Progress) -> Result<Finished, Error> {
    let store = CandleStore::in_memory(Arc::new(ManualClock::at(1)), Arc::new(SequentialIds::default()));
    for pair in PAIRS {
        let key = SeriesKey::traded(&pair.parse().unwrap(), Timeframe::M5);
        let end = 1_704_067_200_000 + 20_000 * Timeframe::M5.millis();
        store.write(&key, &sample::candles(1, &key, 1_704_067_200_000, end), None).unwrap();
    }
    let (strategy, source) = strategies::find("EmaCross", &Default::default()).unwrap();
    let request = BacktestRequest {
        job_id: JobId(tradai_domain::IdSource::next(&SequentialIds::default(), &ManualClock::at(1))),
        created_at: 1,
        strategy,
        source,
        layers: vec![[("pair_whitelist".to_owned(), json!(PAIRS))].into_iter().collect()],
        rules: MarketRules::default(),
        exchange: None,
        config_id: None,
        data: Vec::new(),
    };
    backtest::run(&request, &store, progress)
}

/// Stops a run once so many thousandths are told.
struct StopAt {
    at: u64,
    told: Mutex<Vec<(u64, u64)>>,
    most: AtomicU64,
}

impl StopAt {
    fn new(at: u64) -> Self {
        Self { at, told: Mutex::default(), most: AtomicU64::new(0) }
    }
}

impl Progress for StopAt {
    fn advance(&self, done: u64, total: u64) {
        self.told.lock().unwrap().push((done, total));
        self.most.fetch_max(done, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        self.most.load(Ordering::SeqCst) >= self.at
    }
}

#[test]
fn a_run_tells_of_both_its_halves() {
    let never = StopAt::new(u64::MAX);
    run(&never).unwrap();
    let told = never.told.into_inner().unwrap();
    assert!(told.iter().all(|&(_, total)| total == 1_000));
    let mut done: Vec<u64> = told.iter().map(|&(done, _)| done).collect();
    assert_eq!(done.last(), Some(&1_000));
    // Two pairs are loaded and prepared, by whichever thread; the candles follow in order.
    done[..4].sort_unstable();
    assert_eq!(done[..4], [125, 250, 375, 500]);
    assert!(done.len() > 10 && done.is_sorted(), "{done:?}");
}

#[test]
fn a_run_that_nobody_wants_ends_where_it_is() {
    for at in [125, 500, 600] {
        let stopped = StopAt::new(at);
        assert!(matches!(run(&stopped), Err(Error::Stopped)), "at {at}");
        let told = stopped.told.into_inner().unwrap();
        assert!(told.iter().all(|&(done, _)| done < 1_000), "{told:?}");
    }
}
