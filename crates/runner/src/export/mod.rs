//! Results in other programs' formats.

mod freqtrade;
mod golden;

pub use freqtrade::freqtrade;
pub use golden::{summary, trade_line};
