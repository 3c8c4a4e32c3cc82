//! What use cases need of the outside world, as traits in domain types.
//!
//! Use cases hold ports as `Arc<dyn Port>`; adapters at the edges implement them. Each method states the contract
//! that an implementer keeps. Not for wiring: which adapter stands behind a port is the host's choice.
//!
//! Invariant: lookups return nothing when absent; absence is no error. Every method may be called from many tasks
//! at once, must not block its thread, and leaves nothing half done when its future is dropped.

mod api_key_repository;
mod audit_log;
mod batch_repository;
mod blob_store;
mod candle_repository;
mod config_repository;
mod document_store;
mod error;
mod event_bus;
mod exchange_key;
mod idempotency;
mod job_repository;
mod market_data;
mod queue;
mod secret_store;
mod span;
mod task_runner;
mod workflow_runner;
mod workflow_runs;

pub use api_key_repository::{ApiKeyRepository, CreatedApiKey, MAX_API_KEYS, NewApiKey};
pub use audit_log::{AuditEntry, AuditLog};
pub use batch_repository::{BatchRepository, CreatedBatch, NewBatch};
pub use blob_store::{BlobEntry, BlobKey, BlobKeyError, BlobStore};
pub use candle_repository::{
    Absence, CandleRepository, Committed, SeriesNotes, Snapshot, StoredCandles, StoredSeries,
    StoredSeriesList, StoredVersion, VersionChoice,
};
pub use config_repository::{ActivatedConfig, ConfigRepository, NewConfig, PushedConfig};
pub use document_store::{Document, DocumentStore};
pub use error::PortError;
pub use event_bus::{Delivery, EventBatch, EventBus, EventSubscription, MAX_EVENTS, NumberedEvent};
pub use exchange_key::{ExchangeKey, ExchangeKeyError};
pub use idempotency::{Claim, IdempotencyRepository, REPLY_TTL_MS};
pub use job_repository::{
    Created, JobDeletion, JobFilter, JobPage, JobRepository, Lease, MAX_PAGE, NewJob, Quota, RequestKey,
};
pub use market_data::{
    BreakerStatus, CandlePage, FundingRate, ListedMarket, MarketDataSource, MarketType, RateBudget,
    SourceStatus, Ticker,
};
pub use queue::{DEDUP_MS, DeadLetter, OutgoingMessage, Queue, ReceivedMessage};
pub use secret_store::{SecretName, SecretNameError, SecretStore};
pub use span::Span;
pub use task_runner::{TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};
pub use workflow_runner::{WorkflowRunner, WorkflowStatus};
pub use workflow_runs::{
    WorkflowRunDetail, WorkflowRunEvent, WorkflowRunFilter, WorkflowRunPlace, WorkflowRunSummary,
    WorkflowRuns,
};
