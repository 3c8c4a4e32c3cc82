//! Where candles are stored, under the names that the Python platform gave them.

use crate::settings::Reader;

/// The bucket and library of the candle store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArcticSettings {
    /// A bucket, or a whole location (`s3://bucket/prefix`). `None`: a local folder that the host chooses.
    pub s3_bucket: Option<String>,
    /// The library within it.
    pub library_name: String,
    /// The endpoint of a server like S3.
    pub s3_endpoint: Option<String>,
}

impl ArcticSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            s3_bucket: reader
                .key("ARCTIC_S3_BUCKET", "bucket of the candle store; none: local folder")
                .also(&["ARCTICDB_S3_URI", "ARCTIC_S3_BUCKET", "ARCTIC_BUCKET"])
                .optional(),
            library_name: reader
                .key("ARCTIC_LIBRARY_NAME", "library of the candle store")
                .also(&["ARCTIC_LIBRARY_NAME", "ARCTIC_LIBRARY"])
                .or("ohlcv".to_owned()),
            s3_endpoint: reader
                .key("ARCTIC_S3_ENDPOINT", "endpoint of a server like S3")
                .also(&["ARCTIC_S3_ENDPOINT"])
                .optional(),
        }
    }
}
