//! Where live data comes from.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tradai_domain::ports::{MarketDataSource, PortError};
use tradai_domain::{Clock, ErrorKind, Timeframe};
use tradai_exchange::client::TokioTimer;
use tradai_exchange::feed::binance::Venue;
use tradai_exchange::feed::{Feed, FeedReader, FeedSettings, Outside};
use tradai_exchange::{Environment, Error, MarketData, Markets};

/// How long an exchange may take to list its markets for a client that waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The feed of an exchange, not opened yet.
#[derive(Clone)]
pub struct FeedSource {
    data: MarketData,
    /// What the feed goes by.
    pub settings: FeedSettings,
    clock: Arc<dyn Clock>,
}

impl FeedSource {
    /// Returns the feed of an exchange, or `None` where we have none. `url` stands in for the exchange's own hosts,
    /// as it does for the client of `data`, from which comes what sockets have missed.
    #[must_use]
    pub fn of(data: &MarketData, url: Option<&str>, seed: u64, clock: Arc<dyn Clock>) -> Option<Self> {
        let adapter = data.client().adapter();
        let venue = match adapter.key() {
            "binance" | "sandbox" => Venue::Spot,
            "binance_futures" | "sandbox_futures" => Venue::UsdM,
            _ => return None,
        };
        let mut settings = FeedSettings::new(venue);
        settings.seed = seed;
        // A sandbox has one address for everything; where an exchange's sockets are, the feed knows.
        let home = adapter.market_sources().first().map(|endpoint| endpoint.base);
        let home = home.filter(|_| data.exchange().is_sandbox());
        let home = home.and_then(|base| adapter.host(base, Environment::Live));
        if let Some(address) = url.or(home).and_then(|url| url.strip_prefix("http")) {
            settings.url = format!("ws{address}");
        }
        Some(Self { data: data.clone(), settings, clock })
    }

    pub(crate) fn timeframes(&self) -> &[Timeframe] {
        self.data.timeframes()
    }

    /// Returns what markets there are: of this hour, and from memory most of the time.
    pub(crate) async fn markets(&self) -> Result<Arc<Markets>, PortError> {
        let late =
            |_| PortError::new(ErrorKind::Unavailable, "the exchange did not list its markets in time");
        timeout(PATIENCE, self.data.markets()).await.map_err(late)??;
        let listed = self.data.client().load_markets(false).await;
        listed.map_err(|error| PortError::new(error.kind(), error.to_string()))
    }

    /// Opens the feed, without a stream yet.
    pub(super) async fn open(&self, markets: Arc<Markets>) -> Result<(Feed, FeedReader), Error> {
        let outside = Outside {
            clock: self.clock.clone(),
            timer: Arc::new(TokioTimer),
            backfill: Arc::new(self.data.client().clone()),
        };
        Feed::connect(self.settings.clone(), [], markets, outside).await
    }
}
