//! Adapters of this service alone.

pub(crate) mod executor;
