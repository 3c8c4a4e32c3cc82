//! What each operation does.

use std::sync::Arc;

use arrow_array::{Float32Array, RecordBatch};
use tradai_domain::{ErrorKind, TimeRange};
use tradai_timeseries::{AsOf, Error, Op, Retention, TableProblem};

use super::{both, each, ids_of, read, rows, scores_of, series, times, times_of};
use crate::support::{HOUR, JUNE, Watched, metadata};

/// The problem with rows of a table.
fn problem(error: Error) -> TableProblem {
    let Error::Table { problem, .. } = error else { panic!("{error}") };
    *problem
}

#[test]
fn absent_tables_are_none() {
    both(|tables| {
        assert!(tables.read("x", TimeRange::ALL, AsOf::Latest, None).unwrap().is_none());
        assert!(tables.read("x", TimeRange::ALL, AsOf::Version(3), Some(&["no"])).unwrap().is_none());
        assert!(tables.first_rows("x", 5, AsOf::Latest, None).unwrap().is_none());
        assert!(tables.info("x", AsOf::Time(5)).unwrap().is_none());
        assert!(tables.versions("x").unwrap().is_empty());
        assert!(tables.list().unwrap().tables.is_empty());
        assert!(!tables.delete("x").unwrap().changed);
        assert!(!tables.delete_range("x", TimeRange::ALL).unwrap().changed);
        assert!(matches!(tables.restore("x", 1), Err(Error::NoSeries { .. })));
    });
}

#[test]
fn writes_replace_and_old_versions_stay() {
    both(|tables| {
        let (first, second) = (series(JUNE, HOUR, 0..50, 0.0), series(JUNE, HOUR, 10..20, 1.0));
        assert_eq!(tables.write("x", &first, None).unwrap().version, 1);
        assert_eq!(tables.write("x", &second, None).unwrap().version, 2);
        assert!(!tables.write("x", &second, None).unwrap().changed);
        assert_eq!(read(tables, "x", AsOf::Latest), second);
        assert_eq!(read(tables, "x", AsOf::Version(1)), first);
        let hash = |as_of| tables.read("x", TimeRange::ALL, as_of, None).unwrap().unwrap().data_hash;
        assert_ne!(hash(AsOf::Version(1)), hash(AsOf::Version(2)));
        assert_eq!(tables.info("x", AsOf::Latest).unwrap().unwrap().data_hash, hash(AsOf::Latest));
    });
}

#[test]
fn appends_join_and_repeat_without_effect() {
    both(|tables| {
        // 1,000 hours are six weeks: two files.
        let all = series(JUNE, HOUR, 0..1_000, 0.0);
        tables.append("x", &all.slice(0, 400), None).unwrap();
        let commit = tables.append("x", &all.slice(300, 700), None).unwrap();
        assert_eq!((commit.version, commit.rows, commit.changed), (2, 1_000, true));
        assert_eq!(read(tables, "x", AsOf::Latest), all);
        let again = tables.append("x", &all.slice(100, 800), None).unwrap();
        assert_eq!((again.version, again.changed), (2, false));
        assert_eq!(tables.append("x", &all.slice(5, 0), None).unwrap().version, 2);
        // Between stored rows there may be room.
        let between = rows(&[(JUNE + HOUR / 2, 1, 0.5, None)]);
        assert_eq!(tables.append("x", &between, None).unwrap().rows, 1_001);
        assert_eq!(times_of(&read(tables, "x", AsOf::Latest))[1], JUNE + HOUR / 2);
    });
}

#[test]
fn a_differing_row_is_named_and_nothing_is_stored() {
    both(|tables| {
        tables.append("x", &series(JUNE, HOUR, 0..10, 0.0), None).unwrap();
        let error = tables.append("x", &series(JUNE, HOUR, 8..12, 0.25), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x: the row of 2024-06-01 08:00:00.000 is stored with score = 1, the new one has 1.25"
        );
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let other = rows(&[(JUNE + HOUR, 1, 0.125, Some("new"))]);
        let error = problem(tables.append("x", &other, None).unwrap_err()).to_string();
        assert!(error.ends_with("stored with note = empty, the new one has \"new\""), "{error}");
        assert_eq!(tables.versions("x").unwrap().len(), 1);
    });
}

