//! What only reads.

use std::collections::BTreeMap;

use tradai_domain::{Millis, Symbol};

use crate::client::Client;
use crate::model::{
    Balances, Candle, Currency, FundingPayment, FundingRate, FundingRateRecord, Leverage, LeverageTier,
    LeverageTiers, OpenInterest, Order, OrderBook, Position, PositionMode, Status, Ticker, Trade, TradingFee,
};
use crate::{Call, Error, OrderRef, Page, PriceKind, Reply};

impl Client {
    /// Returns the exchange's time.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_time(&self) -> Result<Millis, Error> {
        reply!(self.call(&Call::FetchTime.into()).await, Time)
    }

    /// Returns whether the exchange is up.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_status(&self) -> Result<Status, Error> {
        reply!(self.call(&Call::FetchStatus.into()).await, Status)
    }

    /// Returns the currencies of the account.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_currencies(&self) -> Result<BTreeMap<String, Currency>, Error> {
        reply!(self.call(&Call::FetchCurrencies.into()).await, Currencies)
    }

    /// Returns a market at a glance.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_ticker(&self, symbol: &Symbol) -> Result<Ticker, Error> {
        reply!(self.call(&Call::FetchTicker { symbol: symbol.clone() }.into()).await, Ticker)
            .map(|boxed| *boxed)
    }

    /// Returns markets at a glance; all when none is named.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_tickers(&self, symbols: &[Symbol]) -> Result<BTreeMap<Symbol, Ticker>, Error> {
        reply!(self.call(&Call::FetchTickers { symbols: symbols.to_vec() }.into()).await, Tickers)
    }

    /// Returns the best prices of markets; of all when none is named.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_bids_asks(&self, symbols: &[Symbol]) -> Result<BTreeMap<Symbol, Ticker>, Error> {
        reply!(self.call(&Call::FetchBidsAsks { symbols: symbols.to_vec() }.into()).await, Tickers)
    }

    /// Returns the order book.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_order_book(&self, symbol: &Symbol, limit: Option<u32>) -> Result<OrderBook, Error> {
        reply!(self.call(&Call::FetchOrderBook { symbol: symbol.clone(), limit }.into()).await, OrderBook)
    }

    /// Returns trades of a market.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_trades(&self, symbol: &Symbol, page: Page) -> Result<Vec<Trade>, Error> {
        reply!(self.call(&Call::FetchTrades { symbol: symbol.clone(), page }.into()).await, Trades)
    }

    /// Returns one page of candles as the exchange has them; the last may still form. Long stretches:
    /// [`Client::candles`].
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_ohlcv(
        &self,
        symbol: &Symbol,
        timeframe: &str,
        page: Page,
    ) -> Result<Vec<Candle>, Error> {
        reply!(
            self.call(
                &Call::FetchOhlcv {
                    symbol: symbol.clone(),
                    timeframe: timeframe.to_owned(),
                    page,
                    price: PriceKind::Last
                }
                .into()
            )
            .await,
            Candles
        )
    }

    /// Returns the current funding rate.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_funding_rate(&self, symbol: &Symbol) -> Result<FundingRate, Error> {
        reply!(self.call(&Call::FetchFundingRate { symbol: symbol.clone() }.into()).await, FundingRate)
            .map(|boxed| *boxed)
    }

    /// Returns current funding rates; all when no market is named.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_funding_rates(
        &self,
        symbols: &[Symbol],
    ) -> Result<BTreeMap<Symbol, FundingRate>, Error> {
        reply!(self.call(&Call::FetchFundingRates { symbols: symbols.to_vec() }.into()).await, FundingRates)
    }

    /// Returns past funding rates.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_funding_rate_history(
        &self,
        symbol: &Symbol,
        page: Page,
    ) -> Result<Vec<FundingRateRecord>, Error> {
        reply!(
            self.call(&Call::FetchFundingRateHistory { symbol: Some(symbol.clone()), page }.into()).await,
            FundingRateHistory
        )
    }

    /// Returns how many contracts are open.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_open_interest(&self, symbol: &Symbol) -> Result<OpenInterest, Error> {
        reply!(self.call(&Call::FetchOpenInterest { symbol: symbol.clone() }.into()).await, OpenInterest)
    }

    /// Returns what the account holds.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_balance(&self) -> Result<Balances, Error> {
        reply!(self.call(&Call::FetchBalance.into()).await, Balances)
    }

    /// Returns what trading a market costs the account.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_trading_fee(&self, symbol: &Symbol) -> Result<TradingFee, Error> {
        reply!(self.call(&Call::FetchTradingFee { symbol: symbol.clone() }.into()).await, TradingFee)
    }

    /// Returns open positions; all when no market is named.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_positions(&self, symbols: &[Symbol]) -> Result<Vec<Position>, Error> {
        reply!(self.call(&Call::FetchPositions { symbols: symbols.to_vec() }.into()).await, Positions)
    }

    /// Returns the position of a market.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_position(&self, symbol: &Symbol) -> Result<Position, Error> {
        reply!(self.call(&Call::FetchPosition { symbol: symbol.clone() }.into()).await, Position)
            .map(|boxed| *boxed)
    }

    /// Returns whether longs and shorts are kept apart.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_position_mode(&self, symbol: Option<&Symbol>) -> Result<PositionMode, Error> {
        reply!(self.call(&Call::FetchPositionMode { symbol: symbol.cloned() }.into()).await, PositionMode)
    }

    /// Returns the leverage of a market.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_leverage(&self, symbol: &Symbol) -> Result<Leverage, Error> {
        reply!(self.call(&Call::FetchLeverage { symbol: symbol.clone() }.into()).await, Leverage)
    }

    /// Returns leverage tables; all when no market is named.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_leverage_tiers(&self, symbols: &[Symbol]) -> Result<LeverageTiers, Error> {
        reply!(self.call(&Call::FetchLeverageTiers { symbols: symbols.to_vec() }.into()).await, LeverageTiers)
    }

    /// Returns the leverage table of a market.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_market_leverage_tiers(&self, symbol: &Symbol) -> Result<Vec<LeverageTier>, Error> {
        reply!(
            self.call(&Call::FetchMarketLeverageTiers { symbol: symbol.clone() }.into()).await,
            MarketLeverageTiers
        )
    }

    /// Returns funding that the account paid and got.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_funding_history(
        &self,
        symbol: Option<&Symbol>,
        page: Page,
    ) -> Result<Vec<FundingPayment>, Error> {
        reply!(
            self.call(&Call::FetchFundingHistory { symbol: symbol.cloned(), page }.into()).await,
            FundingHistory
        )
    }

    /// Returns bookings of the account, in the exchange's own words.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_ledger(&self, code: Option<&str>, page: Page) -> Result<String, Error> {
        reply!(
            self.call(&Call::FetchLedger { code: code.map(str::to_owned), page }.into()).await,
            Acknowledged
        )
    }

    /// Returns the account's fills.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_my_trades(&self, symbol: Option<&Symbol>, page: Page) -> Result<Vec<Trade>, Error> {
        reply!(self.call(&Call::FetchMyTrades { symbol: symbol.cloned(), page }.into()).await, Trades)
    }

    /// Returns an order.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_order(&self, order: &OrderRef) -> Result<Order, Error> {
        reply!(self.call(&Call::FetchOrder(order.clone()).into()).await, Order).map(|boxed| *boxed)
    }

    /// Returns orders of every status.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_orders(&self, symbol: Option<&Symbol>, page: Page) -> Result<Vec<Order>, Error> {
        reply!(self.call(&Call::FetchOrders { symbol: symbol.cloned(), page }.into()).await, Orders)
    }

    /// Returns open orders; conditional ones of contracts are in a book of their own: [`Client::scoped`].
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_open_orders(&self, symbol: Option<&Symbol>, page: Page) -> Result<Vec<Order>, Error> {
        reply!(self.call(&Call::FetchOpenOrders { symbol: symbol.cloned(), page }.into()).await, Orders)
    }

    /// Returns filled orders.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fetch_closed_orders(
        &self,
        symbol: Option<&Symbol>,
        page: Page,
    ) -> Result<Vec<Order>, Error> {
        reply!(self.call(&Call::FetchClosedOrders { symbol: symbol.cloned(), page }.into()).await, Orders)
    }
}
