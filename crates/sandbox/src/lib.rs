//! A sandbox exchange: speaks Binance's REST and websocket for spot and USD-M futures, replays candles, matches
//! orders, keeps a ledger it checks itself, and goes wrong on purpose when told to.
//!
//! For tests, the demo and the trading runtime; not a model of a market, and no place for real keys.
//! [`build`] makes one of [`Settings`], [`Sandbox::serve`] puts it on a socket. The README of the crate lists the
//! endpoints and the format of fault plans.
//!
//! Invariant: the same settings, requests and moments give the same replies and the same log. All state lives in
//! one sync, deterministic exchange; HTTP, sockets and real time are around it.

#![forbid(unsafe_code)]

mod account;
mod admin;
mod api;
mod clock;
mod engine;
mod error;
mod exchange;
mod faults;
mod listen_key;
mod load;
mod market;
mod number;
mod order;
mod order_view;
mod random;
mod refusal;
mod server;
mod settings;
mod tape;
mod ws;

use std::sync::Arc;

use tradai_domain::Clock;

pub use clock::Pace;
pub use error::Error;
pub use load::{read_faults, read_folder, read_store, sample};
pub use server::Sandbox;
pub use settings::{ApiKey, Deposit, Series, Settings, Wallet};

/// Returns a sandbox that replays the series of its settings, on the time of `machine` where that passes by itself.
///
/// # Errors
/// [`Error::NoCandles`], [`Error::Settings`] or [`Error::Faults`] when the settings cannot work.
pub fn build(settings: Settings, machine: Arc<dyn Clock>) -> Result<Sandbox, Error> {
    Ok(Sandbox::new(exchange::Exchange::new(settings, machine)?))
}
