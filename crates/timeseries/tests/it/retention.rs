//! Snapshots, pruning, deletion, restoring and checking, in memory, on disk and on S3.

use std::path::Path;
use std::sync::Arc;

use tradai_domain::{Clock, ErrorKind, ManualClock, RandomIds, SystemClock, TimeRange, Timeframe};
use tradai_timeseries::store::{GRACE_MS, MIN_GRACE_MS};
use tradai_timeseries::{AsOf, CandleStore, Error, Op, Pruned, Retention, Severity};

use crate::support::{HOUR, JUNE, Watched, candles, key, s3_store_at};

/// Runs a check on every storage. Files are dated by the storage's own clock, so that the store's starts there.
fn everywhere(check: impl Fn(&CandleStore, &ManualClock)) {
    let clock = || Arc::new(ManualClock::at(SystemClock.now_ms()));
    let at = clock();
    check(&CandleStore::in_memory(at.clone(), Arc::new(RandomIds)), &at);
    let dir = tempfile::tempdir().unwrap();
    let at = clock();
    check(&CandleStore::open(dir.path(), at.clone(), Arc::new(RandomIds)).unwrap(), &at);
    let at = clock();
    if let Some(store) = s3_store_at(at.clone()) {
        check(&store, &at);
    }
}

/// Appends one hour at a time; the version's number is its number of candles.
fn append(store: &CandleStore, hours: std::ops::Range<i64>) {
    for hour in hours {
        store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, hour..hour + 1, 0.0), None).unwrap();
    }
}

fn rows(store: &CandleStore, as_of: AsOf) -> Result<Option<usize>, Error> {
    Ok(store.read(&key(Timeframe::H1), TimeRange::ALL, as_of)?.map(|read| read.series.len()))
}

fn prune(store: &CandleStore, retention: Retention) -> Pruned {
    let mut pruning = store.prune(None, retention, &|_, _| ()).unwrap();
    assert!(pruning.failed.is_empty(), "{:?}", pruning.failed);
    pruning.series.remove(0)
}

fn numbers(store: &CandleStore) -> Vec<u64> {
    store.versions(&key(Timeframe::H1)).unwrap().iter().map(|version| version.version).collect()
}

#[test]
fn released_versions_are_gone_at_once_and_deleted_a_grace_later() {
    everywhere(|store, clock| {
        append(store, 0..10);
        let first = prune(store, Retention::newest(3));
        assert_eq!((first.released, first.versions_deleted, first.versions_waiting), (7, 0, 7));
        let error = rows(store, AsOf::Version(7)).unwrap_err();
        assert_eq!(error.to_string(), "BTC_USDT_1h has no version 7; readable versions: 8-10");
        assert_eq!(numbers(store), [8, 9, 10]);
        clock.advance(GRACE_MS + 60_000);
        let second = prune(store, Retention::newest(3));
        assert_eq!((second.released, second.versions_deleted, second.versions_waiting), (7, 7, 0));
        assert!(second.files_deleted > 0, "{second:?}");
        let third = prune(store, Retention::newest(3));
        assert_eq!((third.versions_deleted, third.files_deleted, third.files_waiting), (0, 0, 0));
        assert_eq!(rows(store, AsOf::Latest).unwrap(), Some(10));
        assert_eq!(rows(store, AsOf::Version(8)).unwrap(), Some(8));
        append(store, 10..12);
        assert_eq!(numbers(store), [8, 9, 10, 11, 12]);
        assert_eq!(store.fsck(&|_, _| ()).unwrap().findings, []);
    });
}

#[test]
fn days_keep_what_was_readable_then() {
    everywhere(|store, clock| {
        const DAY: i64 = 86_400_000;
        for hour in 0..6 {
            append(store, hour..hour + 1);
            clock.advance(DAY);
        }
        let two_days = Retention { versions: None, millis: Some(2 * DAY), ..Retention::newest(1) };
        // Versions 5 and 6 are younger than two days; 4 was the newest two days and a moment ago.
        let pruned = prune(store, two_days);
        assert_eq!(pruned.released, 4);
        let at = AsOf::Time(clock.now_ms() - 2 * DAY);
        assert_eq!(rows(store, at).unwrap(), Some(5));
        assert_eq!(numbers(store), [5, 6]);
        // The rules add up: what one of them keeps is kept.
        let more = Retention { versions: Some(2), ..two_days };
        assert_eq!(prune(store, more).released, 4);
    });
}

