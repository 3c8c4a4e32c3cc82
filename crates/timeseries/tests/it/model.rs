//! Random changes against a map that does the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tradai_domain::{CandleSeries, TimeRange, Timeframe};
use tradai_timeseries::{AsOf, Error};

use crate::support::{key, memory};

type Model = BTreeMap<i64, f64>;

#[derive(Debug, Clone)]
enum Step {
    Write(Model),
    Append(Model),
    Upsert(Model),
    ReplaceRange(i64, i64, Model),
}

/// Days within eight years: with one-hour candles they fall into three files.
const DAY: i64 = 86_400_000;

fn rows() -> impl Strategy<Value = Model> {
    proptest::collection::btree_map(18_000_i64..21_000, 1..4_i32, 0..8)
        .prop_map(|map| map.into_iter().map(|(day, value)| (day * DAY, f64::from(value))).collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => rows().prop_map(Step::Write),
        4 => rows().prop_map(Step::Append),
        3 => rows().prop_map(Step::Upsert),
        2 => (18_000_i64..21_000, 0_i64..1_500, rows()).prop_map(|(start, days, rows)| {
            let (start, end) = (start * DAY, (start + days) * DAY);
            Step::ReplaceRange(start, end, rows.range(start..end).map(|(&at, &v)| (at, v)).collect())
        }),
    ]
}

fn series(model: &Model) -> CandleSeries {
    let mut series = CandleSeries::default();
    for (&at, &value) in model {
        series.push(at, [value; 5]);
    }
    series
}

/// Applies a step to the model; `false` when it must be refused.
fn apply(model: &mut Model, step: &Step) -> bool {
    match step {
        Step::Write(rows) => model.clone_from(rows),
        Step::Append(rows) => {
            if rows.iter().any(|(at, value)| model.get(at).is_some_and(|stored| stored != value)) {
                return false;
            }
            model.extend(rows);
        }
        Step::Upsert(rows) => model.extend(rows),
        Step::ReplaceRange(start, end, rows) => {
            model.retain(|at, _| !(start..end).contains(&at));
            model.extend(rows);
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_version_is_what_the_model_was(steps in proptest::collection::vec(step(), 1..12)) {
        let store = memory();
        let key = key(Timeframe::H1);
        let mut model = Model::new();
        let mut versions: Vec<Model> = Vec::new();
        for step in &steps {
            let outcome = match step {
                Step::Write(rows) => store.write(&key, &series(rows), None),
                Step::Append(rows) => store.append(&key, &series(rows), None),
                Step::Upsert(rows) => store.upsert(&key, &series(rows), None),
                Step::ReplaceRange(start, end, rows) => {
                    store.replace_range(&key, TimeRange::new(*start, *end), &series(rows), None)
                }
            };
            if !apply(&mut model, step) {
                let refused = matches!(outcome, Err(Error::Conflict { .. }));
                prop_assert!(refused, "{outcome:?}");
                continue;
            }
            let commit = outcome.unwrap();
            if commit.changed {
                versions.push(model.clone());
            }
            prop_assert_eq!(commit.version, versions.len() as u64);
            prop_assert_eq!(commit.rows, model.len() as u64);
        }
        for (at, model) in versions.iter().enumerate() {
            let as_of = AsOf::Version(at as u64 + 1);
            let read = store.read(&key, TimeRange::ALL, as_of.clone()).unwrap().unwrap();
            prop_assert_eq!(&read.series, &series(model));
            let range = TimeRange::new(19_000 * DAY, 20_100 * DAY);
            let part = store.read(&key, range, as_of).unwrap().unwrap().series;
            prop_assert_eq!(part, read.series.slice(read.series.rows_in(range)));
        }
    }
}
