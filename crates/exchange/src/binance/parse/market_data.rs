//! Tickers, books, funding, open interest.

use std::collections::BTreeMap;

use tradai_domain::Symbol;

use super::{Reader, rows};
use crate::base::complete_ticker;
use crate::model::{FundingRate, FundingRateRecord, Level, OpenInterest, OrderBook, Status, Ticker};
use crate::{Call, Decimal, Error, Json, Reply};

pub(super) fn status(json: &Json<'_>) -> Reply {
    let word = match json.get("status").as_str() {
        Some("0") => Some("ok".to_owned()),
        Some("1") => Some("maintenance".to_owned()),
        other => other.map(str::to_owned),
    };
    Reply::Status(Status { status: word, ..Status::default() })
}

impl Reader<'_> {
    pub(super) fn ticker(&self, json: &Json<'_>) -> Result<Reply, Error> {
        let row = rows(json).first().ok_or_else(|| Error::bad_response("no ticker"))?;
        let mut ticker = self.read_ticker(row);
        // A single ticker is shown in steps of its market; lists are not.
        complete_ticker(&mut ticker, self.market(row).and_then(|market| market.precision.price));
        Ok(Reply::Ticker(Box::new(ticker)))
    }

    pub(super) fn tickers(&self, json: &Json<'_>, call: &Call) -> Reply {
        let (Call::FetchTickers { symbols } | Call::FetchBidsAsks { symbols }) = call else {
            return Reply::Tickers(BTreeMap::new());
        };
        let mut tickers = BTreeMap::new();
        for row in rows(json) {
            let mut ticker = self.read_ticker(row);
            complete_ticker(&mut ticker, None);
            let Some(symbol) = ticker.symbol.clone() else { continue };
            if symbols.is_empty() || symbols.contains(&symbol) {
                tickers.insert(symbol, ticker);
            }
        }
        Reply::Tickers(tickers)
    }

    fn read_ticker(&self, row: &Json<'_>) -> Ticker {
        let number = |name: &str| row.get(name).as_decimal();
        let either = |names: &[&str]| row.first(names).as_decimal();
        // Inverse contracts call contracts `volume`; the base currency is `baseVolume`.
        let (base_volume, quote_volume) = if row.has("baseVolume") {
            let base = number("baseVolume");
            (base, base.zip(number("weightedAvgPrice")).and_then(|(base, price)| base.checked_mul(price)))
        } else {
            (number("volume"), either(&["quoteVolume", "amount"]))
        };
        Ticker {
            symbol: self.symbol(row),
            timestamp: row.first(&["closeTime", "time"]).as_millis(),
            high: either(&["highPrice", "high"]),
            low: either(&["lowPrice", "low"]),
            bid: number("bidPrice"),
            bid_volume: number("bidQty"),
            ask: number("askPrice"),
            ask_volume: number("askQty"),
            vwap: number("weightedAvgPrice"),
            open: either(&["openPrice", "open"]),
            last: number("lastPrice"),
            previous_close: number("prevClosePrice"),
            change: number("priceChange"),
            percentage: number("priceChangePercent"),
            average: None,
            base_volume,
            quote_volume,
            mark_price: None,
            index_price: None,
        }
    }

    pub(super) fn order_book(&self, json: &Json<'_>) -> Result<Reply, Error> {
        let side =
            |name: &str| -> Result<Vec<Level>, Error> { json.get(name).items().iter().map(level).collect() };
        let (mut bids, mut asks) = (side("bids")?, side("asks")?);
        bids.sort_by_key(|level| std::cmp::Reverse(level.price));
        asks.sort_by_key(|level| level.price);
        Ok(Reply::OrderBook(OrderBook {
            symbol: self.target.market.map(|market| market.symbol.clone()),
            bids,
            asks,
            timestamp: json.get("T").as_millis(),
            nonce: json.first(&["lastUpdateId", "u"]).as_i64(),
        }))
    }

    fn read_funding_rate(&self, row: &Json<'_>) -> FundingRate {
        FundingRate {
            symbol: self.market(row).map(|market| market.symbol.clone()),
            timestamp: row.get("time").as_millis(),
            mark_price: row.get("markPrice").as_decimal(),
            index_price: row.get("indexPrice").as_decimal(),
            interest_rate: row.get("interestRate").as_decimal(),
            estimated_settle_price: row.get("estimatedSettlePrice").as_decimal(),
            funding_rate: row.get("lastFundingRate").as_decimal(),
            funding_timestamp: row.get("nextFundingTime").as_millis(),
            ..FundingRate::default()
        }
    }

    pub(super) fn funding_rate(&self, json: &Json<'_>) -> Reply {
        let row = rows(json).first().unwrap_or(json);
        Reply::FundingRate(Box::new(self.read_funding_rate(row)))
    }

    pub(super) fn funding_rates(&self, json: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let rates = rows(json).iter().map(|row| self.read_funding_rate(row));
        let keyed = rates.filter_map(|rate| Some((rate.symbol.clone()?, rate)));
        Reply::FundingRates(
            keyed.filter(|(symbol, _)| symbols.is_empty() || symbols.contains(symbol)).collect(),
        )
    }

    pub(super) fn funding_rate_history(&self, json: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| FundingRateRecord {
            symbol: self.market(row).map(|market| market.symbol.clone()),
            funding_rate: row.get("fundingRate").as_decimal(),
            timestamp: row.get("fundingTime").as_millis(),
        };
        let mut records: Vec<_> = rows(json).iter().map(read).collect();
        records.sort_by_key(|record| record.timestamp);
        Reply::FundingRateHistory(records)
    }

    pub(super) fn open_interest(&self, json: &Json<'_>) -> Reply {
        let row = rows(json).first().unwrap_or(json);
        let market = self.market(row);
        let amount = row.first(&["sumOpenInterest", "openInterest"]).as_decimal();
        let value = row.first(&["sumOpenInterestValue", "sumOpenInterestUsd"]).as_decimal();
        let inverse = market.is_some_and(crate::model::Market::is_inverse);
        Reply::OpenInterest(OpenInterest {
            symbol: self.symbol(row),
            amount,
            value,
            base_volume: if inverse { None } else { amount },
            quote_volume: value,
            timestamp: row.first(&["timestamp", "time"]).as_millis(),
        })
    }
}

/// Reads a `[price, amount]` pair.
fn level(row: &Json<'_>) -> Result<Level, Error> {
    let number = |index: usize| -> Result<Decimal, Error> {
        row.at(index)
            .as_decimal()
            .ok_or_else(|| Error::bad_response("a level of the book is no pair of numbers"))
    };
    Ok(Level { price: number(0)?, amount: number(1)? })
}
