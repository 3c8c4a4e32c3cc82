//! Folders of good and bad files.

use super::*;
use clap::Parser;
use std::sync::Arc;
use tradai_domain::{ManualClock, RandomIds, TimeRange};
use tradai_timeseries::AsOf;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: ImportArgs,
}

fn args(dir: &Path, flags: &str) -> ImportArgs {
    let dir = dir.to_str().unwrap();
    Cli::parse_from(["import", dir].into_iter().chain(flags.split_whitespace())).args
}

fn store() -> CandleStore {
    CandleStore::in_memory(Arc::new(ManualClock::at(0)), Arc::new(RandomIds))
}

fn import_all(args: &ImportArgs, store: &CandleStore) -> Vec<Outcome> {
    let mut replaced = Replaced::new();
    let files = find_files(args).unwrap();
    files.into_iter().map(|file| import(args, store, file, &mut replaced)).collect()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

const GOOD: &str = "timestamp,open,high,low,close,volume\n0,1,2,1,1,1\n3600,1,2,1,1,1\n10800,1,2,1,1,1\n";
const BAD: &str = "timestamp,open,high,low,close,volume\n0,1,2,1,1,1\n3600,1,0.5,1,1,1\n3600,1,2,1,1,1\n";

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let dir = folder(&[
        ("README.md", "hello"),
        ("results.json", "{}"),
        ("spot/BTC_USDT-1h.csv", GOOD),
        ("spot/ETH_USDT-1h.csv", BAD),
        ("spot/XRP_USDT-1h.csv", GOOD),
    ]);
    let store = store();
    let outcomes = import_all(&args(dir.path(), ""), &store);
    let states: Vec<bool> = outcomes.iter().map(|outcome| outcome.result.is_ok()).collect();
    assert_eq!(states, [true, false, true]);
    assert_ne!(exit_code(&outcomes), ExitCode::SUCCESS);
    let bad = outcomes[1].json();
    assert_eq!(bad["status"], "refused");
    assert_eq!(
        bad["faults"],
        json!([
            "row 1 (1970-01-01 01:00:00): high 0.5 is below low 1",
            "row 2 (1970-01-01 01:00:00) repeats the time of the row before it"
        ])
    );
    assert_eq!(
        (outcomes[0].json()["gaps"].clone(), outcomes[0].json()["missing"].clone()),
        (json!(1), json!(1))
    );
    assert_eq!(store.list().unwrap().series.len(), 2);
}

#[test]
fn importing_again_changes_nothing() {
    let dir = folder(&[("a__BTC_USDT-1h.csv", GOOD), ("b__BTC_USDT-1h.csv", GOOD)]);
    let store = store();
    import_all(&args(dir.path(), ""), &store);
    let outcomes = import_all(&args(dir.path(), ""), &store);
    assert!(outcomes.iter().all(|outcome| outcome.json()["status"] == "unchanged"));
}

#[test]
fn drop_and_fill() {
    let dir = folder(&[("BTC_USDT-1h.csv", GOOD), ("ETH_USDT-1h.csv", BAD)]);
    let store = store();
    let outcomes = import_all(&args(dir.path(), "--drop --fill"), &store);
    assert_eq!(
        (outcomes[0].json()["filled"].clone(), outcomes[1].json()["dropped"].clone()),
        (json!(1), json!(2))
    );
    let info = store.info(outcomes[0].key.as_ref().unwrap(), AsOf::Latest).unwrap().unwrap();
    assert_eq!((info.rows, info.metadata["filled"].clone()), (4, json!(true)));
}

#[test]
fn flags_name_what_names_do_not() {
    let dir = folder(&[("klines.csv", GOOD)]);
    let store = store();
    let file = dir.path().join("klines.csv");
    let unnamed = import_all(&args(&file, ""), &store);
    assert!(unnamed[0].result.as_ref().err().unwrap().to_string().contains("--symbol"));
    let named = import_all(&args(dir.path(), "--symbol BTC/USDT:USDT --timeframe 1h --kind mark"), &store);
    assert_eq!(named[0].key.as_ref().unwrap().to_string(), "BTC/USDT:USDT 1h mark");
}

#[test]
fn real_candles_do_not_join_synthetic_ones() {
    let dir = folder(&[("BTC_USDT-1h.csv", GOOD)]);
    let store = store();
    let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1);
    let start = tradai_timeseries::sample::ORIGIN;
    let candles = tradai_timeseries::sample::candles(1, &key, start, start + 86_400_000);
    store.write(&key, &candles, Some(notes(true, 0).apply(Metadata::new()))).unwrap();
    let refused = import_all(&args(dir.path(), ""), &store);
    let error = format!("{:#}", refused[0].result.as_ref().err().unwrap());
    assert!(error.contains("--replace") && error.contains("synthetic"), "{error}");
    let replaced = import_all(&args(dir.path(), "--replace"), &store);
    assert!(replaced[0].result.is_ok());
    let read = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    assert_eq!((read.series.len(), read.synthetic), (3, false));
}

#[test]
fn nothing_joins_what_was_to_be_replaced() {
    // No calendar of the store's has the first file's year.
    let early = "timestamp,open,high,low,close,volume\n1960-01-01,1,2,1,1,1\n";
    let dir =
        folder(&[("a__BTC_USDT-1h.csv", early), ("b__BTC_USDT-1h.csv", GOOD), ("ETH_USDT-1h.csv", GOOD)]);
    let store = store();
    let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1);
    let mut stored = tradai_domain::CandleSeries::default();
    stored.push(86_400_000, [1.0, 2.0, 1.0, 1.0, 1.0]);
    store.write(&key, &stored, None).unwrap();
    let outcomes = import_all(&args(dir.path(), "--replace"), &store);
    let refusal = |symbol: &str, at: usize| {
        let of =
            outcomes.iter().filter(|it| it.key.as_ref().is_some_and(|key| key.symbol.to_string() == symbol));
        of.map(|outcome| outcome.result.as_ref().err().map(|error| format!("{error:#}"))).nth(at).unwrap()
    };
    assert!(refusal("BTC/USDT", 0).unwrap().contains("between the years 1970 and 9999"));
    assert!(refusal("BTC/USDT", 1).unwrap().contains("could not be replaced"));
    assert_eq!(refusal("ETH/USDT", 0), None);
    let read = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    assert_eq!((read.version, read.series), (1, stored));
}
