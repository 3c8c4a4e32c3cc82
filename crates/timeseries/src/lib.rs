//! Candles at rest: a versioned store on object storage, candle files of other programs, and synthetic
//! candles to try things out with. The store keeps tables of any columns as well.
//!
//! [`CandleStore`] is what the engine and the command line use, [`TableStore`] a library of tables in it;
//! [`store`] is the format and the commit
//! protocol under it; [`files`] reads and writes Parquet, CSV, feather and JSON; [`resample()`] makes longer
//! candles of shorter ones; [`sample`] makes candles up. Time, ids and the environment are handed in. The
//! network is touched for stores in S3 buckets alone, which take the feature `s3` (off by default) and are
//! opened by their [`Location`]. The feature `polars` (off by default, too) hands rows over as lazy frames:
//! `CandleStore::scan`, `TableStore::scan`.
//!
//! Invariant: a number read from here is bit for bit the number written, or there is an error that names the
//! object. Damage never shows as data.

mod arrow;
mod block_on;
mod candle_store;
mod error;
pub mod files;
#[cfg(feature = "polars")]
mod frames;
mod open;
#[cfg(feature = "ports")]
pub mod port;
mod resample;
#[cfg(feature = "s3")]
mod s3;
pub mod sample;
pub mod store;
mod table_store;

pub use arrow::into_record_batch;
pub use candle_store::CandleStore;
pub use error::{Damage, Error, FileProblem, StorageProblem};
pub use files::{RawCandles, parse_file_name, read_parquet_candles};
#[cfg(feature = "polars")]
pub use frames::into_data_frame;
pub use open::Location;
pub use resample::{Incomplete, ResampleError, Resampled, resample, resample_until, source_range};
#[cfg(feature = "s3")]
pub use s3::{S3Credentials, S3Settings, Secret};
pub use store::{
    AppendRequest, AsOf, Checkup, Commit, Finding, Gap, Listing, Metadata, MetadataChange, MetadataPatch, Op,
    Pruned, Pruning, Read, ReadRequest, Retention, SeriesInfo, Severity, SnapshotInfo, Snapshots, Store,
    TableInfo, TableListing, TableOptions, TableProblem, TableRead, Tables, VersionInfo,
};
pub use table_store::TableStore;
