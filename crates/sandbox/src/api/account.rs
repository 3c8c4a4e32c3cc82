//! The spot account.

use serde_json::{Value, json};

use super::Call;
use crate::market::Venue;
use crate::number::fixed;
use crate::refusal::{Outcome, Refusal};

pub(super) fn account(call: &mut Call) -> Outcome<Value> {
    let omit_zero = call.params.flag("omitZeroBalances")?;
    let spot = call.engine.account.balances.iter().filter(|((venue, _), _)| *venue == Venue::Spot);
    let balances: Vec<Value> = spot
        .filter(|(_, balance)| !omit_zero || !balance.total().is_zero())
        .map(|((_, asset), balance)| {
            json!({"asset": asset, "free": fixed(balance.free, 8), "locked": fixed(balance.locked, 8)})
        })
        .collect();
    Ok(json!({
        "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000",
            "seller": "0.00000000"},
        "canTrade": true, "canWithdraw": false, "canDeposit": false, "brokered": false,
        "requireSelfTradePrevention": false, "preventSor": false, "updateTime": call.now, "accountType": "SPOT",
        "balances": balances, "permissions": ["SPOT"], "uid": 1,
    }))
}

/// `/sapi/v1/asset/tradeFee`.
pub(super) fn trade_fee(call: &mut Call) -> Outcome<Value> {
    let markets = call.maybe_market()?.map_or_else(|| call.markets(), |market| vec![market]);
    let row = |market: usize| {
        let market = &call.engine.markets[market];
        json!({"symbol": market.id, "makerCommission": crate::number::plain(market.maker_fee),
            "takerCommission": crate::number::plain(market.taker_fee)})
    };
    Ok(markets.into_iter().map(row).collect())
}

/// `/api/v3/rateLimit/order` and its like on USD-M; the exchange fills in the counts.
pub(super) fn order_limits(call: &mut Call) -> Outcome<Value> {
    let limits = crate::market::rate_limits(call.venue).to_json(call.venue);
    let rows = limits.as_array().cloned().unwrap_or_default();
    Ok(rows.into_iter().filter(|row| row["rateLimitType"] == "ORDERS").collect())
}

/// `/api/v3/account/commission`.
pub(super) fn commission(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let market = call.engine.markets.get(market).ok_or_else(Refusal::unknown_symbol)?;
    let (maker, taker) = (fixed(market.maker_fee, 8), fixed(market.taker_fee, 8));
    let none =
        json!({"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"});
    Ok(json!({
        "symbol": market.id,
        "standardCommission": {"maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000"},
        "taxCommission": none,
        "discount": {"enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "BNB",
            "discount": "0.00000000"},
    }))
}
