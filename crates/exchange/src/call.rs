//! What can be asked of an exchange, in CCXT's method names.

use tradai_domain::{Millis, Symbol};

use crate::Decimal;
use crate::model::{MarginMode, OrderType, Side, SubType, TimeInForce};

/// A stretch of time and how many rows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Page {
    /// From here on, this moment included.
    pub since: Option<Millis>,
    /// Up to here, this moment included.
    pub until: Option<Millis>,
    /// How many rows at most.
    pub limit: Option<u32>,
}

/// Which price candles are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PriceKind {
    /// Of trades.
    #[default]
    Last,
    /// The mark price.
    Mark,
    /// The index price.
    Index,
}

/// A wallet or product of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountType {
    /// Spot.
    Spot,
    /// Margin on spot.
    Margin,
    /// The wallet for deposits.
    Funding,
    /// Perpetuals.
    Swap,
    /// Dated futures.
    Future,
    /// Options.
    Option,
}

/// Which of an exchange's books a call is for, where no symbol says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// The product.
    pub account: Option<AccountType>,
    /// How contracts are settled.
    pub sub_type: Option<SubType>,
    /// How the account is margined.
    pub margin_mode: Option<MarginMode>,
    /// Conditional orders instead of plain ones.
    pub trigger: bool,
}

/// Which way the price has to go to wake a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerDirection {
    /// Up.
    Ascending,
    /// Down.
    Descending,
}

/// A stop-loss or take-profit that comes with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// What wakes it.
    pub trigger_price: Decimal,
    /// At which limit it then trades; at market when absent.
    pub price: Option<Decimal>,
}

/// An order to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// The market.
    pub symbol: Symbol,
    /// How it is priced.
    pub kind: OrderType,
    /// Buy or sell.
    pub side: Side,
    /// How much, in contracts on derivatives.
    pub amount: Option<Decimal>,
    /// The limit.
    pub price: Option<Decimal>,
    /// How much quote currency to spend instead of an amount.
    pub cost: Option<Decimal>,
    /// Our own id; without one the exchange client makes one.
    pub client_order_id: Option<String>,
    /// How long it waits.
    pub time_in_force: Option<TimeInForce>,
    /// Only into the book, never against it.
    pub post_only: bool,
    /// Only makes a position smaller.
    pub reduce_only: bool,
    /// Wakes the order.
    pub trigger_price: Option<Decimal>,
    /// Wakes the order, as a stop-loss.
    pub stop_loss_price: Option<Decimal>,
    /// Wakes the order, as a take-profit.
    pub take_profit_price: Option<Decimal>,
    /// Which way the price has to go.
    pub trigger_direction: Option<TriggerDirection>,
    /// Trails the price by so many per cent.
    pub trailing_percent: Option<Decimal>,
    /// A stop-loss that comes with it.
    pub stop_loss: Option<Attached>,
    /// A take-profit that comes with it.
    pub take_profit: Option<Attached>,
    /// On borrowed money.
    pub margin_mode: Option<MarginMode>,
    /// The account keeps longs and shorts apart.
    pub hedged: bool,
}

impl OrderRequest {
    /// Returns a plain order.
    #[must_use]
    pub fn new(
        symbol: Symbol,
        kind: OrderType,
        side: Side,
        amount: Option<Decimal>,
        price: Option<Decimal>,
    ) -> Self {
        Self {
            symbol,
            kind,
            side,
            amount,
            price,
            cost: None,
            client_order_id: None,
            time_in_force: None,
            post_only: false,
            reduce_only: false,
            trigger_price: None,
            stop_loss_price: None,
            take_profit_price: None,
            trigger_direction: None,
            trailing_percent: None,
            stop_loss: None,
            take_profit: None,
            margin_mode: None,
            hedged: false,
        }
    }

    /// Returns whether the order must rest in the book.
    #[must_use]
    pub fn is_post_only(&self) -> bool {
        self.post_only || self.time_in_force == Some(TimeInForce::PostOnly)
    }

