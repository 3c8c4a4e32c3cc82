//! Binance: spot, USD-M and COIN-M.
//!
//! [`SPOT`] (`binance`) means spot where a call names no market, [`FUTURES`] (`binance_futures`) means USD-M;
//! both reach all three books by symbol.

mod book;
mod endpoints;
mod error_tables;
mod errors;
mod markets;
mod parse;
mod requests;
mod sign;
mod weights;

use book::Book;

use crate::model::Market;
use crate::{Adapter, Context, Endpoint, Error, HttpReply, HttpRequest, Reply, Request};

/// Binance, meaning spot.
pub static SPOT: Binance = Binance { key: "binance", default: Book::Spot };
/// Binance, meaning USD-M contracts.
pub static FUTURES: Binance = Binance { key: "binance_futures", default: Book::Linear };

/// The adapter; see [`SPOT`] and [`FUTURES`].
#[derive(Debug)]
pub struct Binance {
    key: &'static str,
    default: Book,
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
}
