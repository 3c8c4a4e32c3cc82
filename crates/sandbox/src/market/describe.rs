//! Markets as `exchangeInfo` lists them.

use serde_json::{Value, json};

use super::{Market, Venue};
use crate::number::fixed;

/// Orders per 10 seconds and per day (spot) or minute (USD-M), and request weight per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimits {
    pub(crate) weight: u64,
    pub(crate) orders_short: u64,
    pub(crate) orders_long: u64,
}

/// Returns the limits of a venue.
pub(crate) fn rate_limits(venue: Venue) -> RateLimits {
    match venue {
        Venue::Spot => RateLimits { weight: 6_000, orders_short: 100, orders_long: 200_000 },
        Venue::UsdM => RateLimits { weight: 2_400, orders_short: 300, orders_long: 1_200 },
    }
}

impl RateLimits {
    /// Returns the list that exchangeInfo starts with.
    pub(crate) fn to_json(self, venue: Venue) -> Value {
        let row = |kind: &str, interval: &str, count: u32, limit: u64| json!({"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit});
        let long = if venue == Venue::Spot { "DAY" } else { "MINUTE" };
        json!([
            row("REQUEST_WEIGHT", "MINUTE", 1, self.weight),
            row("ORDERS", "SECOND", 10, self.orders_short),
            row("ORDERS", long, 1, self.orders_long),
        ])
    }
}

/// Returns the entry of a market: that of the file it came from with its filters as they are now, or one of ours.
pub(crate) fn describe(market: &Market) -> Value {
    let mut entry = match (&market.described, market.venue) {
        (Some(described), _) => described.clone(),
        (None, Venue::Spot) => spot(market),
        (None, Venue::UsdM) => usd_m(market),
    };
    entry["status"] = match (market.is_halted, market.venue) {
        (false, _) => json!("TRADING"),
        (true, Venue::Spot) => json!("BREAK"),
        (true, Venue::UsdM) => json!("PENDING_TRADING"),
    };
    entry
}

fn spot(market: &Market) -> Value {
    let filters = &market.filters;
    let text = |value| fixed(value, 8);
    json!({
        "symbol": market.id,
        "status": "TRADING",
        "baseAsset": market.base(),
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote(),
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": false,
        "ocoAllowed": false,
        "otoAllowed": false,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": false,
        "cancelReplaceAllowed": true,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": text(filters.min_price), "maxPrice": text(filters.max_price),
                "tickSize": text(filters.tick)},
            {"filterType": "LOT_SIZE", "minQty": text(filters.min_quantity), "maxQty": text(filters.max_quantity),
                "stepSize": text(filters.step)},
            {"filterType": "MARKET_LOT_SIZE", "minQty": text(0.into()),
                "maxQty": text(filters.market_max_quantity), "stepSize": text(0.into())},
            {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": text(filters.multiplier_up),
                "bidMultiplierDown": text(filters.multiplier_down), "askMultiplierUp": text(filters.multiplier_up),
                "askMultiplierDown": text(filters.multiplier_down), "avgPriceMins": 5},
            {"filterType": "NOTIONAL", "minNotional": text(filters.min_notional), "applyMinToMarket": true,
                "maxNotional": text(9_000_000.into()), "applyMaxToMarket": false, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": filters.max_orders},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": filters.max_algo_orders},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    })
}

fn usd_m(market: &Market) -> Value {
    let filters = &market.filters;
    let price = |value| fixed(value, market.price_places());
    let quantity = |value| fixed(value, market.quantity_places());
    json!({
        "symbol": market.id,
        "pair": market.id,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000_i64,
        "onboardDate": market.tape.span().0,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": market.base(),
        "quoteAsset": market.quote(),
        "marginAsset": market.symbol.settle().unwrap_or(market.quote()),
        "pricePrecision": market.price_places(),
        "quantityPrecision": market.quantity_places(),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": price(filters.min_price), "maxPrice": price(filters.max_price),
                "tickSize": price(filters.tick)},
            {"filterType": "LOT_SIZE", "minQty": quantity(filters.min_quantity),
                "maxQty": quantity(filters.max_quantity), "stepSize": quantity(filters.step)},
            {"filterType": "MARKET_LOT_SIZE", "minQty": quantity(filters.min_quantity),
                "maxQty": quantity(filters.market_max_quantity), "stepSize": quantity(filters.step)},
            {"filterType": "MAX_NUM_ORDERS", "limit": filters.max_orders},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": filters.max_algo_orders},
            {"filterType": "MIN_NOTIONAL", "notional": crate::number::plain(filters.min_notional)},
            {"filterType": "PERCENT_PRICE", "multiplierUp": fixed(filters.multiplier_up, 4),
                "multiplierDown": fixed(filters.multiplier_down, 4), "multiplierDecimal": "4"},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    })
}
