//! Every endpoint: method, path, weight, security, handler.

use super::Security::{self, Key, Open, Signed};
use super::{Handler, Params, account, algo, futures, market_data, orders, stats, wallet};
use crate::market::Venue;

/// What a request weighs.
#[derive(Debug, Clone, Copy)]
enum Weight {
    Fixed(u64),
    /// By the number of candles asked for (USD-M).
    Klines,
    /// By depth.
    Depth,
    /// Of one symbol, of all.
    OneOrAll(u64, u64),
}

/// An endpoint.
pub(crate) struct Route {
    method: &'static str,
    pub(crate) path: &'static str,
    weight: Weight,
    pub(crate) security: Security,
    /// Whether it counts as new orders, and how many at most.
    pub(crate) is_order: bool,
    pub(crate) handler: Handler,
}

const fn route(
    method: &'static str,
    path: &'static str,
    weight: u64,
    security: Security,
    handler: Handler,
) -> Route {
    Route { method, path, weight: Weight::Fixed(weight), security, is_order: false, handler }
}

const fn weighed(path: &'static str, weight: Weight, handler: Handler) -> Route {
    Route { method: "GET", path, weight, security: Open, is_order: false, handler }
}

const fn listed(path: &'static str, one: u64, all: u64, handler: Handler) -> Route {
    Route {
        method: "GET",
        path,
        weight: Weight::OneOrAll(one, all),
        security: Signed,
        is_order: false,
        handler,
    }
}

const fn order(method: &'static str, path: &'static str, weight: u64, handler: Handler) -> Route {
    Route { method, path, weight: Weight::Fixed(weight), security: Signed, is_order: true, handler }
}

