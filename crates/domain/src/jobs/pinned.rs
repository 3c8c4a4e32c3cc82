//! Which config version a job runs with.

use serde::{Deserialize, Serialize};

use crate::configs::{ConfigHash, ConfigId, ConfigVersion};

/// What a job takes of its strategy's stored configs, whatever becomes active later. It is settled once, by whoever first
/// works with it: who collects the job's candles, or who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pinned", rename_all = "lowercase")]
pub enum PinnedConfig {
    /// None: no version was in use.
    None,
    /// This version.
    Version {
        /// The version.
        config_id: ConfigId,
        /// The hash of its content.
        config_hash: ConfigHash,
    },
}

impl PinnedConfig {
    /// Returns what stands for a version, or for none.
    #[must_use]
    pub fn of(version: Option<&ConfigVersion>) -> Self {
        version.map_or(Self::None, |version| Self::Version {
            config_id: version.config_id.clone(),
            config_hash: version.config_hash.clone(),
        })
    }

    /// Returns the version, if it is one.
    #[must_use]
    pub fn config_id(&self) -> Option<&ConfigId> {
        match self {
            Self::None => None,
            Self::Version { config_id, .. } => Some(config_id),
        }
    }
}
