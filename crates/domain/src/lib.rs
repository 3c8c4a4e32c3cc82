//! The ground of TradAI: the field's own types, without any I/O.
//!
//! Everything above imports from here: symbols and timeframes, candle columns, market rules, the clock and
//! the source of ids. Invariant: nothing in this crate (save [`clock::SystemClock`] and [`ids::RandomIds`],
//! the two places where the outside world comes in) depends on time, randomness or the environment.

pub mod access;
pub mod breaker;
pub mod candles;
pub mod clock;
pub mod configs;
pub mod error;
pub mod ids;
pub mod jobs;
pub mod market;
pub mod ports;
pub mod strategy_name;
pub mod symbol;
pub mod time_range;
pub mod timeframe;

pub use breaker::{Breaker, BreakerState};
pub use candles::{CandleKind, CandleSeries, SeriesFault, SeriesKey};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::ErrorKind;
pub use ids::{IdSource, JobId, RandomIds, SequentialIds};
pub use market::{LeverageTier, Limits, Market, MinMax, Precision};
pub use strategy_name::{StrategyName, StrategyNameError};
pub use symbol::{Symbol, SymbolError};
pub use time_range::{TimeRange, TimeRangeError, format_utc, parse_date_ms};
pub use timeframe::{Timeframe, TimeframeError};

/// Milliseconds since the Unix epoch, UTC: how candles and fills are stamped.
pub type Millis = i64;
