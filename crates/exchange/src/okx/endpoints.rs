//! OKX's endpoints: name, method, path, weight, signed, lane. OKX limits each endpoint by itself, per two
//! seconds; the weight is what one call takes of a shared budget.

use crate::{Endpoint, Error, Lane, Method};

const BASE: &str = "https://www.okx.com";

const fn row(name: &'static str, method: Method, path: &'static str, signed: bool, lane: Lane) -> Endpoint {
    Endpoint { name, method, base: BASE, path, weight: 1, signed, lane }
}

const fn public(name: &'static str, path: &'static str) -> Endpoint {
    row(name, Method::Get, path, false, Lane::Data)
}

const fn account(name: &'static str, path: &'static str) -> Endpoint {
    row(name, Method::Get, path, true, Lane::Account)
}

const fn post(name: &'static str, path: &'static str, lane: Lane) -> Endpoint {
    row(name, Method::Post, path, true, lane)
}

/// Every endpoint we use.
pub(super) static ENDPOINTS: &[Endpoint] = &[
    public("time", "/api/v5/public/time"),
    public("status", "/api/v5/system/status"),
    public("instruments", "/api/v5/public/instruments"),
    public("ticker", "/api/v5/market/ticker"),
    public("tickers", "/api/v5/market/tickers"),
    public("books", "/api/v5/market/books"),
    public("booksFull", "/api/v5/market/books-full"),
    public("trades", "/api/v5/market/trades"),
    public("candles", "/api/v5/market/candles"),
    public("historyCandles", "/api/v5/market/history-candles"),
    public("markCandles", "/api/v5/market/mark-price-candles"),
    public("historyMarkCandles", "/api/v5/market/history-mark-price-candles"),
    public("indexCandles", "/api/v5/market/index-candles"),
    public("historyIndexCandles", "/api/v5/market/history-index-candles"),
    public("fundingRate", "/api/v5/public/funding-rate"),
    public("fundingRateHistory", "/api/v5/public/funding-rate-history"),
    public("openInterest", "/api/v5/public/open-interest"),
    public("positionTiers", "/api/v5/public/position-tiers"),
    account("currencies", "/api/v5/asset/currencies"),
    account("balance", "/api/v5/account/balance"),
    account("fundingBalance", "/api/v5/asset/balances"),
    account("tradeFee", "/api/v5/account/trade-fee"),
    account("bills", "/api/v5/account/bills"),
    account("billsArchive", "/api/v5/account/bills-archive"),
    account("positions", "/api/v5/account/positions"),
    account("accountConfig", "/api/v5/account/config"),
    account("leverage", "/api/v5/account/leverage-info"),
    account("fills", "/api/v5/trade/fills-history"),
    account("order", "/api/v5/trade/order"),
    account("algoOrder", "/api/v5/trade/order-algo"),
    account("openOrders", "/api/v5/trade/orders-pending"),
    account("openAlgoOrders", "/api/v5/trade/orders-algo-pending"),
    account("orderHistory", "/api/v5/trade/orders-history"),
    post("createOrders", "/api/v5/trade/batch-orders", Lane::Order),
    post("createAlgoOrder", "/api/v5/trade/order-algo", Lane::Order),
    post("editOrder", "/api/v5/trade/amend-order", Lane::Order),
    post("cancelOrder", "/api/v5/trade/cancel-order", Lane::Cancel),
    post("cancelAlgoOrders", "/api/v5/trade/cancel-algos", Lane::Cancel),
    post("cancelOrders", "/api/v5/trade/cancel-batch-orders", Lane::Cancel),
    post("setLeverage", "/api/v5/account/set-leverage", Lane::Account),
    post("setPositionMode", "/api/v5/account/set-position-mode", Lane::Account),
    post("addMargin", "/api/v5/account/position/margin-balance", Lane::Account),
];

/// Returns the endpoint of this name.
pub(super) fn find(name: &str) -> Result<&'static Endpoint, Error> {
    let found = ENDPOINTS.iter().find(|endpoint| endpoint.name == name);
    found.ok_or_else(|| Error::not_supported(format!("there is no endpoint {name}")))
}
