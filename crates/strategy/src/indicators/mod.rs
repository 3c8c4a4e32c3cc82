//! Technical indicators with TA-Lib's numbers.
//!
//! Every indicator here equals the function of the same name in TA-Lib's C library 0.8.1 (default
//! compatibility, unstable period 0) as its Python wrapper returns it, because that is what Freqtrade
//! strategies are written against. Two ways in:
//!
//! - a batch function per indicator ([`ema`], [`macd`], ...) for Rust code that knows what it wants;
//! - the [`catalogue`] for the declarative language: look an indicator up by name, check its
//!   parameters, then [`IndicatorSpec::compute`] whole columns or [`IndicatorSpec::stream`] rows.
//!
//! Each indicator's arithmetic exists once, as a small state fed row by row. The batch functions drive
//! that state in a tight loop and the streams drive it one [`Bar`] at a time.
//! **Invariant:** batch and stream give the same bits.
//!
//! What holds for all of them, so that the single functions need not repeat it:
//!
//! - Output has one value per input row, oldest first. Rows before there is enough history are NaN;
//!   their number is the *lookback*. Input shorter than that is all NaN, empty input gives empty output.
//! - Rows before the first one whose inputs are all numbers are skipped, so an indicator of an
//!   indicator starts where the inner one does.
//! - A NaN after that point is not skipped. It spreads as the arithmetic carries it: for good through
//!   exponential averages, until the next rebuild (if any) through running sums, for about one window
//!   through extremes. There, extremes and periods of one may differ from TA-Lib.
//! - Columns of different lengths are read up to the shortest.
//! - A period of zero has no meaning and gives all NaN. The batch functions accept any other period; the
//!   narrower ranges TA-Lib enforces are those in the catalogue.
//! - A divisor that is zero, or a difference within rounding of zero (1e-14 of what was subtracted),
//!   gives the value named in the function's documentation, mostly zero; never an infinity.
//!
//! The order of operations and the fused multiply-adds are TA-Lib's too, so that results agree to the bit
//! and not only to the 1e-9 the tests ask for: a difference of two averages that nearly cancel, such as
//! the MACD histogram, would otherwise lose that agreement.

mod candles;
mod catalogue;
mod error;
mod extreme;
mod kernel;
mod params;
mod ring;
mod seeded_average;
mod spec;
#[cfg(test)]
mod testing;
mod zero;

mod adx;
mod aroon;
mod atr;
mod bbands;
mod cci;
mod dema;
mod directional_index;
mod directional_movement;
mod ema;
mod linearreg;
mod macd;
mod max_min;
mod mfi;
mod mom;
mod natr;
mod obv;
mod roc;
mod rsi;
mod sar;
mod sma;
mod stddev;
mod stoch;
mod stochrsi;
mod tema;
mod trange;
mod trix;
mod ultosc;
mod variance;
mod willr;
mod wma;

pub use adx::adx;
pub use aroon::{Aroon, aroon};
pub use atr::atr;
pub use bbands::{Bbands, bbands};
pub use candles::{Bar, Ohlcv};
pub use catalogue::{catalogue, find};
pub use cci::cci;
pub use dema::dema;
pub use directional_index::{minus_di, plus_di};
pub use ema::ema;
pub use error::IndicatorError;
pub use linearreg::linearreg;
pub use macd::{Macd, macd};
pub use max_min::{max, min};
pub use mfi::mfi;
pub use mom::mom;
pub use natr::natr;
pub use obv::obv;
pub use params::ParamSpec;
pub use roc::roc;
pub use rsi::rsi;
pub use sar::sar;
pub use sma::sma;
pub use spec::{IndicatorSpec, Inputs, Stream};
pub use stddev::stddev;
pub use stoch::{Stoch, stoch, stochf};
pub use stochrsi::stochrsi;
pub use tema::tema;
pub use trange::trange;
pub use trix::trix;
pub use ultosc::ultosc;
pub use willr::willr;
pub use wma::wma;
