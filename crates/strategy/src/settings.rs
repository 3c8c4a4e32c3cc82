//! The settings of a backtest or a session, under Freqtrade's names.
//!
//! [`Settings::merge`] puts layers (strategy, configuration, command line) on top of one another and checks the
//! whole; every fault is reported, each with its key and what is allowed. Meanings and defaults are Freqtrade
//! 2026.9's (`config_schema`, `IStrategy`).

mod keys;
mod protection;
mod read;
mod read_protections;
mod validate;

use serde::Serialize;
use serde_json::{Map, Value};
use tradai_domain::{Symbol, TimeRange, Timeframe};

pub use keys::{IGNORED_KEYS, KNOWN_KEYS, REFUSED_KEYS};
pub use protection::{Protection, ProtectionMethod};

/// How much goes into a trade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum StakeAmount {
    /// A fixed number of units of stake currency.
    Fixed(f64),
    /// An equal share of the whole balance (`"unlimited"`).
    #[serde(serialize_with = "unlimited")]
    Unlimited,
}

fn unlimited<S: serde::Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("unlimited")
}

/// What is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TradingMode {
    /// The currency itself, long only, without leverage.
    Spot,
    /// Perpetual contracts, with isolated margin.
    Futures,
}

/// How an order is placed; a market order fills at the candle's open whatever the hooks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderType {
    /// At a price.
    Limit,
    /// At whatever the market gives.
    Market,
}

/// When waiting orders are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UnfilledTimeout {
    /// Entry orders, in milliseconds; `None` waits for ever.
    pub entry_ms: Option<i64>,
    /// Exit orders, in milliseconds; `None` waits for ever.
    pub exit_ms: Option<i64>,
}

/// Effective settings, checked.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "Freqtrade's switches under their own names")]
pub struct Settings {
    /// Candle length that signals are computed on.
    pub timeframe: Timeframe,
    /// Shorter candles that fills are simulated on.
    pub timeframe_detail: Option<Timeframe>,
    /// Candles before the start that indicators need.
    pub startup_candle_count: usize,
    /// What to test, as Freqtrade writes it: the candle that opens at the end is included.
    pub timerange: TimeRange,
    /// Pairs in the order in which they compete for slots and money.
    pub pair_whitelist: Vec<Symbol>,
    /// Profit ratio from which a trade may close, by minutes since its opening, ascending.
    pub minimal_roi: Vec<(i64, f64)>,
    /// Largest loss as a fraction of the stake, in `[-1, 0)`.
    pub stoploss: f64,
    /// Whether the stop follows the price.
    pub trailing_stop: bool,
    /// Distance of the trailing stop once in profit; `None` uses `stoploss`.
    pub trailing_stop_positive: Option<f64>,
    /// Profit from which `trailing_stop_positive` applies.
    pub trailing_stop_positive_offset: f64,
    /// Whether the stop stays put until the offset is reached.
    pub trailing_only_offset_is_reached: bool,
    /// Whether the hook `custom_stoploss` is asked.
    pub use_custom_stoploss: bool,
    /// Whether the hook `custom_roi` is asked.
    pub use_custom_roi: bool,
    /// Whether short entries are allowed (futures only).
    pub can_short: bool,
    /// Order type of entries.
    pub entry_order_type: OrderType,
    /// Order type of exits.
    pub exit_order_type: OrderType,
    /// When waiting orders are given up.
    pub unfilledtimeout: UnfilledTimeout,
    /// Whether exit signals and `custom_exit` count.
    pub use_exit_signal: bool,
    /// Whether exit signals count in profit only.
    pub exit_profit_only: bool,
    /// Profit above which they count then.
    pub exit_profit_offset: f64,
    /// Whether ROI waits while an entry signal is on.
    pub ignore_roi_if_entry_signal: bool,
    /// Seconds after which an entry signal is too old, inside a main candle; 0 never.
    pub ignore_buying_expired_candle_after: i64,
    /// Whether the hook `adjust_trade_position` is asked.
    pub position_adjustment_enable: bool,
    /// How many further entries a trade may have; `None` for any number.
    pub max_entry_position_adjustment: Option<usize>,
    /// How many trades may be open at once; `None` for any number.
    pub max_open_trades: Option<usize>,
    /// Currency of the wallet.
    pub stake_currency: String,
    /// How much goes into a trade.
    pub stake_amount: StakeAmount,
    /// Share of the wallet that may be used.
    pub tradable_balance_ratio: f64,
    /// Capital to use instead of a share of the wallet.
    pub available_capital: Option<f64>,
    /// Whether a last trade may be smaller than `stake_amount`.
    pub amend_last_stake_amount: bool,
    /// How much smaller, as a fraction.
    pub last_stake_amount_min_ratio: f64,
    /// Reserve on top of the market's smallest order, as a fraction.
    pub amount_reserve_percent: f64,
    /// Money at the start, in stake currency.
    pub dry_run_wallet: f64,
    /// Fee per fill as a fraction; `None` takes the market's worst.
    pub fee: Option<f64>,
    /// What is traded.
    pub trading_mode: TradingMode,
    /// Distance kept from the exchange's liquidation price, as a fraction of the way to the entry price.
    pub liquidation_buffer: f64,
    /// Funding rate where the history has none yet.
    pub futures_funding_rate: Option<f64>,
    /// Whether protections are evaluated.
    pub enable_protections: bool,
    /// The protections, in order.
    pub protections: Vec<Protection>,
    /// Leverage of every trade where the strategy has no hook of its own.
    pub leverage: Option<f64>,
    /// Data set to take candles from (replay of golden files).
    pub dataset: Option<String>,
    /// Hooks that the original strategy used (replay of golden files).
    pub callbacks: Vec<String>,
    merged: Map<String, Value>,
}

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The key, with dots between levels (`order_types.entry`).
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Everything wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.faults))]
pub struct SettingsError {
    /// The faults, at least one.
    pub faults: Vec<SettingFault>,
}

fn lines(faults: &[SettingFault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect();
    lines.join("\n")
}

impl Settings {
    /// Puts layers on top of one another, later ones winning key by key, and checks the result.
    ///
    /// # Errors
    /// [`SettingsError`] with every fault: unknown keys, refused keys (with the reason), wrong types, values out of
    /// range, and combinations that cannot be.
    pub fn merge(layers: &[&Map<String, Value>]) -> Result<Self, SettingsError> {
        let mut merged = Map::new();
        for layer in layers {
            for (key, value) in *layer {
                merged.insert(key.clone(), value.clone());
            }
        }
        let mut reader = read::Reader::new(&merged);
        let settings = reader.settings();
        let mut faults = reader.into_faults();
        if faults.is_empty() {
            faults = validate::faults(&settings);
        }
        if !faults.is_empty() {
            return Err(SettingsError { faults });
        }
        // The order in which settings are given must not reach a result.
        merged.sort_keys();
        Ok(Self { merged, ..settings })
    }

    /// Returns the merged layers, values as they were given, keys in order: what results and exports show.
    #[must_use]
    pub fn as_given(&self) -> &Map<String, Value> {
        &self.merged
    }

    /// Returns whether short trades can happen.
    #[must_use]
    pub fn shorts_allowed(&self) -> bool {
        self.can_short && self.trading_mode == TradingMode::Futures
    }

    /// Returns the step of `minimal_roi` that holds `minutes` after the opening: its key and ratio.
    #[must_use]
    pub fn roi_at(&self, minutes: i64) -> Option<(i64, f64)> {
        self.minimal_roi.iter().rev().find(|(from, _)| *from <= minutes).copied()
    }
}

#[cfg(test)]
mod tests;
