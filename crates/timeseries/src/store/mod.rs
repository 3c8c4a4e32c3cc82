//! The versioned store: immutable Parquet files under numbered, complete manifests.

mod types;

pub use types::{
    AsOf, Commit, Gap, Metadata, Read, SOURCE, SYNTHETIC, SeriesInfo, VersionInfo, is_synthetic,
};
