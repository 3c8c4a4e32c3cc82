//! CCXT's unified model as types.
//!
//! Field names serialise in CCXT's spelling. Prices, amounts and costs are [`crate::Decimal`]s; only candles are
//! binary floats, as everywhere in TradAI. Absent is `None`.

mod account;
mod candle;
mod derivatives;
mod market;
mod order;
mod order_book;
mod status;
mod ticker;
mod trade;

pub use account::{Balance, Balances, TradingFee};
pub use candle::Candle;
pub use derivatives::{
    FundingPayment, FundingRate, FundingRateRecord, Leverage, LeverageTier, LeverageTiers, MarginMode,
    MarginModification, OpenInterest, Position, PositionMode, PositionSide,
};
pub use market::{
    Currency, FeeSide, Limits, MarginModes, Market, MarketKind, MinMax, OptionType, Precision, SubType,
};
pub use order::{Order, OrderStatus, OrderType, Side, TimeInForce};
pub use order_book::{Level, OrderBook};
pub use status::Status;
pub use ticker::Ticker;
pub use trade::{Fee, TakerOrMaker, Trade};

use tradai_domain::Millis;

use crate::base::iso8601;

/// Returns a moment as CCXT's `datetime` shows it.
fn datetime(timestamp: Option<Millis>) -> Option<String> {
    timestamp.and_then(iso8601)
}
