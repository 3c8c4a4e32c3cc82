//! What a check finds, and that its advice mends it.

use std::path::{Path, PathBuf};

use tradai_domain::{TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore, Checkup, Finding, Severity, TableOptions};

use crate::support::{HOUR, JUNE, candles, key, local, reseal};

/// A series of so many versions; the number of a version is its number of candles.
fn with_versions(dir: &Path, versions: i64) -> CandleStore {
    let store = local(dir);
    for hour in 0..versions {
        store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, hour..hour + 1, 0.0), None).unwrap();
    }
    store
}

fn symbol_dir(dir: &Path) -> PathBuf {
    dir.join("ohlcv/sym/BTC_USDT_1h")
}

fn manifest(dir: &Path, version: u64) -> PathBuf {
    symbol_dir(dir).join(format!("v/{version:020}.json"))
}

fn rows(store: &CandleStore, as_of: AsOf) -> usize {
    store.read(&key(Timeframe::H1), TimeRange::ALL, as_of).unwrap().unwrap().series.len()
}

/// Checks as a process does that remembers nothing.
fn check(dir: &Path) -> Checkup {
    local(dir).fsck(&|_, _| ()).unwrap()
}

fn only(checkup: &Checkup) -> &Finding {
    assert_eq!(checkup.findings.len(), 1, "{checkup:?}");
    &checkup.findings[0]
}

#[test]
fn a_library_that_lost_its_description_is_found_and_not_guessed() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_versions(dir.path(), 3));
    let description = dir.path().join("ohlcv/lib.json");
    let original = std::fs::read_to_string(&description).unwrap();
    std::fs::remove_file(&description).unwrap();

    let checkup = check(dir.path());
    assert_eq!((checkup.worst(), checkup.symbols, checkup.versions), (Some(Severity::Damage), 1, 3));
    assert_eq!(
        (only(&checkup).object.as_str(), only(&checkup).problem.as_str()),
        ("ohlcv/lib.json", "is missing")
    );
    let store = local(dir.path());
    assert_eq!(rows(&store, AsOf::Latest), 3);
    let error = store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, 3..4, 0.0), None).unwrap_err();
    assert_eq!(error.to_string(), "stored object ohlcv/lib.json is missing");
    assert!(!description.exists());

    let line = only(&checkup).advice.split("one line: ").nth(1).unwrap().split(';').next().unwrap();
    assert_eq!(format!("{line}\n"), original);
    std::fs::write(&description, line).unwrap();
    assert_eq!(check(dir.path()).findings, []);
    store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, 3..4, 0.0), None).unwrap();
}

#[test]
fn a_library_of_tables_that_lost_its_description_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let options = TableOptions::default();
    let rows = tradai_timeseries::into_record_batch(candles(JUNE, HOUR, 0..3, 0.0));
    local(dir.path()).tables("trades", options.clone()).unwrap().append("x", &rows, None).unwrap();
    std::fs::remove_file(dir.path().join("trades/lib.json")).unwrap();
    assert_eq!(only(&check(dir.path())).object, "trades/lib.json");
    let other = TableOptions { period_months: 7, ..options };
    let tables = local(dir.path()).tables("trades", other).unwrap();
    assert!(tables.append("x", &rows, None).is_err() && tables.delete("x").is_err());
}

#[test]
fn a_boundary_above_all_versions_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_versions(dir.path(), 10);
    let stray = symbol_dir(dir.path()).join("gc/00000000000000000050.json");
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(&stray, "{}").unwrap();
    let fresh = local(dir.path());
    assert!(fresh.read(&key(Timeframe::H1), TimeRange::ALL, AsOf::Latest).is_err());
    let checkup = check(dir.path());
    let found = only(&checkup);
    assert_eq!((found.severity, stray.ends_with(&found.object)), (Severity::Damage, true));
    assert!(found.advice.contains("versions up to 10 are there again"), "{found:?}");
    std::fs::remove_file(&stray).unwrap();
    assert_eq!(check(dir.path()).findings, []);

    // Below the newest version it hides others.
    std::fs::write(stray.with_file_name("00000000000000000004.json"), "{}").unwrap();
    let checkup = check(dir.path());
    assert_eq!(only(&checkup).severity, Severity::Warning);
    assert_eq!((rows(&store, AsOf::Latest), rows(&store, AsOf::Version(5))), (10, 5));
}

