//! The use cases of config versions.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::info;
use tradai_domain::configs::{ConfigId, ConfigVersion};
use tradai_domain::ports::{ActivatedConfig, AuditLog, ConfigRepository, NewConfig, PushedConfig};
use tradai_domain::{Clock, StrategyName};

use super::credentials;
use super::diff::{Difference, diff};
use crate::jobs::Requester;
use crate::{Audit, Error, RequestFault};

/// How long a config may be, in bytes of JSON: a record of the cloud's table holds 400 KB.
pub const MAX_CONFIG_BYTES: usize = 256 * 1024;
/// How long a description may be, in characters.
const MAX_DESCRIPTION: usize = 1_000;
/// Versions that one page holds.
const MAX_PAGE: usize = 500;

/// Pushes, activates, deprecates and compares versions.
#[derive(Clone)]
pub struct Configs {
    configs: Arc<dyn ConfigRepository>,
    pub(crate) audit: Audit,
    clock: Arc<dyn Clock>,
}

impl Configs {
    /// Returns the use cases.
    #[must_use]
    pub fn new(configs: Arc<dyn ConfigRepository>, audit: Arc<dyn AuditLog>, clock: Arc<dyn Clock>) -> Self {
        Self { configs, audit: Audit::new(audit, clock.clone()), clock }
    }

    /// Refuses what no strategy's config can be: nothing, too much, and credentials.
    ///
    /// # Errors
    /// [`Error::Request`] with everything that is wrong.
    pub fn check(config: &Map<String, Value>, description: Option<&str>) -> Result<(), Error> {
        let mut faults = Vec::new();
        if config.is_empty() {
            faults.push(RequestFault::new("config", "must not be empty"));
        }
        let length = serde_json::to_string(config).map_or(usize::MAX, |text| text.len());
        if length > MAX_CONFIG_BYTES {
            let reason = format!("has {length} bytes of JSON; at most {MAX_CONFIG_BYTES} are allowed");
            faults.push(RequestFault::new("config", reason));
        }
        let credentials = credentials::faults(config).into_iter();
        faults.extend(credentials.map(|reason| RequestFault::new("config", reason)));
        if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            let reason = format!("at most {MAX_DESCRIPTION} characters are allowed");
            faults.push(RequestFault::new("description", reason));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Request(faults)) }
    }

    /// Stores a config as the strategy's next version, a draft. Content that is stored already is not stored again: its
    /// version is returned, whatever became of it.
    ///
    /// # Errors
    /// [`Error::Request`] for a config that is empty or too long or holds credentials; [`Error::Port`].
    pub async fn push(
        &self,
        strategy: &StrategyName,
        config_data: Map<String, Value>,
        description: Option<String>,
        requester: &Requester,
    ) -> Result<PushedConfig, Error> {
        Self::check(&config_data, description.as_deref())?;
        self.audit.note(requester, "config.push", strategy.to_string()).await?;
        let (strategy_name, at) = (strategy.clone(), self.clock.now_ms());
        let pushed = self.configs.push(&NewConfig { strategy_name, config_data, description, at }).await?;
        let (id, duplicate) = (&pushed.version.config_id, pushed.duplicate);
        info!(strategy = %strategy, config_id = %id, duplicate, "{strategy} has the config version {id}");
        Ok(pushed)
    }

    /// Makes a version the one in use; the one that was is deprecated in the same step. A deprecated version comes back
    /// this way, which is how a strategy goes back to an earlier config.
    ///
    /// # Errors
    /// [`Error::NoSuchConfig`]; [`Error::Port`].
    pub async fn activate(
        &self,
        strategy: &StrategyName,
        id: &ConfigId,
        requester: &Requester,
    ) -> Result<ActivatedConfig, Error> {
        self.audit.note(requester, "config.activate", format!("{strategy}/{id}")).await?;
        let activated = self.configs.activate(strategy, id, self.clock.now_ms()).await?;
        let activated = activated.ok_or_else(|| no_such(strategy, id))?;
        info!(strategy = %strategy, config_id = %id, "{strategy} uses the config version {id}");
        Ok(activated)
    }

    /// Takes a version out of use. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchConfig`]; [`Error::Port`].
    pub async fn deprecate(
        &self,
        strategy: &StrategyName,
        id: &ConfigId,
        requester: &Requester,
    ) -> Result<ConfigVersion, Error> {
        self.audit.note(requester, "config.deprecate", format!("{strategy}/{id}")).await?;
        let deprecated = self.configs.deprecate(strategy, id, self.clock.now_ms()).await?;
        deprecated.ok_or_else(|| no_such(strategy, id))
    }

    /// Returns a version.
    ///
    /// # Errors
    /// [`Error::NoSuchConfig`]; [`Error::Port`].
    pub async fn get(&self, strategy: &StrategyName, id: &ConfigId) -> Result<ConfigVersion, Error> {
        self.configs.get(strategy, id).await?.ok_or_else(|| no_such(strategy, id))
    }

    /// Returns the version in use, if one is.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn active(&self, strategy: &StrategyName) -> Result<Option<ConfigVersion>, Error> {
        Ok(self.configs.active(strategy).await?)
    }

    /// Returns versions with numbers below `before` (all without it), the newest first.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn list(
        &self,
        strategy: &StrategyName,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<ConfigVersion>, Error> {
        Ok(self.configs.list(strategy, before, limit.clamp(1, MAX_PAGE)).await?)
    }

    /// Returns what the second version changes in the first, by path.
    ///
    /// # Errors
    /// [`Error::NoSuchConfig`]; [`Error::Port`].
    pub async fn diff(
        &self,
        strategy: &StrategyName,
        before: &ConfigId,
        after: &ConfigId,
    ) -> Result<Vec<Difference>, Error> {
        let (before, after) = (self.get(strategy, before).await?, self.get(strategy, after).await?);
        Ok(diff(&before.config_data, &after.config_data))
    }

    /// Deletes deprecated versions whose 90 days have passed, and returns their number.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn delete_expired(&self) -> Result<u64, Error> {
        Ok(self.configs.delete_expired(self.clock.now_ms()).await?)
    }
}

fn no_such(strategy: &StrategyName, id: &ConfigId) -> Error {
    Error::NoSuchConfig { strategy: strategy.clone(), id: id.clone() }
}

impl fmt::Debug for Configs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Configs")
    }
}
