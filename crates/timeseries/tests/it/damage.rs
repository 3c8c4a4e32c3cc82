//! Damage on disk is named, and never read as data.

use std::path::{Path, PathBuf};

use tradai_domain::{ErrorKind, TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore, Error, Severity};

use crate::support::{HOUR, JUNE, Watched, candles, key, local, metadata};

/// Three versions: two files, then one of them rewritten.
fn store(dir: &Path) -> CandleStore {
    let store = local(dir);
    let key = key(Timeframe::H1);
    store.append(&key, &candles(JUNE, HOUR, 0..100, 0.0), None).unwrap();
    store.append(&key, &candles(JUNE, HOUR, 9_000..9_200, 0.0), None).unwrap();
    store.upsert(&key, &candles(JUNE, HOUR, 9_000..9_200, 0.5), None).unwrap();
    store
}

fn symbol_dir(dir: &Path) -> PathBuf {
    dir.join("ohlcv/sym/BTC_USDT_1h")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn read(store: &CandleStore, as_of: AsOf) -> Result<usize, Error> {
    store.read(&key(Timeframe::H1), TimeRange::ALL, as_of).map(|read| read.unwrap().series.len())
}

fn damage(path: &Path, how: &str) {
    let mut bytes = std::fs::read(path).unwrap();
    match how {
        "truncated" => bytes.truncate(bytes.len() / 2),
        "flipped" => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        }
        "emptied" => bytes.clear(),
        "foreign" => bytes = b"{\"hello\": 1}".to_vec(),
        _ => {}
    }
    std::fs::remove_file(path).unwrap();
    if how != "deleted" {
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_damaged_data_file_is_named_with_the_readable_versions() {
    for how in ["truncated", "flipped", "emptied", "foreign", "deleted"] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let newest = files(&symbol_dir(dir.path()).join("d"))
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("2025-01"))
            .max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap())
            .unwrap();
        damage(&newest, how);
        let error = read(&store, AsOf::Latest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{how}");
        let Error::Damaged { key, readable, .. } = &error else { panic!("{how}: {error}") };
        assert!(key.ends_with(newest.file_name().unwrap().to_str().unwrap()), "{how}: {error}");
        assert_eq!(readable, &[1, 2], "{how}: {error}");
        assert_eq!(read(&store, AsOf::Version(2)).unwrap(), 300, "{how}");
        // What would have to trust the file is refused too; what comes behind it need not.
        let key = self::key(Timeframe::H1);
        assert!(store.upsert(&key, &candles(JUNE, HOUR, 9_150..9_151, 1.0), None).is_err());
        assert_eq!(store.append(&key, &candles(JUNE, HOUR, 9_300..9_301, 0.0), None).unwrap().rows, 301);
        assert!(read(&store, AsOf::Latest).is_err());
    }
}

#[test]
fn a_damaged_manifest_is_named() {
    for how in ["truncated", "flipped", "emptied", "foreign"] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        damage(&files(&symbol_dir(dir.path()).join("v"))[1], how);
        let error = read(&store, AsOf::Version(2)).unwrap_err();
        let Error::Damaged { key, readable, .. } = &error else { panic!("{how}: {error}") };
        assert!(key.ends_with("v/00000000000000000002.json"), "{how}: {error}");
        assert_eq!(readable, &[1, 3], "{how}");
        assert_eq!(read(&store, AsOf::Latest).unwrap(), 300, "{how}");
    }
}

#[test]
fn the_hint_may_be_anything() {
    for how in ["truncated", "flipped", "emptied", "foreign", "deleted"] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        damage(&symbol_dir(dir.path()).join("HEAD.json"), how);
        assert_eq!(read(&store, AsOf::Latest).unwrap(), 300, "{how}");
        store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, 9_200..9_201, 0.0), None).unwrap();
    }
    // A stale one only costs a few more reads.
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let head = symbol_dir(dir.path()).join("HEAD.json");
    std::fs::copy(&files(&symbol_dir(dir.path()).join("v"))[0], &head).unwrap();
    assert_eq!(read(&store, AsOf::Latest).unwrap(), 300);
}

#[test]
fn a_manifest_under_another_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let manifests = files(&symbol_dir(dir.path()).join("v"));
    std::fs::copy(&manifests[0], manifests[2].with_file_name("00000000000000000004.json")).unwrap();
    let error = read(&store, AsOf::Latest).unwrap_err().to_string();
    assert!(error.contains("it is the manifest of version 1; readable versions: 1-3"), "{error}");

    let other = dir.path().join("ohlcv/sym/ETH_USDT_1h/v");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::copy(&manifests[0], other.join("00000000000000000001.json")).unwrap();
    let listing = store.list().unwrap();
    assert_eq!(listing.damaged.len(), 2);
}

#[test]
fn every_byte_of_every_object_matters() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let expected = store.read(&key(Timeframe::H1), TimeRange::ALL, AsOf::Version(3)).unwrap().unwrap();
    for folder in ["d", "v"] {
        for path in files(&symbol_dir(dir.path()).join(folder)) {
            let original = std::fs::read(&path).unwrap();
            for at in (0..original.len()).step_by(97) {
                let mut bytes = original.clone();
                bytes[at] ^= 0x04;
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, &bytes).unwrap();
                match store.read(&key(Timeframe::H1), TimeRange::ALL, AsOf::Version(3)) {
                    Ok(read) => assert_eq!(read.unwrap(), expected),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Data, "{error}"),
                }
            }
            std::fs::write(&path, &original).unwrap();
        }
    }
}

