//! Live feeds over real sockets, against the sandbox and its faults.

mod candles;
mod readers;
mod sockets;
mod support;
