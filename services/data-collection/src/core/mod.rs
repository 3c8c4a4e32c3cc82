//! What is special about this service: reading the store page by page, changes that are noted, live data for many
//! listeners, and counting.

mod catalog;
mod changes;
mod live;
mod metrics;

pub(crate) use catalog::{CandlePageRequest, Catalog, no_series};
pub(crate) use changes::Changes;
pub use live::FeedSource;
pub(crate) use live::{End, Event, Hub, Listener, Next, Wanted};
pub(crate) use metrics::{SocketMetrics, SyncMetrics};

use tradai_domain::ports::ExchangeKey;

/// Returns the name of an exchange's health check. Names live as long as the program, and a service is built once.
pub(crate) fn check_name(exchange: &ExchangeKey) -> &'static str {
    tradai_exchange::adapter(exchange.as_str()).map_or("exchange", |adapter| adapter.key())
}