#[test]
fn snapshots_hold_their_versions() {
    everywhere(|store, clock| {
        append(store, 0..3);
        let taken = store.snapshot("before run/7", None, None).unwrap();
        assert_eq!(taken.symbols["BTC_USDT_1h"], 3);
        append(store, 3..8);
        let error = store.snapshot("before run/7", None, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        prune(store, Retention::newest(1));
        clock.advance(GRACE_MS + 60_000);
        let pruned = prune(store, Retention::newest(1));
        assert_eq!((pruned.versions_deleted, pruned.versions_held), (6, 1));
        let snapshot = AsOf::Snapshot("before run/7".into());
        assert_eq!(rows(store, snapshot.clone()).unwrap(), Some(3));
        assert_eq!(rows(store, AsOf::Version(3)).unwrap(), Some(3));
        assert_eq!(numbers(store), [3, 8]);
        assert_eq!(store.fsck(&|_, _| ()).unwrap().findings, []);
        assert_eq!(store.snapshots().unwrap().snapshots, [taken]);

        assert!(store.delete_snapshot("before run/7").unwrap());
        assert!(!store.delete_snapshot("before run/7").unwrap());
        assert_eq!(prune(store, Retention::newest(1)).versions_deleted, 1);
        let error = rows(store, snapshot).unwrap_err();
        assert_eq!(error.to_string(), "there is no snapshot `before run/7`; there is none yet");
        assert_eq!(numbers(store), [8]);
    });
}

#[test]
fn a_deletion_that_comes_late_takes_no_later_snapshot_away() {
    let watched = Arc::new(Watched::default());
    let store = watched.store();
    let snapshot = || AsOf::Snapshot("x".into());
    append(&store, 0..2);
    store.snapshot("x", None, None).unwrap();
    *watched.late.lock().unwrap() = Some("/snap/");
    assert!(store.delete_snapshot("x").is_err());
    assert_eq!(rows(&store, snapshot()).unwrap(), Some(2));
    assert!(store.delete_snapshot("x").unwrap());
    append(&store, 2..3);
    store.snapshot("x", None, None).unwrap();
    watched.arrive();
    assert_eq!(rows(&store, snapshot()).unwrap(), Some(3));
    assert_eq!(store.snapshots().unwrap().snapshots.len(), 1);

    // Nor does a creation that comes late bring back what was deleted.
    assert!(store.delete_snapshot("x").unwrap());
    *watched.late.lock().unwrap() = Some("/snap/");
    assert!(store.snapshot("x", None, None).is_err());
    store.snapshot("x", None, None).unwrap();
    assert!(store.delete_snapshot("x").unwrap());
    prune(&store, Retention::newest(9));
    watched.arrive();
    assert!(rows(&store, snapshot()).is_err());
    assert!(store.snapshots().unwrap().snapshots.is_empty());
    store.snapshot("x", None, None).unwrap();
    assert_eq!(rows(&store, snapshot()).unwrap(), Some(3));
}

#[test]
fn snapshots_of_nothing_are_refused() {
    everywhere(|store, _| {
        assert_eq!(store.snapshot("a", None, None).unwrap_err().kind(), ErrorKind::NotFound);
        append(store, 0..1);
        let missing = [key(Timeframe::H1), key(Timeframe::D1)];
        let error = store.snapshot("a", Some(&missing), None).unwrap_err();
        assert_eq!(error.to_string(), "there is no series BTC_USDT_1d in the store");
        assert_eq!(store.snapshot("", None, None).unwrap_err().kind(), ErrorKind::Invalid);
        assert!(store.snapshots().unwrap().snapshots.is_empty());
    });
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    everywhere(|store, _| {
        append(store, 0..2);
        let good = Retention::newest(1);
        for bad in [
            Retention { versions: None, ..good },
            Retention { versions: Some(0), ..good },
            Retention { millis: Some(-1), ..good },
            Retention { grace: MIN_GRACE_MS - 1, ..good },
        ] {
            assert_eq!(store.prune(None, bad, &|_, _| ()).unwrap_err().kind(), ErrorKind::Invalid, "{bad:?}");
        }
        let dry = prune(store, Retention { dry_run: true, ..good });
        assert_eq!((dry.released, dry.versions_waiting), (1, 1));
        assert_eq!(numbers(store), [1, 2]);
    });
}

#[test]
fn deleted_series_come_back_with_the_next_number() {
    everywhere(|store, clock| {
        let key = key(Timeframe::H1);
        assert!(!store.delete(&key).unwrap().changed);
        append(store, 0..3);
        assert_eq!(store.delete(&key).unwrap().version, 4);
        assert!(!store.delete(&key).unwrap().changed);
        assert_eq!(rows(store, AsOf::Latest).unwrap(), None);
        assert_eq!(rows(store, AsOf::Version(3)).unwrap(), Some(3));
        assert!(store.list().unwrap().series.is_empty());
        assert!(store.info(&key, AsOf::Latest).unwrap().is_none());
        let ops: Vec<Option<Op>> = store.versions(&key).unwrap().iter().map(|version| version.op).collect();
        assert_eq!(ops.last(), Some(&Some(Op::Delete)));
        // Nothing of the old metadata or candles is inherited.
        append(store, 7..8);
        assert_eq!(rows(store, AsOf::Latest).unwrap(), Some(1));
        assert_eq!(store.versions(&key).unwrap().last().unwrap().version, 5);
        store.delete(&key).unwrap();
        prune(store, Retention::newest(1));
        clock.advance(GRACE_MS + 60_000);
        let pruned = prune(store, Retention::newest(1));
        assert_eq!((pruned.versions_deleted, pruned.files_waiting), (5, 0));
        append(store, 0..1);
        assert_eq!(numbers(store), [6, 7]);
    });
}

#[test]
fn restored_versions_are_the_newest() {
    everywhere(|store, _| {
        let key = key(Timeframe::H1);
        append(store, 0..5);
        store.upsert(&key, &candles(JUNE, HOUR, 2..3, 9.0), None).unwrap();
        let commit = store.restore(&key, 5).unwrap();
        assert_eq!((commit.version, commit.changed, commit.rows), (7, true, 5));
        let series = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap().series;
        assert_eq!(series, candles(JUNE, HOUR, 0..5, 0.0));
        assert!(!store.restore(&key, 7).unwrap().changed);
        assert_eq!(store.restore(&key, 70).unwrap_err().kind(), ErrorKind::NotFound);
        store.delete_range(&key, TimeRange::new(JUNE + HOUR, JUNE + 3 * HOUR)).unwrap();
        assert_eq!(rows(store, AsOf::Latest).unwrap(), Some(3));
        assert_eq!(store.info(&key, AsOf::Latest).unwrap().unwrap().gaps.len(), 1);
    });
}

fn newest(folder: &Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap()).unwrap()
}

