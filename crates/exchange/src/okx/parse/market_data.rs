//! Tickers, books, trades, funding, open interest.

use tradai_domain::Symbol;

use super::Reader;
use crate::base::{complete_ticker, complete_trade};
use crate::model::{
    Fee, FundingRate, FundingRateRecord, Level, OpenInterest, OrderBook, Side, Status, TakerOrMaker, Ticker,
    Trade,
};
use crate::{Decimal, Error, Json, Reply};

/// One hour.
const HOUR_MS: i64 = 3_600_000;

pub(super) fn status(data: &Json<'_>) -> Reply {
    let mut status = Status { status: Some("ok".to_owned()), ..Status::default() };
    for row in data.items() {
        status.eta = row.get("end").as_millis();
        status.url = row.get("href").to_text();
        if row.get("state").as_str() == Some("ongoing") {
            status.status = Some("maintenance".to_owned());
        }
    }
    Reply::Status(status)
}

impl Reader<'_> {
    pub(super) fn ticker(&self, row: &Json<'_>) -> Result<Reply, Error> {
        let mut ticker = self.read_ticker(row);
        complete_ticker(&mut ticker, self.market(row).and_then(|market| market.precision.price));
        Ok(Reply::Ticker(Box::new(ticker)))
    }

    pub(super) fn tickers(&self, data: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let read = |row: &Json<'_>| {
            let mut ticker = self.read_ticker(row);
            complete_ticker(&mut ticker, self.market(row).and_then(|market| market.precision.price));
            Some((ticker.symbol.clone()?, ticker))
        };
        let tickers = data.items().iter().filter_map(read);
        Reply::Tickers(tickers.filter(|(symbol, _)| symbols.is_empty() || symbols.contains(symbol)).collect())
    }

    /// Spot counts both currencies; contracts count themselves and base currency.
    fn read_ticker(&self, row: &Json<'_>) -> Ticker {
        let number = |name: &str| row.get(name).as_decimal();
        let spot = self.market(row).is_some_and(crate::model::Market::is_spot);
        let (base_volume, quote_volume) =
            if spot { (number("vol24h"), number("volCcy24h")) } else { (number("vol24h"), None) };
        Ticker {
            symbol: self.symbol(row),
            timestamp: row.get("ts").as_millis(),
            high: number("high24h"),
            low: number("low24h"),
            bid: number("bidPx"),
            bid_volume: number("bidSz"),
            ask: number("askPx"),
            ask_volume: number("askSz"),
            open: number("open24h"),
            last: number("last"),
            base_volume,
            quote_volume,
            ..Ticker::default()
        }
    }

    pub(super) fn order_book(&self, row: &Json<'_>) -> Result<Reply, Error> {
        let side =
            |name: &str| -> Result<Vec<Level>, Error> { row.get(name).items().iter().map(level).collect() };
        let (mut bids, mut asks) = (side("bids")?, side("asks")?);
        bids.sort_by_key(|level| std::cmp::Reverse(level.price));
        asks.sort_by_key(|level| level.price);
        Ok(Reply::OrderBook(OrderBook {
            symbol: self.target.market.map(|market| market.symbol.clone()),
            bids,
            asks,
            timestamp: row.get("ts").as_millis(),
            nonce: None,
        }))
    }

    pub(super) fn trades(&self, data: &Json<'_>) -> Reply {
        let mut trades: Vec<_> = data.items().iter().map(|row| self.read_trade(row)).collect();
        trades.sort_by_key(|trade| trade.timestamp);
        Reply::Trades(trades)
    }

    fn read_trade(&self, row: &Json<'_>) -> Trade {
        let fee = row.get("fee").as_decimal().map(|fee| Fee {
            currency: row.get("feeCcy").to_text(),
            cost: Some(fee.negate()),
            rate: None,
        });
        let role = match row.get("execType").as_str() {
            Some("T") => Some(TakerOrMaker::Taker),
            Some("M") => Some(TakerOrMaker::Maker),
            _ => None,
        };
        let mut trade = Trade {
            id: row.get("tradeId").to_text(),
            order: row.get("ordId").to_text(),
            timestamp: row.get("ts").as_millis(),
            symbol: self.symbol(row),
            kind: None,
            side: row.get("side").as_str().and_then(Side::parse),
            taker_or_maker: role,
            price: row.first(&["fillPx", "px"]).as_decimal(),
            amount: row.first(&["fillSz", "sz"]).as_decimal(),
            cost: None,
            fee,
        };
        complete_trade(&mut trade, self.market(row));
        trade
    }

    fn read_funding_rate(&self, row: &Json<'_>) -> FundingRate {
        let (now, next) = (row.get("fundingTime").as_millis(), row.get("nextFundingTime").as_millis());
        let hours = now.zip(next).and_then(|(now, next)| next.checked_sub(now)).map(|gap| gap / HOUR_MS);
        FundingRate {
            symbol: self.symbol(row),
            interest_rate: Some(Decimal::ZERO),
            funding_rate: row.get("fundingRate").as_decimal(),
            funding_timestamp: now,
            next_funding_rate: row.get("nextFundingRate").as_decimal(),
            next_funding_timestamp: next,
            interval: hours.filter(|hours| *hours > 0).map(|hours| format!("{hours}h")),
            ..FundingRate::default()
        }
    }

    pub(super) fn funding_rate(&self, row: &Json<'_>) -> Reply {
        Reply::FundingRate(Box::new(self.read_funding_rate(row)))
    }

    pub(super) fn funding_rates(&self, data: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let rates = data.items().iter().map(|row| self.read_funding_rate(row));
        let keyed = rates.filter_map(|rate| Some((rate.symbol.clone()?, rate)));
        Reply::FundingRates(
            keyed.filter(|(symbol, _)| symbols.is_empty() || symbols.contains(symbol)).collect(),
        )
    }

    pub(super) fn funding_rate_history(&self, data: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| FundingRateRecord {
            symbol: self.symbol(row),
            funding_rate: row.get("realizedRate").as_decimal(),
            timestamp: row.get("fundingTime").as_millis(),
        };
        let mut records: Vec<_> = data.items().iter().map(read).collect();
        records.sort_by_key(|record| record.timestamp);
        Reply::FundingRateHistory(records)
    }

    /// `[time, value, volume]` of a currency, `[time, contracts, base currency, US dollars]` of an instrument, or
    /// an object.
    pub(super) fn open_interest(&self, row: &Json<'_>) -> Reply {
        let symbol = self.symbol(row);
        let number = |value: &Json<'_>| value.as_decimal();
        Reply::OpenInterest(match row {
            Json::List(columns) if columns.len() > 3 => OpenInterest {
                symbol,
                amount: number(row.at(1)),
                value: number(row.at(3)),
                base_volume: number(row.at(2)),
                quote_volume: None,
                timestamp: row.at(0).as_millis(),
            },
            Json::List(_) => OpenInterest {
                symbol,
                amount: None,
                value: number(row.at(1)),
                base_volume: None,
                quote_volume: number(row.at(2)),
                timestamp: row.at(0).as_millis(),
            },
            _ => OpenInterest {
                symbol,
                amount: number(row.get("oi")),
                value: number(row.get("oiCcy")),
                base_volume: number(row.get("oi")),
                quote_volume: number(row.get("oiCcy")),
                timestamp: row.get("ts").as_millis(),
            },
        })
    }
}

/// Reads `[price, amount, ...]`.
fn level(row: &Json<'_>) -> Result<Level, Error> {
    let number = |index: usize| -> Result<Decimal, Error> {
        row.at(index)
            .as_decimal()
            .ok_or_else(|| Error::bad_response("a level of the book is no pair of numbers"))
    };
    Ok(Level { price: number(0)?, amount: number(1)? })
}
