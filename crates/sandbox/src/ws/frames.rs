//! What streams tell, in the exchange's short names.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradai_domain::{Millis, Timeframe};

use crate::api::{agg_trade_json, best, kline_json, quantity_of};
use crate::market::{Market, Venue};
use crate::number::{fixed, from_e8};
use crate::tape::{Book, LEVELS, Point, Wanted};

/// Candles told at a time: a slice of time has no more.
const MAX_CANDLES: usize = 5_000;

/// Candles that closed since a moment, each once, and the running one when its prices moved.
pub(super) fn klines(market: &Market, timeframe: Timeframe, since: Millis, until: Millis) -> Vec<Value> {
    let length = timeframe.millis();
    let start = Some(timeframe.floor(since));
    let wanted = Wanted { timeframe, start, end: None, limit: MAX_CANDLES };
    let mut told = Vec::new();
    for row in market.tape.rows(wanted, until).iter().filter(|row| market.has_candle(row.open_time)) {
        let close = row.open_time + length;
        let is_closed = close <= until;
        let is_new = if is_closed { close > since } else { row.last_at > since };
        if is_new {
            let at = if is_closed { close } else { until };
            let candle = kline_json(market, row, timeframe, is_closed);
            told.push(json!({"e": "kline", "E": at, "s": market.id, "k": candle}));
        }
    }
    told
}

pub(super) fn trade(market: &Market, trade: &Point) -> Value {
    let price = market.price_text(from_e8(trade.price));
    let quantity = market.quantity_text(quantity_of(market, trade));
    let mut frame = json!({"e": "trade", "E": trade.at, "s": market.id, "t": trade.id, "p": price, "q": quantity,
        "T": trade.at, "m": trade.is_buyer_maker});
    match market.venue {
        Venue::Spot => frame["M"] = json!(true),
        Venue::UsdM => frame["X"] = json!("MARKET"),
    }
    frame
}

pub(super) fn agg_trade(market: &Market, trade: &Point) -> Value {
    let mut frame = json!({"e": "aggTrade", "E": trade.at, "s": market.id});
    if let (Some(frame), Value::Object(rest)) = (frame.as_object_mut(), agg_trade_json(market, trade)) {
        frame.extend(rest);
    }
    frame
}

pub(super) fn book_ticker(market: &Market, book: &Book, now: Millis) -> Value {
    let mut frame = json!({"u": book.epoch, "s": market.id, "b": market.price_text(book.best_bid()),
        "B": best(market, &book.side(false, 1)), "a": market.price_text(book.best_ask()),
        "A": best(market, &book.side(true, 1))});
    if market.venue == Venue::UsdM {
        frame["e"] = json!("bookTicker");
        frame["E"] = json!(now);
        frame["T"] = json!(now);
    }
    frame
}

fn levels(market: &Market, side: Vec<(Decimal, Decimal)>) -> Value {
    side.into_iter()
        .map(|(price, left)| json!([market.price_text(price), market.quantity_text(left)]))
        .collect()
}

pub(super) fn depth_top(market: &Market, book: &Book, count: u32, now: Millis) -> Value {
    let (bids, asks) = (levels(market, book.side(false, count)), levels(market, book.side(true, count)));
    match market.venue {
        Venue::Spot => json!({"lastUpdateId": book.epoch, "bids": bids, "asks": asks}),
        Venue::UsdM => json!({"e": "depthUpdate", "E": now, "T": now, "s": market.id, "U": book.epoch,
            "u": book.epoch, "pu": book.epoch - 1, "b": bids, "a": asks}),
    }
}

/// Everything that differs from the book of an earlier update. A book's quantities are all new with each trade, so
/// that every level is told; those of the earlier price range that are gone are told with quantity zero.
pub(super) fn depth_diff(market: &Market, book: &Book, before: u64, now: Millis) -> Value {
    let earlier = Millis::try_from(before).ok().and_then(|at| market.tape.latest(at));
    let earlier = earlier.map(|point| Book { price: from_e8(point.price), epoch: before, ..book.clone() });
    let side = |is_ask: bool| -> Value {
        let gone = earlier
            .iter()
            .flat_map(|book| book.side(is_ask, LEVELS))
            .map(|(price, _)| (price, Decimal::ZERO));
        let mut changed: BTreeMap<Decimal, Decimal> = gone.collect();
        changed.extend(book.side(is_ask, LEVELS));
        levels(market, changed.into_iter().collect())
    };
    let (bids, asks) = (side(false), side(true));
    let mut frame = json!({"e": "depthUpdate", "E": now, "s": market.id, "U": before + 1, "u": book.epoch});
    if market.venue == Venue::UsdM {
        frame["T"] = json!(now);
        frame["pu"] = json!(before);
    }
    frame["b"] = bids;
    frame["a"] = asks;
    frame
}

pub(super) fn mark_price(market: &Market, now: Millis) -> Value {
    let mark = fixed(market.mark_price(now), 8);
    let rate = market.last_funding(now).map_or(Decimal::ZERO, |(_, rate)| rate);
    let next = (now.div_euclid(28_800_000) + 1) * 28_800_000;
    json!({"e": "markPriceUpdate", "E": now, "s": market.id, "p": mark, "i": mark, "P": mark, "r": fixed(rate, 8),
        "T": next})
}
