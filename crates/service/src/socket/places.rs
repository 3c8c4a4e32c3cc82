//! How many WebSockets there may be, and the word to stop.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::talk::{MAX_MESSAGE, SocketSource, serve};
use crate::problem::{Code, Problem};
use crate::shutdown::Shutdown;

/// When to come back while as many sockets are open as may.
const BUSY: Duration = Duration::from_secs(30);
/// The subprotocol that is spoken; clients that name none get it, too.
const PROTOCOL: &str = "tradai";
/// What a socket buffers of what it reads and writes at a time. Clients are not expected to say anything, so the
/// library's 128 KiB each would only be paid for.
const BUFFER_BYTES: usize = 4 * 1024;

/// The WebSockets of a service. Clones share everything.
#[derive(Clone)]
pub struct Sockets {
    places: Arc<Semaphore>,
    open: TaskTracker,
    count: Gauge,
    ping: Duration,
    pub(super) shutdown: Shutdown,
}

/// The place of one socket: free again when dropped.
#[derive(Debug)]
pub struct SocketPlace {
    _place: OwnedSemaphorePermit,
    _open: TaskTrackerToken,
    count: Gauge,
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.count.dec();
    }
}

impl Sockets {
    /// Returns room for `most` sockets, each of which is pinged every `ping`.
    #[must_use]
    pub fn new(most: usize, ping: Duration, shutdown: &Shutdown) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            open: TaskTracker::new(),
            count: Gauge::default(),
            ping,
            shutdown: shutdown.clone(),
        }
    }

    /// Adds `tradai_ws_sockets`, the number of open ones.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tradai_ws_sockets", "WebSockets that are open", self.count.clone());
    }

    /// Takes a place for one more socket. To be taken before anything is made for it.
    ///
    /// # Errors
    /// 503 when as many are open as may.
    pub fn place(&self) -> Result<SocketPlace, Problem> {
        let full = |_| Problem::new(Code::Overloaded, "as many WebSockets are open as may").retry_after(BUSY);
        let place = self.places.clone().try_acquire_owned().map_err(full)?;
        self.count.inc();
        Ok(SocketPlace { _place: place, _open: self.open.token(), count: self.count.clone() })
    }

    /// Upgrades the connection and tells its client what the source says, until one of them ends or the service
    /// stops.
    pub fn upgrade<S: SocketSource>(
        &self,
        upgrade: WebSocketUpgrade,
        place: SocketPlace,
        source: S,
    ) -> Response {
        let (shutdown, ping) = (self.shutdown.clone(), self.ping);
        upgrade
            .protocols([PROTOCOL])
            .max_message_size(MAX_MESSAGE)
            .max_frame_size(MAX_MESSAGE)
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .on_upgrade(move |socket| async move {
                serve(socket, source, ping, &shutdown).await;
                drop(place);
            })
    }

    /// Waits until every socket has ended; they do when the service is told to stop. For
    /// [`on_stop`](crate::Service::on_stop).
    pub async fn ended(&self) {
        self.open.close();
        self.open.wait().await;
    }
}
