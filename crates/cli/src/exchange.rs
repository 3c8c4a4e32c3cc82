//! Exchanges as commands use them: a client, and the store of what was collected from it.

use std::sync::Arc;

use tradai_control_plane::data::{CollectLimits, Collector, Exchange, Exchanges};
use tradai_domain::ports::ExchangeKey;
use tradai_exchange::MarketData;
use tradai_exchange::client::Client;
use tradai_timeseries::port::StoreRepository;

use crate::context::Context;

/// Returns a collector of one exchange's candles; `url` stands in for the exchange's own addresses.
///
/// # Errors
/// When we do not know the exchange, the address is none, or the store cannot be opened.
pub(crate) fn collector(
    ctx: &Context,
    key: &ExchangeKey,
    url: Option<&str>,
    limits: CollectLimits,
) -> anyhow::Result<Collector> {
    let mut builder = Client::builder(key.as_str(), Arc::clone(&ctx.clock))?.seed(seed(ctx));
    if let Some(url) = url {
        builder = builder.base_url(url);
    }
    let source = MarketData::new(builder.build()?)?;
    let candles = StoreRepository::new(ctx.store_of(Some(key))?);
    let exchange = Exchange { source: Arc::new(source), candles: Arc::new(candles) };
    Ok(Collector::new(Exchanges::new(vec![exchange]), Arc::clone(&ctx.clock), limits))
}

/// Processes that share an address draw different pauses.
fn seed(ctx: &Context) -> u64 {
    let (high, low) = ctx.ids.next(ctx.clock.as_ref()).as_u64_pair();
    high ^ low
}
