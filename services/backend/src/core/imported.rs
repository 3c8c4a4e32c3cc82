//! Candles that were imported: those of the data folder's store itself, which are of no exchange.
//!
//! data-collection tells of collected ones; it knows exchanges only. Invariant: reading makes nothing.

use std::sync::Arc;

use tradai_domain::ports::{CandleRepository as _, PortError, StoredSeriesList};
use tradai_domain::{Clock, ErrorKind, IdSource};
use tradai_timeseries::port::StoreRepository;
use tradai_timeseries::{CandleStore, Location};

/// Lists imported candles.
#[derive(Clone)]
pub(crate) struct Imported {
    stores: Location,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Imported {
    /// Returns the imported candles of where stores are; a folder need not be there yet.
    pub(crate) fn new(stores: Location, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { stores, clock, ids }
    }

    /// Returns every imported series, by key.
    ///
    /// # Errors
    /// When the store cannot be opened or listed.
    pub(crate) async fn list(&self) -> Result<StoredSeriesList, PortError> {
        let (stores, clock, ids) = (self.stores.clone(), self.clock.clone(), self.ids.clone());
        let opened = tokio::task::spawn_blocking(move || match &stores {
            // Opening would make the folder.
            Location::Directory(folder) if !folder.is_dir() => Ok(None),
            _ => CandleStore::open_location(&stores, clock, ids).map(Some),
        });
        let opened = opened.await.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))?;
        let opened =
            opened.map_err(|error| PortError::new(error.kind(), "the candle store cannot be opened"))?;
        match opened {
            Some(store) => StoreRepository::new(store).list().await,
            None => Ok(StoredSeriesList::default()),
        }
    }
}
