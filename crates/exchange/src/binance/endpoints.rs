//! Binance's endpoints: name, method, path, weight, signed, lane.
//!
//! Weights are Binance's own, of the smallest request; [`super::weights`] has those that grow with parameters.

use super::book::Book;
use crate::{Endpoint, Environment, Error, Lane, Method};

const SPOT: &str = "https://api.binance.com";
const LINEAR: &str = "https://fapi.binance.com";
const INVERSE: &str = "https://dapi.binance.com";

const fn row(
    base: &'static str,
    name: &'static str,
    method: Method,
    path: &'static str,
    weight: u32,
    signed: bool,
    lane: Lane,
) -> Endpoint {
    Endpoint { name, method, base, path, weight, signed, lane }
}

const fn public(base: &'static str, name: &'static str, path: &'static str, weight: u32) -> Endpoint {
    row(base, name, Method::Get, path, weight, false, Lane::Data)
}

const fn account(base: &'static str, name: &'static str, path: &'static str, weight: u32) -> Endpoint {
    row(base, name, Method::Get, path, weight, true, Lane::Account)
}

const fn change(base: &'static str, name: &'static str, path: &'static str) -> Endpoint {
    row(base, name, Method::Post, path, 1, true, Lane::Account)
}

const fn order(base: &'static str, name: &'static str, method: Method, path: &'static str) -> Endpoint {
    row(base, name, method, path, 1, true, Lane::Order)
}

const fn cancel(base: &'static str, name: &'static str, path: &'static str) -> Endpoint {
    row(base, name, Method::Delete, path, 1, true, Lane::Cancel)
}

