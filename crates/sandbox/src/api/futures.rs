//! The USD-M account: balances, positions, leverage, margin, funding.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Call;
use crate::account::{Leverage, Position};
use crate::engine::maintenance;
use crate::market::{MAX_LEVERAGE, Tier, Venue, tiers};
use crate::number::{fixed, plain};
use crate::order::PositionSide;
use crate::refusal::{Outcome, Refusal};

const FUNDING_INTERVAL: i64 = 8 * 3_600_000;

/// Returns the assets of the USD-M wallet.
fn assets(call: &Call) -> Vec<String> {
    let held = call.engine.account.balances.keys().filter(|(venue, _)| *venue == Venue::UsdM);
    held.map(|(_, asset)| asset.clone()).collect()
}

pub(super) fn balance(call: &mut Call) -> Outcome<Value> {
    let row = |asset: String| {
        let margin = call.engine.margin(&asset);
        json!({
            "accountAlias": "sandbox", "asset": asset, "balance": fixed(margin.wallet, 8),
            "crossWalletBalance": fixed(margin.cross_wallet(), 8), "crossUnPnl": fixed(margin.cross_unrealized, 8),
            "availableBalance": fixed(margin.available(), 8), "maxWithdrawAmount": fixed(margin.available(), 8),
            "marginAvailable": true, "updateTime": call.now,
        })
    };
    Ok(assets(call).into_iter().map(row).collect())
}

pub(super) fn account(call: &mut Call) -> Outcome<Value> {
    let mut rows = Vec::new();
    let mut total = [Decimal::ZERO; 10];
    for asset in assets(call) {
        let margin = call.engine.margin(&asset);
        let values = [
            margin.position_initial + margin.order_initial,
            margin.maintenance,
            margin.wallet,
            margin.unrealized(),
            margin.wallet + margin.unrealized(),
            margin.position_initial,
            margin.order_initial,
            margin.cross_wallet(),
            margin.cross_unrealized,
            margin.available(),
        ];
        let mut row = json!({"asset": asset});
        for (name, value) in [
            "initialMargin",
            "maintMargin",
            "walletBalance",
            "unrealizedProfit",
            "marginBalance",
            "positionInitialMargin",
            "openOrderInitialMargin",
            "crossWalletBalance",
            "crossUnPnl",
            "availableBalance",
        ]
        .into_iter()
        .zip(values)
        {
            row[name] = json!(fixed(value, 8));
        }
        row["maxWithdrawAmount"] = row["availableBalance"].clone();
        row["marginAvailable"] = json!(true);
        row["updateTime"] = json!(call.now);
        rows.push(row);
        total.iter_mut().zip(values).for_each(|(total, value)| *total += value);
    }
    let mut account = json!({"feeTier": 0, "canTrade": true, "canDeposit": false, "canWithdraw": false,
        "multiAssetsMargin": call.engine.account.is_multi_assets, "updateTime": 0});
    for (name, value) in [
        "totalInitialMargin",
        "totalMaintMargin",
        "totalWalletBalance",
        "totalUnrealizedProfit",
        "totalMarginBalance",
        "totalPositionInitialMargin",
        "totalOpenOrderInitialMargin",
        "totalCrossWalletBalance",
        "totalCrossUnPnl",
        "availableBalance",
    ]
    .into_iter()
    .zip(total)
    {
        account[name] = json!(fixed(value, 8));
    }
    account["maxWithdrawAmount"] = account["availableBalance"].clone();
    account["assets"] = Value::Array(rows);
    account["positions"] = position_rows(call, None, false).into();
    Ok(account)
}

/// `positionRisk` v3: only what is held or has open orders.
pub(super) fn position_risk(call: &mut Call) -> Outcome<Value> {
    let market = call.maybe_market()?;
    Ok(position_rows(call, market, false).into())
}

/// `positionRisk` v2: every market.
pub(super) fn position_risk_all(call: &mut Call) -> Outcome<Value> {
    let market = call.maybe_market()?;
    Ok(position_rows(call, market, true).into())
}

