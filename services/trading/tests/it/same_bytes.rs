//! A job's result is that of the same run by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};
use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::jobs::{JobFigures, JobRecord, LocalExecutionMode};
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};
use tradai_engine::{CandleProvider, Progress, SignalSource};
use tradai_runner::backtest::{self, Finished, JobFolder, StoreCandles};
use tradai_runner::{read_rules, strategies, verify};

use crate::world::{World, ann, request};

/// The run that `tradai backtest run` makes of the flags that say the same.
fn by_hand(world: &World, record: &JobRecord) -> backtest::BacktestRequest {
    let parameters = [("fast".to_owned(), "9".to_owned())].into();
    let (strategy, source) = strategies::find("EmaCross", &parameters).unwrap();
    let flags = json!({"pair_whitelist": ["BTC/USDT", "ETH/USDT"], "timerange": "20240103-20240110",
        "stake_amount": 100, "dry_run_wallet": 1000});
    let Value::Object(flags) = flags else { unreachable!() };
    backtest::BacktestRequest {
        job_id: record.job_id,
        created_at: record.created_at,
        strategy,
        source,
        layers: vec![flags],
        rules: read_rules(world.path(), None, None).unwrap(),
        exchange: None,
        config_id: None,
        data: Vec::new(),
    }
}

fn asked() -> BacktestRequest {
    // In another order than by hand.
    let settings: Map<String, Value> =
        serde_json::from_str(r#"{"dry_run_wallet": 1000, "stake_amount": 100}"#).unwrap();
    let parameters = serde_json::from_str(r#"{"fast": 9}"#).unwrap();
    BacktestRequest { settings, parameters, ..request() }
}

fn assert_same(world: &World, record: &JobRecord, by_hand: &JobFolder) {
    for name in backtest::JOB_FILES {
        let expected = std::fs::read(by_hand.path(&record.job_id).join(name)).unwrap();
        assert!(world.read(record.job_id, name) == expected, "{name} differs");
    }
    let manifest = |folder: &JobFolder| folder.manifest(&record.job_id).unwrap();
    assert_eq!(manifest(&world.folders()).files, manifest(by_hand).files);
}

#[tokio::test]
async fn a_job_in_a_process_and_one_in_the_hosts_own_have_the_bytes_of_the_run_by_hand() {
    let world = World::new();
    for mode in [LocalExecutionMode::Subprocess, LocalExecutionMode::InProcess] {
        let platform = world.platform_of(crate::world::PROGRAM.into(), mode, 2);
        let id = platform.jobs.submit(&asked(), &ann()).await.unwrap().record.job_id;
        let record = world.completed(id).await;
        let folder = std::fs::canonicalize(world.path()).unwrap().join(format!("jobs/{id}"));
        assert_eq!(record.result_s3_path.as_deref(), Some(format!("file://{}", folder.display()).as_str()));
        assert_eq!(
            (record.strategy_version.as_deref(), record.progress.thousandths()),
            (Some("1.0.0"), 1_000)
        );
        let result: Value = serde_json::from_slice(&world.read(id, "result.json")).unwrap();
        let figures = record.figures.clone().unwrap();
        for name in JobFigures::NAMES {
            assert_eq!(figures.get(name), result["statistics"][name].as_f64(), "{name}");
        }

        let elsewhere = tempfile::tempdir().unwrap();
        let folders = JobFolder::new(elsewhere.path().to_owned());
        let mut finished = backtest::run(&by_hand(&world, &record), &world.store(None), &()).unwrap();
        assert!(!finished.outcome.trades.is_empty(), "nothing is shown by no trades");
        finished.write(&folders).unwrap();
        assert_same(&world, &record, &folders);

        let manifest = world.folders().manifest(&id).unwrap();
        let strategy = strategies::remake(&manifest.source).unwrap();
        let verified = verify::verify(&world.folders(), &id, strategy, &world.store(None), &()).unwrap();
        assert!(verified.is_same(), "{verified:?}");
    }
}

#[tokio::test]
async fn candles_of_an_exchange_are_its_own() {
    let world = World::new();
    world.add_candles(Some("binance"), &["BTC/USDT"], "2024-01-02", "2024-01-11");
    let platform = world.platform(2);
    let of_binance = BacktestRequest { exchange: Some("binance".to_owned()), ..request() };
    let only_there = BacktestRequest { symbols: vec!["BTC/USDT".to_owned()], ..of_binance.clone() };
    let id = platform.jobs.submit(&only_there, &ann()).await.unwrap().record.job_id;
    let missing = platform.jobs.submit(&of_binance, &ann()).await.unwrap().record.job_id;
    world.completed(id).await;
    assert_eq!(world.folders().manifest(&id).unwrap().exchange, Some("binance".parse().unwrap()));
    let error = world.ended(missing).await.error.unwrap();
    assert!(error.starts_with("no ETH/USDT"), "{error}");
}

/// A store whose reads take turns that change from run to run.
struct Delayed<'a>(StoreCandles<'a>, AtomicU64);

impl CandleProvider for Delayed<'_> {
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String> {
        // A generator of Knuth's; its numbers only have to differ.
        let number = self.1.fetch_add(1, Ordering::SeqCst).wrapping_mul(6_364_136_223_846_793_005);
        std::thread::sleep(std::time::Duration::from_micros((number >> 33) % 3_000));
        self.0.load(key, range)
    }
}

