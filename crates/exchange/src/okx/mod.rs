//! OKX v5: spot, swaps and dated futures behind one host; the instrument's id says which.

mod endpoints;
mod error_tables;
mod errors;
mod markets;
mod parse;
mod requests;
mod sign;
mod target;

use tradai_domain::Millis;

use crate::model::Market;
use crate::{Adapter, Context, Endpoint, Error, HttpReply, HttpRequest, Reply, Request};

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

    fn find_error(&self, _url: &str, reply: &HttpReply<'_>) -> Option<Error> {
        errors::find_error(reply)
    }
}
