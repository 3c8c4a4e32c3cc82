//! The same behaviour in memory, on disk and in a bucket, and for either profile of files.

use std::sync::Arc;

use tradai_domain::{
    CandleSeries, ErrorKind, ManualClock, RandomIds, SeriesKey, TimeRange, Timeframe, parse_date_ms,
};
use tradai_timeseries::files::Profile;
use tradai_timeseries::{AsOf, CandleStore, Error, Gap, MetadataPatch, Store};

use crate::support::{HOUR, JUNE, Mishap, Watched, candles, key, local, memory, metadata, s3_store};

fn everywhere(check: impl Fn(&CandleStore)) {
    check(&memory());
    check(&memory().with_profile(Profile::Compact));
    let dir = tempfile::tempdir().unwrap();
    check(&local(dir.path()));
    if let Some(store) = s3_store() {
        check(&store);
    }
}

fn read(store: &CandleStore, key: &SeriesKey, as_of: AsOf) -> CandleSeries {
    store.read(key, TimeRange::ALL, as_of).unwrap().unwrap().series
}

#[test]
fn absent_series_are_none() {
    everywhere(|store| {
        let key = key(Timeframe::H1);
        assert!(store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().is_none());
        assert!(store.read(&key, TimeRange::ALL, AsOf::Version(3)).unwrap().is_none());
        assert!(store.info(&key, AsOf::Time(5)).unwrap().is_none());
        assert!(store.versions(&key).unwrap().is_empty());
        assert!(store.list().unwrap().series.is_empty());
    });
}