#[test]
fn what_is_damaged_is_found_and_restored() {
    for folder in ["d", "v"] {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(SystemClock.now_ms()));
        let store = CandleStore::open(dir.path(), clock, Arc::new(RandomIds)).unwrap();
        append(&store, 0..5);
        let symbol = dir.path().join("ohlcv/sym/BTC_USDT_1h");
        let victim = if folder == "v" {
            symbol.join("v/00000000000000000005.json")
        } else {
            newest(&symbol.join(folder))
        };
        let mut bytes = std::fs::read(&victim).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&victim, bytes).unwrap();
        // It is a copy of the newest manifest, with which nothing would be lost.
        std::fs::remove_file(symbol.join("HEAD.json")).unwrap();

        let checkup = store.fsck(&|_, _| ()).unwrap();
        assert_eq!(checkup.worst(), Some(Severity::Damage));
        assert_eq!(checkup.findings.len(), 1, "{:?}", checkup.findings);
        assert!(victim.ends_with(&checkup.findings[0].object), "{:?}", checkup.findings);
        assert!(checkup.findings[0].advice.contains("--version 4"), "{:?}", checkup.findings);

        // Another process knows nothing of what this one remembers.
        let store = CandleStore::open(dir.path(), Arc::new(SystemClock), Arc::new(RandomIds)).unwrap();
        let restored = store.restore(&key(Timeframe::H1), 4).unwrap();
        assert_eq!((restored.version, restored.rows), (6, 4));
        assert_eq!(rows(&store, AsOf::Latest).unwrap(), Some(4));
        append(&store, 4..6);
        assert_eq!(rows(&store, AsOf::Latest).unwrap(), Some(6));
        assert_eq!(store.fsck(&|_, _| ()).unwrap().worst(), Some(Severity::Warning));
    }
}

