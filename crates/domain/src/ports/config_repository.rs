//! Where config versions are kept.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::PortError;
use crate::Millis;
use crate::configs::{ConfigId, ConfigVersion};
use crate::strategy_name::StrategyName;

/// Keeps the versions of every strategy's config.
///
/// Every method is atomic. At every moment, for every reader, at most one version of a strategy is active; once one
/// was, exactly one is until it is deprecated.
#[async_trait]
pub trait ConfigRepository: Send + Sync {
    /// Stores a config as the strategy's next version, a draft; when a version with the same content is there,
    /// nothing is stored and that one is returned. Numbers count from 1, have no gaps at their making, and are not
    /// used again after a version is deleted.
    async fn push(&self, config: &NewConfig) -> Result<PushedConfig, PortError>;

    /// Returns a version, or `None` when there is none of this id.
    async fn get(&self, strategy: &StrategyName, id: &ConfigId) -> Result<Option<ConfigVersion>, PortError>;

    /// Returns the version in use, if one is.
    async fn active(&self, strategy: &StrategyName) -> Result<Option<ConfigVersion>, PortError>;

    /// Returns at most `limit` versions with numbers below `before` (of all without it), the highest number first.
    async fn list(
        &self,
        strategy: &StrategyName,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<ConfigVersion>, PortError>;

    /// Makes a version the one in use; the one that was is deprecated in the same step, in favour of it. `None` when
    /// there is no such version. Activating the active one changes nothing.
    async fn activate(
        &self,
        strategy: &StrategyName,
        id: &ConfigId,
        at: Millis,
    ) -> Result<Option<ActivatedConfig>, PortError>;

    /// Takes a version out of use; `None` when there is none of this id. Repeating it changes nothing.
    async fn deprecate(
        &self,
        strategy: &StrategyName,
        id: &ConfigId,
        at: Millis,
    ) -> Result<Option<ConfigVersion>, PortError>;

    /// Deletes deprecated versions whose time has passed ([`ConfigVersion::expires_at`]), and returns their number. A
    /// storage that does so by itself returns 0.
    async fn delete_expired(&self, now: Millis) -> Result<u64, PortError>;
}

/// A config to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConfig {
    /// The strategy.
    pub strategy_name: StrategyName,
    /// The content.
    pub config_data: Map<String, Value>,
    /// What its author says of it.
    pub description: Option<String>,
    /// When it is pushed.
    pub at: Millis,
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq)]
pub struct PushedConfig {
    /// The version that holds the content.
    pub version: ConfigVersion,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// What became of an activation.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivatedConfig {
    /// The version in use.
    pub version: ConfigVersion,
    /// The version that was in use before, if it was another one.
    pub superseded: Option<ConfigId>,
}
