//! One typed client for exchanges, in CCXT's unified model: its method names, symbol grammar, market structure,
//! order statuses and error hierarchy.
//!
//! An exchange is an [`Adapter`]: tables (endpoints, errors) and pure functions that build requests and read
//! replies, so that every one of them can be tested without a network. Prices, amounts and costs are
//! [`Decimal`]s; what an exchange sends never passes through a binary float, candles excepted.
//!
//! [`client::Client`] sends what an adapter builds, within the exchange's limits, and never places an order twice;
//! [`MarketData`] is a client as the domain's port for market data.
//!
//! Not for storing candles (`tradai-timeseries`) or deciding what to trade. Invariant: no bytes from outside
//! make a function here panic or use memory out of proportion to them.

mod adapter;
pub mod base;
pub mod binance;
mod body;
mod budget;
pub mod bybit;
mod call;
mod candles;
pub mod client;
mod credentials;
mod decimal;
mod environment;
mod error;
mod error_class;
pub mod feed;
mod headers;
mod http;
mod http_status;
pub mod json;
mod markets;
pub mod model;
pub mod okx;
mod pagination;
mod port;
mod reply;
mod rules;

pub use adapter::{Adapter, CandlePaging, Context, HttpReply};
pub use budget::{Budget, Counts, LimitNote, LimitScope};
pub use call::{
    AccountType, Attached, Call, OrderRef, OrderRequest, Page, PriceKind, Request, Scope, TriggerDirection,
};
pub use candles::{parse_candles, parse_candles_at};
pub use credentials::Credentials;
pub use decimal::{Decimal, DecimalError, MAX_SCALE};
pub use environment::Environment;
pub use error::Error;
pub use error_class::ErrorClass;
pub use headers::Headers;
pub use http::{Endpoint, HttpRequest, Lane, Method};
pub use json::{Json, JsonError, Scanner};
pub use markets::Markets;
pub use pagination::{candle_pages, merge_candles};
pub use port::MarketData;
pub use reply::Reply;
pub use rules::{amount_to_precision, check_limits, cost_to_precision, prepare_order, price_to_precision};

/// Every exchange we know, by the key that settings name it by.
static ADAPTERS: [&dyn Adapter; 7] = [
    &binance::SPOT,
    &binance::FUTURES,
    &bybit::FUTURES,
    &okx::SPOT,
    &okx::FUTURES,
    &binance::SANDBOX,
    &binance::SANDBOX_FUTURES,
];

/// Returns the adapter of a settings key; `None` for exchanges we do not know.
#[must_use]
pub fn adapter(key: &str) -> Option<&'static dyn Adapter> {
    ADAPTERS.into_iter().find(|adapter| adapter.key() == key)
}

/// Returns the keys of the exchanges we know.
pub fn exchange_keys() -> impl Iterator<Item = &'static str> {
    ADAPTERS.into_iter().map(Adapter::key)
}
