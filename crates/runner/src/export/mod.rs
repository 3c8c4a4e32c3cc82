//! Results in other programs' formats.

mod golden;

pub use golden::{summary, trade_line};
