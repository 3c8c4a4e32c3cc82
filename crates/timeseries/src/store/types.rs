//! What callers of the store hand in and get back.

use serde::{Deserialize, Serialize};
use tradai_domain::{CandleSeries, Millis, SeriesKey};

/// What a user notes about a series: a JSON object. [`SYNTHETIC`] and [`SOURCE`] have a meaning here.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// Metadata key: `true` when the candles are made up. Real and synthetic candles never mix in a series.
pub const SYNTHETIC: &str = "synthetic";

/// Metadata key: where the candles came from, such as `import` or `sample`.
pub const SOURCE: &str = "source";

/// Returns whether metadata calls the candles made up.
#[must_use]
pub fn is_synthetic(metadata: &Metadata) -> bool {
    metadata.get(SYNTHETIC).and_then(serde_json::Value::as_bool).unwrap_or(false)
}

/// Which version of a series to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// The newest one.
    #[default]
    Latest,
    /// The one with this number; numbers start at 1.
    Version(u64),
    /// The newest one committed at or before this moment.
    Time(Millis),
}

/// Candles as read from the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The candles of the range; empty when the range has none.
    pub series: CandleSeries,
    /// The version they belong to.
    pub version: u64,
    /// Identifies the whole version's candles (64 hexadecimal digits): equal hashes mean equal candles, in
    /// whatever store. The reverse holds for files of one encoder version. Job manifests note it.
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

/// One version in a series' history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// Its number.
    pub version: u64,
    /// When it was committed; later than every earlier version.
    pub committed: Millis,
}

/// All series of a store.
#[derive(Debug, Default)]
pub struct Listing {
    /// The newest version of each, by name.
    pub series: Vec<SeriesInfo>,
    /// One error for each series whose newest version cannot be read.
    pub damaged: Vec<crate::Error>,
}
