//! How many WebSockets there may be, for how long, and the word to stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tradai_domain::{Clock, Millis};

use super::talk::{MAX_MESSAGE, StreamSource, serve};
use crate::auth::{Caller, HeldKey, Proof};
use crate::problem::{Code, Problem};
use crate::shutdown::Shutdown;

/// When to come back while as many sockets are open as may.
const BUSY: Duration = Duration::from_secs(30);
/// The subprotocol that is spoken; clients that name none get it, too.
pub(super) const PROTOCOL: &str = "tradai";
/// What a socket buffers of what it reads and writes at a time. Clients are not expected to say anything, so the
/// library's 128 KiB each would only be paid for.
pub(super) const BUFFER_BYTES: usize = 4 * 1024;
/// The part of all places that one caller may hold: others must find one, too.
const PART_OF_ONE: usize = 4;
/// How often the time of day is looked at: it may be set while a socket is open.
const LOOK: Duration = Duration::from_secs(1);

/// The WebSockets of a service. Clones share everything.
#[derive(Clone)]
pub struct Sockets {
    places: Arc<Semaphore>,
    open: TaskTracker,
    count: Gauge,
    ping: Duration,
    per_caller: usize,
    held: Arc<Mutex<HashMap<String, usize>>>,
    clock: Arc<dyn Clock>,
    pub(super) shutdown: Shutdown,
}

/// The place of one socket: free again when dropped.
pub struct SocketPlace {
    _place: OwnedSemaphorePermit,
    _open: TaskTrackerToken,
    _held: Option<Held>,
    count: Gauge,
    until: Option<Millis>,
    key: Option<HeldKey>,
    clock: Arc<dyn Clock>,
}

impl SocketPlace {
    /// Waits until what its caller has shown is not good any more; for ever where that does not end. Cancel safe.
    pub async fn expired(&self) {
        let revoked = async {
            match &self.key {
                Some(key) => key.revoked().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.had_its_time() => {}
            () = revoked => {}
        }
    }

    async fn had_its_time(&self) {
        let Some(until) = self.until else { return std::future::pending().await };
        loop {
            let left = until.saturating_sub(self.clock.now_ms());
            match u64::try_from(left) {
                Err(_) | Ok(0) => return,
                Ok(left) => tokio::time::sleep(Duration::from_millis(left).min(LOOK)).await,
            }
        }
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.count.dec();
    }
}

/// One of the places of a caller.
struct Held {
    all: Arc<Mutex<HashMap<String, usize>>>,
    caller: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        if let Some(count) = all.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

fn lock(held: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sockets {
    /// Returns room for `most` sockets, of which one caller may hold a quarter. Each is pinged every `ping`, and ends
    /// when by this clock its caller's key, token or session does.
    #[must_use]
    pub fn new(most: usize, ping: Duration, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            open: TaskTracker::new(),
            count: Gauge::default(),
            ping,
            per_caller: most.div_ceil(PART_OF_ONE),
            held: Arc::default(),
            clock,
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
    /// 429 when the caller has as many open as one may; 503 when as many are open as may.
    pub fn place(&self, caller: &Caller) -> Result<SocketPlace, Problem> {
        // Where nobody is asked, all are the same one.
        let held = (caller.proof != Proof::Open).then(|| self.hold(&caller.name)).transpose()?;
        let full = |_| Problem::new(Code::Overloaded, "as many WebSockets are open as may").retry_after(BUSY);
        let place = self.places.clone().try_acquire_owned().map_err(full)?;
        self.count.inc();
        Ok(SocketPlace {
            _place: place,
            _open: self.open.token(),
            _held: held,
            count: self.count.clone(),
            until: caller.until,
            key: caller.key.clone(),
            clock: self.clock.clone(),
        })
    }

    fn hold(&self, caller: &str) -> Result<Held, Problem> {
        let mut all = lock(&self.held);
        let count = all.get(caller).copied().unwrap_or(0);
        if count >= self.per_caller {
            let detail = format!("{caller} has {count} WebSockets open, as many as one caller may");
            return Err(Problem::new(Code::RateLimited, detail).retry_after(BUSY));
        }
        all.insert(caller.to_owned(), count + 1);
        Ok(Held { all: self.held.clone(), caller: caller.to_owned() })
    }

    /// Upgrades the connection and tells its client what the source says, until one of them ends or the service
    /// stops.
    pub fn upgrade<S: StreamSource>(
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
                serve(socket, source, ping, &place, &shutdown).await;
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

impl std::fmt::Debug for SocketPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketPlace").field("until", &self.until).finish_non_exhaustive()
    }
}