#[test]
fn other_libraries_are_refused() {
    for text in ["", "{}", "{\"format\":2}", "not json"] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("ohlcv")).unwrap();
        std::fs::write(dir.path().join("ohlcv/lib.json"), text).unwrap();
        let clock = crate::support::clock();
        let store =
            CandleStore::open(dir.path(), clock, std::sync::Arc::new(tradai_domain::RandomIds)).unwrap();
        assert_eq!(store.list().unwrap_err().kind(), ErrorKind::Data, "{text}");
        let refused = store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, 0..1, 0.0), None);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Data, "{text}");
        let checkup = store.fsck(&|_, _| ()).unwrap();
        assert_eq!(checkup.findings.len(), 1, "{text}");
        assert_eq!(checkup.findings[0].object, "ohlcv/lib.json", "{text}");
    }
}

#[test]
fn writes_and_deletions_go_past_a_damaged_version() {
    for intact in [true, false] {
        for deletes in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let key = key(Timeframe::H1);
            if intact {
                local(dir.path()).append(&key, &candles(JUNE, HOUR, 0..10, 0.0), None).unwrap();
            }
            let last =
                local(dir.path()).append(&key, &candles(JUNE, HOUR, 10..20, 0.0), None).unwrap().version;
            std::fs::remove_file(symbol_dir(dir.path()).join("HEAD.json")).unwrap();
            damage(&symbol_dir(dir.path()).join(format!("v/{last:020}.json")), "flipped");
            let store = local(dir.path());
            assert_eq!(read(&store, AsOf::Latest).unwrap_err().kind(), ErrorKind::Data);
            assert!(store.append(&key, &candles(JUNE, HOUR, 20..21, 0.0), None).is_err());
            if deletes {
                assert_eq!(store.delete(&key).unwrap().version, last + 1);
                assert!(store.list().unwrap().series.is_empty());
            } else {
                // The same candles as in the version before the damaged one: a new version all the same.
                let commit = store.write(&key, &candles(JUNE, HOUR, 0..10, 0.0), None).unwrap();
                assert_eq!((commit.version, commit.changed), (last + 1, true));
                assert_eq!(read(&store, AsOf::Latest).unwrap(), 10);
            }
            let checkup = store.fsck(&|_, _| ()).unwrap();
            assert_eq!(checkup.worst(), Some(Severity::Warning), "{checkup:?}");
            assert_eq!(checkup.findings.len(), 1, "{checkup:?}");
        }
    }
}

#[test]
fn sizes_are_checked_before_anything_is_read() {
    const TERABYTE: u64 = 1 << 40;
    for (folder, name) in [("d", None), ("v", Some("00000000000000000003.json")), ("", Some("HEAD.json"))] {
        let dir = tempfile::tempdir().unwrap();
        drop(store(dir.path()));
        let folder = symbol_dir(dir.path()).join(folder);
        let path = name.map_or_else(|| files(&folder)[0].clone(), |name| folder.join(name));
        // Of all that nothing is on the disk, and nobody has the memory.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(TERABYTE).unwrap();
        let store = local(dir.path());
        let checkup = store.fsck(&|_, _| ()).unwrap();
        if name == Some("HEAD.json") {
            assert_eq!((read(&store, AsOf::Latest).unwrap(), checkup.findings), (300, Vec::new()));
            continue;
        }
        let error = read(&store, AsOf::Version(3)).unwrap_err().to_string();
        assert!(error.contains("has 1099511627776 bytes"), "{error}");
        assert!(checkup.findings.iter().all(|it| it.problem.contains("1099511627776")), "{checkup:?}");
    }
}

#[test]
fn few_versions_are_read_to_say_which_are_intact() {
    let watched = std::sync::Arc::new(Watched::default());
    let (store, key) = (watched.store(), key(Timeframe::H1));
    for day in 0..40 {
        store.write(&key, &candles(JUNE, HOUR, day..day + 24, 0.0), None).unwrap();
    }
    watched.gets.lock().unwrap().clear();
    store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap();
    let newest = watched.take_data_gets().remove(0);
    watched.delete(&newest);
    let error = watched.store().read(&key, TimeRange::ALL, AsOf::Latest).unwrap_err();
    let Error::Damaged { readable, .. } = &error else { panic!("{error}") };
    assert_eq!(*readable, (32..40).collect::<Vec<u64>>());
    // The file itself, a few times, and those of the versions named.
    assert!(watched.take_data_gets().len() <= 12);
}

#[test]
fn a_write_repairs_what_it_would_not_change() {
    for how in ["flipped", "deleted", "truncated"] {
        let dir = tempfile::tempdir().unwrap();
        let (store, key) = (local(dir.path()), key(Timeframe::H1));
        let notes = metadata(r#"{"source": "import"}"#);
        let written = candles(JUNE, HOUR, 0..9_100, 0.0);
        store.write(&key, &written, notes.clone()).unwrap();
        assert!(!store.write(&key, &written, notes.clone()).unwrap().changed);
        damage(&files(&symbol_dir(dir.path()).join("d"))[1], how);
        assert!(read(&store, AsOf::Latest).is_err(), "{how}");

        let commit = store.write(&key, &written, notes.clone()).unwrap();
        assert_eq!((commit.version, commit.changed), (2, true), "{how}");
        assert_eq!(read(&store, AsOf::Latest).unwrap(), 9_100, "{how}");
        assert_eq!(store.fsck(&|_, _| ()).unwrap().worst(), Some(Severity::Warning), "{how}");
        assert!(!store.write(&key, &written, notes).unwrap().changed, "{how}");
    }
}