/// Holds the loop up now and then.
struct Hesitant(AtomicU64);

impl Progress for Hesitant {
    fn advance(&self, _: u64, _: u64) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(6_364_136_223_846_793_005);
        std::thread::sleep(std::time::Duration::from_micros((number >> 33) % 500));
    }
}

/// The whole run with its delays, as the bytes of its files.
fn with_delays(world: &World, request: &backtest::BacktestRequest, seed: u64) -> Vec<Vec<u8>> {
    let store = world.store(None);
    let mut finished: Finished = backtest::run(request, &store, &Hesitant(AtomicU64::new(seed))).unwrap();
    let candles = Delayed(StoreCandles::new(&store, &finished.manifest.data), AtomicU64::new(seed));
    let rules = tradai_runner::market_rules::complete(&request.rules, &finished.settings).rules;
    let strategy = request.strategy.as_ref();
    finished.pairs =
        tradai_engine::prepare(&finished.settings, strategy, &candles, &rules, SignalSource::Strategy, &())
            .unwrap();
    finished.outcome = tradai_engine::backtest::run(
        &finished.settings,
        strategy,
        &finished.pairs,
        &Hesitant(AtomicU64::new(seed)),
    );
    finished.files().unwrap().into_iter().map(|(_, bytes)| bytes).collect()
}

/// The engine's threads are the pool's that the run is in.
#[tokio::test]
async fn fault_x36_number_and_pace_of_threads_do_not_reach_the_result() {
    let world = World::new();
    let symbols: Vec<String> = (0..6).map(|n| format!("A{n}/USDT")).collect();
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    world.add_candles(None, &names, "2024-01-01", "2024-01-06");
    let record = world.stored(&request()).await;
    let mut run = by_hand(&world, &record);
    run.layers[0].insert("pair_whitelist".to_owned(), json!(symbols));
    run.layers[0].insert("timerange".to_owned(), json!("20240102-20240106"));
    let run = Arc::new(run);
    let mut results = Vec::new();
    for (threads, seed) in [(1, 1), (4, 2), (16, 3), (16, 4)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        results.push(pool.install(|| with_delays(&world, &run, seed)));
    }
    assert!(results.iter().all(|bytes| *bytes == results[0]));

    // The same in real processes, whose pool is set from outside.
    let asked = BacktestRequest { timerange: Some("20240102-20240106".to_owned()), symbols, ..asked() };
    let mut tables = Vec::new();
    for threads in ["1", "4", "16"] {
        let record = world.stored(&asked).await;
        let ended = world.command(&record, &asked).env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        tables.push(["trades.parquet", "equity.parquet"].map(|name| world.read(record.job_id, name)));
    }
    assert!(tables.iter().all(|bytes| *bytes == tables[0]));
    assert_eq!(tables[0][0], results[0][1], "trades.parquet of the runs in pools");
}
