#![doc = include_str!("../README.md")]

mod accept;
mod allocator;
mod around;
mod auth;
mod boundary;
mod connections;
mod deprecation;
mod etag;
mod extract;
mod gate;
mod health;
mod healthcheck;
mod host;
mod http_client;
mod idempotency;
mod limits;
mod metrics;
mod openapi;
mod origin;
mod otlp;
mod page;
mod problem;
mod process;
mod rate;
mod seal;
mod serve;
mod service;
mod shutdown;
pub mod socket;
mod trace;

pub use accept::preferred;
pub use auth::{
    Caller, HeldKey, NewSecret, ON_BEHALF_OF, Proof, SignIn, SignInPage, StoredKeys, new_key, new_secret,
    plain_sign_in_page,
};
pub use deprecation::Deprecated;
pub use etag::{ETag, IfMatch};
pub use extract::{Json, Path, Query, WrittenJson};
pub use health::Check;
pub use healthcheck::healthcheck;
pub use host::{Command, HttpHost, run, run_with};
pub use idempotency::{
    Begin, Fingerprint, IDEMPOTENCY_REPLAYED, Idempotency, IdempotencyKey, IdempotencyStore,
    MemoryIdempotency, RequestKey, StoreError, StoredIdempotency, StoredReply,
};
pub use limits::{HeldBack, HoldBack};
pub use openapi::write_spec;
pub use page::{Cursors, Page, PageQuery, page_links};
pub use problem::{Code, FieldFault, Place, Problem};
pub use serve::{ServeError, serve};
pub use service::{App, Service};
pub use shutdown::Shutdown;
pub use trace::RequestIds;

/// The log of a process and its spans, for hosts that are no [`run`].
pub use tradai_otlp::observe;

/// The registry of Prometheus metrics and the types that services describe theirs with.
pub use prometheus_client;
/// What services declare routes and documented types with.
pub use {axum, utoipa, utoipa_axum};
