//! The sending client against the sandbox exchange.

mod support;
mod venue;

mod batches;
mod candles;
mod limits;
mod listings;
mod orders;
mod port;
mod time;
mod venues;
