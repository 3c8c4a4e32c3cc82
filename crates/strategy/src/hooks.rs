//! The questions that an engine asks a strategy about single trades.

use tradai_domain::{Millis, Symbol};

use crate::{FrameView, Order, Trade};

/// Which hooks a strategy answers. An engine does not ask the others, which is what lets it skip over candles in
/// which nothing can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one switch per hook, each under the hook's name")]
pub struct Hooks {
    /// [`crate::Strategy::bot_loop_start`].
    pub bot_loop_start: bool,
    /// [`crate::Strategy::custom_stoploss`]; the setting `use_custom_stoploss` must be on as well.
    pub custom_stoploss: bool,
    /// Whether [`crate::Strategy::custom_stoploss`] also wants to be asked right after a fill.
    pub custom_stoploss_after_fill: bool,
    /// [`crate::Strategy::custom_roi`]; the setting `use_custom_roi` must be on as well.
    pub custom_roi: bool,
    /// [`crate::Strategy::custom_exit`].
    pub custom_exit: bool,
    /// [`crate::Strategy::custom_entry_price`].
    pub custom_entry_price: bool,
    /// [`crate::Strategy::custom_exit_price`].
    pub custom_exit_price: bool,
    /// [`crate::Strategy::custom_stake_amount`].
    pub custom_stake_amount: bool,
    /// [`crate::Strategy::leverage`].
    pub leverage: bool,
    /// [`crate::Strategy::confirm_trade_entry`].
    pub confirm_trade_entry: bool,
    /// [`crate::Strategy::confirm_trade_exit`].
    pub confirm_trade_exit: bool,
    /// [`crate::Strategy::adjust_trade_position`]; the setting `position_adjustment_enable` must be on as well.
    pub adjust_trade_position: bool,
    /// [`crate::Strategy::adjust_order_price`].
    pub adjust_order_price: bool,
    /// [`crate::Strategy::check_entry_timeout`].
    pub check_entry_timeout: bool,
    /// [`crate::Strategy::check_exit_timeout`].
    pub check_exit_timeout: bool,
    /// [`crate::Strategy::order_filled`].
    pub order_filled: bool,
}

/// What is known when a trade is about to be opened or a first order priced.
#[derive(Debug, Clone, Copy)]
pub struct EntryRequest<'a> {
    /// The pair.
    pub pair: &'a Symbol,
    /// Open time of the current candle.
    pub now: Millis,
    /// Price proposed: the candle's open, or the limit price once that is known.
    pub rate: f64,
    /// Whether it is a short entry.
    pub is_short: bool,
    /// Tag of the entry signal; empty when it has none.
    pub entry_tag: &'a str,
    /// The trade that is added to; `None` for a new one.
    pub trade: Option<&'a Trade>,
    /// Closed candles.
    pub frame: FrameView<'a>,
}

/// Money that may go into a new trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StakeProposal {
    /// What `stake_amount` comes to, in stake currency.
    pub proposed_stake: f64,
    /// Smallest stake that the market takes.
    pub min_stake: f64,
    /// Largest stake that wallet and market allow.
    pub max_stake: f64,
    /// Leverage of the trade to be.
    pub leverage: f64,
}

/// What is known about an open trade on a candle.
#[derive(Debug, Clone, Copy)]
pub struct ExitRequest<'a> {
    /// The trade.
    pub trade: &'a Trade,
    /// Open time of the current candle.
    pub now: Millis,
    /// Price at hand: the candle's open, or the proposed exit price.
    pub rate: f64,
    /// Profit at that price as a fraction of the stake, fees and funding included.
    pub profit: f64,
    /// Exit reason so far; empty where there is none yet.
    pub exit_reason: &'a str,
    /// Closed candles.
    pub frame: FrameView<'a>,
}

/// The moment at which a stop may be moved.
#[derive(Debug, Clone, Copy)]
pub struct StopRequest<'a> {
    /// The trade.
    pub trade: &'a Trade,
    /// Open time of the current candle.
    pub now: Millis,
    /// The candle's best price for the trade (high of a long, low of a short), or the fill price.
    pub rate: f64,
    /// Profit at that price as a fraction of the stake.
    pub profit: f64,
    /// Whether this is asked right after a fill; the stop may then move either way.
    pub after_fill: bool,
    /// Closed candles.
    pub frame: FrameView<'a>,
}

/// An order that waits, and the price at hand.
#[derive(Debug, Clone, Copy)]
pub struct OrderPrice<'a> {
    /// The trade.
    pub trade: &'a Trade,
    /// The waiting order.
    pub order: &'a Order,
    /// Open time of the current candle.
    pub now: Millis,
    /// The candle's open.
    pub proposed_rate: f64,
    /// Closed candles.
    pub frame: FrameView<'a>,
}

/// A change of position size.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// Stake to add (positive) or take out (negative), in stake currency.
    pub stake: f64,
    /// Tag of the order; may be empty.
    pub tag: String,
}
