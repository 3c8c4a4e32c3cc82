//! What all adapters share: rounding, numbers and time as text, signing, and completing what replies leave out.

mod complete;
mod number;
mod ohlcvc;
mod precision;
pub mod signing;
mod time;
mod timeframe;
mod url;

pub use complete::{complete_order, complete_ticker, complete_trade};
pub use number::number_to_string;
pub use ohlcvc::{Ohlcvc, build_ohlcvc};
pub use precision::{Counting, Padding, Rounding, decimal_to_precision};
pub use time::{iso8601, parse8601};
pub use timeframe::timeframe_seconds;
pub use url::{Query, append_pair, percent_encode};
