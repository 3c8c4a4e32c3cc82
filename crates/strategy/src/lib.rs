//! What a trading strategy is: indicators, signals, settings and hooks.
//!
//! A strategy turns candles into signals ([`Strategy::populate_indicators`], `populate_entry_trend`,
//! `populate_exit_trend`) and may steer single trades through hooks that carry Freqtrade's names. The same
//! object runs in a backtest, in dry-run and live. Strategies are Rust types, or declared in YAML ([`declarative`]);
//! a [`Registry`] finds both by name. Nothing here opens a socket or (save [`Registry::load_file`]) a file, and
//! nothing knows what time it is; the engine (`tradai-engine`) or a live session calls in.
//!
//! Invariant: a value at row `i` of a [`Frame`] is known when candle `i` has closed, never earlier.

pub mod declarative;
pub mod expression;
pub mod frame;
pub mod hooks;
pub mod indicators;
pub mod registry;
pub mod settings;
pub mod signals;
pub mod strategy;
pub mod trade;

pub use declarative::{DeclarativeError, DeclarativeStrategy, ParameterValue, StrategyFile};
pub use frame::{CandleSource, Frame, FrameError, FrameView};
pub use hooks::{Adjustment, EntryRequest, ExitRequest, Hooks, OrderPrice, StakeProposal, StopRequest};
pub use registry::{Registry, RegistryError};
pub use settings::{Protection, Settings, SettingsError, StakeAmount, TradingMode};
pub use signals::{Signals, TagId, flag};
pub use strategy::{Strategy, StrategyError};
pub use trade::{Order, Trade};