/// Every endpoint we use.
pub(super) static ENDPOINTS: &[Endpoint] = &[
    public(SPOT, "time", "/api/v3/time", 1),
    public(SPOT, "exchangeInfo", "/api/v3/exchangeInfo", 20),
    public(SPOT, "status", "/sapi/v1/system/status", 1),
    public(SPOT, "klines", "/api/v3/klines", 2),
    public(SPOT, "depth", "/api/v3/depth", 5),
    public(SPOT, "aggTrades", "/api/v3/aggTrades", 4),
    public(SPOT, "ticker24h", "/api/v3/ticker/24hr", 2),
    public(SPOT, "bookTicker", "/api/v3/ticker/bookTicker", 4),
    account(SPOT, "currencies", "/sapi/v1/capital/config/getall", 10),
    account(SPOT, "account", "/api/v3/account", 20),
    account(SPOT, "marginAccount", "/sapi/v1/margin/account", 10),
    account(SPOT, "isolatedAccount", "/sapi/v1/margin/isolated/account", 10),
    change(SPOT, "fundingAccount", "/sapi/v1/asset/get-funding-asset"),
    account(SPOT, "tradingFee", "/sapi/v1/asset/tradeFee", 1),
    account(SPOT, "order", "/api/v3/order", 4),
    account(SPOT, "openOrders", "/api/v3/openOrders", 6),
    account(SPOT, "allOrders", "/api/v3/allOrders", 20),
    account(SPOT, "myTrades", "/api/v3/myTrades", 20),
    order(SPOT, "createOrder", Method::Post, "/api/v3/order"),
    order(SPOT, "createMarginOrder", Method::Post, "/sapi/v1/margin/order"),
    order(SPOT, "editOrder", Method::Post, "/api/v3/order/cancelReplace"),
    cancel(SPOT, "cancelOrder", "/api/v3/order"),
    cancel(SPOT, "cancelAllOrders", "/api/v3/openOrders"),
    public(LINEAR, "time", "/fapi/v1/time", 1),
    public(LINEAR, "exchangeInfo", "/fapi/v1/exchangeInfo", 1),
    public(LINEAR, "klines", "/fapi/v1/klines", 1),
    public(LINEAR, "markKlines", "/fapi/v1/markPriceKlines", 1),
    public(LINEAR, "indexKlines", "/fapi/v1/indexPriceKlines", 1),
    public(LINEAR, "depth", "/fapi/v1/depth", 2),
    public(LINEAR, "aggTrades", "/fapi/v1/aggTrades", 20),
    public(LINEAR, "ticker24h", "/fapi/v1/ticker/24hr", 1),
    public(LINEAR, "bookTicker", "/fapi/v1/ticker/bookTicker", 2),
    public(LINEAR, "premiumIndex", "/fapi/v1/premiumIndex", 1),
    public(LINEAR, "fundingRate", "/fapi/v1/fundingRate", 1),
    public(LINEAR, "openInterest", "/fapi/v1/openInterest", 1),
    account(LINEAR, "account", "/fapi/v3/account", 5),
    account(LINEAR, "tradingFee", "/fapi/v1/commissionRate", 20),
    account(LINEAR, "order", "/fapi/v1/order", 1),
    account(LINEAR, "algoOrder", "/fapi/v1/algoOrder", 1),
    account(LINEAR, "openOrders", "/fapi/v1/openOrders", 1),
    account(LINEAR, "openAlgoOrders", "/fapi/v1/openAlgoOrders", 1),
    account(LINEAR, "allOrders", "/fapi/v1/allOrders", 5),
    account(LINEAR, "myTrades", "/fapi/v1/userTrades", 5),
    account(LINEAR, "income", "/fapi/v1/income", 30),
    account(LINEAR, "positions", "/fapi/v3/positionRisk", 5),
    account(LINEAR, "positionMode", "/fapi/v1/positionSide/dual", 30),
    account(LINEAR, "leverage", "/fapi/v1/symbolConfig", 5),
    account(LINEAR, "leverageTiers", "/fapi/v1/leverageBracket", 1),
    order(LINEAR, "createOrder", Method::Post, "/fapi/v1/order"),
    order(LINEAR, "createAlgoOrder", Method::Post, "/fapi/v1/algoOrder"),
    order(LINEAR, "createOrders", Method::Post, "/fapi/v1/batchOrders"),
    order(LINEAR, "editOrder", Method::Put, "/fapi/v1/order"),
    cancel(LINEAR, "cancelOrder", "/fapi/v1/order"),
    cancel(LINEAR, "cancelAlgoOrder", "/fapi/v1/algoOrder"),
    cancel(LINEAR, "cancelOrders", "/fapi/v1/batchOrders"),
    cancel(LINEAR, "cancelAllOrders", "/fapi/v1/allOpenOrders"),
    cancel(LINEAR, "cancelAllAlgoOrders", "/fapi/v1/algoOpenOrders"),
    change(LINEAR, "setLeverage", "/fapi/v1/leverage"),
    change(LINEAR, "setMarginMode", "/fapi/v1/marginType"),
    change(LINEAR, "setPositionMode", "/fapi/v1/positionSide/dual"),
    change(LINEAR, "addMargin", "/fapi/v1/positionMargin"),
    public(INVERSE, "time", "/dapi/v1/time", 1),
    public(INVERSE, "exchangeInfo", "/dapi/v1/exchangeInfo", 1),
    public(INVERSE, "klines", "/dapi/v1/klines", 1),
    public(INVERSE, "markKlines", "/dapi/v1/markPriceKlines", 1),
    public(INVERSE, "indexKlines", "/dapi/v1/indexPriceKlines", 1),
    public(INVERSE, "depth", "/dapi/v1/depth", 2),
    public(INVERSE, "aggTrades", "/dapi/v1/aggTrades", 20),
    public(INVERSE, "ticker24h", "/dapi/v1/ticker/24hr", 1),
    public(INVERSE, "bookTicker", "/dapi/v1/ticker/bookTicker", 2),
    public(INVERSE, "premiumIndex", "/dapi/v1/premiumIndex", 10),
    public(INVERSE, "fundingRate", "/dapi/v1/fundingRate", 1),
    public(INVERSE, "openInterest", "/dapi/v1/openInterest", 1),
    account(INVERSE, "account", "/dapi/v1/account", 5),
    account(INVERSE, "tradingFee", "/dapi/v1/commissionRate", 20),
    account(INVERSE, "order", "/dapi/v1/order", 1),
    account(INVERSE, "algoOrder", "/dapi/v1/algoOrder", 1),
    account(INVERSE, "openOrders", "/dapi/v1/openOrders", 1),
    account(INVERSE, "openAlgoOrders", "/dapi/v1/openAlgoOrders", 1),
    account(INVERSE, "allOrders", "/dapi/v1/allOrders", 20),
    account(INVERSE, "myTrades", "/dapi/v1/userTrades", 20),
    account(INVERSE, "income", "/dapi/v1/income", 20),
    account(INVERSE, "positions", "/dapi/v1/positionRisk", 1),
    account(INVERSE, "positionMode", "/dapi/v1/positionSide/dual", 30),
    account(INVERSE, "leverage", "/dapi/v1/account", 5),
    account(INVERSE, "leverageTiers", "/dapi/v2/leverageBracket", 1),
    order(INVERSE, "createOrder", Method::Post, "/dapi/v1/order"),
    order(INVERSE, "createAlgoOrder", Method::Post, "/dapi/v1/algoOrder"),
    order(INVERSE, "createOrders", Method::Post, "/dapi/v1/batchOrders"),
    order(INVERSE, "editOrder", Method::Put, "/dapi/v1/order"),
    cancel(INVERSE, "cancelOrder", "/dapi/v1/order"),
    cancel(INVERSE, "cancelAlgoOrder", "/dapi/v1/algoOrder"),
    cancel(INVERSE, "cancelOrders", "/dapi/v1/batchOrders"),
    cancel(INVERSE, "cancelAllOrders", "/dapi/v1/allOpenOrders"),
    cancel(INVERSE, "cancelAllAlgoOrders", "/dapi/v1/algoOpenOrders"),
    change(INVERSE, "setLeverage", "/dapi/v1/leverage"),
    change(INVERSE, "setMarginMode", "/dapi/v1/marginType"),
    change(INVERSE, "setPositionMode", "/dapi/v1/positionSide/dual"),
    change(INVERSE, "addMargin", "/dapi/v1/positionMargin"),
];

