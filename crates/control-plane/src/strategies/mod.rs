//! The strategies there are, their files, and which configs fit them.
//!
//! [`Strategies`] lists and registers strategies and lets a config in only if its strategy can run with it.
//! [`StrategySource`] is the port behind it, so that this crate knows no strategy language. [`StrategyMetadata`] is
//! what the registry of models is told of a strategy. Not for running strategies; jobs do that.
//!
//! Invariant: a config version that was activated here fitted its strategy at that moment.

mod check;
mod configs;
mod entry;
mod metadata;
mod service;
mod source;

pub use check::{JobAsk, JobCheck};
pub use configs::ResolvedConfig;
pub use entry::{
    FileFault, RuleView, StrategyEntry, StrategyIndicator, StrategyOrigin, StrategyParameter, StrategyRules,
};
pub use metadata::{Stake, StrategyMetadata};
pub use service::{Catalogued, FileCheck, Listing, Registered, Strategies};
pub use source::{BrokenFile, InputFault, ReadFile, SourceListing, StoredFile, StrategySource};