#[test]
fn zeros_and_nans_repeat() {
    both(|tables| {
        let stored = rows(&[(JUNE, 1, 0.0, None), (JUNE + 1, 2, f64::NAN, None)]);
        tables.append("x", &stored, None).unwrap();
        let again = rows(&[(JUNE, 1, -0.0, None), (JUNE + 1, 2, -f64::NAN, None)]);
        assert!(!tables.append("x", &again, None).unwrap().changed);
        assert_eq!(scores_of(&read(tables, "x", AsOf::Latest))[0].to_bits(), 0);
        assert!(tables.upsert("x", &again, None).unwrap().changed, "an upsert stores every bit");
        assert_eq!(scores_of(&read(tables, "x", AsOf::Latest))[0].to_bits(), (-0.0_f64).to_bits());
    });
}

#[test]
fn upsert_replace_and_delete_range() {
    both(|tables| {
        tables.write("x", &series(JUNE, HOUR, 0..10, 0.0), None).unwrap();
        tables.upsert("x", &series(JUNE, HOUR, 9..11, 5.0), None).unwrap();
        let upserted = read(tables, "x", AsOf::Latest);
        assert_eq!(upserted.num_rows(), 11);
        assert_eq!(upserted.slice(9, 2), series(JUNE, HOUR, 9..11, 5.0));

        let range = TimeRange::new(JUNE + 2 * HOUR, JUNE + 5 * HOUR);
        tables.replace_range("x", range, &series(JUNE, HOUR, 3..4, 7.0), None).unwrap();
        let replaced = read(tables, "x", AsOf::Latest);
        assert_eq!(ids_of(&replaced), [0, 1, 3, 5, 6, 7, 8, 9, 10]);

        let outside = tables.replace_range("x", range, &series(JUNE, HOUR, 5..6, 0.0), None).unwrap_err();
        assert!(matches!(outside, Error::OutsideRange { open_time, .. } if open_time == JUNE + 5 * HOUR));

        tables.delete_range("x", TimeRange { start: Some(JUNE + 6 * HOUR), end: None }).unwrap();
        assert_eq!(ids_of(&read(tables, "x", AsOf::Latest)), [0, 1, 3, 5]);
        let part = tables.read("x", range, AsOf::Latest, None).unwrap().unwrap().batch;
        assert_eq!(ids_of(&part), [3]);
    });
}

#[test]
fn a_table_without_rows_knows_its_columns() {
    both(|tables| {
        let some = series(JUNE, HOUR, 0..10, 0.0);
        tables.write("x", &some, None).unwrap();
        tables.delete_range("x", TimeRange::ALL).unwrap();
        let empty = read(tables, "x", AsOf::Latest);
        assert_eq!((empty.num_rows(), empty.schema()), (0, some.schema()));
        let info = tables.info("x", AsOf::Latest).unwrap().unwrap();
        assert_eq!((info.rows, info.span, info.schema), (0, None, some.schema()));
        let only = tables.read("x", TimeRange::ALL, AsOf::Latest, Some(&["note"])).unwrap().unwrap().batch;
        assert_eq!((only.num_rows(), only.num_columns()), (0, 2));

        let other = super::batch(vec![("timestamp", times([JUNE]))]);
        let refused = problem(tables.append("x", &other, None).unwrap_err());
        assert!(matches!(refused, TableProblem::Columns { place: 1, .. }), "{refused}");
        assert!(tables.write("x", &other.slice(0, 0), None).unwrap().changed, "other columns, no rows");
        assert_eq!(read(tables, "x", AsOf::Latest).schema(), other.schema());
        assert!(!tables.write("x", &other.slice(0, 0), None).unwrap().changed);
    });
}

