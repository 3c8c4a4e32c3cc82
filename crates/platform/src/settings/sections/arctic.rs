//! Where candles are stored, under the names that the Python platform gave them.

use std::fmt::Display;

use crate::settings::Reader;

/// The library that candles are in. The store has no other.
const LIBRARY: &str = "ohlcv";
/// What a bucket's location is read from.
const BUCKET: &str = "ARCTIC_S3_BUCKET";

/// The bucket of the candle store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArcticSettings {
    /// A bucket, or a whole location (`s3://bucket/prefix`). `None`: a local folder that the host chooses.
    pub s3_bucket: Option<String>,
    /// The endpoint of a server like S3.
    pub s3_endpoint: Option<String>,
}

impl ArcticSettings {
    /// Reads the section. Another library than the store's is a fault.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let section = Self {
            s3_bucket: reader
                .key(BUCKET, "bucket of the candle store; none: local folder")
                .also(&["ARCTICDB_S3_URI", "ARCTIC_S3_BUCKET", "ARCTIC_BUCKET"])
                .optional(),
            s3_endpoint: reader
                .key("ARCTIC_S3_ENDPOINT", "endpoint of a server like S3")
                .also(&["ARCTIC_S3_ENDPOINT"])
                .optional(),
        };
        let library = reader
            .key("ARCTIC_LIBRARY_NAME", "library of the candle store")
            .also(&["ARCTIC_LIBRARY_NAME", "ARCTIC_LIBRARY"])
            .or(LIBRARY.to_owned());
        if library != LIBRARY {
            let problem = format!("`{library}` is not there; candles are in the library {LIBRARY}");
            reader.fault("ARCTIC_LIBRARY_NAME", problem);
        }
        section
    }

    /// Returns the location that the settings name, as `parse` makes it of its text and of Amazon's own variables, by
    /// which buckets know who asks; a fault where it cannot. `None` where the host's folder is meant.
    pub fn parsed<L, E: Display>(
        &self,
        reader: &mut Reader<'_>,
        parse: impl FnOnce(&str, &dyn Fn(&str) -> Option<String>) -> Result<L, E>,
    ) -> Option<L> {
        let location = parse(&self.location()?, &|name| reader.foreign(name));
        location.map_err(|error| reader.fault(BUCKET, error.to_string())).ok()
    }

    /// Returns the location that the settings name; `None` where the host's folder is meant. A bare name is a bucket;
    /// anything else is a location as it stands.
    #[must_use]
    pub fn location(&self) -> Option<String> {
        let bucket = self.s3_bucket.as_deref()?;
        let is_location = bucket.contains("://") || bucket == "memory:";
        let location = if is_location { bucket.to_owned() } else { format!("s3://{bucket}") };
        let takes_endpoint = location.starts_with("s3://") && !location.contains("endpoint=");
        Some(match self.s3_endpoint.as_ref().filter(|_| takes_endpoint) {
            Some(endpoint) => {
                let separator = if location.contains('?') { '&' } else { '?' };
                format!("{location}{separator}endpoint={endpoint}")
            }
            None => location,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_bucket() {
        for (bucket, endpoint, location) in [
            ("tradai-arcticdb-dev", None, "s3://tradai-arcticdb-dev"),
            ("b", Some("http://localhost:4566"), "s3://b?endpoint=http://localhost:4566"),
            ("s3://b/p?region=x", Some("http://h"), "s3://b/p?region=x&endpoint=http://h"),
            ("s3://b?endpoint=http://a", Some("http://h"), "s3://b?endpoint=http://a"),
            ("file:///srv", Some("http://h"), "file:///srv"),
        ] {
            let settings = ArcticSettings {
                s3_bucket: Some(bucket.to_owned()),
                s3_endpoint: endpoint.map(str::to_owned),
            };
            assert_eq!(settings.location().unwrap(), location);
        }
    }
}
