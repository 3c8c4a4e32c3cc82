//! OKX v5: spot, swaps and dated futures behind one host; the instrument's id says which.

mod endpoints;
mod error_tables;
mod errors;
mod limits;
mod markets;
mod parse;
mod requests;
mod sign;
mod target;

use std::time::Duration;

use tradai_domain::{Millis, Timeframe};

use crate::model::Market;
use crate::{
    AccountType, Adapter, Budget, Call, CandlePaging, Context, Endpoint, Environment, Error, Headers,
    HttpReply, HttpRequest, LimitNote, LimitScope, Reply, Request, Scope,
};

/// OKX, meaning spot where a call names no market.
pub static SPOT: Okx = Okx { key: "okx", default: "SPOT" };
/// OKX, meaning swaps where a call names no market.
pub static FUTURES: Okx = Okx { key: "okx_futures", default: "SWAP" };

/// Candles per request that every endpoint serves.
const PAGE_ROWS: u32 = 200;

/// The adapter; see [`SPOT`] and [`FUTURES`].
#[derive(Debug)]
pub struct Okx {
    key: &'static str,
    default: &'static str,
}

impl Adapter for Okx {
    fn key(&self) -> &'static str {
        self.key
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        endpoints::ENDPOINTS
    }

    fn market_sources(&self) -> Vec<&'static Endpoint> {
        endpoints::find("instruments").into_iter().collect()
    }

    fn parse_markets(&self, _source: &Endpoint, body: &[u8]) -> Result<Vec<Market>, Error> {
        markets::parse(body)
    }

    fn build_request(&self, request: &Request, context: &Context<'_>) -> Result<HttpRequest, Error> {
        requests::build(self.default, request, context)
    }

    fn parse(&self, request: &Request, body: &[u8], context: &Context<'_>) -> Result<Reply, Error> {
        parse::parse(self.default, request, body, context)
    }

    /// OKX serves newest rows first: every window has an end.
    fn candle_pages(&self, request: &Request, now_ms: Millis) -> Vec<Request> {
        crate::pagination::bounded_candle_pages(request, PAGE_ROWS, now_ms)
    }

    fn find_error(&self, url: &str, reply: &HttpReply<'_>) -> Option<Error> {
        errors::find_error(url, reply)
    }

    /// The demo is the same host, told by a header; there is no test network.
    fn host(&self, base: &'static str, environment: Environment) -> Option<&'static str> {
        (environment != Environment::Testnet).then_some(base)
    }

    fn environment_headers(&self, environment: Environment) -> &'static [(&'static str, &'static str)] {
        if environment == Environment::Demo { &[("x-simulated-trading", "1")] } else { &[] }
    }

    fn market_requests(&self) -> Vec<Request> {
        [AccountType::Spot, AccountType::Swap, AccountType::Future]
            .map(|account| Request {
                call: Call::FetchMarkets,
                scope: Scope { account: Some(account), ..Scope::default() },
            })
            .into()
    }

    fn budgets(&self, endpoint: &Endpoint) -> Vec<Budget> {
        limits::budgets(endpoint)
    }

    fn limit_notes(&self, _endpoint: &Endpoint, _headers: &Headers) -> Vec<LimitNote> {
        Vec::new()
    }

    fn limit_scope(&self, endpoint: &Endpoint, error: &Error) -> LimitScope {
        limits::scope(endpoint, error)
    }

    fn check_client_order_id(&self, id: &str) -> Result<(), Error> {
        if (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(());
        }
        Err(Error::invalid_order("a client order id has 1 to 32 of the characters A-Z a-z 0-9"))
    }

    fn is_duplicate_order(&self, error: &Error) -> bool {
        error.code.as_deref().is_some_and(errors::is_duplicate)
    }

    /// OKX knows no window of the caller's choice: a request whose time is off by more than 30 seconds is refused.
    fn accepts_for(&self, _recv_window: Duration) -> Duration {
        Duration::from_secs(30)
    }

    fn candle_paging(&self, _market: &Market) -> CandlePaging {
        CandlePaging { rows: PAGE_ROWS, jumps: false }
    }

    fn funding_paging(&self) -> CandlePaging {
        CandlePaging { rows: 100, jumps: false }
    }

    fn timeframes(&self) -> &'static [Timeframe] {
        use Timeframe::{D1, D3, H1, H2, H4, H6, H12, M1, M3, M5, M15, M30, W1};
        &[M1, M3, M5, M15, M30, H1, H2, H4, H6, H12, D1, D3, W1]
    }
}