fn position_rows(call: &Call, only: Option<usize>, all: bool) -> Vec<Value> {
    let markets = only.map_or_else(|| call.markets(), |market| vec![market]);
    let sides: &[PositionSide] = if call.engine.account.is_hedged {
        &[PositionSide::Long, PositionSide::Short]
    } else {
        &[PositionSide::Both]
    };
    let mut rows = Vec::new();
    for market in markets {
        let has_orders = call.engine.open_orders(market).next().is_some();
        for &side in sides {
            let position = call.engine.account.position(market, side);
            if all || position.is_open() || has_orders {
                rows.push(position_row(call, market, side, &position));
            }
        }
    }
    rows
}

fn position_row(call: &Call, market: usize, side: PositionSide, position: &Position) -> Value {
    let engine = &*call.engine;
    let of = &engine.markets[market];
    let mark = of.mark_price(call.now);
    let settings = engine.account.leverage_of(market);
    let tied = engine.market_margin(market, None);
    let notional = position.amount * mark;
    let unrealized = position.unrealized(mark);
    let isolated_margin =
        if settings.is_isolated { position.isolated_wallet + unrealized } else { Decimal::ZERO };
    let isolated_margin = if position.is_open() { isolated_margin } else { Decimal::ZERO };
    let cap =
        tiers().into_iter().rev().find(|tier| tier.max_leverage >= settings.leverage).map(|tier| tier.cap);
    json!({
        "symbol": of.id, "positionSide": side.name(), "positionAmt": of.quantity_text(position.amount),
        "entryPrice": fixed(position.entry_price(), 8), "breakEvenPrice": fixed(position.entry_price(), 8),
        "markPrice": fixed(mark, 8), "unRealizedProfit": fixed(unrealized, 8), "unrealizedProfit": fixed(unrealized, 8),
        "liquidationPrice": fixed(engine.liquidation_price(market, position), 8),
        "isolatedMargin": fixed(isolated_margin, 8), "notional": fixed(notional, 8), "marginAsset": of.quote(),
        "isolatedWallet": fixed(position.isolated_wallet, 8), "initialMargin": fixed(tied.position + tied.orders, 8),
        "maintMargin": fixed(maintenance(position, mark), 8), "positionInitialMargin": fixed(tied.position, 8),
        "openOrderInitialMargin": fixed(tied.orders, 8), "adl": 0, "bidNotional": "0", "askNotional": "0",
        "leverage": settings.leverage.to_string(), "maxNotionalValue": plain(cap.unwrap_or_default()),
        "marginType": if settings.is_isolated { "isolated" } else { "cross" }, "isolated": settings.is_isolated,
        "isAutoAddMargin": "false", "updateTime": position.updated,
    })
}

pub(super) fn set_leverage(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let leverage = call.params.integer("leverage")?.ok_or_else(|| Refusal::missing("leverage"))?;
    let leverage = u32::try_from(leverage).ok().filter(|leverage| (1..=MAX_LEVERAGE).contains(leverage));
    let Some(leverage) = leverage else {
        let asked = call.params.get("leverage").unwrap_or_default();
        return Err(Refusal::new(-4028, format!("Leverage {asked} is not valid")));
    };
    let settings = call.engine.account.leverage_of(market);
    call.engine.account.leverage.insert(market, Leverage { leverage, ..settings });
    let cap = tiers().into_iter().rev().find(|tier| tier.max_leverage >= leverage).map(|tier| tier.cap);
    let symbol = &call.engine.markets[market].id;
    Ok(json!({"leverage": leverage, "maxNotionalValue": plain(cap.unwrap_or_default()), "symbol": symbol}))
}

pub(super) fn set_margin_type(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let is_isolated = match call.params.need("marginType")? {
        "ISOLATED" => true,
        "CROSSED" => false,
        _ => return Err(Refusal::malformed("marginType")),
    };
    let settings = call.engine.account.leverage_of(market);
    if settings.is_isolated == is_isolated {
        return Err(Refusal::new(-4046, "No need to change margin type."));
    }
    if call.engine.open_orders(market).next().is_some() {
        return Err(Refusal::new(-4047, "Margin type cannot be changed if there exists open orders."));
    }
    if !call.engine.positions_of(market).is_empty() {
        return Err(Refusal::new(-4048, "Margin type cannot be changed if there exists position."));
    }
    call.engine.account.leverage.insert(market, Leverage { is_isolated, ..settings });
    Ok(json!({"code": 200, "msg": "success"}))
}

