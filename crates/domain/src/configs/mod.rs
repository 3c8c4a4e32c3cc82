//! Versions of a strategy's config.
//!
//! A version is named for its content: equal contents are one version. Of a strategy's versions at most one is
//! active. Not for what a config means; that is the strategy's.

mod hash;
mod version;

pub use hash::{ConfigHash, ConfigHashError, ConfigId, ConfigIdError};
pub use version::{ConfigStatus, ConfigVersion, DEPRECATED_TTL_MS};