#[test]
fn columns_must_be_those_of_the_table() {
    both(|tables| {
        let stored = series(JUNE, HOUR, 0..10, 0.0);
        tables.write("x", &stored, None).unwrap();
        let mut columns = stored.columns().to_vec();
        columns[2] = Arc::new(Float32Array::from(vec![0.5; 10]));
        let names = stored.schema();
        let names = names.fields().iter().map(|field| field.name().as_str());
        let other = RecordBatch::try_from_iter(names.zip(columns)).unwrap();
        let refused = tables.append("x", &other, None).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "x: column 2 is stored as `score` (Float64, nullable), the new rows have `score` (Float32); a write \
             may change the columns"
        );
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        for refused in [
            tables.upsert("x", &other, None),
            tables.replace_range("x", TimeRange::ALL, &other.slice(0, 0), None),
        ] {
            assert!(matches!(problem(refused.unwrap_err()), TableProblem::Columns { place: 2, .. }));
        }
        tables.write("x", &other, None).unwrap();
        assert_eq!(read(tables, "x", AsOf::Latest), other);
        tables.restore("x", 1).unwrap();
        assert_eq!(read(tables, "x", AsOf::Latest), stored);
        tables.append("x", &series(JUNE, HOUR, 10..11, 0.0), None).unwrap();
        // What is noted of columns stays as it was first written.
        let noted = stored.schema().as_ref().clone();
        let noted = noted.with_metadata(std::collections::HashMap::from([("a".to_owned(), "b".to_owned())]));
        let noted = RecordBatch::try_new(Arc::new(noted), stored.columns().to_vec()).unwrap();
        assert!(!tables.append("x", &noted, None).unwrap().changed);
    });
}

#[test]
fn columns_are_read_in_the_order_asked_for() {
    both(|tables| {
        let all = series(JUNE, HOUR, 0..1_000, 0.0);
        tables.write("x", &all, None).unwrap();
        let range = TimeRange::new(JUNE + 500 * HOUR, JUNE + 900 * HOUR);
        let wanted = Some(["note", "timestamp", "id", "note"].as_slice());
        let read = tables.read("x", range, AsOf::Latest, wanted).unwrap().unwrap();
        assert_eq!(read.batch, all.slice(500, 400).project(&[0, 3, 1]).unwrap());
        let none = tables.read("x", range, AsOf::Latest, Some(&[])).unwrap().unwrap();
        assert_eq!(none.batch, all.slice(500, 400).project(&[0]).unwrap());
        let error = tables.read("x", range, AsOf::Latest, Some(&["skore"])).unwrap_err();
        assert_eq!(error.to_string(), "x: no column `skore`; there are timestamp, id, score, note");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    });
}

