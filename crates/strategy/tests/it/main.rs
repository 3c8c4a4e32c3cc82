//! The crate as others use it.

mod declarative;
mod golden_signals;
mod indicators;
mod look_ahead;
mod performance;
mod shared;
mod strategy_guide;
