//! The markets of the exchange, loaded once and shared.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tradai_domain::{Millis, Symbol};

use super::Client;
use super::round::needs_markets;
use crate::model::Market;
use crate::{Call, Error, HttpRequest, Markets, Request};

/// Pages of a list of markets that are followed.
const MAX_PAGES: usize = 64;
/// The age from which on the list is loaded anew aside: rules change, such as the step of prices.
const OLD_MS: Millis = 3_600_000;
/// The shortest time between two reloads for a symbol that is not listed, or by age.
const RELOAD_PAUSE_MS: Millis = 60_000;

/// The markets, once they are known.
#[derive(Default)]
pub(super) struct MarketCache {
    known: RwLock<Option<(Millis, Arc<Markets>)>>,
    /// Held while they are being loaded.
    loading: tokio::sync::Mutex<()>,
    /// When they were last to be loaded anew, whatever came of it.
    reloaded: AtomicI64,
}

impl MarketCache {
    fn get(&self) -> Option<(Millis, Arc<Markets>)> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether they may be loaded anew now; if so, not again for a while.
    fn may_reload(&self, loaded: Millis, now: Millis) -> bool {
        let is_due = |before: Millis| now < before || now.saturating_sub(before) >= RELOAD_PAUSE_MS;
        let take = |before: Millis| is_due(before).then_some(now);
        is_due(loaded) && self.reloaded.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    fn set(&self, at: Millis, markets: &Arc<Markets>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((at, Arc::clone(markets)));
    }
}

impl Client {
    /// Returns the markets: from memory, or from the exchange the first time and when `reload` says so. Also takes
    /// over the limits of calls that the exchange names in its lists.
    ///
    /// # Errors
    /// What the exchange refuses; all lists must come.
    pub async fn load_markets(&self, reload: bool) -> Result<Arc<Markets>, Error> {
        let before = self.0.markets.get();
        if let (Some((_, markets)), false) = (&before, reload) {
            return Ok(Arc::clone(markets));
        }
        let _loading = self.0.markets.loading.lock().await;
        // Somebody else may have loaded them meanwhile.
        let since = self.0.markets.get();
        if let Some((at, markets)) = since
            && before.is_none_or(|(earlier, _)| earlier != at)
        {
            return Ok(markets);
        }
        let mut list = Vec::new();
        for request in self.0.adapter.market_requests() {
            self.load_list(&request, &mut list).await?;
        }
        let markets = Arc::new(Markets::new(list));
        self.0.markets.set(self.0.clock.now_ms(), &markets);
        Ok(markets)
    }

    /// Returns the markets, loaded anew when they are older than `max_age_ms`.
    pub(crate) async fn recent_markets(&self, max_age_ms: Millis) -> Result<Arc<Markets>, Error> {
        let now = self.0.clock.now_ms();
        let old = self.0.markets.get().is_some_and(|(at, _)| now.saturating_sub(at) > max_age_ms);
        self.load_markets(old).await
    }

    /// Returns the markets to look a symbol up in. One that is not among them may have been listed since: they are
    /// loaded anew first, once a minute at most. Old ones serve, and are loaded anew aside.
    pub(super) async fn markets_with(&self, symbol: &Symbol) -> Result<Arc<Markets>, Error> {
        let Some((loaded, markets)) = self.0.markets.get() else { return self.load_markets(false).await };
        let now = self.0.clock.now_ms();
        let is_listed = markets.get(symbol).is_ok();
        let is_old = now < loaded || now.saturating_sub(loaded) > OLD_MS;
        if (is_old || !is_listed) && self.0.markets.may_reload(loaded, now) {
            if !is_listed {
                return self.load_markets(true).await;
            }
            self.reload_aside();
        }
        Ok(markets)
    }

    fn reload_aside(&self) {
        let client = self.clone();
        tokio::spawn(async move {
            if let Err(error) = client.load_markets(true).await {
                tracing::warn!(exchange = client.0.adapter.key(), error = %error, "going on with an older list of markets");
            }
        });
    }

    /// Returns the markets if the call needs them, else none.
    pub(super) async fn markets_for(&self, call: &Call) -> Result<Arc<Markets>, Error> {
        match call.symbol() {
            _ if !needs_markets(call) => Ok(Arc::default()),
            Some(symbol) => Box::pin(self.markets_with(symbol)).await,
            None => Box::pin(self.load_markets(false)).await,
        }
    }

    /// Loads one list, page by page.
    async fn load_list(&self, request: &Request, list: &mut Vec<Market>) -> Result<(), Error> {
        let mut page = None;
        let mut first: Option<HttpRequest> = None;
        for _ in 0..MAX_PAGES {
            let mut tries = 0;
            let success = loop {
                let error = match self.round(request, page.as_ref(), &Markets::default()).await {
                    Ok(success) => break success,
                    Err(failure) => failure.error,
                };
                tries += 1;
                if !self.wait_for_retry(&error, tries).await {
                    return Err(error);
                }
            };
            let (adapter, endpoint) = (self.0.adapter, success.request.endpoint);
            let first = first.get_or_insert(success.request);
            let next = adapter.next_market_page(first, &success.body);
            // A list may be megabytes: not on a thread that others wait for.
            let read = move || {
                let limits = adapter.read_limits(&success.body);
                adapter.parse_markets(endpoint, &success.body).map(|markets| (markets, limits))
            };
            let read = tokio::task::spawn_blocking(read).await;
            let read = read.map_err(|_| Error::bad_response("the list of markets could not be read"))?;
            let (markets, limits) = read?;
            self.0.gate.set_limits(endpoint.base, &limits);
            list.extend(markets);
            match next {
                Some(next) => page = Some(next),
                None => return Ok(()),
            }
        }
        Err(Error::bad_response(format!("the list of markets has more than {MAX_PAGES} pages")))
    }
}
