//! The trait that every strategy implements.

use serde_json::{Map, Value};
use tradai_domain::{Millis, SeriesKey, Symbol};

use crate::frame::{CandleSource, Frame, FrameError};
use crate::hooks::{Adjustment, EntryRequest, ExitRequest, Hooks, OrderPrice, StakeProposal, StopRequest};
use crate::indicators::IndicatorError;
use crate::signals::Signals;
use crate::{Order, Trade};

/// A strategy cannot compute its signals.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategyError {
    /// A column is missing or has the wrong length.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// An indicator refuses its parameters.
    #[error(transparent)]
    Indicator(#[from] IndicatorError),
    /// Candles of another pair or timeframe are not there.
    #[error("no {0} candles, which the strategy needs; import them with `tradai data import`")]
    MissingCandles(SeriesKey),
    /// Anything else, in the strategy's own words.
    #[error("{0}")]
    Other(String),
}

/// A trading strategy, with Freqtrade's hooks under Freqtrade's names.
///
/// The three `populate_*` methods see whole columns and must not look ahead: row `i` may depend on rows `0..=i`
/// only. Hooks are asked only when [`Strategy::hooks`] names them; their defaults change nothing. All methods must
/// be pure functions of their arguments, or results stop being reproducible.
pub trait Strategy: Send + Sync {
    /// Returns the name under which it is listed and reported.
    fn name(&self) -> &str;

    /// Returns the settings that the strategy brings along, under Freqtrade's names; a configuration wins over
    /// them (see [`crate::Settings::merge`]).
    fn settings(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Returns which hooks it answers.
    fn hooks(&self) -> Hooks {
        Hooks::default()
    }

    /// Returns the series beside the pair's own that `populate_indicators` will ask for.
    fn informative_pairs(&self, _whitelist: &[Symbol]) -> Vec<SeriesKey> {
        Vec::new()
    }

    /// Adds indicator columns to the frame.
    ///
    /// # Errors
    /// [`StrategyError`] when a column or other candles are missing.
    fn populate_indicators(&self, frame: &mut Frame, source: &dyn CandleSource) -> Result<(), StrategyError>;

    /// Sets entry signals.
    ///
    /// # Errors
    /// [`StrategyError`] when a column is missing.
    fn populate_entry_trend(&self, frame: &Frame, signals: &mut Signals) -> Result<(), StrategyError>;

    /// Sets exit signals.
    ///
    /// # Errors
    /// [`StrategyError`] when a column is missing.
    fn populate_exit_trend(&self, frame: &Frame, signals: &mut Signals) -> Result<(), StrategyError>;

    /// Called once per main candle, before any pair.
    fn bot_loop_start(&self, _now: Millis) {}

    /// Returns the stop as a fraction of `request.rate` (0.05 or -0.05: 5 % away), times leverage; `None` leaves
    /// the stop where it is. A stop only moves in the trade's favour, save right after a fill.
    fn custom_stoploss(&self, _request: &StopRequest<'_>) -> Option<f64> {
        None
    }

    /// Returns the profit ratio at which the trade may close now; the lower of it and `minimal_roi` counts.
    fn custom_roi(&self, _trade: &Trade, _now: Millis, _duration_minutes: i64) -> Option<f64> {
        None
    }

    /// Returns a reason (the first 255 characters count) to close the trade at the candle's open.
    fn custom_exit(&self, _request: &ExitRequest<'_>) -> Option<String> {
        None
    }

    /// Returns the limit price of an entry order.
    fn custom_entry_price(&self, request: &EntryRequest<'_>) -> f64 {
        request.rate
    }

    /// Returns the limit price of a signalled exit.
    fn custom_exit_price(&self, request: &ExitRequest<'_>) -> f64 {
        request.rate
    }

    /// Returns the stake of a new trade, in stake currency; 0 skips it.
    fn custom_stake_amount(&self, _request: &EntryRequest<'_>, stake: &StakeProposal) -> f64 {
        stake.proposed_stake
    }

    /// Returns the leverage of a new futures trade; it is cut to `[1, max_leverage]`.
    fn leverage(&self, _request: &EntryRequest<'_>, _max_leverage: f64) -> f64 {
        1.0
    }

    /// Returns whether the order may be placed (`amount` in base currency at `request.rate`).
    fn confirm_trade_entry(&self, _request: &EntryRequest<'_>, _amount: f64) -> bool {
        true
    }

    /// Returns whether the trade may close for `request.exit_reason` at `request.rate`.
    fn confirm_trade_exit(&self, _request: &ExitRequest<'_>, _amount: f64) -> bool {
        true
    }

    /// Returns money to add to or take out of the trade.
    fn adjust_trade_position(
        &self,
        _request: &ExitRequest<'_>,
        _min_stake: Option<f64>,
        _max_stake: f64,
    ) -> Option<Adjustment> {
        None
    }

    /// Returns the price that a waiting order should have: its own to keep it, another to replace it, `None` to
    /// cancel it.
    fn adjust_order_price(&self, request: &OrderPrice<'_>) -> Option<f64> {
        Some(request.order.price)
    }

    /// Returns whether a waiting entry order is to be given up, on top of `unfilledtimeout`.
    fn check_entry_timeout(&self, _request: &OrderPrice<'_>) -> bool {
        false
    }

    /// Returns whether a waiting exit order is to be given up, on top of `unfilledtimeout`.
    fn check_exit_timeout(&self, _request: &OrderPrice<'_>) -> bool {
        false
    }

    /// Called after a fill.
    fn order_filled(&self, _trade: &Trade, _order: &Order, _now: Millis) {}
}
