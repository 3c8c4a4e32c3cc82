//! What a client asks of `/sapi` before it trades.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Call;
use crate::market::Venue;
use crate::number::fixed;
use crate::refusal::Outcome;

pub(super) fn status(_: &mut Call) -> Outcome<Value> {
    Ok(json!({"status": 0, "msg": "normal"}))
}

pub(super) fn empty_list(_: &mut Call) -> Outcome<Value> {
    Ok(json!([]))
}

/// Every asset of the markets; none can be put in or taken out.
pub(super) fn coins(call: &mut Call) -> Outcome<Value> {
    let symbols = call.engine.markets.iter().flat_map(|market| [market.base(), market.quote()]);
    let assets: BTreeSet<&str> = symbols.collect();
    let row = |asset: &str| {
        let balance = call.engine.account.balance(Venue::Spot, asset);
        json!({
            "coin": asset, "depositAllEnable": false, "withdrawAllEnable": false, "name": asset,
            "free": fixed(balance.free, 8), "locked": fixed(balance.locked, 8), "freeze": "0", "withdrawing": "0",
            "ipoing": "0", "ipoable": "0", "storage": "0", "isLegalMoney": false, "trading": true,
            "networkList": [],
        })
    };
    Ok(assets.into_iter().map(row).collect())
}
