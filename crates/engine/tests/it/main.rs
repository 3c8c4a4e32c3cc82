//! The engine as a whole, on made-up candles.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod properties;
mod world;
