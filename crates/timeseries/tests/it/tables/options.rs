//! Libraries: their names, and options that must be the same for all.

use std::sync::Arc;

use tradai_domain::{ErrorKind, RandomIds, TimeRange};
use tradai_timeseries::{AsOf, CandleStore, Error, TableOptions};

use super::{LIBRARY, options, read, rows, series};
use crate::support::{HOUR, JUNE, candles, clock, key, local, memory};

#[test]
fn a_library_is_found_with_its_options() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    assert!(store.find_tables("trades").unwrap().is_none());
    let kept = TableOptions { time: "at".to_owned(), tie: Some("id".to_owned()), period_months: 3 };
    let tables = store.tables("trades", kept.clone()).unwrap();
    assert!(store.find_tables("trades").unwrap().is_none(), "its first write makes it");
    let trades = super::batch(vec![
        ("at", super::times([JUNE])),
        ("id", rows(&[(0, 5, 0.0, None)]).column(1).clone()),
    ]);
    tables.append("x", &trades, None).unwrap();

    let reopened = local(dir.path()).find_tables("trades").unwrap().unwrap();
    assert_eq!((reopened.name(), reopened.options()), ("trades", &kept));
    assert_eq!(read(&reopened, "x", AsOf::Latest), trades);

    let error = local(dir.path()).tables("trades", TableOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "library `trades` has time `at`, tie `id`, 3 month(s) per file; asked for is time `timestamp`, no tie, 1 \
         month(s) per file"
    );
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn of_two_that_make_a_library_one_wins() {
    let store = memory();
    let (one, other) = (store.tables(LIBRARY, options(None)), store.tables(LIBRARY, options(Some("id"))));
    let (one, other) = (one.unwrap(), other.unwrap());
    one.write("x", &series(JUNE, HOUR, 0..3, 0.0), None).unwrap();
    let refused = other.write("y", &series(JUNE, HOUR, 0..3, 0.0), None).unwrap_err();
    assert!(matches!(refused, Error::OtherOptions { .. }), "{refused}");
    assert!(other.delete_range("x", TimeRange::ALL).is_err());
    assert!(one.info("y", AsOf::Latest).unwrap().is_none());
}

#[test]
fn candles_and_tables_stay_apart() {
    let store = memory();
    let key = key(tradai_domain::Timeframe::H1);
    store.write(&key, &candles(JUNE, HOUR, 0..3, 0.0), None).unwrap();
    for refused in [store.tables("ohlcv", options(None)).err(), store.find_tables("ohlcv").err()] {
        assert_eq!(refused.unwrap().to_string(), "library `ohlcv`: it keeps candles, not tables");
    }
    let tables = store.tables(LIBRARY, options(None)).unwrap();
    tables.write("BTC_USDT_1h", &series(JUNE, HOUR, 0..9, 0.0), None).unwrap();
    tables.snapshot("s", None, None).unwrap();
    assert_eq!(store.list().unwrap().series.len(), 1);
    assert!(store.snapshots().unwrap().snapshots.is_empty());
    assert_eq!(store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap().series.len(), 3);
    let checkup = store.fsck(&|_, _| ()).unwrap();
    assert_eq!((checkup.symbols, checkup.worst()), (2, None));
}

#[test]
fn a_library_of_another_kind_is_refused() {
    let sealed = |name: &str, table: &str| {
        format!("{{\"format\":1,\"library\":\"{name}\",\"profile\":\"f64\"{table}}}")
    };
    let tables = ",\"table\":{\"time\":\"t\",\"period_months\":1}";
    for (folder, text) in [
        ("ohlcv", sealed("ohlcv", tables)),
        (LIBRARY, sealed(LIBRARY, "")),
        (LIBRARY, sealed("other", tables)),
        (LIBRARY, sealed(LIBRARY, ",\"table\":{}")),
        (LIBRARY, "junk".to_owned()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        std::fs::write(dir.path().join(folder).join("lib.json"), &text).unwrap();
        let store = CandleStore::open(dir.path(), clock(), Arc::new(RandomIds)).unwrap();
        let tables = store.tables(LIBRARY, options(None)).err();
        let refused = tables.or_else(|| store.list().err());
        assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::Data), "{text}");
    }
}

#[test]
fn options_and_names_that_make_no_sense() {
    let store = memory();
    let odd = |time: &str, tie: Option<&str>, period_months| TableOptions {
        time: time.to_owned(),
        tie: tie.map(str::to_owned),
        period_months,
    };
    for refused in [
        odd("", None, 1),
        odd("t", Some(""), 1),
        odd("t", Some("t"), 1),
        odd("t", None, 0),
        odd("t", None, 1_201),
    ] {
        let error = store.tables(LIBRARY, refused).unwrap_err();
        assert!(matches!(error, Error::LibraryOptions { .. }), "{error}");
    }
    for name in ["", "..", "a/b", "Trades", "%41"] {
        assert!(matches!(store.tables(name, options(None)), Err(Error::BadLibrary { .. })), "{name}");
        assert!(store.find_tables(name).is_err(), "{name}");
    }
}
