//! Damage is named, and never read as rows.

use std::path::{Path, PathBuf};

use arrow_schema::{DataType, Field, Schema};
use tradai_domain::{ErrorKind, TimeRange};
use tradai_timeseries::{AsOf, Error, TableStore};

use super::{LIBRARY, options, read, series};
use crate::support::{HOUR, JUNE, local, reseal};

/// Three versions: two files, then one of them rewritten.
fn tables(dir: &Path) -> TableStore {
    let tables = local(dir).tables(LIBRARY, options(None)).unwrap();
    tables.append("x", &series(JUNE, HOUR, 0..100, 0.0), None).unwrap();
    tables.append("x", &series(JUNE, HOUR, 900..1_000, 0.0), None).unwrap();
    tables.upsert("x", &series(JUNE, HOUR, 950..960, 0.5), None).unwrap();
    tables
}

fn files(dir: &Path, folder: &str) -> Vec<PathBuf> {
    let folder = dir.join(LIBRARY).join("sym/x").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replace(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_byte_of_every_object_matters() {
    let dir = tempfile::tempdir().unwrap();
    let tables = tables(dir.path());
    let expected = read(&tables, "x", AsOf::Version(3));
    for path in files(dir.path(), "d").into_iter().chain(files(dir.path(), "v")) {
        let original = std::fs::read(&path).unwrap();
        for at in (0..original.len()).step_by(61) {
            let mut bytes = original.clone();
            bytes[at] ^= 0x04;
            replace(&path, &bytes);
            match tables.read("x", TimeRange::ALL, AsOf::Version(3), None) {
                Ok(read) => assert_eq!(read.unwrap().batch, expected),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Data, "{error}"),
            }
        }
        replace(&path, &original);
    }
}

#[test]
fn a_missing_file_is_named_with_the_readable_versions() {
    let dir = tempfile::tempdir().unwrap();
    let tables = tables(dir.path());
    let newest =
        files(dir.path(), "d").into_iter().max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    let newest = newest.unwrap();
    std::fs::remove_file(&newest).unwrap();
    let error = tables.read("x", TimeRange::ALL, AsOf::Latest, None).unwrap_err();
    let Error::Damaged { key, readable, .. } = &error else { panic!("{error}") };
    assert!(key.ends_with(newest.file_name().unwrap().to_str().unwrap()), "{error}");
    assert_eq!(readable, &[1, 2]);
    let checkup = local(dir.path()).fsck(&|_, _| ()).unwrap();
    assert_eq!(checkup.worst(), Some(tradai_timeseries::Severity::Damage));
    tables.restore("x", 2).unwrap();
    assert_eq!(read(&tables, "x", AsOf::Latest), read(&tables, "x", AsOf::Version(2)));
}

#[test]
fn a_hostile_manifest_is_damage() {
    let schema_of = |text: &str| {
        let start = text.find("\"arrow\":\"").unwrap() + 9;
        let end = start + text[start..].find('"').unwrap();
        text[start..end].to_owned()
    };
    let other = {
        let dir = tempfile::tempdir().unwrap();
        let tables = local(dir.path()).tables(LIBRARY, options(None)).unwrap();
        let three = series(JUNE, HOUR, 0..3, 0.0).project(&[0, 1, 2]).unwrap();
        tables.write("x", &three, None).unwrap();
        schema_of(&std::fs::read_to_string(&files(dir.path(), "v")[0]).unwrap())
    };
    let no_time = Schema::new(vec![Field::new("a", DataType::Int64, false)]);
    let no_time = parquet::arrow::encode_arrow_schema(&no_time);
    for hostile in ["", "AAAA", "////", "/////wAAAIA=", "not base64", no_time.as_str(), other.as_str()] {
        let dir = tempfile::tempdir().unwrap();
        drop(tables(dir.path()));
        let newest = &files(dir.path(), "v")[2];
        reseal(newest, |text| text.replace(&schema_of(&text), hostile));
        std::fs::remove_file(dir.path().join(LIBRARY).join("sym/x/HEAD.json")).unwrap();
        let tables = local(dir.path()).tables(LIBRARY, options(None)).unwrap();
        for outcome in [
            tables.read("x", TimeRange::ALL, AsOf::Latest, None).map(drop),
            tables.upsert("x", &series(JUNE, HOUR, 955..956, 9.0), None).map(drop),
        ] {
            let error = outcome.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Data | ErrorKind::Conflict), "{hostile}: {error}");
        }
        assert_eq!(read(&tables, "x", AsOf::Version(2)).num_rows(), 200, "{hostile}");
    }
    // Row counts and times are what the files have, whatever a manifest says.
    for (from, to) in
        [("\"rows\":100,", "\"rows\":99,"), ("\"ts_max\":1717556400000", "\"ts_max\":1717552800000")]
    {
        let dir = tempfile::tempdir().unwrap();
        drop(tables(dir.path()));
        reseal(&files(dir.path(), "v")[0], |text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        });
        let tables = local(dir.path()).tables(LIBRARY, options(None)).unwrap();
        let error = tables.read("x", TimeRange::ALL, AsOf::Version(1), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    }
}
