//! Bybit's endpoints: name, method, path, weight, signed, lane. Bybit counts calls, not weights.

use crate::{Endpoint, Error, Lane, Method};

const BASE: &str = "https://api.bybit.com";

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
    public("time", "/v5/market/time"),
    public("status", "/v5/system/status"),
    public("instruments", "/v5/market/instruments-info"),
    public("tickers", "/v5/market/tickers"),
    public("orderBook", "/v5/market/orderbook"),
    public("trades", "/v5/market/recent-trade"),
    public("klines", "/v5/market/kline"),
    public("markKlines", "/v5/market/mark-price-kline"),
    public("indexKlines", "/v5/market/index-price-kline"),
    public("fundingHistory", "/v5/market/funding/history"),
    public("openInterest", "/v5/market/open-interest"),
    public("riskLimit", "/v5/market/risk-limit"),
    account("currencies", "/v5/asset/coin/query-info"),
    account("balance", "/v5/account/wallet-balance"),
    account("fundingBalance", "/v5/asset/transfer/query-account-coins-balance"),
    account("feeRate", "/v5/account/fee-rate"),
    account("ledger", "/v5/account/transaction-log"),
    account("positions", "/v5/position/list"),
    account("executions", "/v5/execution/list"),
    account("openOrders", "/v5/order/realtime"),
    account("orderHistory", "/v5/order/history"),
    post("createOrder", "/v5/order/create", Lane::Order),
    post("createOrders", "/v5/order/create-batch", Lane::Order),
    post("editOrder", "/v5/order/amend", Lane::Order),
    post("cancelOrder", "/v5/order/cancel", Lane::Cancel),
    post("cancelOrders", "/v5/order/cancel-batch", Lane::Cancel),
    post("cancelAllOrders", "/v5/order/cancel-all", Lane::Cancel),
    post("setLeverage", "/v5/position/set-leverage", Lane::Account),
    post("setMarginMode", "/v5/account/set-margin-mode", Lane::Account),
    post("setPositionMode", "/v5/position/switch-mode", Lane::Account),
];

/// Returns the endpoint of this name.
pub(super) fn find(name: &str) -> Result<&'static Endpoint, Error> {
    let found = ENDPOINTS.iter().find(|endpoint| endpoint.name == name);
    found.ok_or_else(|| Error::not_supported(format!("there is no endpoint {name}")))
}
