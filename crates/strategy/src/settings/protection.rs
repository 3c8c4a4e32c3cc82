//! Protections: rules that stop trading for a while.

use serde::Serialize;

/// A rule that locks one pair or all of them after trades went badly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protection {
    /// The rule with its own parameters.
    pub method: ProtectionMethod,
    /// How long a lock lasts, in minutes, counted from the last close considered.
    pub stop_duration: i64,
    /// How far back trades are looked at, in minutes.
    pub lookback_period: i64,
    /// Time of day (minutes after midnight, UTC) until which a lock lasts, in place of `stop_duration`.
    pub unlock_at: Option<i64>,
    /// `stop_duration` as it was given in candles: for the wording of reasons.
    pub stop_duration_candles: Option<i64>,
    /// `lookback_period` as it was given in candles: for the wording of reasons.
    pub lookback_period_candles: Option<i64>,
}

/// The rules that Freqtrade has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "method")]
pub enum ProtectionMethod {
    /// Locks a pair after every close.
    CooldownPeriod,
    /// Locks after several stops.
    StoplossGuard {
        /// How many stops.
        trade_limit: usize,
        /// Whether all pairs stay free.
        only_per_pair: bool,
        /// Whether longs and shorts count apart.
        only_per_side: bool,
        /// Stops count when their profit ratio is below this.
        required_profit: f64,
    },
    /// Locks a pair whose trades earned too little.
    LowProfitPairs {
        /// How many trades at least.
        trade_limit: usize,
        /// Sum of profit ratios that is enough.
        required_profit: f64,
        /// Whether longs and shorts count apart.
        only_per_side: bool,
    },
    /// Locks everything after a drawdown.
    MaxDrawdown {
        /// How many trades at least.
        trade_limit: usize,
        /// Largest drawdown allowed, as a fraction.
        max_allowed_drawdown: f64,
        /// Whether it is measured on the balance (`equity`) and not on summed ratios (`ratios`).
        equity: bool,
    },
}
