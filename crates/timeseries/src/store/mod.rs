//! The versioned store: immutable Parquet files under numbered, complete manifests.
//!
//! A version is committed by creating its manifest where none is (`v/<number>.json`); that is the one
//! operation that must be atomic, and object storages and file systems all have it. Two writers of one symbol
//! meet there: the second finds the number taken, looks at what the first did and tries again on top of it.
//! Readers only ever see whole versions, and death at any moment leaves at most unreferenced files.
//!
//! Invariant: an acknowledged change is in every later version unless a later change undid it, and candles of
//! a version are in order, unique, and cut into files that do not overlap.

mod batch;
mod cache;
mod change;
mod columns;
mod commit;
mod data;
mod fsck;
mod gaps;
mod head;
mod layout;
mod library;
mod manifest;
mod merge;
mod objects;
mod part;
mod period;
mod read;
mod retention;
mod rows;
mod sealed;
mod snapshot;
mod staging;
mod table;
mod tiers;
mod types;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use object_store::ObjectStore;
use tradai_domain::{Clock, IdSource, Millis};

use crate::files::Profile;

pub use batch::{AppendRequest, ReadRequest};
use cache::Cache;
pub use fsck::{Checkup, Finding, Severity};
pub use library::TableOptions;
use objects::Objects;
pub use retention::{GRACE_MS, MIN_GRACE_MS, Pruned, Pruning, Retention};
pub use snapshot::{SnapshotInfo, Snapshots};
pub(crate) use table::candle_columns;
pub use table::{TableInfo, TableListing, TableProblem, TableRead, Tables};
pub use types::{
    AsOf, Commit, Gap, Listing, Metadata, MetadataChange, MetadataPatch, OnProgress, Op, Read, SOURCE,
    SYNTHETIC, SeriesInfo, VersionInfo, is_synthetic,
};

/// Objects asked for at a time for one symbol; series at a time in a batch.
pub(crate) const CONCURRENCY: usize = 16;

/// How a store waits between attempts.
pub type Waiter = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The store over any object storage; async, for hosts that are. Sync code takes
/// [`CandleStore`](crate::CandleStore). Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Store {
    objects: Objects,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    cache: Arc<Cache>,
    waiter: Waiter,
    profile: Option<Profile>,
}

impl Store {
    /// Returns the store in an object storage, which must offer put with create-if-absent and, after a put,
    /// reads and lists that show it. Ids must differ between writers.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        let waiter: Waiter = Arc::new(|pause| Box::pin(futures_timer::Delay::new(pause)));
        Self { objects: Objects::new(objects), clock, ids, cache: Arc::default(), waiter, profile: None }
    }

    /// Returns the store with a profile for its candles, which is chosen once: the first change of candles in a
    /// new store notes it, and in a store that has another one, changes of candles are refused. A store keeps
    /// [`Profile::F64`] when nobody chooses.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Tells the store that its objects are files below a directory: pruning then finds what writers that were
    /// killed left half-written there.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.objects = self.objects.in_directory(directory);
        self
    }

    /// Returns the store with another way to wait, such as a simulation's.
    #[must_use]
    pub fn with_waiter(mut self, waiter: Waiter) -> Self {
        self.waiter = waiter;
        self
    }

    fn now(&self) -> Millis {
        self.clock.now_ms()
    }

    fn next_id(&self) -> String {
        self.ids.next(self.clock.as_ref()).to_string()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("objects", &self.objects).finish_non_exhaustive()
    }
}
