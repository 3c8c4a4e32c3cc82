//! What a version becomes by a change: computed against the head anew on every attempt to commit.

use std::collections::BTreeMap;
use std::ops::Range;

use tradai_domain::{CandleSeries, SeriesKey, TimeRange};

use super::Store;
use super::data::{self, NewFile};
use super::layout::SymbolLayout;
use super::manifest::{FileEntry, Manifest, Op};
use super::merge::{Equal, merge, splice};
use super::period::Periods;
use super::types::{Metadata, is_synthetic};
use crate::error::Error;

/// A change to a series.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Write(&'a CandleSeries),
    Append(&'a CandleSeries),
    Upsert(&'a CandleSeries),
    ReplaceRange(TimeRange, &'a CandleSeries),
}

/// What a change comes to.
pub(crate) struct Plan {
    /// Every file of the new version.
    pub(crate) files: Vec<FileEntry>,
    /// Those of them that are not stored yet.
    pub(crate) new_files: Vec<NewFile>,
    pub(crate) metadata: Metadata,
    pub(crate) periods: Periods,
}

impl Change<'_> {
    pub(crate) fn op(self) -> Op {
        match self {
            Self::Write(_) => Op::Write,
            Self::Append(_) => Op::Append,
            Self::Upsert(_) => Op::Upsert,
            Self::ReplaceRange(..) => Op::ReplaceRange,
        }
    }

    fn candles(&self) -> &CandleSeries {
        match self {
            Self::Write(series)
            | Self::Append(series)
            | Self::Upsert(series)
            | Self::ReplaceRange(_, series) => series,
        }
    }

    /// Applies the change to the stored candles of one period.
    fn apply(&self, symbol: &str, stored: &CandleSeries, new: &CandleSeries) -> Result<CandleSeries, Error> {
        match self {
            Self::Write(_) => Ok(new.clone()),
            Self::Append(_) => merge(symbol, stored, new, Equal::MustMatch),
            Self::Upsert(_) => merge(symbol, stored, new, Equal::NewWins),
            Self::ReplaceRange(range, _) => Ok(splice(stored, *range, new)),
        }
    }
}

impl Store {
    /// Works out the next version, or `None` when the head already is what the change asks for.
    pub(crate) async fn plan(
        &self,
        layout: &SymbolLayout,
        key: &SeriesKey,
        head: Option<&Manifest>,
        change: Change<'_>,
        metadata: Option<&Metadata>,
    ) -> Result<Option<Plan>, Error> {
        let symbol = layout.symbol();
        let metadata = metadata.or(head.map(|head| &head.metadata)).cloned().unwrap_or_default();
        let stored: &[FileEntry] = match (change, head) {
            (Change::Write(_), _) | (_, None) => &[],
            (_, Some(head)) => &head.files,
        };
        if stored.is_empty() && change.candles().is_empty() && !matches!(change, Change::Write(_)) {
            return Ok(None);
        }
        check_labels(symbol, stored, head, &metadata)?;
        let periods = head
            .filter(|_| !stored.is_empty())
            .and_then(|head| Periods::from_months(head.period_months))
            .unwrap_or_else(|| Periods::of(key.timeframe));
        let touched = touched_periods(symbol, change, periods, stored)?;
        let mut files: Vec<FileEntry> =
            stored.iter().filter(|file| !touched.contains_key(&file.period)).cloned().collect();
        let mut new_files = Vec::new();
        for (period, rows) in touched {
            let entry = stored.iter().find(|file| file.period == period);
            let old = self.load(layout, entry, TimeRange::ALL).await?;
            let result = change.apply(symbol, &old, &change.candles().slice(rows))?;
            match entry {
                Some(entry) if result == old => files.push(entry.clone()),
                _ if result.is_empty() => {}
                _ => {
                    let file = data::encode(key, &result, 0..result.len(), &period)?;
                    files.push(file.entry.clone());
                    new_files.push(file);
                }
            }
        }
        files.sort_by_key(|file| file.ts_min);
        let unchanged = head.is_some_and(|head| head.files == files && head.metadata == metadata);
        Ok((!unchanged).then_some(Plan { files, new_files, metadata, periods }))
    }
}

/// Refuses to mix real and made-up candles. A write that replaces everything may change the label.
fn check_labels(
    symbol: &str,
    stored: &[FileEntry],
    head: Option<&Manifest>,
    metadata: &Metadata,
) -> Result<(), Error> {
    let stored_synthetic = head.is_some_and(|head| is_synthetic(&head.metadata));
    if !stored.is_empty() && stored_synthetic != is_synthetic(metadata) {
        return Err(Error::MixedLabels { symbol: symbol.to_owned(), stored_synthetic });
    }
    Ok(())
}

/// Returns the periods that a change may alter, each with the new rows that fall into it.
fn touched_periods(
    symbol: &str,
    change: Change<'_>,
    periods: Periods,
    stored: &[FileEntry],
) -> Result<BTreeMap<String, Range<usize>>, Error> {
    let new = change.candles();
    let times = new.open_time();
    let mut touched = BTreeMap::new();
    if let Change::ReplaceRange(range, _) = change {
        if let Some(&open_time) = times.iter().find(|&&at| !range.contains(at)) {
            return Err(Error::OutsideRange { symbol: symbol.to_owned(), open_time });
        }
        for file in stored.iter().filter(|file| range.overlaps(file.ts_min, file.ts_max)) {
            touched.insert(file.period.clone(), 0..0);
        }
    }
    let mut start = 0;
    while start < times.len() {
        let at = times[start];
        let no_period = || Error::BadTime { symbol: symbol.to_owned(), open_time: at };
        let name = periods.name(at).ok_or_else(no_period)?;
        let end_time = periods.end(at).ok_or_else(no_period)?;
        let end = start + times[start..].partition_point(|&time| time < end_time);
        touched.insert(name, start..end);
        start = end;
    }
    Ok(touched)
}
