//! The shape of an exchange: data and pure functions.

use std::time::Duration;

use tradai_domain::Millis;

use crate::model::LeverageTiers;
use crate::{Credentials, Endpoint, Error, HttpRequest, Markets, Reply, Request};

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
}
