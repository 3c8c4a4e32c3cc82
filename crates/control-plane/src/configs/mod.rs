//! Config versions, and what a strategy's config comes to.
//!
//! [`Configs`] pushes, activates, deprecates and compares versions. [`merge`] puts `tradai.yaml`, the stored version,
//! a model's tags and the environment on top of one another and keeps where each value came from; [`job_inputs`] is
//! what a job takes of that. Not for what a value means; that is the strategy's. What a config looks like is described
//! in `docs/guides/configs.md`.
//!
//! Invariants: at most one version of a strategy is active, whoever activates at the same time; a value of a stronger
//! source always wins.

pub(crate) mod credentials;
mod diff;
mod interpolate;
mod job;
mod layers;
mod merge;
mod service;
mod variables;

pub use diff::Difference;
pub use job::{JobInputs, job_inputs};
pub use layers::{ConfigSources, Layer};
pub use merge::{MergedConfig, Origin, merge};
pub use service::{Configs, MAX_CONFIG_BYTES};
pub use variables::Variables;
