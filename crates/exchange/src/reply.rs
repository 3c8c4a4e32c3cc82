//! What exchanges answer, in the unified model.

use std::collections::BTreeMap;

use serde::Serialize;
use tradai_domain::{Millis, Symbol};

use crate::model::{
    Balances, Candle, Currency, FundingPayment, FundingRate, FundingRateRecord, Leverage, LeverageTier,
    LeverageTiers, MarginModification, Market, OpenInterest, Order, OrderBook, Position, PositionMode,
    Status, Ticker, Trade, TradingFee,
};

/// The answer to a [`crate::Call`]; which variant belongs to which call follows from the names.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is the unified structure of that name")]
#[non_exhaustive]
pub enum Reply {
    Time(Millis),
    Status(Status),
    Currencies(BTreeMap<String, Currency>),
    Markets(Vec<Market>),
    Ticker(Box<Ticker>),
    Tickers(BTreeMap<Symbol, Ticker>),
    OrderBook(OrderBook),
    Trades(Vec<Trade>),
    Candles(Vec<Candle>),
    FundingRate(Box<FundingRate>),
    FundingRates(BTreeMap<Symbol, FundingRate>),
    FundingRateHistory(Vec<FundingRateRecord>),
    OpenInterest(OpenInterest),
    Balances(Balances),
    TradingFee(TradingFee),
    Positions(Vec<Position>),
    Position(Box<Position>),
    PositionMode(PositionMode),
    Leverage(Leverage),
    LeverageTiers(LeverageTiers),
    MarketLeverageTiers(Vec<LeverageTier>),
    FundingHistory(Vec<FundingPayment>),
    Order(Box<Order>),
    Orders(Vec<Order>),
    MarginModification(MarginModification),
    /// Accepted; the exchange's own words, as JSON.
    Acknowledged(String),
}
