//! What use cases need of the outside world, as traits in domain types.
//!
//! Use cases hold ports as `Arc<dyn Port>`; adapters at the edges implement them. Each method states the contract
//! that an implementer keeps. Not for wiring: which adapter stands behind a port is the host's choice.
//!
//! Invariant: lookups return nothing when absent; absence is no error. Every method may be called from many tasks
//! at once, must not block its thread, and leaves nothing half done when its future is dropped.

mod candle_repository;
mod document_store;
mod error;
mod exchange_key;
mod market_data;
mod span;

pub use candle_repository::{
    Absence, CandleRepository, Committed, SeriesNotes, Snapshot, StoredCandles, StoredSeries,
    StoredSeriesList, StoredVersion, VersionChoice,
};
pub use document_store::{Document, DocumentStore};
pub use error::PortError;
pub use exchange_key::{ExchangeKey, ExchangeKeyError};
pub use market_data::{
    BreakerStatus, CandlePage, FundingRate, ListedMarket, MarketDataSource, MarketType, RateBudget,
    SourceStatus, Ticker,
};
pub use span::Span;
