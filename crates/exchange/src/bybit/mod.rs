//! Bybit v5: spot, linear and inverse contracts behind one host; `category` says which.

mod endpoints;
mod error_tables;
mod errors;
mod limits;
mod markets;
mod parse;
mod requests;
mod sign;
mod target;

use tradai_domain::{Millis, Timeframe};

use crate::model::{Market, SubType};
use crate::{
    AccountType, Adapter, Budget, Call, CandlePaging, Context, Endpoint, Environment, Error, Headers,
    HttpReply, HttpRequest, LimitNote, LimitScope, OrderRequest, Reply, Request, Scope,
};

/// Bybit, meaning linear contracts where a call names no market.
pub static FUTURES: Bybit = Bybit { key: "bybit_futures" };

/// Candles per request at most.
const CANDLES_PER_PAGE: u32 = 1_000;

/// The adapter; see [`FUTURES`].
#[derive(Debug)]
pub struct Bybit {
    key: &'static str,
}

impl Adapter for Bybit {
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
        requests::build(request, context)
    }

    fn parse(&self, request: &Request, body: &[u8], context: &Context<'_>) -> Result<Reply, Error> {
        parse::parse(request, body, context)
    }

    /// Windows end where they are full: between a start and an end Bybit serves the newest rows, so that a
    /// window that ends with the whole stretch would bring its last page every time.
    fn candle_pages(&self, request: &Request, now_ms: Millis) -> Vec<Request> {
        crate::pagination::bounded_candle_pages(request, CANDLES_PER_PAGE, now_ms)
    }

    fn find_error(&self, _url: &str, reply: &HttpReply<'_>) -> Option<Error> {
        errors::find_error(reply)
    }

    fn host(&self, base: &'static str, environment: Environment) -> Option<&'static str> {
        match environment {
            Environment::Live => Some(base),
            Environment::Testnet => Some("https://api-testnet.bybit.com"),
            Environment::Demo => Some("https://api-demo.bybit.com"),
        }
    }

    fn market_requests(&self) -> Vec<Request> {
        let list = |account, sub_type| Request {
            call: Call::FetchMarkets,
            scope: Scope { account: Some(account), sub_type, ..Scope::default() },
        };
        vec![
            list(AccountType::Spot, None),
            list(AccountType::Swap, Some(SubType::Linear)),
            list(AccountType::Swap, Some(SubType::Inverse)),
        ]
    }

    fn next_market_page(&self, first: &HttpRequest, body: &[u8]) -> Option<HttpRequest> {
        requests::next_market_page(first, body)
    }

    fn budgets(&self, endpoint: &Endpoint) -> Vec<Budget> {
        limits::budgets(endpoint)
    }

    fn limit_notes(&self, endpoint: &Endpoint, headers: &Headers) -> Vec<LimitNote> {
        limits::notes(endpoint, headers)
    }

    fn limit_scope(&self, endpoint: &Endpoint, error: &Error) -> LimitScope {
        limits::scope(endpoint, error)
    }

    fn check_client_order_id(&self, id: &str) -> Result<(), Error> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=36).contains(&id.len()) && id.bytes().all(fits) {
            return Ok(());
        }
        Err(Error::invalid_order("a client order id has 1 to 36 of the characters A-Z a-z 0-9 - _"))
    }

    /// A conditional order becomes a plain one once its price has come.
    fn books_of(&self, _market: &Market, order: &OrderRequest) -> Vec<Scope> {
        let book = |trigger| Scope { trigger, ..Scope::default() };
        if order.is_conditional() { vec![book(true), book(false)] } else { vec![book(false)] }
    }

    fn is_duplicate_order(&self, error: &Error) -> bool {
        matches!(error.code.as_deref(), Some("110072" | "170141"))
    }

    fn candle_paging(&self, _market: &Market) -> CandlePaging {
        CandlePaging { rows: CANDLES_PER_PAGE, jumps: false }
    }

    fn funding_paging(&self) -> CandlePaging {
        CandlePaging { rows: 200, jumps: false }
    }

    fn timeframes(&self) -> &'static [Timeframe] {
        use Timeframe::{D1, H1, H2, H4, H6, H12, M1, M3, M5, M15, M30, W1};
        &[M1, M3, M5, M15, M30, H1, H2, H4, H6, H12, D1, W1]
    }
}
