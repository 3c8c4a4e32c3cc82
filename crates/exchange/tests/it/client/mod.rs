//! The sending client against the sandbox exchange.

mod support;

mod candles;
mod limits;
mod orders;
mod port;
mod time;
mod venues;