#[test]
fn writes_replace_and_old_versions_stay() {
    everywhere(|store| {
        let key = key(Timeframe::H1);
        let (first, second) = (candles(JUNE, HOUR, 0..50, 0.0), candles(JUNE, HOUR, 10..20, 1.0));
        assert_eq!(store.write(&key, &first, None).unwrap().version, 1);
        assert_eq!(store.write(&key, &second, None).unwrap().version, 2);
        assert!(!store.write(&key, &second, None).unwrap().changed);
        assert_eq!(read(store, &key, AsOf::Latest), second);
        assert_eq!(read(store, &key, AsOf::Version(1)), first);
        let error = store.read(&key, TimeRange::ALL, AsOf::Version(9)).unwrap_err();
        assert_eq!(error.to_string(), "BTC_USDT_1h has no version 9; readable versions: 1-2");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn appends_join_and_repeat_without_effect() {
    everywhere(|store| {
        let key = key(Timeframe::M5);
        let step = Timeframe::M5.millis();
        // 20,000 candles from June cross the half-year's end, so the append touches two files.
        let all = candles(JUNE, step, 0..20_000, 0.0);
        store.append(&key, &all.slice(0..8_000), None).unwrap();
        let commit = store.append(&key, &all.slice(7_000..20_000), None).unwrap();
        assert_eq!((commit.version, commit.rows), (2, 20_000));
        assert_eq!(read(store, &key, AsOf::Latest), all);
        let again = store.append(&key, &all.slice(5..9), None).unwrap();
        assert_eq!((again.version, again.changed), (2, false));
        assert_eq!(store.append(&key, &CandleSeries::default(), None).unwrap().version, 2);
    });
}

#[test]
fn a_differing_candle_is_named_and_nothing_is_stored() {
    everywhere(|store| {
        let key = key(Timeframe::H1);
        store.append(&key, &candles(JUNE, HOUR, 0..10, 0.0), None).unwrap();
        let error = store.append(&key, &candles(JUNE, HOUR, 8..12, 0.25), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "BTC_USDT_1h: the candle of 2024-06-01 08:00:00 is stored with open = 100.8, the new one has 101.05"
        );
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(store.versions(&key).unwrap().len(), 1);
    });
}

#[test]
fn upsert_and_replace_range() {
    everywhere(|store| {
        let key = key(Timeframe::H1);
        store.write(&key, &candles(JUNE, HOUR, 0..10, 0.0), None).unwrap();
        store.upsert(&key, &candles(JUNE, HOUR, 9..11, 5.0), None).unwrap();
        let upserted = read(store, &key, AsOf::Latest);
        assert_eq!(upserted.len(), 11);
        assert_eq!(upserted.slice(9..11), candles(JUNE, HOUR, 9..11, 5.0));

        let range = TimeRange::new(JUNE + 2 * HOUR, JUNE + 5 * HOUR);
        store.replace_range(&key, range, &candles(JUNE, HOUR, 3..4, 7.0), None).unwrap();
        let replaced = read(store, &key, AsOf::Latest);
        assert_eq!(replaced.len(), 9);
        assert_eq!(replaced.open_time()[2], JUNE + 3 * HOUR);

        let outside = store.replace_range(&key, range, &candles(JUNE, HOUR, 5..6, 0.0), None).unwrap_err();
        assert!(matches!(outside, Error::OutsideRange { open_time, .. } if open_time == JUNE + 5 * HOUR));

        store.replace_range(&key, TimeRange::ALL, &CandleSeries::default(), None).unwrap();
        assert!(read(store, &key, AsOf::Latest).is_empty());
        assert_eq!(store.info(&key, AsOf::Latest).unwrap().unwrap().span, None);
    });
}

#[test]
fn versions_by_time() {
    let clock = Arc::new(ManualClock::at(1_000));
    let store = CandleStore::in_memory(clock.clone(), Arc::new(RandomIds));
    let key = key(Timeframe::H1);
    // More versions than one manifest's history, some within one millisecond.
    for at in 0..150 {
        store.append(&key, &candles(JUNE, HOUR, at..at + 1, 0.0), None).unwrap();
        clock.advance(if at % 3 == 0 { 10 } else { 0 });
    }
    let versions = store.versions(&key).unwrap();
    assert_eq!(versions.len(), 150);
    assert!(versions.windows(2).all(|pair| pair[0].committed < pair[1].committed));
    assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), (1..=150).collect::<Vec<_>>());
    for version in &versions {
        let found = store.read(&key, TimeRange::ALL, AsOf::Time(version.committed)).unwrap().unwrap();
        assert_eq!((found.version, found.series.len() as u64), (version.version, version.version));
    }
    assert!(matches!(
        store.read(&key, TimeRange::ALL, AsOf::Time(999)),
        Err(Error::NoVersion { wanted, .. }) if wanted == "as of 1970-01-01 00:00:00"
    ));
}

#[test]
fn metadata_is_inherited_and_labels_do_not_mix() {
    everywhere(|store| {
        let key = key(Timeframe::H1);
        let sample = metadata(r#"{"source":"sample","synthetic":true,"seed":7}"#);
        store.write(&key, &candles(JUNE, HOUR, 0..5, 0.0), sample).unwrap();
        store.append(&key, &candles(JUNE, HOUR, 5..9, 0.0), None).unwrap();
        let info = store.info(&key, AsOf::Latest).unwrap().unwrap();
        assert!(info.synthetic);
        assert_eq!(info.metadata["seed"], 7);

        let real = metadata(r#"{"source":"import"}"#);
        let error = store.append(&key, &candles(JUNE, HOUR, 9..10, 0.0), real.clone()).unwrap_err();
        assert!(matches!(error, Error::MixedLabels { stored_synthetic: true, .. }), "{error}");
        store.write(&key, &candles(JUNE, HOUR, 0..5, 0.0), real).unwrap();
        assert!(!store.info(&key, AsOf::Latest).unwrap().unwrap().synthetic);
    });
}

#[test]
fn a_patch_changes_single_notes() {
    everywhere(|store| {
        let key = key(Timeframe::H1);
        let notes = || store.info(&key, AsOf::Latest).unwrap().unwrap().metadata;
        let patch = |remove: &[&str], set: &str, default: &str| MetadataPatch {
            remove: remove.iter().map(|&name| name.to_owned()).collect(),
            set: metadata(set).unwrap(),
            default: metadata(default).unwrap(),
        };
        let none = CandleSeries::default();
        // Nothing to note it of.
        assert_eq!(store.append(&key, &none, patch(&[], r#"{"a":1}"#, "{}")).unwrap().version, 0);
        let first = patch(&[], r#"{"a":1}"#, r#"{"a":2,"source":"x"}"#);
        store.append(&key, &candles(JUNE, HOUR, 0..2, 0.0), first).unwrap();
        store.append(&key, &candles(JUNE, HOUR, 2..3, 0.0), None).unwrap();
        let second = patch(&["a", "b"], r#"{"b":3}"#, r#"{"source":"y"}"#);
        assert!(store.upsert(&key, &none, second.clone()).unwrap().changed);
        assert_eq!(Some(notes()), metadata(r#"{"source":"x","b":3}"#));
        assert!(!store.upsert(&key, &none, second).unwrap().changed);
        // Of a series that lost its candles, too.
        store.delete_range(&key, TimeRange::ALL).unwrap();
        assert!(store.append(&key, &none, patch(&["b"], "{}", "{}")).unwrap().changed);
        assert_eq!(Some(notes()), metadata(r#"{"source":"x"}"#));
    });
}

#[test]
fn coverage_comes_from_the_manifest_alone() {
    let watched = Arc::new(Watched::default());
    let store = watched.store();
    let key = key(Timeframe::M1);
    let minute = 60_000;
    // Two months with a hole inside June and one over the month's end.
    let mut series = candles(JUNE, minute, 0..100, 0.0);
    for at in (103..200).chain(43_250..43_300) {
        series.push(JUNE + at * minute, [1.0, 1.0, 1.0, 1.0, 0.0]);
    }
    store.write(&key, &series, None).unwrap();
    watched.take_data_gets();
    let info = store.info(&key, AsOf::Latest).unwrap().unwrap();
    assert!(watched.take_data_gets().is_empty());
    assert_eq!(info.span, Some((JUNE, JUNE + 43_299 * minute)));
    assert_eq!(info.rows, 100 + 97 + 50);
    assert_eq!(
        info.gaps,
        [Gap { start: JUNE + 100 * minute, missing: 3 }, Gap { start: JUNE + 200 * minute, missing: 43_050 }]
    );
}

#[test]
fn reads_touch_only_the_files_of_their_range() {
    let watched = Arc::new(Watched::default());
    let store = watched.store();
    let key = key(Timeframe::M1);
    let all = candles(JUNE, 60_000, 0..150_000, 0.0);
    store.write(&key, &all, None).unwrap();
    watched.take_data_gets();

    let day = TimeRange::new(parse_date_ms("20240710").unwrap(), parse_date_ms("20240711").unwrap());
    let read = store.read(&key, day, AsOf::Latest).unwrap().unwrap();
    assert_eq!(read.series, all.slice(all.rows_in(day)));
    assert_eq!(read.series.len(), 1_440);
    let gets = watched.take_data_gets();
    assert_eq!(gets.len(), 1);
    assert!(gets[0].contains("/d/2024-07-"), "{gets:?}");

    let nothing = TimeRange::new(0, JUNE);
    assert!(store.read(&key, nothing, AsOf::Latest).unwrap().unwrap().series.is_empty());
    assert!(watched.take_data_gets().is_empty());

    // An append into August rewrites August's file and reads no other.
    store.append(&key, &candles(JUNE, 60_000, 100_000..100_000, 0.0), None).unwrap();
    store.append(&key, &candles(JUNE, 60_000, 150_000..150_010, 0.0), None).unwrap();
    let gets = watched.take_data_gets();
    assert!(gets.iter().all(|key| key.contains("/d/2024-09-")), "{gets:?}");
}

#[test]
fn a_lost_answer_is_settled_by_reading_back() {
    for (mishap, creations) in [(Mishap::AnswerLost, 1), (Mishap::Refused, 2)] {
        let watched = Arc::new(Watched::default());
        *watched.mishap.lock().unwrap() = Some(mishap);
        let store = watched.store();
        let key = key(Timeframe::H1);
        let commit = store.append(&key, &candles(JUNE, HOUR, 0..3, 0.0), None).unwrap();
        assert_eq!((commit.version, commit.changed), (1, true), "{mishap:?}");
        assert_eq!(watched.creations.load(std::sync::atomic::Ordering::SeqCst), creations);
        assert_eq!(store.versions(&key).unwrap().len(), 1);
    }
}

#[test]
fn a_refusal_is_no_unknown_outcome() {
    let watched = Arc::new(Watched::default());
    *watched.mishap.lock().unwrap() = Some(Mishap::Forbidden);
    let error =
        watched.store().append(&key(Timeframe::H1), &candles(JUNE, HOUR, 0..3, 0.0), None).unwrap_err();
    assert!(matches!(error, Error::Storage { .. }), "{error:?}");
    assert_eq!(watched.creations.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn who_is_always_too_slow_is_told() {
    let (watched, clock) = (Arc::new(Watched::default()), crate::support::clock());
    let objects: Arc<dyn object_store::ObjectStore> = watched.clone();
    let store = CandleStore::over(Store::new(objects, clock.clone(), Arc::new(RandomIds)));
    let (key, series) = (key(Timeframe::H1), candles(JUNE, HOUR, 0..3, 0.0));
    *watched.slow.lock().unwrap() = Some(clock);
    let error = store.append(&key, &series, None).unwrap_err();
    assert!(matches!(error, Error::TooSlow { attempts: 3, .. }), "{error:?}");
    assert_eq!(watched.creations.load(std::sync::atomic::Ordering::SeqCst), 0);
    *watched.slow.lock().unwrap() = None;
    assert!(store.append(&key, &series, None).unwrap().changed);
}

#[test]
fn series_are_listed_by_name_with_their_kind() {
    everywhere(|store| {
        let mut keys = Vec::new();
        for text in ["BTC/USDT", "BTC/USDT:USDT", "ÄÖ/USDT"] {
            keys.push(SeriesKey::traded(&text.parse().unwrap(), Timeframe::H1));
        }
        keys[1].kind = tradai_domain::CandleKind::Mark;
        for key in &keys {
            store.write(key, &candles(JUNE, HOUR, 0..3, 0.0), None).unwrap();
        }
        let mut found: Vec<SeriesKey> = store.list().unwrap().series.into_iter().map(|s| s.key).collect();
        found.sort();
        keys.sort();
        assert_eq!(found, keys);
    });
}

#[test]
fn equal_hashes_mean_equal_candles() {
    everywhere(|store| {
        let (one, other) = (key(Timeframe::H1), key(Timeframe::H2));
        let series = candles(JUNE, 2 * HOUR, 0..100, 0.0);
        store.write(&one, &series, None).unwrap();
        store.append(&other, &series.slice(0..60), None).unwrap();
        store.append(&other, &series.slice(60..100), None).unwrap();
        let hash = |key, as_of| store.read(key, TimeRange::ALL, as_of).unwrap().unwrap().data_hash;
        assert_eq!(hash(&one, AsOf::Latest), hash(&other, AsOf::Latest));
        assert_ne!(hash(&other, AsOf::Latest), hash(&other, AsOf::Version(1)));
    });
}

#[test]
fn every_bit_of_a_value_comes_back() {
    let mut series = CandleSeries::default();
    let odd = [f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 4.0, 0.1 + 0.2];
    for at in 0..10 {
        series.push(JUNE + at * HOUR, odd);
    }
    everywhere(|store| {
        store.write(&key(Timeframe::H1), &series, None).unwrap();
        assert!(!store.append(&key(Timeframe::H1), &series, None).unwrap().changed);
        let read = read(store, &key(Timeframe::H1), AsOf::Latest);
        for (column, value) in
            [read.open(), read.high(), read.low(), read.close(), read.volume()].into_iter().zip(odd)
        {
            assert!(column.iter().all(|found| found.to_bits() == value.to_bits()));
        }
    });
}