    /// Returns whether the order waits for a trigger or trails the price.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        self.trigger_price.is_some()
            || self.stop_loss_price.is_some()
            || self.take_profit_price.is_some()
            || self.trailing_percent.is_some()
    }
}

/// An order that is there already: by the exchange's id, or by ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderRef {
    /// The exchange's id.
    pub id: Option<String>,
    /// Ours; goes before the exchange's.
    pub client_order_id: Option<String>,
    /// The market.
    pub symbol: Option<Symbol>,
}

/// One call. The fields are those of CCXT's method of that name.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is CCXT's unified method of that name")]
pub enum Call {
    FetchTime,
    FetchStatus,
    FetchCurrencies,
    FetchMarkets,
    FetchTicker { symbol: Symbol },
    FetchTickers { symbols: Vec<Symbol> },
    FetchBidsAsks { symbols: Vec<Symbol> },
    FetchOrderBook { symbol: Symbol, limit: Option<u32> },
    FetchTrades { symbol: Symbol, page: Page },
    FetchOhlcv { symbol: Symbol, timeframe: String, page: Page, price: PriceKind },
    FetchFundingRate { symbol: Symbol },
    FetchFundingRates { symbols: Vec<Symbol> },
    FetchFundingRateHistory { symbol: Option<Symbol>, page: Page },
    FetchOpenInterest { symbol: Symbol },
    FetchBalance,
    FetchTradingFee { symbol: Symbol },
    FetchPositions { symbols: Vec<Symbol> },
    FetchPosition { symbol: Symbol },
    FetchPositionMode { symbol: Option<Symbol> },
    FetchLeverage { symbol: Symbol },
    FetchLeverageTiers { symbols: Vec<Symbol> },
    FetchMarketLeverageTiers { symbol: Symbol },
    FetchFundingHistory { symbol: Option<Symbol>, page: Page },
    FetchLedger { code: Option<String>, page: Page },
    FetchMyTrades { symbol: Option<Symbol>, page: Page },
    FetchOrder(OrderRef),
    FetchOrders { symbol: Option<Symbol>, page: Page },
    FetchOpenOrders { symbol: Option<Symbol>, page: Page },
    FetchClosedOrders { symbol: Option<Symbol>, page: Page },
    CreateOrder(OrderRequest),
    CreateOrders(Vec<OrderRequest>),
    EditOrder { order: OrderRef, change: OrderRequest },
    CancelOrder(OrderRef),
    CancelOrders { ids: Vec<String>, symbol: Option<Symbol> },
    CancelAllOrders { symbol: Option<Symbol> },
    SetLeverage { leverage: Decimal, symbol: Option<Symbol> },
    SetMarginMode { mode: MarginMode, symbol: Option<Symbol>, leverage: Option<Decimal> },
    SetPositionMode { hedged: bool, symbol: Option<Symbol> },
    AddMargin { symbol: Symbol, amount: Decimal },
}