pub(super) fn change_margin(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let amount = call.params.decimal("amount")?.ok_or_else(|| Refusal::missing("amount"))?;
    let kind = call.params.integer("type")?.ok_or_else(|| Refusal::missing("type"))?;
    let side = call.params.get("positionSide").map_or(Some(PositionSide::Both), PositionSide::parse);
    let side = side.ok_or_else(|| Refusal::malformed("positionSide"))?;
    let signed = match kind {
        1 => amount,
        2 => -amount,
        _ => return Err(Refusal::malformed("type")),
    };
    call.engine.change_isolated(market, side, signed)?;
    let amount: Value = plain(amount).parse::<serde_json::Number>().map_or(Value::Null, Value::Number);
    Ok(json!({"amount": amount, "code": 200, "msg": "Successfully modify position margin.", "type": kind}))
}

pub(super) fn position_mode(call: &mut Call) -> Outcome<Value> {
    Ok(json!({"dualSidePosition": call.engine.account.is_hedged}))
}

pub(super) fn set_position_mode(call: &mut Call) -> Outcome<Value> {
    call.params.need("dualSidePosition")?;
    let is_hedged = call.params.flag("dualSidePosition")?;
    if call.engine.account.is_hedged == is_hedged {
        return Err(Refusal::new(-4059, "No need to change position side."));
    }
    let markets = call.markets();
    if markets.iter().any(|&market| call.engine.open_orders(market).next().is_some()) {
        return Err(Refusal::new(-4067, "Position side cannot be changed if there exists open orders."));
    }
    if markets.iter().any(|&market| !call.engine.positions_of(market).is_empty()) {
        return Err(Refusal::new(-4068, "Position side cannot be changed if there exists position."));
    }
    call.engine.account.is_hedged = is_hedged;
    Ok(json!({"code": 200, "msg": "success"}))
}

pub(super) fn multi_assets(call: &mut Call) -> Outcome<Value> {
    Ok(json!({"multiAssetsMargin": call.engine.account.is_multi_assets}))
}

pub(super) fn set_multi_assets(call: &mut Call) -> Outcome<Value> {
    call.params.need("multiAssetsMargin")?;
    let wanted = call.params.flag("multiAssetsMargin")?;
    if call.engine.account.is_multi_assets == wanted {
        return Err(Refusal::new(-4171, "No need to change Multi-Assets margin mode."));
    }
    call.engine.account.is_multi_assets = wanted;
    Ok(json!({"code": 200, "msg": "success"}))
}

pub(super) fn brackets(call: &mut Call) -> Outcome<Value> {
    let row = |tier: Tier| {
        let number =
            |value: Decimal| plain(value).parse::<serde_json::Number>().map_or(Value::Null, Value::Number);
        json!({"bracket": tier.number, "initialLeverage": tier.max_leverage, "notionalCap": number(tier.cap),
            "notionalFloor": number(tier.floor), "maintMarginRatio": number(tier.maintenance_rate),
            "cum": number(tier.deduction)})
    };
    let brackets: Vec<Value> = tiers().into_iter().map(row).collect();
    let of = |market: usize| json!({"symbol": call.engine.markets[market].id, "brackets": brackets});
    Ok(match call.maybe_market()? {
        Some(market) => of(market),
        None => call.markets().into_iter().map(of).collect(),
    })
}

pub(super) fn commission_rate(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let market = &call.engine.markets[market];
    Ok(json!({"symbol": market.id, "makerCommissionRate": plain(market.maker_fee),
        "takerCommissionRate": plain(market.taker_fee)}))
}

pub(super) fn symbol_config(call: &mut Call) -> Outcome<Value> {
    let markets = call.maybe_market()?.map_or_else(|| call.markets(), |market| vec![market]);
    let row = |market: usize| {
        let settings = call.engine.account.leverage_of(market);
        let cap = tiers().into_iter().rev().find(|tier| tier.max_leverage >= settings.leverage);
        json!({"symbol": call.engine.markets[market].id,
            "marginType": if settings.is_isolated { "ISOLATED" } else { "CROSSED" }, "isAutoAddMargin": false,
            "leverage": settings.leverage, "maxNotionalValue": plain(cap.map(|tier| tier.cap).unwrap_or_default())})
    };
    Ok(markets.into_iter().map(row).collect())
}

pub(super) fn account_config(call: &mut Call) -> Outcome<Value> {
    let account = &call.engine.account;
    Ok(json!({"feeTier": 0, "canTrade": true, "canDeposit": false, "canWithdraw": false,
        "dualSidePosition": account.is_hedged, "updateTime": 0, "multiAssetsMargin": account.is_multi_assets,
        "tradeGroupId": -1}))
}

