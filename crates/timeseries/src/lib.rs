//! Candles at rest: a versioned store on object storage, candle files of other programs, and synthetic
//! candles to try things out with.
//!
//! [`CandleStore`] is what the engine and the command line use; [`store`] is the format and the commit
//! protocol under it; [`files`] reads and writes Parquet, CSV, feather and JSON; [`resample()`] makes longer
//! candles of shorter ones; [`sample`] makes candles up. No network and no ambient clock: time and ids are
//! handed in.
//!
//! Invariant: a number read from here is bit for bit the number written, or there is an error that names the
//! object. Damage never shows as data.

mod block_on;
mod candle_store;
mod error;
pub mod files;
mod resample;
pub mod sample;
pub mod store;

pub use candle_store::CandleStore;
pub use error::{Damage, Error, FileProblem};
pub use files::{RawCandles, parse_file_name, read_parquet_candles};
pub use resample::{Incomplete, ResampleError, Resampled, resample, resample_until, source_range};
pub use store::{
    AppendRequest, AsOf, Checkup, Commit, Finding, Gap, Listing, Metadata, Op, Pruned, Pruning, Read,
    ReadRequest, Retention, SeriesInfo, Severity, SnapshotInfo, Store, VersionInfo,
};
