//! The client that talks to an exchange.
//!
//! A [`Client`] sends what an [`Adapter`] builds: when the breaker and the budget allow it, signed with the
//! exchange's own time, read within bounds. What is safe to repeat is repeated; an order never is before the exchange
//! has denied knowing it (`orders`). Beneath it lie the parts it decides by, which are pure: the moment is an
//! argument, so that tests and simulations say what it is.
//!
//! Not for streams ([`crate::feed`](crate) has those) or for keeping candles.
//!
//! Invariant: every future of this module may be dropped at any point; then no budget, breaker or queue is left held,
//! and an order that may be on its way stays marked until it was looked up.

mod builder;
mod candles;
mod gate;
mod limiter;
mod markets;
mod methods;
mod order_ids;
mod orders;
mod retry;
mod round;
mod server_time;
mod time;
mod timer;
mod transport;

use std::sync::{Arc, RwLock};

use tradai_domain::{Clock, Millis};

pub use builder::{ClientBuilder, OrderPolicy, Timeouts};
pub use candles::{CandleChunk, CandleReport, CandleWalk};
pub use limiter::{Decision, Limiter};
pub use order_ids::client_order_id;
pub use retry::RetryPolicy;
pub use server_time::ServerTime;
pub use timer::{Timer, TokioTimer};
pub use tradai_domain::{Breaker, BreakerState};
pub(crate) use transport::no_client;

use crate::model::LeverageTiers;
use crate::{Adapter, Call, Credentials, Endpoint, Error, Reply, Request};
use gate::Gate;
use markets::MarketCache;
use order_ids::SentOrders;
use retry::Retries;
use transport::Transport;

/// One account, or none, at one exchange. Clones are the same client: they share budget, breaker, clock and markets.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    adapter: &'static dyn Adapter,
    credentials: Option<Credentials>,
    recv_window_ms: u32,
    order_policy: OrderPolicy,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    transport: Transport,
    gate: Arc<Gate>,
    retries: Retries,
    markets: MarketCache,
    leverage_tiers: RwLock<Option<Arc<LeverageTiers>>>,
    sent_orders: SentOrders,
    /// Held while the exchange's time is being asked for.
    measuring: tokio::sync::Mutex<()>,
    skew_told: std::sync::atomic::AtomicBool,
}

impl Client {
    /// Starts a client of the exchange that settings call `key`.
    ///
    /// # Errors
    /// `NotSupported` for exchanges we do not know.
    pub fn builder(key: &str, clock: Arc<dyn Clock>) -> Result<ClientBuilder, Error> {
        let adapter = crate::adapter(key).ok_or_else(|| {
            let known = crate::exchange_keys().collect::<Vec<_>>().join(", ");
            Error::not_supported(format!("there is no exchange `{key}`; there are {known}"))
        })?;
        Ok(ClientBuilder::new(adapter, clock))
    }

    /// Returns the exchange's adapter.
    #[must_use]
    pub fn adapter(&self) -> &'static dyn Adapter {
        self.0.adapter
    }

    /// Returns the exchange's time as measured last; ours until it was.
    #[must_use]
    pub fn exchange_now(&self) -> Millis {
        self.0.gate.exchange_now()
    }

    /// Returns how the host of an endpoint stands.
    pub(crate) fn standing(&self, endpoint: &Endpoint) -> gate::Standing {
        self.0.gate.standing(endpoint)
    }

    /// Asks the exchange.
    ///
    /// What only reads is repeated where that may help. What changes something is sent once; an order whose outcome
    /// got lost is looked up by its client id, which orders therefore need.
    ///
    /// # Errors
    /// What the exchange refuses, and what could not be done. [`Error::is_order_unknown`] marks an order whose fate
    /// could not be found out.
    pub async fn call(&self, request: &Request) -> Result<Reply, Error> {
        match &request.call {
            Call::FetchMarkets => {
                Ok(Reply::Markets(self.load_markets(true).await?.iter().cloned().collect()))
            }
            Call::CreateOrder(order) => {
                self.place(order, request.scope, orders::Before::Send).await.map(boxed_order)
            }
            Call::CreateOrders(list) => self.place_several(list, request.scope).await.map(Reply::Orders),
            Call::EditOrder { order, change } => {
                self.edit(order, change, request.scope).await.map(boxed_order)
            }
            Call::CancelOrder(order) => self.cancel(order, request.scope).await.map(boxed_order),
            call if is_reading(call) => self.read(request).await,
            _ => self.change(request).await,
        }
    }
}

fn boxed_order(order: crate::model::Order) -> Reply {
    Reply::Order(Box::new(order))
}

/// Returns whether a call only reads. `fetch_balance` of the funding wallet is a POST at Binance that reads, too.
fn is_reading(call: &Call) -> bool {
    call.method().starts_with("fetch")
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("exchange", &self.0.adapter.key()).finish_non_exhaustive()
    }
}