/// Returns where a host is in an environment. The test network has spot only: that of contracts was given up for
/// the demo.
pub(super) fn host(base: &'static str, environment: Environment) -> Option<&'static str> {
    match (environment, base) {
        (Environment::Live, _) => Some(base),
        (Environment::Testnet, SPOT) => Some("https://testnet.binance.vision"),
        (Environment::Demo, SPOT) => Some("https://demo-api.binance.com"),
        (Environment::Demo, LINEAR) => Some("https://demo-fapi.binance.com"),
        (Environment::Demo, INVERSE) => Some("https://demo-dapi.binance.com"),
        (Environment::Testnet | Environment::Demo, _) => None,
    }
}

/// Returns whether a host is that of spot.
pub(super) fn is_spot(base: &str) -> bool {
    base == SPOT
}

/// Returns the endpoint of this name in a book.
///
/// # Errors
/// `NotSupported` when the book has none.
pub(super) fn find(book: Book, name: &str) -> Result<&'static Endpoint, Error> {
    let base = match book {
        Book::Spot => SPOT,
        Book::Linear => LINEAR,
        Book::Inverse => INVERSE,
    };
    let found = ENDPOINTS.iter().find(|endpoint| endpoint.name == name && endpoint.base == base);
    found.ok_or_else(|| Error::not_supported(format!("{name} is not there for this kind of market")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_within_a_book() {
        let names: BTreeSet<_> = ENDPOINTS.iter().map(|endpoint| (endpoint.base, endpoint.name)).collect();
        assert_eq!(names.len(), ENDPOINTS.len());
    }
}
