//! Use cases over ports: what the command line, services and functions do, once.
//!
//! [`data`] collects candles: sync, coverage, freshness, quality, jobs and schedules of it; [`jobs`] takes jobs in and
//! brings each to an end; [`api_keys`] makes and revokes keys; [`configs`] versions the configs of strategies and merges
//! their sources;
//! [`strategies`] is the catalogue and lets configs in that fit. Hosts parse, call one
//! use case and present; adapters implement the ports of [`tradai_domain::ports`]. No network, storage format, settings
//! or environment here; time and ids are handed in.
//!
//! Invariant: a use case leaves outside what was acknowledged to it, and nothing half done.

pub mod api_keys;
mod audit;
pub mod configs;
pub mod data;
mod error;
pub mod jobs;
mod request_key;
pub mod strategies;

pub use audit::Audit;
pub use error::{Error, RequestFault};
