//! Many series at once.

use futures_util::{StreamExt, stream};
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};

use super::types::{AsOf, Commit, Metadata, Read};
use super::{CONCURRENCY, Store};
use crate::error::Error;

/// One series to read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRequest {
    /// The series.
    pub key: SeriesKey,
    /// The candles that open in it.
    pub range: TimeRange,
    /// The version.
    pub as_of: AsOf,
}

/// Candles to add to one series.
#[derive(Debug, Clone, PartialEq)]
pub struct AppendRequest {
    /// The series.
    pub key: SeriesKey,
    /// The candles.
    pub candles: CandleSeries,
    /// What to note; the old notes stay without.
    pub metadata: Option<Metadata>,
}

impl Store {
    /// Reads many series, several at a time; answers come in the order of the requests, and a failing one does
    /// not stop the others. See [`Store::read`].
    pub async fn read_batch(&self, requests: &[ReadRequest]) -> Vec<Result<Option<Read>, Error>> {
        stream::iter(requests)
            .map(|request| self.read(&request.key, request.range, request.as_of.clone()))
            .buffered(CONCURRENCY)
            .collect()
            .await
    }

    /// Appends to many series, several at a time; answers come in the order of the requests, and a failing one
    /// does not stop the others. See [`Store::append`].
    pub async fn append_batch(&self, requests: &[AppendRequest]) -> Vec<Result<Commit, Error>> {
        stream::iter(requests)
            .map(|request| self.append(&request.key, &request.candles, request.metadata.clone()))
            .buffered(CONCURRENCY)
            .collect()
            .await
    }
}
