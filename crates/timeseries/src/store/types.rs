//! What callers of the store hand in and get back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradai_domain::{CandleSeries, Millis, SeriesKey, TimeRange};

/// What a user notes about a series: a JSON object. [`SYNTHETIC`] and [`SOURCE`] have a meaning here.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// Metadata key: `true` when the candles are made up. Real and synthetic candles never mix in a series.
pub const SYNTHETIC: &str = "synthetic";

/// Metadata key: where the candles came from, such as `import` or `sample`.
pub const SOURCE: &str = "source";

/// A change to single notes, made to those of the version that a change of candles is committed on: what other
/// writers note meanwhile stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetadataPatch {
    /// Notes that go. Those of them that are in `set` or `default`, too, are made anew.
    pub remove: Vec<String>,
    /// Notes that are made or replaced.
    pub set: Metadata,
    /// Notes that are made where there are none of the name.
    pub default: Metadata,
}

impl MetadataPatch {
    /// Returns notes with the change made to them.
    #[must_use]
    pub fn apply(&self, mut metadata: Metadata) -> Metadata {
        metadata.retain(|name, _| !self.remove.contains(name));
        metadata.extend(self.set.clone());
        for (name, value) in &self.default {
            metadata.entry(name).or_insert_with(|| value.clone());
        }
        metadata
    }
}

/// What becomes of a series' notes when its candles change.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum MetadataChange {
    /// They stay.
    #[default]
    Keep,
    /// Others take their place.
    Replace(Metadata),
    /// Some of them change.
    Patch(MetadataPatch),
}

impl MetadataChange {
    /// Returns the notes after the change.
    pub(crate) fn apply(&self, stored: Option<&Metadata>) -> Metadata {
        let stored = || stored.cloned().unwrap_or_default();
        match self {
            Self::Keep => stored(),
            Self::Replace(metadata) => metadata.clone(),
            Self::Patch(patch) => patch.apply(stored()),
        }
    }
}

impl From<Option<Metadata>> for MetadataChange {
    fn from(metadata: Option<Metadata>) -> Self {
        metadata.map_or(Self::Keep, Self::Replace)
    }
}

impl From<MetadataPatch> for MetadataChange {
    fn from(patch: MetadataPatch) -> Self {
        Self::Patch(patch)
    }
}

/// Returns whether metadata calls the candles made up.
#[must_use]
pub fn is_synthetic(metadata: &Metadata) -> bool {
    metadata.get(SYNTHETIC).and_then(serde_json::Value::as_bool).unwrap_or(false)
}

/// Which version of a series to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AsOf {
    /// The newest one.
    #[default]
    Latest,
    /// The one with this number; numbers start at 1.
    Version(u64),
    /// The newest one committed at or before this moment.
    Time(Millis),
    /// The one that a snapshot of this name holds.
    Snapshot(Arc<str>),
}

/// Candles as read from the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The candles of the range; empty when the range has none.
    pub series: CandleSeries,
    /// The version they belong to.
    pub version: u64,
    /// Identifies the whole version's candles (64 hexadecimal digits), in whatever store and files: a hash of a sum of
    /// fast hashes of the rows. Different candles do not have equal ones by accident, but somebody who wants to can make
    /// some that have. Job manifests note it.
    pub data_hash: String,
    /// Whether the candles are made up.
    pub synthetic: bool,
    /// What the user noted about the series.
    pub metadata: Metadata,
}

/// Candles missing between two stored ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Open time of the first missing candle.
    pub start: Millis,
    /// How many candles are missing.
    pub missing: u64,
}

/// What the store holds of one series; known without reading any candle.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesInfo {
    /// The series.
    pub key: SeriesKey,
    /// The version described.
    pub version: u64,
    /// When it was committed.
    pub committed: Millis,
    /// Open times of the first and last candle; `None` when there is none.
    pub span: Option<(Millis, Millis)>,
    /// Number of candles.
    pub rows: u64,
    /// Bytes of this version's data files.
    pub bytes: u64,
    /// Missing candles, oldest first; always empty for funding rates, which keep no grid.
    pub gaps: Vec<Gap>,
    /// See [`Read::data_hash`].
    pub data_hash: String,
    /// Whether the candles are made up.
    pub synthetic: bool,
    /// What the user noted.
    pub metadata: Metadata,
}

impl SeriesInfo {
    /// Returns the parts of `range` that have no candles, in order: holes, and what lies before the first and
    /// after the last candle. Both ends of `range` must be given, and the timeframe's grid starts at its
    /// start. Funding rates count as whole between the first and the last.
    #[must_use]
    pub fn missing_in(&self, range: TimeRange) -> Vec<TimeRange> {
        let (Some(start), Some(end)) = (range.start, range.end) else { return Vec::new() };
        let step = self.key.timeframe.millis();
        let Some((first, last)) = self.span else { return whole(start, end) };
        let mut missing = whole(start, end.min(first));
        for gap in &self.gaps {
            let gap_end =
                gap.start.saturating_add(step.saturating_mul(i64::try_from(gap.missing).unwrap_or(0)));
            missing.extend(whole(start.max(gap.start), end.min(gap_end)));
        }
        missing.extend(whole(start.max(last.saturating_add(step)), end));
        missing
    }
}

/// Returns the range unless it is empty.
fn whole(start: Millis, end: Millis) -> Vec<TimeRange> {
    if start < end { vec![TimeRange::new(start, end)] } else { Vec::new() }
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// The version that now holds what was asked for.
    pub version: u64,
    /// Whether this call made it; `false` when all of it was stored already.
    pub changed: bool,
    /// Number of candles in the version.
    pub rows: u64,
}

/// What made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// All rows were replaced.
    Write,
    /// Rows were added.
    Append,
    /// Rows were added, or replaced by time.
    Upsert,
    /// The rows of a range were replaced or deleted.
    ReplaceRange,
    /// The series was deleted; earlier versions stay readable until they are pruned.
    Delete,
    /// An earlier version was made the newest again.
    Restore,
}

/// One version in a series' history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct VersionInfo {
    /// Its number.
    pub version: u64,
    /// When it was committed; later than every earlier version.
    pub committed: Millis,
    /// What made it; `None` where an old program left no note.
    pub op: Option<Op>,
    /// Number of rows; `None` where an old program left no note.
    pub rows: Option<u64>,
}

/// Told after each series how many of how many are done.
pub type OnProgress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// All series of a store.
#[derive(Debug, Default)]
pub struct Listing {
    /// The newest version of each, by name.
    pub series: Vec<SeriesInfo>,
    /// One error for each series whose newest version cannot be read.
    pub damaged: Vec<crate::Error>,
}
