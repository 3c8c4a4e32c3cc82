//! Random changes against a map that does the same, with and without rows of one millisecond.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use proptest::prelude::*;
use tradai_domain::TimeRange;
use tradai_timeseries::{AsOf, Error, TableProblem};

use super::{LIBRARY, Row, options, read, rows};
use crate::support::memory;

/// By time and trade.
type Model = BTreeMap<(i64, i64), f64>;

/// A day: files of one month get some thirty.
const DAY: i64 = 86_400_000;

#[derive(Debug, Clone)]
enum Step {
    Write(Model),
    Append(Model),
    Upsert(Model),
    ReplaceRange(i64, i64, Model),
    DeleteRange(i64, i64),
    Delete,
    Restore(usize),
}

/// Rows within half a year; the last milliseconds of a month are among the likelier times.
fn some_rows(ties: i64) -> impl Strategy<Value = Model> {
    let time = prop_oneof![
        3 => (19_700_i64..19_880).prop_map(|day| day * DAY),
        1 => (0_i64..4).prop_map(|after| 19_905 * DAY - 2 + after),
    ];
    proptest::collection::btree_map((time, 0..ties), 1..4_i32, 0..8)
        .prop_map(|map| map.into_iter().map(|(at, value)| (at, f64::from(value))).collect())
}

fn step(ties: i64) -> impl Strategy<Value = Step> {
    let range =
        || (19_690_i64..19_910, 0_i64..90).prop_map(|(start, days)| (start * DAY, (start + days) * DAY));
    prop_oneof![
        1 => some_rows(ties).prop_map(Step::Write),
        5 => some_rows(ties).prop_map(Step::Append),
        3 => some_rows(ties).prop_map(Step::Upsert),
        2 => (range(), some_rows(ties)).prop_map(|((start, end), rows)| {
            let inside = rows.into_iter().filter(|((at, _), _)| (start..end).contains(at)).collect();
            Step::ReplaceRange(start, end, inside)
        }),
        1 => range().prop_map(|(start, end)| Step::DeleteRange(start, end)),
        1 => Just(Step::Delete),
        1 => (0_usize..12).prop_map(Step::Restore),
    ]
}

fn batch(model: &Model) -> RecordBatch {
    let all: Vec<Row> = model.iter().map(|(&(at, id), &value)| (at, id, value, None)).collect();
    rows(&all)
}

/// Returns what the model becomes; `None` when the step must be refused.
fn apply(model: &Model, step: &Step) -> Option<Model> {
    let mut model = model.clone();
    match step {
        Step::Write(rows) => model.clone_from(rows),
        Step::Append(rows) => {
            if rows.iter().any(|(at, value)| model.get(at).is_some_and(|stored| stored != value)) {
                return None;
            }
            model.extend(rows);
        }
        Step::Upsert(rows) => model.extend(rows),
        Step::ReplaceRange(start, end, rows) => {
            model.retain(|(at, _), _| !(start..end).contains(&at));
            model.extend(rows);
        }
        Step::DeleteRange(start, end) => model.retain(|(at, _), _| !(start..end).contains(&at)),
        Step::Delete | Step::Restore(_) => {}
    }
    Some(model)
}

/// Takes the steps, and compares every version in the end.
fn check(tie: Option<&str>, steps: &[Step]) -> Result<(), TestCaseError> {
    let tables = memory().tables(LIBRARY, options(tie)).unwrap();
    // `None` is a deletion.
    let mut versions: Vec<Option<Model>> = Vec::new();
    for step in steps {
        let current = versions.last().cloned().flatten();
        let outcome = match step {
            Step::Write(rows) => tables.write("x", &batch(rows), None),
            Step::Append(rows) => tables.append("x", &batch(rows), None),
            Step::Upsert(rows) => tables.upsert("x", &batch(rows), None),
            Step::ReplaceRange(start, end, rows) => {
                tables.replace_range("x", TimeRange::new(*start, *end), &batch(rows), None)
            }
            Step::DeleteRange(start, end) => tables.delete_range("x", TimeRange::new(*start, *end)),
            Step::Delete => tables.delete("x"),
            Step::Restore(at) => {
                let found = versions.get(*at).cloned().flatten();
                let outcome = tables.restore("x", *at as u64 + 1);
                match (found, outcome) {
                    (Some(model), Ok(commit)) if commit.changed => versions.push(Some(model)),
                    (Some(model), Ok(_)) => prop_assert_eq!(Some(model), current),
                    (None, outcome) => prop_assert!(outcome.is_err()),
                    (Some(_), Err(error)) => return Err(TestCaseError::fail(error.to_string())),
                }
                continue;
            }
        };
        let Some(next) = apply(&current.unwrap_or_default(), step) else {
            let Err(Error::Table { problem, .. }) = outcome else { panic!("{outcome:?}") };
            let is_conflict = matches!(*problem, TableProblem::Conflict { .. });
            prop_assert!(is_conflict, "{}", problem);
            continue;
        };
        let commit = outcome.unwrap();
        match step {
            Step::Delete if commit.changed => versions.push(None),
            _ if commit.changed => versions.push(Some(next)),
            _ => {}
        }
        prop_assert_eq!(commit.version, versions.len() as u64);
    }
    for (at, model) in versions.iter().enumerate() {
        let as_of = AsOf::Version(at as u64 + 1);
        let Some(model) = model else {
            prop_assert!(tables.read("x", TimeRange::ALL, as_of, None).unwrap().is_none());
            continue;
        };
        let all = read(&tables, "x", as_of.clone());
        prop_assert_eq!(&all, &batch(model));
        let range = TimeRange::new(19_730 * DAY, 19_905 * DAY);
        let inside: Model = model
            .iter()
            .filter(|((at, _), _)| range.contains(*at))
            .map(|(&at, &value)| (at, value))
            .collect();
        let part = tables.read("x", range, as_of.clone(), None).unwrap().unwrap();
        prop_assert_eq!(part.batch, batch(&inside));
        let last = tables.last_rows("x", 3, as_of.clone(), None).unwrap().unwrap().batch;
        prop_assert_eq!(last, all.slice(all.num_rows().saturating_sub(3), all.num_rows().min(3)));
        let info = tables.info("x", as_of).unwrap().unwrap();
        let span = model.keys().next().zip(model.keys().next_back()).map(|(first, last)| (first.0, last.0));
        prop_assert_eq!((info.rows, info.span), (model.len() as u64, span));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_version_is_what_the_model_was(steps in proptest::collection::vec(step(1), 1..12)) {
        check(None, &steps)?;
    }

    #[test]
    fn with_ties_too(steps in proptest::collection::vec(step(3), 1..12)) {
        check(Some("id"), &steps)?;
    }
}