/// All endpoints. What is not here answers 404.
pub(crate) const ROUTES: &[Route] = &[
    // Spot, public.
    route("GET", "/api/v3/ping", 1, Open, market_data::ping),
    route("GET", "/api/v3/time", 1, Open, market_data::time),
    route("GET", "/api/v3/exchangeInfo", 20, Open, market_data::exchange_info),
    route("GET", "/api/v3/klines", 2, Open, market_data::klines),
    route("GET", "/api/v3/uiKlines", 2, Open, market_data::klines),
    weighed("/api/v3/depth", Weight::Depth, market_data::depth),
    route("GET", "/api/v3/trades", 25, Open, market_data::trades),
    route("GET", "/api/v3/historicalTrades", 25, Open, market_data::trades),
    route("GET", "/api/v3/aggTrades", 4, Open, market_data::agg_trades),
    route("GET", "/api/v3/avgPrice", 2, Open, stats::average_price),
    weighed("/api/v3/ticker/24hr", Weight::OneOrAll(2, 80), stats::day),
    weighed("/api/v3/ticker/price", Weight::OneOrAll(2, 4), stats::price),
    weighed("/api/v3/ticker/bookTicker", Weight::OneOrAll(2, 4), stats::book),
    // Spot, signed.
    route("GET", "/api/v3/account", 20, Signed, account::account),
    route("GET", "/api/v3/account/commission", 20, Signed, account::commission),
    order("POST", "/api/v3/order", 1, orders::create),
    route("GET", "/api/v3/order", 4, Signed, orders::find),
    route("DELETE", "/api/v3/order", 1, Signed, orders::cancel),
    route("POST", "/api/v3/order/test", 1, Signed, orders::test),
    order("POST", "/api/v3/order/cancelReplace", 1, orders::cancel_replace),
    listed("/api/v3/openOrders", 6, 80, orders::open),
    route("DELETE", "/api/v3/openOrders", 1, Signed, orders::cancel_all_spot),
    route("GET", "/api/v3/allOrders", 20, Signed, orders::all),
    route("GET", "/api/v3/myTrades", 20, Signed, orders::my_trades),
    route("GET", "/api/v3/rateLimit/order", 40, Signed, account::order_limits),
    // Wallet.
    route("GET", "/sapi/v1/system/status", 1, Open, wallet::status),
    route("GET", "/sapi/v1/asset/tradeFee", 1, Signed, account::trade_fee),
    route("GET", "/sapi/v1/capital/config/getall", 10, Signed, wallet::coins),
    route("GET", "/sapi/v1/margin/allPairs", 1, Key, wallet::empty_list),
    route("GET", "/sapi/v1/margin/isolated/allPairs", 10, Signed, wallet::empty_list),
    // Neither coin-margined futures nor options.
    route("GET", "/dapi/v1/exchangeInfo", 1, Open, market_data::no_symbols),
    // USD-M, public.
    route("GET", "/fapi/v1/ping", 1, Open, market_data::ping),
    route("GET", "/fapi/v1/time", 1, Open, market_data::time),
    route("GET", "/fapi/v1/exchangeInfo", 1, Open, market_data::exchange_info),
    weighed("/fapi/v1/klines", Weight::Klines, market_data::klines),
    weighed("/fapi/v1/markPriceKlines", Weight::Klines, market_data::mark_klines),
    weighed("/fapi/v1/indexPriceKlines", Weight::Klines, market_data::mark_klines),
    weighed("/fapi/v1/depth", Weight::Depth, market_data::depth),
    route("GET", "/fapi/v1/trades", 5, Open, market_data::trades),
    route("GET", "/fapi/v1/historicalTrades", 20, Open, market_data::trades),
    route("GET", "/fapi/v1/aggTrades", 20, Open, market_data::agg_trades),
    weighed("/fapi/v1/ticker/24hr", Weight::OneOrAll(1, 40), stats::day),
    weighed("/fapi/v1/ticker/price", Weight::OneOrAll(1, 2), stats::price),
    weighed("/fapi/v2/ticker/price", Weight::OneOrAll(1, 2), stats::price),
    weighed("/fapi/v1/ticker/bookTicker", Weight::OneOrAll(2, 5), stats::book),
    weighed("/fapi/v1/premiumIndex", Weight::OneOrAll(1, 10), futures::premium_index),
    route("GET", "/fapi/v1/fundingRate", 1, Open, futures::funding_rate),
    route("GET", "/fapi/v1/fundingInfo", 1, Open, futures::funding_info),
    route("GET", "/fapi/v1/openInterest", 1, Open, futures::open_interest),
    // USD-M, orders.
    order("POST", "/fapi/v1/order", 0, orders::create),
    order("PUT", "/fapi/v1/order", 1, orders::modify),
    route("GET", "/fapi/v1/order", 1, Signed, orders::find),
    route("DELETE", "/fapi/v1/order", 1, Signed, orders::cancel),
    route("POST", "/fapi/v1/order/test", 1, Signed, orders::test),
    order("POST", "/fapi/v1/batchOrders", 5, orders::create_batch),
    route("DELETE", "/fapi/v1/batchOrders", 1, Signed, orders::cancel_batch),
    route("GET", "/fapi/v1/openOrder", 1, Signed, orders::open_one),
    listed("/fapi/v1/openOrders", 1, 40, orders::open),
    route("DELETE", "/fapi/v1/allOpenOrders", 1, Signed, orders::cancel_all_futures),
    route("GET", "/fapi/v1/allOrders", 5, Signed, orders::all),
    route("GET", "/fapi/v1/userTrades", 5, Signed, orders::my_trades),
    order("POST", "/fapi/v1/algoOrder", 0, algo::create),
    route("GET", "/fapi/v1/algoOrder", 1, Signed, algo::find),
    route("DELETE", "/fapi/v1/algoOrder", 1, Signed, algo::cancel),
    listed("/fapi/v1/openAlgoOrders", 1, 40, algo::open),
    route("DELETE", "/fapi/v1/algoOpenOrders", 1, Signed, algo::cancel_all),
    route("GET", "/fapi/v1/allAlgoOrders", 5, Signed, algo::all),
    // USD-M, account.
    route("GET", "/fapi/v2/account", 5, Signed, futures::account),
    route("GET", "/fapi/v3/account", 5, Signed, futures::account),
    route("GET", "/fapi/v2/balance", 5, Signed, futures::balance),
    route("GET", "/fapi/v3/balance", 5, Signed, futures::balance),
    route("GET", "/fapi/v2/positionRisk", 5, Signed, futures::position_risk_all),
    route("GET", "/fapi/v3/positionRisk", 5, Signed, futures::position_risk),
    route("POST", "/fapi/v1/leverage", 1, Signed, futures::set_leverage),
    route("POST", "/fapi/v1/marginType", 1, Signed, futures::set_margin_type),
    route("POST", "/fapi/v1/positionMargin", 1, Signed, futures::change_margin),
    route("GET", "/fapi/v1/positionSide/dual", 30, Signed, futures::position_mode),
    route("POST", "/fapi/v1/positionSide/dual", 1, Signed, futures::set_position_mode),
    route("GET", "/fapi/v1/multiAssetsMargin", 30, Signed, futures::multi_assets),
    route("POST", "/fapi/v1/multiAssetsMargin", 1, Signed, futures::set_multi_assets),
    route("GET", "/fapi/v1/leverageBracket", 1, Signed, futures::brackets),
    route("GET", "/fapi/v1/commissionRate", 20, Signed, futures::commission_rate),
    route("GET", "/fapi/v1/symbolConfig", 5, Signed, futures::symbol_config),
    route("GET", "/fapi/v1/accountConfig", 5, Signed, futures::account_config),
    route("GET", "/fapi/v1/income", 30, Signed, futures::income),
    route("GET", "/fapi/v1/rateLimit/order", 1, Signed, account::order_limits),
    route("POST", "/fapi/v1/listenKey", 1, Key, futures::new_listen_key),
    route("PUT", "/fapi/v1/listenKey", 1, Key, futures::keep_listen_key),
    route("DELETE", "/fapi/v1/listenKey", 1, Key, futures::close_listen_key),
];