impl Call {
    /// Returns CCXT's name of the method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::FetchTime => "fetchTime",
            Self::FetchStatus => "fetchStatus",
            Self::FetchCurrencies => "fetchCurrencies",
            Self::FetchMarkets => "fetchMarkets",
            Self::FetchTicker { .. } => "fetchTicker",
            Self::FetchTickers { .. } => "fetchTickers",
            Self::FetchBidsAsks { .. } => "fetchBidsAsks",
            Self::FetchOrderBook { .. } => "fetchOrderBook",
            Self::FetchTrades { .. } => "fetchTrades",
            Self::FetchOhlcv { .. } => "fetchOHLCV",
            Self::FetchFundingRate { .. } => "fetchFundingRate",
            Self::FetchFundingRates { .. } => "fetchFundingRates",
            Self::FetchFundingRateHistory { .. } => "fetchFundingRateHistory",
            Self::FetchOpenInterest { .. } => "fetchOpenInterest",
            Self::FetchBalance => "fetchBalance",
            Self::FetchTradingFee { .. } => "fetchTradingFee",
            Self::FetchPositions { .. } => "fetchPositions",
            Self::FetchPosition { .. } => "fetchPosition",
            Self::FetchPositionMode { .. } => "fetchPositionMode",
            Self::FetchLeverage { .. } => "fetchLeverage",
            Self::FetchLeverageTiers { .. } => "fetchLeverageTiers",
            Self::FetchMarketLeverageTiers { .. } => "fetchMarketLeverageTiers",
            Self::FetchFundingHistory { .. } => "fetchFundingHistory",
            Self::FetchLedger { .. } => "fetchLedger",
            Self::FetchMyTrades { .. } => "fetchMyTrades",
            Self::FetchOrder(_) => "fetchOrder",
            Self::FetchOrders { .. } => "fetchOrders",
            Self::FetchOpenOrders { .. } => "fetchOpenOrders",
            Self::FetchClosedOrders { .. } => "fetchClosedOrders",
            Self::CreateOrder(_) => "createOrder",
            Self::CreateOrders(_) => "createOrders",
            Self::EditOrder { .. } => "editOrder",
            Self::CancelOrder(_) => "cancelOrder",
            Self::CancelOrders { .. } => "cancelOrders",
            Self::CancelAllOrders { .. } => "cancelAllOrders",
            Self::SetLeverage { .. } => "setLeverage",
            Self::SetMarginMode { .. } => "setMarginMode",
            Self::SetPositionMode { .. } => "setPositionMode",
            Self::AddMargin { .. } => "addMargin",
        }
    }

    /// Returns the market the call is about, where it is about one.
    #[must_use]
    pub fn symbol(&self) -> Option<&Symbol> {
        match self {
            Self::FetchTicker { symbol }
            | Self::FetchOrderBook { symbol, .. }
            | Self::FetchTrades { symbol, .. }
            | Self::FetchOhlcv { symbol, .. }
            | Self::FetchFundingRate { symbol }
            | Self::FetchOpenInterest { symbol }
            | Self::FetchTradingFee { symbol }
            | Self::FetchPosition { symbol }
            | Self::FetchLeverage { symbol }
            | Self::FetchMarketLeverageTiers { symbol }
            | Self::AddMargin { symbol, .. } => Some(symbol),
            Self::FetchFundingRateHistory { symbol, .. }
            | Self::FetchPositionMode { symbol }
            | Self::FetchFundingHistory { symbol, .. }
            | Self::FetchMyTrades { symbol, .. }
            | Self::FetchOrders { symbol, .. }
            | Self::FetchOpenOrders { symbol, .. }
            | Self::FetchClosedOrders { symbol, .. }
            | Self::CancelOrders { symbol, .. }
            | Self::CancelAllOrders { symbol }
            | Self::SetLeverage { symbol, .. }
            | Self::SetMarginMode { symbol, .. }
            | Self::SetPositionMode { symbol, .. } => symbol.as_ref(),
            Self::FetchTickers { symbols }
            | Self::FetchBidsAsks { symbols }
            | Self::FetchFundingRates { symbols }
            | Self::FetchPositions { symbols }
            | Self::FetchLeverageTiers { symbols } => symbols.first(),
            Self::FetchOrder(order) | Self::CancelOrder(order) => order.symbol.as_ref(),
            Self::CreateOrder(order) | Self::EditOrder { change: order, .. } => Some(&order.symbol),
            Self::CreateOrders(orders) => orders.first().map(|order| &order.symbol),
            Self::FetchTime
            | Self::FetchStatus
            | Self::FetchCurrencies
            | Self::FetchMarkets
            | Self::FetchBalance
            | Self::FetchLedger { .. } => None,
        }
    }
}

/// A call and the book it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is asked.
    pub call: Call,
    /// Of which book.
    pub scope: Scope,
}

impl From<Call> for Request {
    fn from(call: Call) -> Self {
        Self { call, scope: Scope::default() }
    }
}
