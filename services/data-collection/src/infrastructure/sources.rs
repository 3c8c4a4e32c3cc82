//! Exchanges as sources of market data.

use std::error::Error;
use std::sync::Arc;

use tradai_domain::ports::{ExchangeKey, MarketDataSource};
use tradai_domain::{Clock, IdSource};
use tradai_exchange::MarketData;
use tradai_exchange::client::Client;

/// Returns the public data of an exchange; `url` stands in for the exchange's own addresses. Sends nothing yet.
pub(super) fn open(
    key: &ExchangeKey,
    url: Option<&str>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
) -> Result<Arc<dyn MarketDataSource>, Box<dyn Error + Send + Sync>> {
    // Processes that share an address wait different times before they try again.
    let (high, low) = ids.next(clock.as_ref()).as_u64_pair();
    let mut builder = Client::builder(key.as_str(), clock.clone())?.seed(high ^ low);
    if let Some(url) = url {
        builder = builder.base_url(url);
    }
    Ok(Arc::new(MarketData::new(builder.build()?)?))
}
