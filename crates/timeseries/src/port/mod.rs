//! The ports of [`tradai_domain::ports`] over the store: candles of one exchange, and small documents.
//!
//! For hosts in a tokio runtime. An exchange has a store of its own ([`Location::of_exchange`](crate::Location)), so
//! that a symbol which two exchanges list is two series: `<location>/<exchange>/ohlcv/…`. Documents are beside them.
//!
//! Invariant: no method keeps a thread of the runtime from other tasks; the store works on the threads for blocking.

mod documents;
mod repository;

pub use documents::StoreDocuments;
pub use repository::{StoreRepository, notes_of};

use tradai_domain::ports::PortError;

use crate::error::Error;

/// Turns an error into a port's. Its text names a series or an object, never what the machine calls it.
fn port_error(error: &Error) -> PortError {
    if let Error::Io { .. } = error {
        return PortError::new(error.kind(), "the candle store cannot be read or written");
    }
    PortError::new(error.kind(), error.to_string())
}
