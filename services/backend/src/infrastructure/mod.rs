//! Adapters of this service alone.

pub(crate) mod executor;
pub(crate) mod logs;
mod memory;
pub(crate) mod peer;
