//! Public market data of both venues.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradai_domain::Timeframe;

use super::Call;
use crate::faults::edit_candles;
use crate::market::{Market, Venue, describe, rate_limits};
use crate::number::{fixed, from_e8};
use crate::refusal::{Outcome, Refusal};
use crate::tape::{Fold, Point, Tape, Wanted};

pub(super) fn ping(_: &mut Call) -> Outcome<Value> {
    Ok(json!({}))
}

pub(super) fn time(call: &mut Call) -> Outcome<Value> {
    Ok(json!({"serverTime": call.shown_time}))
}

pub(super) fn exchange_info(call: &mut Call) -> Outcome<Value> {
    let mut wanted = call.params.list("symbols")?;
    if let Some(symbol) = call.params.get("symbol") {
        wanted = Some(vec![symbol.to_owned()]);
    }
    let markets: Vec<usize> = match wanted {
        Some(ids) => {
            let find =
                |id: &String| call.engine.find_market(call.venue, id).ok_or_else(Refusal::unknown_symbol);
            ids.iter().map(find).collect::<Outcome<_>>()?
        }
        None => call.markets(),
    };
    let symbols: Vec<Value> = markets.iter().map(|&market| describe(&call.engine.markets[market])).collect();
    let limits = rate_limits(call.venue).to_json(call.venue);
    let mut info = json!({"timezone": "UTC", "serverTime": call.shown_time, "rateLimits": limits,
        "exchangeFilters": [], "symbols": symbols});
    if call.venue == Venue::UsdM {
        info["futuresType"] = json!("U_MARGINED");
        info["assets"] = json!([{"asset": "USDT", "marginAvailable": true, "autoAssetExchange": null}]);
    }
    Ok(info)
}

/// Coin-margined futures and options have no markets here.
pub(super) fn no_symbols(call: &mut Call) -> Outcome<Value> {
    Ok(json!({"timezone": "UTC", "serverTime": call.shown_time, "rateLimits": [], "exchangeFilters": [],
        "symbols": []}))
}

pub(super) fn klines(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let (default, max) = if call.venue == Venue::Spot { (500, 1_000) } else { (500, 1_500) };
    let wanted = wanted(call, default, max)?;
    let market = &call.engine.markets[market];
    let mut rows = market.tape.rows(wanted, call.now);
    rows.retain(|row| market.has_candle(row.open_time));
    let rows = edit_candles(rows, call.candle_edit);
    let row = |row: &Fold| kline_row(market, &market.tape, row, wanted.timeframe);
    Ok(rows.iter().map(row).collect())
}

/// Candles of the mark price; the index price is taken to be the same.
pub(super) fn mark_klines(call: &mut Call) -> Outcome<Value> {
    let id =
        call.params.get("symbol").or(call.params.get("pair")).ok_or_else(|| Refusal::missing("symbol"))?;
    let market = call.engine.find_market(call.venue, id).ok_or_else(Refusal::unknown_symbol)?;
    let wanted = wanted(call, 500, 1_500)?;
    let market = &call.engine.markets[market];
    let tape = market.mark.as_ref().unwrap_or(&market.tape);
    let mut rows = tape.rows(wanted, call.now);
    rows.retain(|row| market.has_candle(row.open_time));
    let row = |row: &Fold| {
        let mut row = kline_row(market, tape, row, wanted.timeframe);
        for at in [5, 7, 9, 10, 11] {
            row[at] = json!("0");
        }
        row
    };
    Ok(edit_candles(rows, call.candle_edit).iter().map(row).collect())
}

fn wanted(call: &Call, default: usize, max: usize) -> Outcome<Wanted> {
    let interval = call.params.need("interval")?;
    let timeframe: Timeframe = interval.parse().map_err(|_| Refusal::new(-1120, "Invalid interval."))?;
    Ok(Wanted {
        timeframe,
        start: call.params.integer("startTime")?,
        end: call.params.integer("endTime")?,
        limit: call.params.limit(default, max)?,
    })
}

fn kline_row(market: &Market, tape: &Tape, row: &Fold, timeframe: Timeframe) -> Value {
    let price = |value| market.price_text(from_e8(value));
    let volume = |units| fixed(tape.quantity(units), market.quantity_places().max(tape.unit().scale()));
    json!([
        row.open_time,
        price(row.open),
        price(row.high),
        price(row.low),
        price(row.close),
        volume(row.units),
        row.open_time + timeframe.millis() - 1,
        fixed(row.quote, 8),
        row.trades,
        volume(row.taker_buy_units),
        fixed(row.taker_buy_quote, 8),
        "0",
    ])
}

