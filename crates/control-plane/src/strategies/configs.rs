//! Configs that fit their strategies, and what they come to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tradai_domain::StrategyName;
use tradai_domain::configs::{ConfigHash, ConfigId, ConfigVersion};
use tradai_domain::ports::{ActivatedConfig, PushedConfig};

use super::entry::StrategyEntry;
use super::metadata::StrategyMetadata;
use super::service::Strategies;
use crate::configs::{ConfigSources, Configs, JobInputs, MergedConfig, job_inputs, merge};
use crate::jobs::Requester;
use crate::{Error, RequestFault};

/// What a strategy's config comes to, as it may be shown: without what looks like a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedConfig {
    /// The version that was taken, if one was.
    pub config: Option<ConfigVersion>,
    /// Every value and where it came from.
    pub shown: MergedConfig,
    /// What a job takes of it.
    pub inputs: JobInputs,
    /// What the registry of models is told.
    pub metadata: StrategyMetadata,
}

impl Strategies {
    /// Stores a config as the strategy's next version, a draft, if the strategy can run with it.
    ///
    /// # Errors
    /// [`Error::NoSuchStrategy`]; [`Error::Request`] with everything that does not fit; [`Error::Port`].
    pub async fn push_config(
        &self,
        name: &StrategyName,
        config: Map<String, Value>,
        description: Option<String>,
        requester: &Requester,
    ) -> Result<PushedConfig, Error> {
        let strategy = self.entry(name).await?;
        Configs::check(&config, description.as_deref())?;
        self.check_config(&strategy, &config).await?;
        self.configs.push(name, config, description, requester).await
    }

    /// Returns versions of a strategy with numbers below `before` (all without it), the newest first. Those of a strategy
    /// that is not there any more are listed as long as they are kept.
    ///
    /// # Errors
    /// [`Error::NoSuchStrategy`] when there are none either; [`Error::Port`].
    pub async fn list_configs(
        &self,
        name: &StrategyName,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<ConfigVersion>, Error> {
        let found = self.configs.list(name, before, limit).await?;
        if found.is_empty() && before.is_none() {
            self.entry(name).await?;
        }
        Ok(found)
    }

    /// Makes a version the one in use, if the strategy, as it is by now, can run with it.
    ///
    /// # Errors
    /// [`Error::NoSuchStrategy`]; [`Error::NoSuchConfig`]; [`Error::Request`] with everything that does not fit;
    /// [`Error::Port`].
    pub async fn activate_config(
        &self,
        name: &StrategyName,
        id: &ConfigId,
        requester: &Requester,
    ) -> Result<ActivatedConfig, Error> {
        let version = self.configs.get(name, id).await?;
        let strategy = self.entry(name).await?;
        self.check_config(&strategy, &version.config_data).await?;
        self.configs.activate(name, id, requester).await
    }

    /// Returns what the strategy's config comes to: with the version of this id, or else with the active one.
    ///
    /// # Errors
    /// [`Error::NoSuchStrategy`]; [`Error::NoSuchConfig`]; [`Error::Request`] when the sources do not make a config, or
    /// one that the strategy cannot run with, as every job would find; [`Error::Port`].
    pub async fn resolve(&self, name: &StrategyName, id: Option<&ConfigId>) -> Result<ResolvedConfig, Error> {
        let strategy = self.entry(name).await?;
        let config = match id {
            Some(id) => Some(self.configs.get(name, id).await?),
            None => self.configs.active(name).await?,
        };
        let stored = config.as_ref().map(|version| (version.config_id.clone(), version.config_data.clone()));
        let merged = merge(&ConfigSources {
            tradai_yaml: strategy.document.clone(),
            stored,
            model_tags: BTreeMap::new(),
            environment: self.variables.values().clone(),
        })?;
        let shown = merged.redacted();
        let inputs = job_inputs(&shown)?;
        let metadata = StrategyMetadata::of(name, &shown, config.as_ref())?;
        if let Err(error) = self.check_inputs(&strategy, &job_inputs(&merged)?).await {
            // What does not fit is told without what may not be shown.
            self.check_inputs(&strategy, &inputs).await?;
            return Err(error);
        }
        Ok(ResolvedConfig { config, shown, inputs, metadata })
    }

    /// Refuses a file that would leave its strategy unable to run with the config in use. One that is there already is
    /// let be: registering it again changes nothing.
    pub(super) async fn check_active(&self, strategy: &StrategyEntry) -> Result<(), Error> {
        let there = self.source.find(&strategy.name).await?;
        if there.is_some_and(|there| there.source_hash == strategy.source_hash) {
            return Ok(());
        }
        let Some(active) = self.configs.active(&strategy.name).await? else { return Ok(()) };
        let Err(error) = self.check_config(strategy, &active.config_data).await else { return Ok(()) };
        let Error::Request(faults) = error else { return Err(error) };
        let id = &active.config_id;
        let named = faults.into_iter().map(|fault| {
            let reason = format!(
                "does not fit the config in use, {id}: {}; activate one that fits both, or deprecate {id}, first",
                fault.reason
            );
            RequestFault::new("file", reason)
        });
        Err(Error::Request(named.collect()))
    }

    /// Refuses a config that the strategy cannot run with.
    pub(super) async fn check_config(
        &self,
        strategy: &StrategyEntry,
        config: &Map<String, Value>,
    ) -> Result<(), Error> {
        // Origins are not looked at, so that it does not matter what the version is called.
        let id = ConfigId::new(1, &ConfigHash::of(config));
        let merged = merge(&ConfigSources {
            tradai_yaml: strategy.document.clone(),
            stored: Some((id, config.clone())),
            model_tags: BTreeMap::new(),
            environment: self.variables.values().clone(),
        })?;
        let inputs = job_inputs(&merged)?;
        StrategyMetadata::of(&strategy.name, &merged, None)?;
        self.check_inputs(strategy, &inputs).await
    }

    async fn check_inputs(&self, strategy: &StrategyEntry, inputs: &JobInputs) -> Result<(), Error> {
        let faults = self.source.faults(strategy, inputs).await?;
        if faults.is_empty() {
            return Ok(());
        }
        let named = faults.iter().map(|fault| RequestFault::new("config", fault.to_string()));
        Err(Error::Request(named.collect()))
    }
}
