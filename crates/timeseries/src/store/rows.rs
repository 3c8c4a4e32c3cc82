//! What the commit protocol needs to know of rows: candles are one kind, tables the other.

use std::ops::Range;

use bytes::Bytes;
use object_store::path::Path;
use tradai_domain::{CandleSeries, Millis, SeriesKey, TimeRange};

use super::data::{self, NewFile};
use super::head::damaged;
use super::layout::SymbolLayout;
use super::manifest::{FileEntry, Manifest, Schema};
use super::merge::{Equal, merge, splice};
use super::period::Periods;
use super::types::is_synthetic;
use crate::error::{Damage, Error};
use crate::files::{Profile, RawCandles};

/// Rows in order of time.
pub(crate) trait Rows: Clone + Send + Sync {
    /// What rows of one symbol have in common.
    type Format: Clone + Send + Sync;
    /// Rows being read, file by file in order of time.
    type Builder: Send;

    /// Returns the time of each row; equal ones only where a library tells them apart by another column.
    fn times(&self) -> &[Millis];
    /// Returns some rows.
    fn slice(&self, rows: Range<usize>) -> Self;
    /// Returns whether rows are the same to the last bit.
    fn same(&self, other: &Self) -> bool;
    /// Merges rows by time; `symbol` is for errors.
    fn merge(symbol: &str, stored: &Self, new: &Self, equal: Equal) -> Result<Self, Error>;
    /// Puts new rows in the place of the stored ones of `range`; `symbol` is for errors.
    fn splice(symbol: &str, stored: &Self, range: TimeRange, new: &Self) -> Result<Self, Error>;
    /// Encodes all rows, of which there is at least one; no two nonces give one file. `symbol` is for errors.
    fn encode(
        &self,
        format: &Self::Format,
        symbol: &str,
        period: &str,
        nonce: &str,
    ) -> Result<NewFile, Error>;

    /// Makes room for so many rows.
    fn builder(format: &Self::Format, rows: usize) -> Self::Builder;
    /// Checks a file and adds its rows of `range`.
    fn add(
        builder: &mut Self::Builder,
        file: &FileEntry,
        bytes: Bytes,
        range: TimeRange,
    ) -> Result<(), Damage>;
    /// Returns the rows, which must be in order; `first` is the first file, for errors.
    fn finish(builder: Self::Builder, layout: &SymbolLayout, first: &Path) -> Result<Self, Error>;

    /// Describes the encoding.
    fn schema(format: &Self::Format) -> Schema;
    /// Returns how a new series is cut into files.
    fn periods(format: &Self::Format) -> Periods;
    /// Returns which candles these are, if they are.
    fn series(format: &Self::Format) -> Option<SeriesKey>;
    /// Returns the format to read a version's rows with.
    fn stored(format: &Self::Format, layout: &SymbolLayout, of: &Manifest) -> Result<Self::Format, Error>;
    /// Checks that rows of this format may join those of a version, and returns the format of all together.
    fn join(
        format: &Self::Format,
        layout: &SymbolLayout,
        head: &Manifest,
        metadata: &super::Metadata,
    ) -> Result<Self::Format, Error>;
}

/// Which candles, and how new files keep them. How a stored file keeps them, it says itself.
#[derive(Debug, Clone)]
pub(crate) struct CandleFormat {
    pub(crate) key: SeriesKey,
    pub(crate) profile: Profile,
}

impl CandleFormat {
    /// Returns the format to read candles with.
    pub(crate) fn to_read(key: &SeriesKey) -> Self {
        Self { key: key.clone(), profile: Profile::default() }
    }
}

impl Rows for CandleSeries {
    type Format = CandleFormat;
    type Builder = RawCandles;

    fn times(&self) -> &[Millis] {
        self.open_time()
    }

    fn slice(&self, rows: Range<usize>) -> Self {
        Self::slice(self, rows)
    }

    fn same(&self, other: &Self) -> bool {
        let columns = |series: &Self| {
            [series.open(), series.high(), series.low(), series.close(), series.volume()]
                .map(|column| column.iter().map(|value| value.to_bits()).collect::<Vec<u64>>())
        };
        self.open_time() == other.open_time() && columns(self) == columns(other)
    }

    fn merge(symbol: &str, stored: &Self, new: &Self, equal: Equal) -> Result<Self, Error> {
        merge(symbol, stored, new, equal)
    }

    fn splice(_: &str, stored: &Self, range: TimeRange, new: &Self) -> Result<Self, Error> {
        Ok(splice(stored, range, new))
    }

    fn encode(&self, format: &CandleFormat, _: &str, period: &str, nonce: &str) -> Result<NewFile, Error> {
        data::encode(&format.key, self, format.profile, period, nonce)
    }

    fn builder(_: &CandleFormat, rows: usize) -> RawCandles {
        let mut raw = RawCandles::default();
        raw.reserve(rows);
        raw
    }

    fn add(raw: &mut RawCandles, file: &FileEntry, bytes: Bytes, range: TimeRange) -> Result<(), Damage> {
        data::decode(file, &bytes, range, raw)
    }

    fn finish(raw: RawCandles, _: &SymbolLayout, first: &Path) -> Result<Self, Error> {
        raw.into_series().map_err(|fault| damaged(first, Damage::Foreign(fault.to_string())))
    }

    fn schema(format: &CandleFormat) -> Schema {
        data::schema(format.profile)
    }

    fn periods(format: &CandleFormat) -> Periods {
        Periods::of(format.key.timeframe)
    }

    fn series(format: &CandleFormat) -> Option<SeriesKey> {
        Some(format.key.clone())
    }

    fn stored(format: &CandleFormat, _: &SymbolLayout, _: &Manifest) -> Result<CandleFormat, Error> {
        Ok(format.clone())
    }

    fn join(
        format: &CandleFormat,
        _: &SymbolLayout,
        head: &Manifest,
        metadata: &super::Metadata,
    ) -> Result<CandleFormat, Error> {
        check_labels(head, metadata)?;
        Ok(format.clone())
    }
}

/// Refuses to mix real and made-up rows.
pub(crate) fn check_labels(head: &Manifest, metadata: &super::Metadata) -> Result<(), Error> {
    let stored_synthetic = is_synthetic(&head.metadata);
    if head.files.is_empty() || stored_synthetic == is_synthetic(metadata) {
        return Ok(());
    }
    Err(Error::MixedLabels { symbol: head.symbol.clone(), stored_synthetic })
}
