//! Config versions, and what a strategy's config comes to.
//!
//! [`Configs`] pushes, activates, deprecates and compares versions. [`merge`] puts `tradai.yaml`, the stored version,
//! a model's tags and the environment on top of one another and keeps where each value came from. Not for what a
//! value means; that is the strategy's.
//!
//! Invariants: at most one version of a strategy is active, whoever activates at the same time; a value of a stronger
//! source always wins.

mod diff;
mod interpolate;
mod layers;
mod merge;
mod service;

pub use diff::Difference;
pub use layers::{ConfigSources, Layer};
pub use merge::{MergedConfig, Origin, merge};
pub use service::{Configs, MAX_CONFIG_BYTES};