#[test]
fn a_copy_of_the_newest_manifest_repairs_it() {
    for is_missing in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let store = with_versions(dir.path(), 5);
        let newest = manifest(dir.path(), 5);
        if is_missing {
            std::fs::remove_file(&newest).unwrap();
        } else {
            std::fs::write(&newest, "damaged").unwrap();
        }
        let checkup = check(dir.path());
        let found = only(&checkup);
        assert_eq!((found.severity, newest.ends_with(&found.object)), (Severity::Damage, true), "{found:?}");
        assert_eq!(checkup.unreferenced_files, 0);
        let (_, from_to) = found.advice.split_once(": copy ").unwrap();
        let (from, to) = from_to.split_once(" to ").unwrap();
        std::fs::copy(dir.path().join(from), dir.path().join(to)).unwrap();
        assert_eq!(check(dir.path()).findings, []);
        assert_eq!(rows(&store, AsOf::Version(5)), 5);
    }
}

#[test]
fn missing_versions_are_one_finding() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_versions(dir.path(), 9));
    for version in [3, 5, 6, 7] {
        std::fs::remove_file(manifest(dir.path(), version)).unwrap();
    }
    let checkup = check(dir.path());
    let problems: Vec<&str> = checkup.findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(problems, ["is missing", "is missing, and so are all up to version 7"]);
    assert_eq!(checkup.worst(), Some(Severity::Warning));

    // The numbers of a hostile writer take no longer.
    let far = manifest(dir.path(), 9_007_199_254_740_991);
    std::fs::copy(manifest(dir.path(), 9), &far).unwrap();
    for beyond in ["00009007199254740992", "18446744073709551615"] {
        std::fs::copy(manifest(dir.path(), 9), far.with_file_name(format!("{beyond}.json"))).unwrap();
    }
    reseal(&far, |text| text.replace("\"version\":9,", "\"version\":9007199254740991,"));
    let checkup = check(dir.path());
    let notes = checkup.findings.iter().filter(|finding| finding.severity == Severity::Note).count();
    assert_eq!((notes, checkup.findings.len()), (2, 6), "{checkup:?}");
    // Nothing follows the largest number.
    std::fs::remove_file(symbol_dir(dir.path()).join("HEAD.json")).unwrap();
    let store = local(dir.path());
    assert!(store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, 9..10, 0.0), None).is_err());
}

#[test]
fn what_hostile_manifests_claim_is_damage() {
    for (from, to) in [
        ("\"rows\":1,\"bytes\"", "\"rows\":18446744073709551615,\"bytes\""),
        ("\"rows\":1,\"bytes\"", "\"rows\":2000000000000,\"bytes\""),
        ("\"history\":[{\"version\":1,", "\"history\":[{\"version\":0,"),
        ("\"history\":[{\"version\":1,", "\"history\":[{\"version\":9,"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(with_versions(dir.path(), 1));
        reseal(&manifest(dir.path(), 1), |text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        });
        std::fs::remove_file(symbol_dir(dir.path()).join("HEAD.json")).unwrap();
        let store = local(dir.path());
        for as_of in [AsOf::Latest, AsOf::Version(1), AsOf::Time(0)] {
            let error = store.read(&key(Timeframe::H1), TimeRange::ALL, as_of).unwrap_err();
            assert_eq!(error.kind(), tradai_domain::ErrorKind::Data, "{to}");
        }
        assert!(only(&check(dir.path())).advice.contains("data import --replace"));
    }
}

#[test]
fn advice_about_tables_names_no_command() {
    let dir = tempfile::tempdir().unwrap();
    let candle_store = with_versions(dir.path(), 2);
    let tables = candle_store.tables("trades", TableOptions::default()).unwrap();
    let batch = |rows| tradai_timeseries::into_record_batch(candles(JUNE, HOUR, rows, 0.0));
    tables.append("x", &batch(0..3), None).unwrap();
    tables.append("x", &batch(3..6), None).unwrap();
    candle_store.snapshot("paper", None, None).unwrap();
    tables.snapshot("paper", None, None).unwrap();

    let symbol = dir.path().join("trades/sym/x");
    std::fs::write(symbol.join("d/2024-06-0123456789abcdef.parquet"), "garbage").unwrap();
    std::fs::remove_file(symbol.join("HEAD.json")).unwrap();
    std::fs::write(symbol.join("v/00000000000000000002.json"), "damaged").unwrap();
    for damaged in snapshots(&dir.path().join("trades/snap")) {
        std::fs::write(damaged, "damaged").unwrap();
    }
    let checkup = check(dir.path());
    assert_eq!(checkup.findings.len(), 2, "{checkup:?}");
    for finding in &checkup.findings {
        assert_eq!(finding.library, "trades");
        assert!(!finding.advice.contains('`'), "{finding:?}");
    }
    assert_eq!((checkup.unreferenced_files, checkup.unreferenced_in_tables), (2, 2), "{checkup:?}");
    std::fs::write(symbol.join("v/00000000000000000001.json"), "damaged").unwrap();
    let checkup = check(dir.path());
    assert!(checkup.findings.iter().all(|finding| !finding.advice.contains('`')), "{checkup:?}");
}

/// Returns the files below a folder.
fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(snapshots(&path)) } else { found.push(path) }
    }
    found
}
