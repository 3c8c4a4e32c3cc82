//! Adapters of this service alone.

pub(crate) mod executor;
pub(crate) mod logs;
pub(crate) mod peer;
