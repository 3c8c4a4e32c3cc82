//! Tickers, books, trades, funding, open interest.

use tradai_domain::Symbol;

use super::{Reader, first, list};
use crate::base::{complete_ticker, complete_trade};
use crate::model::{
    Fee, FundingRate, FundingRateRecord, Level, OpenInterest, OrderBook, OrderType, Side, Status,
    TakerOrMaker, Ticker, Trade,
};
use crate::{Decimal, Error, Json, Reply};

pub(super) fn status(result: &Json<'_>) -> Reply {
    let under_way = list(result).iter().any(|row| row.get("state").as_str() == Some("ongoing"));
    let word = if under_way { "maintenance" } else { "ok" };
    Reply::Status(Status { status: Some(word.to_owned()), ..Status::default() })
}

impl Reader<'_> {
    pub(super) fn ticker(&self, result: &Json<'_>) -> Result<Reply, Error> {
        let row = first(result)?;
        let mut ticker = self.read_ticker(row);
        complete_ticker(&mut ticker, self.market(row).and_then(|market| market.precision.price));
        Ok(Reply::Ticker(Box::new(ticker)))
    }

    pub(super) fn tickers(&self, result: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let read = |row: &Json<'_>| {
            let mut ticker = self.read_ticker(row);
            complete_ticker(&mut ticker, self.market(row).and_then(|market| market.precision.price));
            Some((ticker.symbol.clone()?, ticker))
        };
        let tickers = list(result).iter().filter_map(read);
        Reply::Tickers(tickers.filter(|(symbol, _)| symbols.is_empty() || symbols.contains(symbol)).collect())
    }

    fn read_ticker(&self, row: &Json<'_>) -> Ticker {
        let number = |name: &str| row.get(name).as_decimal();
        Ticker {
            symbol: self.symbol(row),
            high: number("highPrice24h"),
            low: number("lowPrice24h"),
            bid: row.first(&["bid1Price", "bidPrice"]).as_nonzero(),
            bid_volume: row.first(&["bid1Size", "bidSize"]).as_decimal(),
            ask: row.first(&["ask1Price", "askPrice"]).as_nonzero(),
            ask_volume: row.first(&["ask1Size", "askSize"]).as_decimal(),
            open: number("prevPrice24h"),
            last: number("lastPrice"),
            percentage: number("price24hPcnt").and_then(|share| share.checked_mul(Decimal::from(100))),
            base_volume: number("volume24h"),
            quote_volume: number("turnover24h"),
            mark_price: number("markPrice"),
            index_price: number("indexPrice"),
            ..Ticker::default()
        }
    }

    pub(super) fn order_book(&self, result: &Json<'_>) -> Result<Reply, Error> {
        let side = |name: &str| -> Result<Vec<Level>, Error> {
            result.get(name).items().iter().map(level).collect()
        };
        let (mut bids, mut asks) = (side("b")?, side("a")?);
        bids.sort_by_key(|level| std::cmp::Reverse(level.price));
        asks.sort_by_key(|level| level.price);
        Ok(Reply::OrderBook(OrderBook {
            symbol: self.target.market.map(|market| market.symbol.clone()),
            bids,
            asks,
            timestamp: result.get("ts").as_millis(),
            nonce: None,
        }))
    }

    pub(super) fn trades(&self, result: &Json<'_>) -> Reply {
        let mut trades: Vec<_> = list(result).iter().map(|row| self.read_trade(row)).collect();
        trades.sort_by_key(|trade| trade.timestamp);
        Reply::Trades(trades)
    }

    fn read_trade(&self, row: &Json<'_>) -> Trade {
        let market = self.market(row);
        let maker = row.get("isMaker").as_bool();
        let maker = maker.or_else(|| row.get("lastLiquidityInd").as_str().map(|word| word == "MAKER"));
        let mut trade = Trade {
            id: row.first(&["execId", "tradeId", "id"]).to_text(),
            order: row.get("orderId").to_text(),
            timestamp: row.first(&["time", "execTime", "tradeTime"]).as_millis(),
            symbol: self.symbol(row),
            kind: row
                .get("orderType")
                .as_str()
                .map(str::to_lowercase)
                .filter(|word| word != "unknown")
                .map(|w| OrderType::parse(&w)),
            side: row.get("side").as_str().and_then(Side::parse),
            taker_or_maker: maker.map(|maker| if maker { TakerOrMaker::Maker } else { TakerOrMaker::Taker }),
            price: row.first(&["execPrice", "price"]).as_decimal(),
            amount: row.first(&["execQty", "size"]).as_decimal(),
            cost: row.get("execValue").as_decimal(),
            fee: self.fee(row),
        };
        complete_trade(&mut trade, market);
        trade
    }

    /// Fees of spot are taken from what one gets; of contracts in settlement currency.
    fn fee(&self, row: &Json<'_>) -> Option<Fee> {
        let cost = row.get("execFee").as_decimal()?;
        let market = self.market(row);
        let buys = row.get("side").as_str() == Some("Buy");
        let derived = || {
            let market = market?;
            let gives = cost.is_negative();
            if market.is_spot() {
                let base = buys != gives;
                return Some(if base { market.base.clone() } else { market.quote.clone() });
            }
            market.settle.clone()
        };
        let currency = row.first(&["feeCurrency", "feeCoin"]).to_text().or_else(derived);
        Some(Fee { currency, cost: Some(cost), rate: row.get("feeRate").as_decimal() })
    }

    fn read_funding_rate(&self, row: &Json<'_>, envelope: &Json<'_>) -> FundingRate {
        FundingRate {
            symbol: self.symbol(row),
            timestamp: envelope.get("time").as_millis(),
            mark_price: row.get("markPrice").as_decimal(),
            index_price: row.get("indexPrice").as_decimal(),
            estimated_settle_price: None,
            funding_rate: row.get("fundingRate").as_decimal(),
            funding_timestamp: row.get("nextFundingTime").as_millis(),
            interval: row.get("fundingIntervalHour").as_str().map(|hours| format!("{hours}h")),
            ..FundingRate::default()
        }
    }

    pub(super) fn funding_rate(&self, result: &Json<'_>, envelope: &Json<'_>) -> Result<Reply, Error> {
        Ok(Reply::FundingRate(Box::new(self.read_funding_rate(first(result)?, envelope))))
    }

    pub(super) fn funding_rates(&self, result: &Json<'_>, envelope: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let rates = list(result).iter().map(|row| self.read_funding_rate(row, envelope));
        let keyed = rates.filter_map(|rate| Some((rate.symbol.clone()?, rate)));
        Reply::FundingRates(
            keyed.filter(|(symbol, _)| symbols.is_empty() || symbols.contains(symbol)).collect(),
        )
    }

    pub(super) fn funding_rate_history(&self, result: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| FundingRateRecord {
            symbol: self.symbol(row),
            funding_rate: row.get("fundingRate").as_decimal(),
            timestamp: row.get("fundingRateTimestamp").as_millis(),
        };
        let mut records: Vec<_> = list(result).iter().map(read).collect();
        records.sort_by_key(|record| record.timestamp);
        Reply::FundingRateHistory(records)
    }

    /// Linear contracts count base currency, inverse ones what they are worth in quote currency.
    pub(super) fn open_interest(&self, result: &Json<'_>) -> Result<Reply, Error> {
        let row = first(result)?;
        let market = self.market(result);
        let interest = row.get("openInterest").as_decimal();
        let inverse = self.target.category == "inverse";
        let (amount, value) = if inverse { (None, interest) } else { (interest, None) };
        Ok(Reply::OpenInterest(OpenInterest {
            symbol: market.map(|market| market.symbol.clone()),
            amount,
            value,
            base_volume: None,
            quote_volume: None,
            timestamp: row.get("timestamp").as_millis(),
        }))
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
