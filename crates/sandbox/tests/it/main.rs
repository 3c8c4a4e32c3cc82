//! The sandbox over its socket.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ccxt;
mod fault_states;
mod faults;
mod rest;
mod sockets;
mod support;
mod ws_api;
