//! What a version becomes by a change: computed against the head anew on every attempt to commit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tradai_domain::{Millis, TimeRange};

use super::data::{NewFile, check};
use super::head::{Stored, damaged};
use super::layout::{SymbolLayout, data_key};
use super::manifest::{FileEntry, MAX_FILE_BYTES, Manifest, Schema};
use super::merge::Equal;
use super::period::Periods;
use super::rows::Rows;
use super::tiers::merge_from;
use super::types::{Metadata, MetadataChange, Op};
use super::{CONCURRENCY, Store};
use crate::error::Error;

/// A change to a series.
#[derive(Debug, Clone)]
pub(crate) enum Change<'a, R> {
    Write(&'a R),
    Append(&'a R),
    Upsert(&'a R),
    ReplaceRange(TimeRange, &'a R),
    Delete,
    /// Back to an earlier version.
    Restore(Arc<Stored>),
}

/// What a change is made to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) head: Option<&'a Manifest>,
    /// Whether a damaged version lies between `head` and the new one, so that even what is in `head` already
    /// makes a version.
    pub(crate) over_damage: bool,
}

/// What a change comes to.
pub(crate) struct Plan {
    /// Every file of the new version.
    pub(crate) files: Vec<FileEntry>,
    /// Those of them that are not stored yet.
    pub(crate) new_files: Vec<NewFile>,
    pub(crate) metadata: Metadata,
    pub(crate) periods: Periods,
    pub(crate) schema: Schema,
}

impl<R: Rows> Change<'_, R> {
    pub(crate) fn op(&self) -> Op {
        match self {
            Self::Write(_) => Op::Write,
            Self::Append(_) => Op::Append,
            Self::Upsert(_) => Op::Upsert,
            Self::ReplaceRange(..) => Op::ReplaceRange,
            Self::Delete => Op::Delete,
            Self::Restore(_) => Op::Restore,
        }
    }

    pub(crate) fn rows(&self) -> Option<&R> {
        match self {
            Self::Write(rows) | Self::Append(rows) | Self::Upsert(rows) | Self::ReplaceRange(_, rows) => {
                Some(rows)
            }
            Self::Delete | Self::Restore(_) => None,
        }
    }

    fn range(&self) -> Option<TimeRange> {
        if let Self::ReplaceRange(range, _) = self { Some(*range) } else { None }
    }

    /// Applies the change to stored rows, given those of the new ones that belong among them.
    fn apply(&self, symbol: &str, stored: &R, new: R) -> Result<R, Error> {
        match self {
            Self::Append(_) => R::merge(symbol, stored, &new, Equal::MustMatch),
            Self::Upsert(_) => R::merge(symbol, stored, &new, Equal::NewWins),
            Self::ReplaceRange(range, _) => R::splice(symbol, stored, *range, &new),
            Self::Write(_) | Self::Delete | Self::Restore(_) => Ok(new),
        }
    }
}

impl Plan {
    fn of(files: Vec<FileEntry>, metadata: Metadata, periods: Periods, schema: Schema) -> Self {
        Self { files, new_files: Vec::new(), metadata, periods, schema }
    }
}

impl Store {
    /// Works out the next version, or `None` when the head already is what the change asks for.
    pub(crate) async fn plan<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        base: Base<'_>,
        change: &Change<'_, R>,
        metadata: &MetadataChange,
        nonce: &str,
    ) -> Result<Option<Plan>, Error> {
        let alive = base.head.filter(|head| !head.is_deleted());
        let Some(new) = change.rows() else {
            return if let Change::Restore(old) = change {
                let current = alive.filter(|_| !base.over_damage);
                self.plan_restore(layout, &old.manifest, current, nonce).await
            } else {
                let schema = alive.map_or_else(|| R::schema(format), |head| head.schema.clone());
                let empty = Plan::of(Vec::new(), Metadata::new(), R::periods(format), schema);
                Ok((alive.is_some() || base.over_damage).then_some(empty))
            };
        };
        let metadata = metadata.apply(alive.map(|head| &head.metadata));
        let replaces_all = matches!(change, Change::Write(_));
        let kept = alive.filter(|head| !replaces_all && !head.files.is_empty());
        if alive.is_none() && new.times().is_empty() && !replaces_all {
            return Ok(None);
        }
        let format = match alive.filter(|_| !replaces_all) {
            Some(head) => &R::join(format, layout, head, &metadata)?,
            None => format,
        };
        let stored: &[FileEntry] = kept.map_or(&[], |head| &head.files);
        let periods = kept.and_then(|head| Periods::from_months(head.period_months));
        let periods = periods.unwrap_or_else(|| R::periods(format));
        let touches = touches(layout.symbol(), new.times(), change.range(), periods, stored)?;
        let mut plan = Plan::of(Vec::new(), metadata, periods, R::schema(format));
        let mut next = 0;
        // What an old series is merged with lies in many small groups of files: they are read ahead.
        let mut loaded = stream::iter(touches)
            .map(|touch| async move {
                let files = &stored[touch.files.clone()];
                let old: R = self.load(layout, format, files, TimeRange::ALL).await?;
                Ok::<_, Error>((touch, old))
            })
            .buffered(CONCURRENCY);
        while let Some((touch, old)) = loaded.try_next().await? {
            plan.files.extend_from_slice(&stored[next..touch.files.start]);
            next = touch.files.end;
            let result = change.apply(layout.symbol(), &old, new.slice(touch.rows))?;
            if result.same(&old) && !touch.seals {
                plan.files.extend_from_slice(&stored[touch.files]);
            } else if !result.times().is_empty() {
                let file = result.encode(format, layout.symbol(), &touch.period, nonce)?;
                check_size(layout.symbol(), &file.entry)?;
                plan.files.push(file.entry.clone());
                plan.new_files.push(file);
            }
        }
        drop(loaded);
        plan.files.extend_from_slice(&stored[next..]);
        let same = alive.filter(|head| !base.over_damage && is_unchanged(head, &plan));
        let unchanged = match same {
            // What is written whole is read nowhere on the way: damaged files would stay as they are.
            Some(head) if replaces_all => self.are_intact(layout, &head.files).await?,
            same => same.is_some(),
        };
        Ok((!unchanged).then_some(plan))
    }

    /// Returns whether files are there, bit for bit as they were written.
    pub(crate) async fn are_intact<'a>(
        &self,
        layout: &SymbolLayout,
        files: impl IntoIterator<Item = &'a FileEntry>,
    ) -> Result<bool, Error> {
        let mut checked =
            stream::iter(files).map(|file| self.is_intact(layout, file)).buffer_unordered(CONCURRENCY);
        while let Some(is_intact) = checked.try_next().await? {
            if !is_intact {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn is_intact(&self, layout: &SymbolLayout, file: &FileEntry) -> Result<bool, Error> {
        match self.fetch(layout, file).await {
            Ok((_, bytes)) => Ok(check(file, &bytes).is_ok()),
            Err(Error::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the plan that makes an old version the newest, or `None` when it is that already.
    ///
    /// What the newest version has not is stored anew: a collector may delete the old files at any moment, since
    /// their version may have been released, and nothing but a name of its own protects a file until it is
    /// committed.
    async fn plan_restore(
        &self,
        layout: &SymbolLayout,
        old: &Manifest,
        head: Option<&Manifest>,
        nonce: &str,
    ) -> Result<Option<Plan>, Error> {
        let Some(periods) = Periods::from_months(old.period_months) else { return Ok(None) };
        let mut plan = Plan::of(Vec::new(), old.metadata.clone(), periods, old.schema.clone());
        let current: &[FileEntry] = head.map_or(&[], |head| &head.files);
        let mut restored = stream::iter(&old.files)
            .map(|file| self.restore_file(layout, file, current, nonce))
            .buffered(CONCURRENCY);
        while let Some((entry, bytes)) = restored.try_next().await? {
            plan.new_files.extend(bytes.map(|bytes| NewFile { entry: entry.clone(), bytes }));
            plan.files.push(entry);
        }
        drop(restored);
        let unchanged = plan.new_files.is_empty() && head.is_some_and(|head| is_unchanged(head, &plan));
        Ok((!unchanged).then_some(plan))
    }

    /// Returns the file of a version that restores an old one's, with its bytes where it is to be stored anew.
    async fn restore_file(
        &self,
        layout: &SymbolLayout,
        file: &FileEntry,
        current: &[FileEntry],
        nonce: &str,
    ) -> Result<(FileEntry, Option<Bytes>), Error> {
        if let Some(same) = current.iter().find(|other| same_file(file, other))
            && self.is_intact(layout, same).await?
        {
            return Ok((same.clone(), None));
        }
        let (_, bytes) = self.fetch(layout, file).await?;
        check(file, &bytes).map_err(|damage| damaged(&layout.data(&file.key), damage))?;
        let key = data_key(&file.period, &blake3::hash(&bytes), nonce);
        Ok((FileEntry { key, ..file.clone() }, Some(bytes)))
    }
}

/// Refuses a file that nobody would read.
fn check_size(symbol: &str, file: &FileEntry) -> Result<(), Error> {
    if file.bytes <= MAX_FILE_BYTES {
        return Ok(());
    }
    let (what, bytes) = (format!("the rows of {symbol} from {} on", file.period), file.bytes);
    let source = format!("they would be one file of {bytes} bytes; at most {MAX_FILE_BYTES} are read");
    Err(Error::Encode { what, source: source.into() })
}

/// Returns whether a plan comes to the version that is there.
fn is_unchanged(head: &Manifest, plan: &Plan) -> bool {
    // Files of the same bytes have the same columns; without files the schema alone tells.
    let same_columns = !plan.files.is_empty() || head.schema == plan.schema;
    same_rows(&head.files, &plan.files) && same_columns && head.metadata == plan.metadata
}

/// Returns whether files hold the same rows, cut the same way.
fn same_rows(some: &[FileEntry], others: &[FileEntry]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| same_file(one, other))
}

fn same_file(one: &FileEntry, other: &FileEntry) -> bool {
    one.blake3 == other.blake3 && one.period == other.period
}

/// A change to some neighbouring files.
#[derive(Debug, PartialEq)]
struct Touch {
    period: String,
    /// Which of the new rows fall here.
    rows: Range<usize>,
    /// Which of the stored files become one with them.
    files: Range<usize>,
    /// Whether the files become one even when no row changes.
    seals: bool,
}

/// Returns which new rows meet which files, in order of time. `range` is what is replaced, if anything is.
fn touches(
    symbol: &str,
    times: &[Millis],
    range: Option<TimeRange>,
    periods: Periods,
    stored: &[FileEntry],
) -> Result<Vec<Touch>, Error> {
    let mut chunks: BTreeMap<String, Range<usize>> = BTreeMap::new();
    if let Some(range) = range {
        if let Some(&open_time) = times.iter().find(|&&at| !range.contains(at)) {
            return Err(Error::OutsideRange { symbol: symbol.to_owned(), open_time });
        }
        let hit = stored.iter().filter(|file| range.overlaps(file.ts_min, file.ts_max));
        chunks.extend(hit.map(|file| (file.period.clone(), 0..0)));
    }
    let left_behind = stored.last().map(|file| file.period.clone());
    for (period, rows) in rows_by_period(symbol, times, periods)? {
        if let Some(last) = left_behind.as_ref().filter(|last| **last < period) {
            chunks.entry(last.clone()).or_insert(0..0);
        }
        chunks.insert(period, rows);
    }
    let newest = chunks.keys().next_back().cloned();
    let mut touches = Vec::new();
    for (period, rows) in chunks {
        let own = files_of(stored, &period);
        if own.len() > 1 && left_behind.as_ref() == Some(&period) && newest.as_ref() != Some(&period) {
            touches.push(Touch { period, rows, files: own, seals: true });
        } else {
            touches.extend(in_period(&period, rows, own, times, range, stored));
        }
    }
    Ok(touches)
}

/// Returns which new rows meet which files of one period.
fn in_period(
    period: &str,
    rows: Range<usize>,
    own: Range<usize>,
    times: &[Millis],
    range: Option<TimeRange>,
    stored: &[FileEntry],
) -> Vec<Touch> {
    let new = &times[rows.clone()];
    let meets = |file: &FileEntry| {
        let among_new = new.first().zip(new.last());
        among_new.is_some_and(|(&first, &last)| file.ts_min <= last && file.ts_max >= first)
            || range.is_some_and(|range| range.overlaps(file.ts_min, file.ts_max))
    };
    let met: Vec<usize> = own.clone().filter(|&file| meets(&stored[file])).collect();
    let touch = |rows, files| Touch { period: period.to_owned(), rows, files, seals: false };
    let end = stored[own.clone()].last().map(|file| file.ts_max);
    let behind = rows.start + end.map_or(0, |end| new.partition_point(|&at| at <= end));
    let tail = |rows: Range<usize>| {
        let counts: Vec<u64> = stored[own.clone()].iter().map(|file| file.rows).collect();
        let start = merge_from(&counts, u64::try_from(rows.len()).unwrap_or(u64::MAX));
        touch(rows, own.start + start..own.end)
    };
    match (met.first(), met.last()) {
        (None, _) if new.is_empty() => Vec::new(),
        (None, _) if behind == rows.start => vec![tail(rows)],
        (None, _) => vec![touch(rows, own)],
        (Some(&first), Some(&last)) if behind < rows.end => {
            // What follows the last file is an append like any other, unless it is merged with what it meets.
            let after = tail(behind..rows.end);
            if after.files.start > last {
                vec![touch(rows.start..behind, first..last + 1), after]
            } else {
                let start = after.files.start.min(first);
                vec![touch(rows, start..own.end)]
            }
        }
        (Some(&first), last) => vec![touch(rows, first..last.map_or(first, |&last| last) + 1)],
    }
}

/// Cuts times into calendar periods.
fn rows_by_period(
    symbol: &str,
    times: &[Millis],
    periods: Periods,
) -> Result<Vec<(String, Range<usize>)>, Error> {
    let mut cut = Vec::new();
    let mut start = 0;
    while start < times.len() {
        let at = times[start];
        let no_period = || Error::BadTime { symbol: symbol.to_owned(), open_time: at };
        let name = periods.name(at).ok_or_else(no_period)?;
        let end_time = periods.end(at).ok_or_else(no_period)?;
        let end = start + times[start..].partition_point(|&time| time < end_time);
        cut.push((name, start..end));
        start = end;
    }
    Ok(cut)
}

/// Returns the files of a period.
fn files_of(stored: &[FileEntry], period: &str) -> Range<usize> {
    let start = stored.partition_point(|file| file.period.as_str() < period);
    let end = stored.partition_point(|file| file.period.as_str() <= period);
    start..end
}
