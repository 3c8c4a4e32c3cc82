//! Tickers: prices now, and over the last 24 hours.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Call;
use crate::market::{Market, Venue};
use crate::number::{fixed, from_e8};
use crate::refusal::{Outcome, Refusal};
use crate::tape::Fold;

const DAY: i64 = 86_400_000;

/// Answers for one market, for those of a list, or for all.
fn each(call: &Call, row: impl Fn(&Call, usize) -> Option<Value>) -> Outcome<Value> {
    if let Some(market) = call.maybe_market()? {
        return row(call, market).ok_or_else(Refusal::unknown_symbol);
    }
    let markets = match call.params.list("symbols")? {
        Some(ids) => {
            let find =
                |id: &String| call.engine.find_market(call.venue, id).ok_or_else(Refusal::unknown_symbol);
            ids.iter().map(find).collect::<Outcome<Vec<usize>>>()?
        }
        None => call.markets(),
    };
    Ok(markets.into_iter().filter_map(|market| row(call, market)).collect())
}

pub(super) fn day(call: &mut Call) -> Outcome<Value> {
    each(call, |call, market| {
        let of = &call.engine.markets[market];
        let fold = of.tape.fold(call.now - DAY + 1, call.now + 1, call.now)?;
        let mut row = day_row(of, &fold, call.now);
        if let (Venue::Spot, Some(book)) = (of.venue, call.engine.book(market)) {
            row["bidPrice"] = json!(of.price_text(book.best_bid()));
            row["bidQty"] = json!(best(of, &book.side(false, 1)));
            row["askPrice"] = json!(of.price_text(book.best_ask()));
            row["askQty"] = json!(best(of, &book.side(true, 1)));
        }
        Some(row)
    })
}

fn day_row(market: &Market, fold: &Fold, now: i64) -> Value {
    let price = |value| market.price_text(from_e8(value));
    let volume = market.tape.quantity(fold.units);
    let average = if volume.is_zero() { Decimal::ZERO } else { fold.quote / volume };
    let change = from_e8(fold.close - fold.open);
    let percent =
        if fold.open == 0 { Decimal::ZERO } else { change / from_e8(fold.open) * Decimal::ONE_HUNDRED };
    let mut row = json!({
        "symbol": market.id, "priceChange": market.price_text(change), "priceChangePercent": fixed(percent, 3),
        "weightedAvgPrice": market.price_text(average), "lastPrice": price(fold.close),
        "lastQty": market.quantity_text(market.tape.quantity(u128::from(fold.last_units))),
        "openPrice": price(fold.open), "highPrice": price(fold.high), "lowPrice": price(fold.low),
        "volume": market.quantity_text(volume), "quoteVolume": fixed(fold.quote, 8), "openTime": now - DAY,
        "closeTime": now, "firstId": fold.first_id, "lastId": fold.first_id + fold.trades.saturating_sub(1),
        "count": fold.trades,
    });
    if market.venue == Venue::Spot {
        row["prevClosePrice"] = json!(price(fold.open));
    }
    row
}

/// Returns what the mini ticker stream tells.
pub(crate) fn mini_ticker(market: &Market, now: i64) -> Option<Value> {
    let fold = market.tape.fold(now - DAY + 1, now + 1, now)?;
    let price = |value| market.price_text(from_e8(value));
    Some(json!({
        "e": "24hrMiniTicker", "E": now, "s": market.id, "c": price(fold.close), "o": price(fold.open),
        "h": price(fold.high), "l": price(fold.low), "v": market.quantity_text(market.tape.quantity(fold.units)),
        "q": fixed(fold.quote, 8),
    }))
}

pub(super) fn price(call: &mut Call) -> Outcome<Value> {
    each(call, |call, market| {
        let of = &call.engine.markets[market];
        let mut row = json!({"symbol": of.id, "price": of.price_text(of.last_price(call.now))});
        if of.venue == Venue::UsdM {
            row["time"] = json!(call.now);
        }
        Some(row)
    })
}

pub(super) fn book(call: &mut Call) -> Outcome<Value> {
    each(call, |call, market| {
        let of = &call.engine.markets[market];
        let book = call.engine.book(market)?;
        let mut row = json!({
            "symbol": of.id, "bidPrice": of.price_text(book.best_bid()), "bidQty": best(of, &book.side(false, 1)),
            "askPrice": of.price_text(book.best_ask()), "askQty": best(of, &book.side(true, 1)),
        });
        if of.venue == Venue::UsdM {
            row["time"] = json!(call.now);
            row["lastUpdateId"] = json!(book.epoch);
        }
        Some(row)
    })
}

pub(crate) fn best(market: &Market, side: &[(Decimal, Decimal)]) -> String {
    market.quantity_text(side.first().map_or(Decimal::ZERO, |(_, quantity)| *quantity))
}

pub(super) fn average_price(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let market = &call.engine.markets[market];
    let fold = market.tape.fold(call.now - 300_000 + 1, call.now + 1, call.now);
    let average = |fold: &Fold| fold.quote / market.tape.quantity(fold.units);
    let price = match &fold {
        Some(fold) if fold.units > 0 => average(fold),
        _ => market.last_price(call.now),
    };
    let closed = fold.map_or(call.now, |fold| fold.last_at);
    Ok(json!({"mins": 5, "price": fixed(price, 8), "closeTime": closed}))
}
