//! Bybit v5: spot, linear and inverse contracts behind one host; `category` says which.

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

/// Bybit, meaning linear contracts where a call names no market.
pub static FUTURES: Bybit = Bybit { key: "bybit_futures" };

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
        crate::pagination::bounded_candle_pages(request, 1_000, now_ms)
    }

    fn find_error(&self, _url: &str, reply: &HttpReply<'_>) -> Option<Error> {
        errors::find_error(reply)
    }
}
