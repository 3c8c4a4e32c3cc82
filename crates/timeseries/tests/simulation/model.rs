//! What changes to a series mean: a map that does the same, one change after the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use tradai_domain::{CandleSeries, Millis, TimeRange};
use tradai_timeseries::Read;

use crate::faults::HOUR;

/// The first open time: 2024-12-31T18:00:00Z. One-hour candles fall into files of five years, of which the
/// first ends six hours later.
const BASE: Millis = 1_735_668_000_000;

/// Values by hour since [`BASE`].
pub(crate) type Rows = BTreeMap<i64, u32>;

/// Notes by name.
pub(crate) type Notes = BTreeMap<String, u32>;

/// What a version holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Content {
    pub(crate) rows: Rows,
    pub(crate) notes: Notes,
}

/// A series; `None` when it was deleted or never written.
pub(crate) type Series = Option<Arc<Content>>;

/// A change as the store is asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    Write(Rows),
    Append(Rows),
    /// Appends, and makes a note.
    Note(String, u32, Rows),
    Upsert(Rows),
    Replace(Range<i64>, Rows),
    Delete,
    Restore(u64),
}

/// What a change comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Becomes(Series),
    Refused,
}

impl Change {
    /// Applies the change; `version` returns the series of earlier versions.
    pub(crate) fn apply(&self, before: &Series, version: impl Fn(u64) -> Option<Series>) -> Effect {
        let mut content = before.as_deref().cloned().unwrap_or_default();
        let is_empty = |rows: &Rows| before.is_none() && rows.is_empty();
        match self {
            Self::Write(new) => content.rows.clone_from(new),
            Self::Append(new) | Self::Note(_, _, new) | Self::Upsert(new) | Self::Replace(_, new)
                if is_empty(new) =>
            {
                return Effect::Becomes(None);
            }
            Self::Append(new) | Self::Note(_, _, new) => {
                if new.iter().any(|(at, value)| content.rows.get(at).is_some_and(|stored| stored != value)) {
                    return Effect::Refused;
                }
                content.rows.extend(new);
                if let Self::Note(name, value, _) = self {
                    content.notes.insert(name.clone(), *value);
                }
            }
            Self::Upsert(new) => content.rows.extend(new),
            Self::Replace(range, new) => {
                content.rows.retain(|at, _| !range.contains(at));
                content.rows.extend(new);
            }
            Self::Delete => return Effect::Becomes(None),
            Self::Restore(number) => {
                return match version(*number) {
                    Some(Some(series)) => Effect::Becomes(Some(series)),
                    _ => Effect::Refused,
                };
            }
        }
        Effect::Becomes(Some(Arc::new(content)))
    }
}

/// Returns the open time of an hour.
pub(crate) fn time(hour: i64) -> Millis {
    BASE + hour * HOUR
}

/// Returns the rows as candles, those of some hours.
pub(crate) fn candles(rows: &Rows, hours: Range<i64>) -> CandleSeries {
    let mut series = CandleSeries::default();
    for (&hour, &value) in rows.range(hours) {
        series.push(time(hour), [f64::from(value); 5]);
    }
    series
}

/// Returns whether a read returned what a version holds of some hours.
pub(crate) fn is_read(content: &Content, hours: Range<i64>, read: &Read) -> bool {
    let notes = content.notes.iter().map(|(name, value)| (name.clone(), (*value).into()));
    read.series == candles(&content.rows, hours) && read.metadata == notes.collect()
}

pub(crate) fn range(hours: &Range<i64>) -> TimeRange {
    TimeRange::new(time(hours.start), time(hours.end))
}

/// All hours that there are.
pub(crate) const ALL_HOURS: Range<i64> = -1..100;
