//! Where candles are kept: the versioned series of one exchange.

use async_trait::async_trait;

use super::{ExchangeKey, PortError, Span};
use crate::{CandleSeries, Millis, SeriesKey};

/// The candles of one exchange, in versions.
///
/// Every change is atomic and makes a version, unless it changes nothing. An acknowledged change is in every later
/// version, whatever other writers, in this process or another, do at the same time; readers see whole versions.
/// A change whose future is dropped may or may not have happened.
#[async_trait]
pub trait CandleRepository: Send + Sync {
    /// Returns what is stored of a series, or `None` when there is no such series. Reads no candles. A version
    /// that does not exist is `NotFound`, also for a series that does.
    async fn find(&self, key: &SeriesKey, version: &VersionChoice)
    -> Result<Option<StoredSeries>, PortError>;

    /// Returns what is stored of every series, by key.
    async fn list(&self) -> Result<StoredSeriesList, PortError>;

    /// Returns candles of a version that open in the span, or `None` when there is no such series.
    async fn read(
        &self,
        key: &SeriesKey,
        span: Span,
        version: &VersionChoice,
    ) -> Result<Option<StoredCandles>, PortError>;

    /// Adds candles, wherever in time they lie, and sets the notes; other notes that users left are kept. Candles
    /// that are stored already must be identical: the first that differs is a `Conflict` whose text names it, and
    /// then nothing is changed. Real candles are not added to made-up ones (`Conflict`). Without candles the notes
    /// alone change, and nothing when there is no such series.
    async fn append(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        notes: &SeriesNotes,
    ) -> Result<Committed, PortError>;

    /// As [`CandleRepository::append`], but stored candles of the same open time give way.
    async fn upsert(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        notes: &SeriesNotes,
    ) -> Result<Committed, PortError>;

    /// Returns the versions of a series, oldest first; empty when there is no such series.
    async fn versions(&self, key: &SeriesKey) -> Result<Vec<StoredVersion>, PortError>;

    /// Makes an earlier version the newest again, as a new version. A series or version that does not exist is
    /// `NotFound`.
    async fn restore(&self, key: &SeriesKey, version: u64) -> Result<Committed, PortError>;

    /// Holds the newest version of these series (of all without `keys`) under a name. A name that is taken is a
    /// `Conflict`, a series that does not exist `NotFound`.
    async fn create_snapshot(&self, name: &str, keys: Option<&[SeriesKey]>) -> Result<Snapshot, PortError>;

    /// Returns the snapshots, by name.
    async fn snapshots(&self) -> Result<Vec<Snapshot>, PortError>;

    /// Asks whether the storage can be reached, at the cost of one small request.
    async fn ping(&self) -> Result<(), PortError>;
}

/// Which version of a series is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VersionChoice {
    /// The newest.
    #[default]
    Latest,
    /// The one with this number; numbers start at 1.
    Number(u64),
    /// The newest one committed at or before this moment.
    AsOf(Millis),
    /// The one that a snapshot holds.
    Snapshot(String),
}

/// A span in which the exchange has no candles: it was asked, and answered without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// Where candles would be.
    pub span: Span,
    /// When the exchange was asked, by our clock.
    pub noted: Millis,
}

/// What collecting notes about a series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeriesNotes {
    /// Where the candles came from; `None` for those that were not collected.
    pub exchange: Option<ExchangeKey>,
    /// Where the exchange has no candles: oldest first, without overlaps.
    pub absent: Vec<Absence>,
}

/// What is stored of a series, without its candles.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSeries {
    /// The series.
    pub key: SeriesKey,
    /// The version described.
    pub version: u64,
    /// When it was committed.
    pub committed: Millis,
    /// Open times of the first and last candle; `None` when there is none.
    pub ends: Option<(Millis, Millis)>,
    /// Number of candles.
    pub rows: u64,
    /// Bytes of the version's data.
    pub bytes: u64,
    /// Spans without candles between the first and the last, oldest first. Empty for funding rates, which keep no
    /// grid.
    pub holes: Vec<Span>,
    /// Equal hashes mean equal candles.
    pub data_hash: String,
    /// Whether the candles are made up.
    pub synthetic: bool,
    /// What collecting noted.
    pub notes: SeriesNotes,
}

/// Every series of a repository.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredSeriesList {
    /// The newest version of each, by key.
    pub series: Vec<StoredSeries>,
    /// One text for each series whose newest version cannot be read.
    pub damaged: Vec<String>,
}

/// Candles of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCandles {
    /// The candles; empty when the span has none.
    pub candles: CandleSeries,
    /// The version they belong to.
    pub version: u64,
    /// Equal hashes mean equal candles, of the whole version.
    pub data_hash: String,
    /// Whether the candles are made up.
    pub synthetic: bool,
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The version that now holds what was asked for.
    pub version: u64,
    /// Whether this call made it.
    pub changed: bool,
    /// Number of candles in the version.
    pub rows: u64,
}

/// One version in the history of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVersion {
    /// Its number.
    pub version: u64,
    /// When it was committed.
    pub committed: Millis,
    /// What made it, such as `append`; `None` where nobody noted it.
    pub operation: Option<&'static str>,
    /// Number of candles; `None` where nobody noted it.
    pub rows: Option<u64>,
}

/// Versions of series under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub created: Millis,
    /// Store names of series (`BTC_USDT_1h`) and the version of each, by name.
    pub versions: Vec<(String, u64)>,
}