#[test]
fn what_killed_writers_left_half_written_is_swept_after_a_grace() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.now_ms()));
    let store = CandleStore::open(dir.path(), clock.clone(), Arc::new(RandomIds)).unwrap();
    append(&store, 0..2);
    let folder = dir.path().join("ohlcv/sym/BTC_USDT_1h");
    let staged = ["HEAD.json#1", "v/00000000000000000003.json#2", "d/2020-01-0123456789abcdef.parquet#1"];
    for name in staged {
        std::fs::write(folder.join(name), "half").unwrap();
    }
    let kept = folder.join("d/notes.txt#x");
    std::fs::write(&kept, "not ours").unwrap();
    store.snapshot("s", None, None).unwrap();
    let of_library =
        ["lib.json#1", "snap/s/00000000000000000002.json#7"].map(|name| dir.path().join("ohlcv").join(name));
    of_library.iter().for_each(|path| std::fs::write(path, "half").unwrap());

    let checkup = store.fsck(&|_, _| ()).unwrap();
    assert_eq!((checkup.unreferenced_files, checkup.findings.len()), (4, 0), "{checkup:?}");
    let young = prune(&store, Retention::newest(10));
    assert_eq!((young.files_deleted, young.files_waiting), (0, 4));
    assert!(of_library.iter().all(|path| path.exists()));
    clock.advance(GRACE_MS + 60_000);
    let tried = prune(&store, Retention { dry_run: true, ..Retention::newest(10) });
    assert_eq!((tried.files_deleted, tried.bytes_deleted), (3, 12));
    assert_eq!(prune(&store, Retention::newest(10)), Pruned { files_deleted: 3, bytes_deleted: 12, ..tried });
    assert!(staged.iter().all(|name| !folder.join(name).exists()) && kept.exists());
    assert!(!of_library.iter().any(|path| path.exists()));
    assert_eq!(rows(&store, AsOf::Latest).unwrap(), Some(2));
}

#[test]
fn a_damaged_version_goes_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.now_ms()));
    let store = CandleStore::open(dir.path(), clock.clone(), Arc::new(RandomIds)).unwrap();
    append(&store, 0..5);
    for salt in [1.0, 0.0] {
        // Version 6 alone names the file that it makes.
        store.upsert(&key(Timeframe::H1), &candles(JUNE, HOUR, 0..5, salt), None).unwrap();
    }
    // The newest manifest remembers 7 to 70.
    append(&store, 5..68);
    let folder = dir.path().join("ohlcv/sym/BTC_USDT_1h");
    std::fs::write(folder.join("v/00000000000000000006.json"), "damaged").unwrap();
    // While it may be read, nobody knows which files it names.
    let keeps = store.prune(None, Retention::newest(69), &|_, _| ()).unwrap();
    assert_eq!((keeps.failed.len(), keeps.failed[0].1.kind()), (1, ErrorKind::Data));

    let first = prune(&store, Retention::newest(60));
    assert_eq!((first.versions_deleted, first.versions_waiting, first.files_deleted), (0, 10, 0));
    let by_age = Retention { versions: None, millis: Some(30 * 86_400_000), ..Retention::newest(1) };
    assert_eq!(prune(&store, by_age).released, 10);
    clock.advance(GRACE_MS + 60_000);
    let second = prune(&store, Retention::newest(60));
    assert_eq!((second.versions_deleted, second.versions_waiting), (10, 0));
    assert_eq!(rows(&store, AsOf::Version(11)).unwrap(), Some(9));
    assert_eq!(store.fsck(&|_, _| ()).unwrap().findings, []);

    // The file that it alone named is garbage like any other: it goes when a version is an hour younger.
    append(&store, 68..69);
    assert_eq!(prune(&store, Retention::newest(60)).files_waiting, 1);
    for file in std::fs::read_dir(folder.join("d")).unwrap() {
        let path = file.unwrap().path();
        let stored = std::fs::metadata(&path).unwrap().modified().unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(stored - std::time::Duration::from_secs(7_200)).unwrap();
    }
    let swept = prune(&store, Retention::newest(60));
    assert_eq!((swept.files_deleted, swept.files_waiting), (1, 0));
    assert_eq!(rows(&store, AsOf::Latest).unwrap(), Some(69));
}

#[test]
fn pruning_tells_how_far_it_is() {
    everywhere(|store, _| {
        for (at, base) in ["A", "B", "C", "D", "E", "F"].into_iter().enumerate() {
            let symbol = format!("{base}/USDT").parse().unwrap();
            let key = tradai_domain::SeriesKey::traded(&symbol, Timeframe::H1);
            let hours = i64::try_from(at).unwrap() + 1;
            store.append(&key, &candles(JUNE, HOUR, 0..hours, 0.0), None).unwrap();
            store.append(&key, &candles(JUNE, HOUR, hours..2 * hours, 0.0), None).unwrap();
        }
        let told = std::sync::Mutex::new(Vec::new());
        let tell = |done, total| told.lock().unwrap().push((done, total));
        let pruning = store.prune(None, Retention::newest(1), &tell).unwrap();
        assert_eq!(told.into_inner().unwrap(), (1..=6).map(|done| (done, 6)).collect::<Vec<_>>());
        let symbols: Vec<&str> = pruning.series.iter().map(|pruned| pruned.symbol.as_str()).collect();
        assert_eq!(symbols, ["A", "B", "C", "D", "E", "F"].map(|base| format!("{base}_USDT_1h")));
        assert!(pruning.series.iter().all(|pruned| pruned.released == 1));
    });
}