/// Returns a candle as the kline stream tells it.
pub(crate) fn kline_json(market: &Market, row: &Fold, timeframe: Timeframe, is_closed: bool) -> Value {
    let price = |value| market.price_text(from_e8(value));
    let volume = |units| market.quantity_text(market.tape.quantity(units));
    let (first, last) = if row.trades == 0 {
        (json!(-1), json!(-1))
    } else {
        (json!(row.first_id), json!(row.first_id + row.trades - 1))
    };
    json!({
        "t": row.open_time, "T": row.open_time + timeframe.millis() - 1, "s": market.id, "i": timeframe.as_str(),
        "f": first, "L": last, "o": price(row.open), "c": price(row.close), "h": price(row.high),
        "l": price(row.low), "v": volume(row.units), "n": row.trades, "x": is_closed, "q": fixed(row.quote, 8),
        "V": volume(row.taker_buy_units), "Q": fixed(row.taker_buy_quote, 8), "B": "0",
    })
}

pub(super) fn depth(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let default = if call.venue == Venue::Spot { 100 } else { 500 };
    let limit = u32::try_from(call.params.limit(default, 5_000)?).unwrap_or(u32::MAX);
    let mut depth = json!({"lastUpdateId": 0});
    let Some(book) = call.engine.book(market) else { return Err(Refusal::unknown_symbol()) };
    depth["lastUpdateId"] = json!(book.epoch);
    if call.venue == Venue::UsdM {
        depth["E"] = json!(call.now);
        depth["T"] = json!(call.now);
    }
    let market = &call.engine.markets[market];
    let side = |is_ask| -> Value {
        let levels = book.side(is_ask, limit).into_iter();
        levels
            .map(|(price, quantity)| json!([market.price_text(price), market.quantity_text(quantity)]))
            .collect()
    };
    depth["bids"] = side(false);
    depth["asks"] = side(true);
    Ok(depth)
}

pub(super) fn trades(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let limit = call.params.limit(500, 1_000)?;
    let from_id = call.params.id("fromId")?;
    let market = &call.engine.markets[market];
    let trades = market.tape.trades(from_id, call.now, limit);
    let row = |trade: &Point| {
        let (price, quantity) = (from_e8(trade.price), quantity_of(market, trade));
        let mut row = json!({
            "id": trade.id, "price": market.price_text(price), "qty": market.quantity_text(quantity),
            "quoteQty": fixed(price * quantity, 8), "time": trade.at, "isBuyerMaker": trade.is_buyer_maker,
        });
        if market.venue == Venue::Spot {
            row["isBestMatch"] = json!(true);
        }
        row
    };
    Ok(trades.iter().map(row).collect())
}

/// Every trade is an aggregate of its own.
pub(super) fn agg_trades(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let limit = call.params.limit(500, 1_000)?;
    let from_id = call.params.id("fromId")?;
    let (start, end) = (call.params.integer("startTime")?, call.params.integer("endTime")?);
    let market = &call.engine.markets[market];
    let trades = match (start, end) {
        (None, None) => market.tape.trades(from_id, call.now, limit),
        (start, end) => {
            let end = end.unwrap_or(call.now).min(call.now);
            let start = start.unwrap_or(end.saturating_sub(3_600_000));
            let points = market.tape.points(start.saturating_sub(1), end).filter(|point| point.units > 0);
            points.take(limit).collect()
        }
    };
    Ok(trades.iter().map(|trade| agg_trade_json(market, trade)).collect())
}

/// Returns an aggregate trade, without what a stream adds.
pub(crate) fn agg_trade_json(market: &Market, trade: &Point) -> Value {
    let mut row = json!({
        "a": trade.id, "p": market.price_text(from_e8(trade.price)),
        "q": market.quantity_text(quantity_of(market, trade)), "f": trade.id, "l": trade.id, "T": trade.at,
        "m": trade.is_buyer_maker,
    });
    if market.venue == Venue::Spot {
        row["M"] = json!(true);
    }
    row
}

pub(crate) fn quantity_of(market: &Market, trade: &Point) -> Decimal {
    market.tape.quantity(u128::from(trade.units))
}
