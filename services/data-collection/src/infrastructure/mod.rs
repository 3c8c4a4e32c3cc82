//! What the settings choose: stores and exchanges.

mod sources;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use tradai_control_plane::data::{Exchange, Exchanges};
use tradai_domain::ports::{CandleRepository, DocumentStore, ExchangeKey};
use tradai_domain::{Clock, IdSource};
use tradai_timeseries::CandleStore;
use tradai_timeseries::port::{StoreDocuments, StoreRepository};

use crate::{FeedSource, Settings};

/// What the service works with.
pub(crate) struct Opened {
    pub(crate) exchanges: Exchanges,
    pub(crate) feeds: BTreeMap<ExchangeKey, FeedSource>,
    pub(crate) documents: Arc<dyn DocumentStore>,
}

/// Opens the store of every exchange.
pub(crate) async fn open(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
) -> Result<Opened, Box<dyn Error + Send + Sync>> {
    let mut exchanges = Vec::with_capacity(settings.exchanges.len());
    let mut feeds = BTreeMap::new();
    for key in &settings.exchanges {
        let (source, feed) = sources::open(key, settings.url_of(key), clock, ids)?;
        let location = settings.location.of_exchange(key);
        let (clock, ids) = (clock.clone(), ids.clone());
        // A bucket is asked whether it can be used, which takes a moment.
        let opened =
            tokio::task::spawn_blocking(move || CandleStore::open_location(&location, clock, ids)).await?;
        let candles: Arc<dyn CandleRepository> = Arc::new(StoreRepository::new(opened?));
        exchanges.push(Exchange { source: Arc::new(source), candles });
        feeds.extend(feed.map(|feed| (key.clone(), feed)));
    }
    let documents = Arc::new(StoreDocuments::open(&settings.location)?);
    Ok(Opened { exchanges: Exchanges::new(exchanges), feeds, documents })
}