#[test]
fn versions_deletion_and_restoring() {
    both(|tables| {
        tables.write("x", &series(JUNE, HOUR, 0..5, 0.0), metadata(r#"{"model":"a"}"#)).unwrap();
        tables.append("x", &series(JUNE, HOUR, 5..9, 0.0), None).unwrap();
        tables.delete("x").unwrap();
        assert!(tables.read("x", TimeRange::ALL, AsOf::Latest, None).unwrap().is_none());
        assert!(tables.list().unwrap().tables.is_empty());
        assert_eq!(read(tables, "x", AsOf::Version(2)).num_rows(), 9);
        tables.restore("x", 1).unwrap();
        let restored = tables.read("x", TimeRange::ALL, AsOf::Latest, None).unwrap().unwrap();
        assert_eq!((restored.batch.num_rows(), restored.version), (5, 4));
        assert_eq!(restored.metadata["model"], "a");
        let ops: Vec<_> =
            tables.versions("x").unwrap().into_iter().map(|version| version.op.unwrap()).collect();
        assert_eq!(ops, [Op::Write, Op::Append, Op::Delete, Op::Restore]);
        assert!(!tables.restore("x", 1).unwrap().changed);
    });
}

#[test]
fn names_are_any_text() {
    both(|tables| {
        let names = ["BTC/USDT:USDT", "..", "a b", "ÄÖ", "con", "%2F"];
        for name in names {
            tables.write(name, &series(JUNE, HOUR, 0..3, 0.0), None).unwrap();
        }
        let listed: Vec<String> = tables.list().unwrap().tables.into_iter().map(|info| info.symbol).collect();
        assert_eq!(listed.len(), names.len());
        assert!(names.iter().all(|name| listed.iter().any(|found| found == name)), "{listed:?}");
        for name in ["", &"x".repeat(81)] {
            let refused = tables.write(name, &series(JUNE, HOUR, 0..3, 0.0), None).unwrap_err();
            assert!(matches!(refused, Error::BadSymbol { .. }));
        }
    });
}

#[test]
fn snapshots_hold_what_pruning_would_take() {
    both(|tables| {
        for at in 0..4 {
            tables.append("x", &series(JUNE, HOUR, at..at + 1, 0.0), None).unwrap();
            tables.append("y", &series(JUNE, HOUR, at..at + 1, 0.0), None).unwrap();
            if at == 1 {
                let taken = tables.snapshot("early", Some(&["x"]), None).unwrap();
                assert_eq!(taken.symbols["x"], 2);
            }
        }
        assert!(matches!(tables.snapshot("early", None, None), Err(Error::SnapshotExists { .. })));
        let pruning = tables.prune(None, Retention::newest(1), &|_, _| ()).unwrap();
        assert_eq!(pruning.series.len(), 2);
        assert_eq!((pruning.series[0].versions_held, pruning.series[1].versions_held), (1, 0));
        assert_eq!(read(tables, "x", AsOf::Snapshot("early".into())).num_rows(), 2);
        assert!(tables.read("x", TimeRange::ALL, AsOf::Version(1), None).is_err());
        assert!(tables.read("y", TimeRange::ALL, AsOf::Snapshot("early".into()), None).unwrap().is_none());
        assert_eq!(tables.snapshots().unwrap().snapshots.len(), 1);
        assert!(tables.delete_snapshot("early").unwrap());
        assert!(!tables.delete_snapshot("early").unwrap());
    });
}

#[test]
fn rows_of_one_millisecond_are_told_apart() {
    each(Some("id"), |tables| {
        // July begins in the middle: rows of one millisecond must not be torn apart by the period's end.
        let july = 1_719_792_000_000;
        let before = [(july - 1, 1, 0.1, None), (july - 1, 2, 0.2, None)];
        let after = [(july, 3, 0.3, None), (july, 4, 0.4, None), (july, 5, 0.5, None)];
        tables.append("x", &rows(&[before[0], after[1]]), None).unwrap();
        tables.append("x", &rows(&[before[1], after[0]]), None).unwrap();
        tables.append("x", &rows(&[after[0], after[2]]), None).unwrap();
        let all = read(tables, "x", AsOf::Latest);
        assert_eq!(ids_of(&all), [1, 2, 3, 4, 5]);
        let part = tables.read("x", TimeRange { start: Some(july), end: None }, AsOf::Latest, None);
        assert_eq!(ids_of(&part.unwrap().unwrap().batch), [3, 4, 5]);
        let without_ids = tables.read("x", TimeRange::ALL, AsOf::Latest, Some(&["score"])).unwrap().unwrap();
        assert_eq!(scores_of(&without_ids.batch), [0.1, 0.2, 0.3, 0.4, 0.5]);

        let error = tables.append("x", &rows(&[(july, 4, 9.5, None)]), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x: the row of 2024-07-01 00:00:00.000 #4 is stored with score = 0.4, the new one has 9.5"
        );
        tables.upsert("x", &rows(&[(july, 4, 9.5, None)]), None).unwrap();
        assert_eq!(scores_of(&read(tables, "x", AsOf::Latest)), [0.1, 0.2, 0.3, 9.5, 0.5]);
        tables
            .replace_range("x", TimeRange::new(july, july + 1), &rows(&[(july, 7, 0.7, None)]), None)
            .unwrap();
        assert_eq!(ids_of(&read(tables, "x", AsOf::Latest)), [1, 2, 7]);
        assert_eq!(times_of(&read(tables, "x", AsOf::Latest)), [july - 1, july - 1, july]);
    });
}

#[test]
fn the_order_of_rows_is_checked() {
    each(Some("id"), |tables| {
        for (given, expected) in [
            (
                rows(&[(JUNE, 1, 0.0, None), (JUNE, 1, 0.0, None)]),
                "row 1 (2024-06-01 00:00:00.000 #1) repeats",
            ),
            (
                rows(&[(JUNE, 2, 0.0, None), (JUNE, 1, 0.0, None)]),
                "row 1 (2024-06-01 00:00:00.000 #1) is earlier",
            ),
            (
                rows(&[(JUNE, 2, 0.0, None), (JUNE - 5, 3, 0.0, None)]),
                "row 1 (2024-05-31 23:59:59.995 #3) is e",
            ),
        ] {
            let error = problem(tables.append("x", &given, None).unwrap_err()).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    });
    both(|tables| {
        let twice = rows(&[(JUNE, 1, 0.0, None), (JUNE, 2, 0.0, None)]);
        let error = problem(tables.write("x", &twice, None).unwrap_err()).to_string();
        assert_eq!(error, "row 1 (2024-06-01 00:00:00.000) repeats the row before it");
        let far = rows(&[(-1, 1, 0.0, None)]);
        assert!(matches!(tables.write("x", &far, None), Err(Error::BadTime { open_time: -1, .. })));
        assert!(tables.versions("x").unwrap().is_empty());
    });
}

#[test]
fn first_and_last_rows_read_only_their_files() {
    let watched = Arc::new(Watched::default());
    let tables = watched.store().tables("trades", super::options(None)).unwrap();
    let all = series(JUNE, HOUR, 0..5_000, 0.0);
    tables.write("x", &all, None).unwrap();
    watched.take_data_gets();
    let newest = tables.last_rows("x", 10, AsOf::Latest, None).unwrap().unwrap();
    assert_eq!(newest.batch, all.slice(4_990, 10));
    assert_eq!(watched.take_data_gets().len(), 1);
    // 608 of the hours are December's.
    let newest = tables.last_rows("x", 609, AsOf::Latest, Some(&["id"])).unwrap().unwrap();
    assert_eq!(newest.batch, all.slice(5_000 - 609, 609).project(&[0, 1]).unwrap());
    assert_eq!(watched.take_data_gets().len(), 2);
    let oldest = tables.first_rows("x", 720, AsOf::Version(1), None).unwrap().unwrap();
    assert_eq!(oldest.batch, all.slice(0, 720));
    assert_eq!(watched.take_data_gets().len(), 1, "June has 720 hours");
    assert_eq!(tables.first_rows("x", 0, AsOf::Latest, None).unwrap().unwrap().batch.num_rows(), 0);
    assert!(watched.take_data_gets().is_empty());
    assert_eq!(tables.last_rows("x", usize::MAX, AsOf::Latest, None).unwrap().unwrap().batch, all);
}

#[test]
fn real_and_made_up_rows_do_not_mix() {
    both(|tables| {
        tables.write("x", &series(JUNE, HOUR, 0..5, 0.0), metadata(r#"{"synthetic":true}"#)).unwrap();
        tables.append("x", &series(JUNE, HOUR, 5..9, 0.0), None).unwrap();
        let refused = tables.append("x", &series(JUNE, HOUR, 9..10, 0.0), metadata("{}")).unwrap_err();
        assert!(matches!(refused, Error::MixedLabels { stored_synthetic: true, .. }), "{refused}");
    });
}
