//! Freqtrade's money arithmetic: exact decimals and rounding to market steps.

mod precise;
mod rounding;
mod tick_size;

pub(crate) use precise::{POW10, Precise, nearest};
pub(crate) use rounding::{Rounding, amount_to_precision, price_to_precision, round_decimals, round8};
pub(crate) use tick_size::TickHistory;