pub(super) fn income(call: &mut Call) -> Outcome<Value> {
    let market = call.maybe_market()?;
    let kind = call.params.get("incomeType");
    let limit = call.params.limit(100, 1_000)?;
    let (start, end) = (call.params.integer("startTime")?, call.params.integer("endTime")?);
    let engine = &*call.engine;
    let entries = engine.account.ledger.entries.iter().filter(|entry| {
        entry.venue == Venue::UsdM
            && entry.cause.income_type().is_some()
            && (market.is_none() || entry.market == market)
            && (kind.is_none() || entry.cause.income_type() == kind)
            && start.is_none_or(|start| entry.at >= start)
            && end.is_none_or(|end| entry.at <= end)
    });
    let mut rows: Vec<Value> = entries
        .map(|entry| {
            json!({"symbol": entry.market.map(|market| engine.markets[market].id.as_str()).unwrap_or_default(),
                "incomeType": entry.cause.income_type(), "income": fixed(entry.amount, 8), "asset": entry.asset,
                "info": "", "time": entry.at, "tranId": entry.number, "tradeId": ""})
        })
        .collect();
    if start.is_some() {
        rows.truncate(limit);
    } else {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    Ok(rows.into())
}

pub(super) fn premium_index(call: &mut Call) -> Outcome<Value> {
    let row = |market: usize| {
        let of = &call.engine.markets[market];
        let mark = fixed(of.mark_price(call.now), 8);
        let rate = of.last_funding(call.now).map_or(Decimal::ZERO, |(_, rate)| rate);
        let next = (call.now.div_euclid(FUNDING_INTERVAL) + 1) * FUNDING_INTERVAL;
        json!({"symbol": of.id, "markPrice": mark, "indexPrice": mark, "estimatedSettlePrice": mark,
            "lastFundingRate": fixed(rate, 8), "interestRate": "0.00010000", "nextFundingTime": next, "time": call.now})
    };
    Ok(match call.maybe_market()? {
        Some(market) => row(market),
        None => call.markets().into_iter().map(row).collect(),
    })
}

pub(super) fn funding_rate(call: &mut Call) -> Outcome<Value> {
    let markets = call.maybe_market()?.map_or_else(|| call.markets(), |market| vec![market]);
    let limit = call.params.limit(100, 1_000)?;
    let (start, end) = (call.params.integer("startTime")?, call.params.integer("endTime")?);
    let end = end.unwrap_or(call.now).min(call.now);
    let mut rows = Vec::new();
    for market in markets {
        let of = &call.engine.markets[market];
        let known = of.funding.iter().filter(|(at, _)| *at <= end && start.is_none_or(|start| *at >= start));
        rows.extend(known.map(|(at, rate)| {
            let mark = fixed(of.mark_price(*at), 8);
            (*at, json!({"symbol": of.id, "fundingTime": at, "fundingRate": fixed(*rate, 8), "markPrice": mark}))
        }));
    }
    rows.sort_by_key(|(at, _)| *at);
    if start.is_some() {
        rows.truncate(limit);
    } else {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Only markets whose funding differs from the usual are listed; none do.
pub(super) fn funding_info(_: &mut Call) -> Outcome<Value> {
    Ok(json!([]))
}

/// Nobody else is here: open interest is a day's volume.
pub(super) fn open_interest(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let of = &call.engine.markets[market];
    let fold = of.tape.fold(call.now - 86_400_000, call.now + 1, call.now);
    let units = fold.map_or(0, |fold| fold.units);
    Ok(json!({"symbol": of.id, "openInterest": of.quantity_text(of.tape.quantity(units)), "time": call.now}))
}

pub(super) fn new_listen_key(call: &mut Call) -> Outcome<Value> {
    Ok(json!({"listenKey": call.listen_keys.create(call.now)}))
}

pub(super) fn keep_listen_key(call: &mut Call) -> Outcome<Value> {
    let Some(key) = call.listen_keys.keep(call.now) else {
        return Err(Refusal::new(-1125, "This listenKey does not exist."));
    };
    Ok(json!({"listenKey": key}))
}

pub(super) fn close_listen_key(call: &mut Call) -> Outcome<Value> {
    call.listen_keys.close();
    Ok(json!({}))
}