/// Returns the endpoint of a request.
pub(crate) fn find_route(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method == method && route.path == path)
}

impl Route {
    pub(crate) fn venue(&self) -> Venue {
        if self.path.starts_with("/fapi") { Venue::UsdM } else { Venue::Spot }
    }

    /// Returns what a request weighs.
    pub(crate) fn weight(&self, params: &Params) -> u64 {
        let limit =
            |default: u64| params.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(default);
        match (self.weight, self.venue()) {
            (Weight::Fixed(weight), _) => weight,
            (Weight::Klines, _) => match limit(500) {
                0..100 => 1,
                100..500 => 2,
                500..=1_000 => 5,
                _ => 10,
            },
            (Weight::Depth, Venue::Spot) => match limit(100) {
                0..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            },
            (Weight::Depth, Venue::UsdM) => match limit(500) {
                0..=50 => 2,
                51..=100 => 5,
                101..=500 => 10,
                _ => 20,
            },
            (Weight::OneOrAll(one, all), _) => {
                if params.get("symbol").is_some() {
                    one
                } else {
                    all
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_what_is_asked_for() {
        let weight = |path, query| find_route("GET", path).unwrap().weight(&Params::parse(query, ""));
        assert_eq!(weight("/fapi/v1/klines", "limit=99"), 1);
        assert_eq!(weight("/fapi/v1/klines", ""), 5);
        assert_eq!(weight("/fapi/v1/klines", "limit=1500"), 10);
        assert_eq!(weight("/api/v3/depth", "limit=5000"), 250);
        assert_eq!(weight("/api/v3/openOrders", "symbol=BTCUSDT"), 6);
        assert_eq!(weight("/api/v3/openOrders", ""), 80);
    }

    #[test]
    fn no_endpoint_is_listed_twice() {
        for (at, route) in ROUTES.iter().enumerate() {
            let first =
                ROUTES.iter().position(|other| (other.method, other.path) == (route.method, route.path));
            assert_eq!(first, Some(at), "{} {}", route.method, route.path);
        }
    }
}
