//! The shape of an exchange: data and pure functions.

use std::time::Duration;

use tradai_domain::{Millis, Timeframe};

use crate::budget::{Budget, LimitNote, LimitScope};
use crate::model::{LeverageTiers, Market};
use crate::{
    Credentials, Endpoint, Environment, Error, ErrorClass, Headers, HttpRequest, Markets, OrderRequest,
    Reply, Request, Scope,
};

/// What requests and replies are read against. No ambient time, no randomness.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The markets of the exchange.
    pub markets: &'a Markets,
    /// The keys; public calls need none.
    pub credentials: Option<&'a Credentials>,
    /// The exchange's time: ours plus the measured offset.
    pub now_ms: Millis,
    /// How old a signed request may be when it arrives.
    pub recv_window_ms: u32,
    /// The client order id for orders that come without one.
    pub new_client_order_id: &'a str,
    /// Leverage tables, where known: positions are read with them.
    pub leverage_tiers: Option<&'a LeverageTiers>,
}

/// An answer as it came.
#[derive(Debug, Clone, Copy)]
pub struct HttpReply<'a> {
    /// The status.
    pub status: u16,
    /// What `Retry-After` said.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: &'a [u8],
}

/// How an exchange serves long stretches of candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandlePaging {
    /// Candles per request at most.
    pub rows: u32,
    /// Whether a request with a start and no end brings the first candles from there on, however far away they
    /// are. Others serve what lies in a window.
    pub jumps: bool,
}

/// One exchange. Implementations hold no state: everything is in the arguments.
pub trait Adapter: Send + Sync {
    /// Returns the key that settings use, such as `binance_futures`.
    fn key(&self) -> &'static str;

    /// Returns every endpoint, with what it costs and in which lane it waits.
    fn endpoints(&self) -> &'static [Endpoint];

    /// Returns the endpoints that together list the markets.
    fn market_sources(&self) -> Vec<&'static Endpoint>;

    /// Reads one of the answers to [`Adapter::market_sources`].
    ///
    /// # Errors
    /// `BadResponse` when the body is no list of markets. Single markets that make no sense are left out.
    fn parse_markets(&self, source: &Endpoint, body: &[u8]) -> Result<Vec<crate::model::Market>, Error>;

    /// Builds the request for a call, signed where it has to be.
    ///
    /// # Errors
    /// The class CCXT would raise before sending: `BadSymbol`, `ArgumentsRequired`, `InvalidOrder`,
    /// `NotSupported`, `AuthenticationError` without keys.
    fn build_request(&self, request: &Request, context: &Context<'_>) -> Result<HttpRequest, Error>;

    /// Reads the answer to a call. The caller has asked [`Adapter::find_error`] before.
    ///
    /// # Errors
    /// `BadResponse` when the body is not what the call answers with.
    fn parse(&self, request: &Request, body: &[u8], context: &Context<'_>) -> Result<Reply, Error>;

    /// Splits a long stretch of candles into requests, oldest first.
    fn candle_pages(&self, request: &Request, now_ms: Millis) -> Vec<Request> {
        crate::candle_pages(request, 1_000, now_ms)
    }

    /// Returns the error that an answer stands for; `None` when it is a success.
    fn find_error(&self, url: &str, reply: &HttpReply<'_>) -> Option<Error>;

    /// Returns where a host of [`Endpoint::base`] is in an environment; `None` when the exchange has none there.
    fn host(&self, base: &'static str, environment: Environment) -> Option<&'static str>;

    /// Returns headers that every request to an environment carries.
    fn environment_headers(&self, _environment: Environment) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Returns the requests that together list the markets of interest.
    fn market_requests(&self) -> Vec<Request>;

    /// Returns the request for the page of markets after this answer; `None` when it was the last.
    fn next_market_page(&self, _first: &HttpRequest, _body: &[u8]) -> Option<HttpRequest> {
        None
    }

    /// Returns the budgets that a call to an endpoint draws on.
    fn budgets(&self, endpoint: &Endpoint) -> Vec<Budget>;

    /// Reads what a list of markets says about the budgets of its host: names and capacities.
    fn read_limits(&self, _body: &[u8]) -> Vec<(&'static str, u32)> {
        Vec::new()
    }

    /// Reads what the headers of an answer say about budgets.
    fn limit_notes(&self, endpoint: &Endpoint, headers: &Headers) -> Vec<LimitNote>;

    /// Returns what a refusal for too many calls is about.
    fn limit_scope(&self, endpoint: &Endpoint, error: &Error) -> LimitScope;

    /// Checks a client order id by the exchange's grammar.
    ///
    /// # Errors
    /// `InvalidOrder` that says what is allowed.
    fn check_client_order_id(&self, id: &str) -> Result<(), Error>;

    /// Returns whether an order was refused because its client order id is taken.
    fn is_duplicate_order(&self, error: &Error) -> bool {
        error.class == ErrorClass::DuplicateOrderId
    }

    /// Returns whether changing an order replaces it by another, with a client id of its own.
    fn edit_replaces(&self, _market: &Market) -> bool {
        false
    }

    /// Returns in which books an order has to be looked for, by its client id, before it may be said not to be
    /// there; none when it cannot be looked up at all.
    fn books_of(&self, _market: &Market, order: &OrderRequest) -> Vec<Scope> {
        vec![Scope { trigger: order.is_conditional(), ..Scope::default() }]
    }

    /// Returns how long after its timestamp a signed request may still be taken in.
    fn accepts_for(&self, recv_window: Duration) -> Duration {
        recv_window
    }

    /// Returns how a market's candles are paged.
    fn candle_paging(&self, market: &Market) -> CandlePaging;

    /// Returns how the history of funding rates is paged.
    fn funding_paging(&self) -> CandlePaging;

    /// Returns the timeframes of candles, shortest first.
    fn timeframes(&self) -> &'static [Timeframe];
}
