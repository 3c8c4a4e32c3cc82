//! What all WebSockets share: the feeds, how many there may be, and the word to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tradai_domain::Clock;
use tradai_domain::ports::ExchangeKey;
use tradai_service::{Code, Problem, Shutdown};

use crate::core::{FeedSource, Hub, SocketMetrics};
use crate::settings::Settings;

/// When to come back while as many sockets are open as may.
const BUSY: Duration = Duration::from_secs(30);

/// The WebSockets of a service. Clones share everything.
#[derive(Clone)]
pub(crate) struct Sockets {
    hubs: Arc<BTreeMap<ExchangeKey, Hub>>,
    places: Arc<Semaphore>,
    open: TaskTracker,
    metrics: SocketMetrics,
    pub(super) ping: Duration,
    pub(super) origins: Arc<[String]>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shutdown: Shutdown,
}

/// The place of one socket: free again when dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _open: TaskTrackerToken,
    metrics: SocketMetrics,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.closed();
    }
}

impl Sockets {
    /// Starts a hub for each feed, in the current runtime.
    pub(crate) fn new(
        feeds: BTreeMap<ExchangeKey, FeedSource>,
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        metrics: &SocketMetrics,
        shutdown: &Shutdown,
    ) -> Self {
        let start = |source| Hub::start(source, settings.socket_buffer, clock.clone(), metrics.clone());
        Self {
            hubs: Arc::new(feeds.into_iter().map(|(key, source)| (key, start(source))).collect()),
            places: Arc::new(Semaphore::new(settings.max_sockets.min(Semaphore::MAX_PERMITS))),
            open: TaskTracker::new(),
            metrics: metrics.clone(),
            ping: Duration::from_secs(settings.socket_ping_seconds as u64),
            origins: settings.http.cors_origins.clone().into(),
            clock: clock.clone(),
            shutdown: shutdown.clone(),
        }
    }

    /// Returns the live data of an exchange, if we have it.
    pub(super) fn hub(&self, exchange: &ExchangeKey) -> Option<&Hub> {
        self.hubs.get(exchange)
    }

    /// Takes a place for one more socket.
    pub(super) fn place(&self) -> Result<Place, Problem> {
        let full = |_| Problem::new(Code::Overloaded, "as many WebSockets are open as may").retry_after(BUSY);
        let place = self.places.clone().try_acquire_owned().map_err(full)?;
        self.metrics.opened();
        Ok(Place { _place: place, _open: self.open.token(), metrics: self.metrics.clone() })
    }

    /// Waits until every socket has ended; they do when the service is told to stop.
    pub(crate) async fn ended(&self) {
        self.open.close();
        self.open.wait().await;
    }
}
