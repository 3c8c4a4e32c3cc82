//! Binance: spot, USD-M and COIN-M.
//!
//! [`SPOT`] (`binance`) means spot where a call names no market, [`FUTURES`] (`binance_futures`) means USD-M;
//! both reach all three books by symbol. [`SANDBOX`] and [`SANDBOX_FUTURES`] are the same at the sandbox exchange of
//! this machine.

mod book;
mod endpoints;
mod error_tables;
mod errors;
mod limits;
mod markets;
mod parse;
mod requests;
mod sign;
mod weights;

use book::Book;

use tradai_domain::Timeframe;

use crate::model::{Market, SubType};
use crate::{
    AccountType, Adapter, Budget, Call, CandlePaging, Context, Endpoint, Environment, Error, Headers,
    HttpReply, HttpRequest, LimitNote, LimitScope, OrderRequest, Reply, Request, Scope,
};

/// Binance, meaning spot.
pub static SPOT: Binance = Binance { key: "binance", default: Book::Spot, address: None };
/// Binance, meaning USD-M contracts.
pub static FUTURES: Binance = Binance { key: "binance_futures", default: Book::Linear, address: None };
/// The sandbox exchange, meaning spot. A key of its own keeps its candles apart from real ones.
pub static SANDBOX: Binance = Binance { key: "sandbox", default: Book::Spot, address: Some(SANDBOX_ADDRESS) };
/// The sandbox exchange, meaning USD-M contracts.
pub static SANDBOX_FUTURES: Binance =
    Binance { key: "sandbox_futures", default: Book::Linear, address: Some(SANDBOX_ADDRESS) };

/// Where `tradai sandbox` listens when not told otherwise.
const SANDBOX_ADDRESS: &str = "http://127.0.0.1:8090";

/// The adapter; see [`SPOT`] and [`FUTURES`].
#[derive(Debug)]
pub struct Binance {
    key: &'static str,
    default: Book,
    /// One address for all hosts, where it is not Binance's own.
    address: Option<&'static str>,
}

impl Adapter for Binance {
    fn key(&self) -> &'static str {
        self.key
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        endpoints::ENDPOINTS
    }

    fn market_sources(&self) -> Vec<&'static Endpoint> {
        let books: &[Book] = match self.default {
            Book::Spot => &[Book::Spot, Book::Linear, Book::Inverse],
            Book::Linear | Book::Inverse => &[Book::Linear],
        };
        books.iter().filter_map(|book| endpoints::find(*book, "exchangeInfo").ok()).collect()
    }

    fn parse_markets(&self, source: &Endpoint, body: &[u8]) -> Result<Vec<Market>, Error> {
        let books = [Book::Spot, Book::Linear, Book::Inverse];
        let of_source = |book: &Book| endpoints::find(*book, source.name).is_ok_and(|known| known == source);
        let book = books.into_iter().find(of_source);
        markets::parse(book.ok_or_else(|| Error::not_supported("this endpoint lists no markets"))?, body)
    }

    fn build_request(&self, request: &Request, context: &Context<'_>) -> Result<HttpRequest, Error> {
        requests::build(self.default, request, context)
    }

    fn parse(&self, request: &Request, body: &[u8], context: &Context<'_>) -> Result<Reply, Error> {
        parse::parse(self.default, request, body, context)
    }

    fn find_error(&self, url: &str, reply: &HttpReply<'_>) -> Option<Error> {
        errors::find_error(url, reply)
    }

    fn host(&self, base: &'static str, environment: Environment) -> Option<&'static str> {
        match (self.address, environment) {
            (None, _) => endpoints::host(base, environment),
            (address, Environment::Live) => address,
            (Some(_), _) => None,
        }
    }

    fn market_requests(&self) -> Vec<Request> {
        let list = |account, sub_type| Request {
            call: Call::FetchMarkets,
            scope: Scope { account: Some(account), sub_type, ..Scope::default() },
        };
        let linear = list(AccountType::Swap, Some(SubType::Linear));
        match self.default {
            Book::Spot => {
                vec![list(AccountType::Spot, None), linear, list(AccountType::Swap, Some(SubType::Inverse))]
            }
            Book::Linear | Book::Inverse => vec![linear],
        }
    }

    fn budgets(&self, endpoint: &Endpoint) -> Vec<Budget> {
        limits::budgets(endpoint)
    }

    fn read_limits(&self, body: &[u8]) -> Vec<(&'static str, u32)> {
        limits::read(body)
    }

    fn limit_notes(&self, endpoint: &Endpoint, headers: &Headers) -> Vec<LimitNote> {
        limits::notes(endpoint, headers)
    }

    fn limit_scope(&self, _endpoint: &Endpoint, error: &Error) -> LimitScope {
        limits::scope(error)
    }

    fn check_client_order_id(&self, id: &str) -> Result<(), Error> {
        requests::client_id(id).map(drop)
    }

    fn edit_replaces(&self, market: &Market) -> bool {
        market.is_spot()
    }

    /// Orders on borrowed money are in a book of spot that is not looked into.
    fn books_of(&self, market: &Market, order: &OrderRequest) -> Vec<Scope> {
        if market.is_spot() && order.margin_mode.is_some() {
            return Vec::new();
        }
        vec![Scope { trigger: order.is_conditional(), ..Scope::default() }]
    }

    fn is_duplicate_order(&self, error: &Error) -> bool {
        errors::is_duplicate_order(error)
    }

    /// The inverse book serves 200 days at a time.
    fn candle_paging(&self, market: &Market) -> CandlePaging {
        CandlePaging { rows: requests::MAX_CANDLES, jumps: !market.is_inverse() }
    }

    fn funding_paging(&self) -> CandlePaging {
        CandlePaging { rows: 1000, jumps: true }
    }

    fn timeframes(&self) -> &'static [Timeframe] {
        &Timeframe::ALL
    }
}
