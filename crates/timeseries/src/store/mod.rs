//! The versioned store: immutable Parquet files under numbered, complete manifests.
//!
//! A version is committed by creating its manifest where none is (`v/<number>.json`); that is the one
//! operation that must be atomic, and object storages and file systems all have it. Two writers of one symbol
//! meet there: the second finds the number taken, looks at what the first did and tries again on top of it.
//! Readers only ever see whole versions, and death at any moment leaves at most unreferenced files.
//!
//! Invariant: an acknowledged change is in every later version unless a later change undid it, and candles of
//! a version are in order, unique, and cut into files that do not overlap.

mod change;
mod commit;
mod data;
mod head;
mod layout;
mod manifest;
mod merge;
mod objects;
mod period;
mod read;
mod types;

use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
use tradai_domain::{Clock, IdSource};

use objects::Objects;
pub use types::{
    AsOf, Commit, Gap, Listing, Metadata, Read, SOURCE, SYNTHETIC, SeriesInfo, VersionInfo, is_synthetic,
};

/// The store over any object storage; async, for hosts that are. Sync code takes
/// [`CandleStore`](crate::CandleStore).
#[derive(Clone)]
pub struct Store {
    objects: Objects,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Store {
    /// Returns the store in an object storage, which must offer put with create-if-absent and, after a put,
    /// reads and lists that show it. Ids must differ between writers.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { objects: Objects(objects), clock, ids }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("objects", &self.objects).finish_non_exhaustive()
    }
}
