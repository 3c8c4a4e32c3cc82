//! Exchanges as sources of market data.

use std::error::Error;
use std::sync::Arc;

use tradai_domain::ports::ExchangeKey;
use tradai_domain::{Clock, IdSource};
use tradai_exchange::MarketData;
use tradai_exchange::client::Client;

use crate::core::FeedSource;

/// Returns the public data of an exchange, and its feed where there is one; `url` stands in for the exchange's own
/// addresses. Sends nothing yet.
pub(super) fn open(
    key: &ExchangeKey,
    url: Option<&str>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
) -> Result<(MarketData, Option<FeedSource>), Box<dyn Error + Send + Sync>> {
    // Processes that share an address wait different times before they try again.
    let (high, low) = ids.next(clock.as_ref()).as_u64_pair();
    let seed = high ^ low;
    let mut builder = Client::builder(key.as_str(), clock.clone())?.seed(seed);
    if let Some(url) = url {
        builder = builder.base_url(url);
    }
    let data = MarketData::new(builder.build()?)?;
    let feed = FeedSource::of(&data, url, seed, clock.clone());
    Ok((data, feed))
}
