//! Whether a job can run, before it is taken in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tradai_domain::StrategyName;
use tradai_domain::configs::{ConfigId, ConfigVersion};

use super::entry::StrategyEntry;
use super::service::Strategies;
use super::source::InputFault;
use crate::configs::{ConfigSources, JobInputs, job_inputs, merge};
use crate::{Error, RequestFault};

/// Settings that say what a job tests. No other is handed out: the environment may have brought secrets in.
const SUBJECT: [&str; 3] = ["timeframe", "timerange", "pair_whitelist"];

/// What a job asks of a strategy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobAsk {
    /// The version that the strategy is to have.
    pub strategy_version: Option<String>,
    /// The config version to use; the active one without.
    pub config_id: Option<ConfigId>,
    /// All that the request says, as settings.
    pub settings: Map<String, Value>,
    /// Values of parameters, as texts.
    pub parameters: BTreeMap<String, String>,
}

/// What a job comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobCheck {
    /// Everything that keeps it from running, by the fields of a request.
    pub faults: Vec<RequestFault>,
    /// What the strategy's own settings, its config and the request come to: which pairs, timeframe and range.
    pub settings: Map<String, Value>,
}

impl Strategies {
    /// Says what keeps a strategy from running as a job asks for. Nothing is stored, and what is found is so at this
    /// moment only.
    ///
    /// # Errors
    /// [`Error::NoSuchStrategy`]; [`Error::Port`]. What keeps the job from running is no error.
    pub async fn check_job(&self, name: &StrategyName, ask: &JobAsk) -> Result<JobCheck, Error> {
        let strategy = self.entry(name).await?;
        let mut faults = Vec::new();
        if let Some(asked) = ask.strategy_version.as_ref().filter(|asked| **asked != strategy.version) {
            let reason = format!("there is no {asked} of {name}; there is {}", strategy.version);
            faults.push(RequestFault::new("strategy_version", reason));
        }
        let mut inputs = match self.config_of_job(name, ask.config_id.as_ref(), &mut faults).await? {
            Some(config) => self.configured(&strategy, config, &mut faults).await?,
            // Which values are meant is not known, so those of the request are looked at alone.
            None => JobInputs::default(),
        };
        inputs.settings.extend(ask.settings.clone());
        inputs.parameters.extend(ask.parameters.clone());
        let found = self.source.faults(&strategy, &inputs).await?;
        faults.extend(found.into_iter().map(|fault| of_request(fault, ask)));
        let mut settings = strategy.settings;
        settings.extend(inputs.settings);
        settings.retain(|name, _| SUBJECT.contains(&name.as_str()));
        Ok(JobCheck { faults, settings })
    }

    /// Returns the config version that a job takes, if any is; `None` when it names one that is not there.
    async fn config_of_job(
        &self,
        name: &StrategyName,
        id: Option<&ConfigId>,
        faults: &mut Vec<RequestFault>,
    ) -> Result<Option<Option<ConfigVersion>>, Error> {
        let Some(id) = id else { return Ok(Some(self.configs.active(name).await?)) };
        match self.configs.get(name, id).await {
            Ok(config) => Ok(Some(Some(config))),
            Err(error @ Error::NoSuchConfig { .. }) => {
                let reason =
                    format!("{error}; GET /api/v1/strategies/{name}/configs lists those that there are");
                faults.push(RequestFault::new("config_id", reason));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns what a job takes of a config, and notes why it cannot be read.
    async fn configured(
        &self,
        strategy: &StrategyEntry,
        config: Option<ConfigVersion>,
        faults: &mut Vec<RequestFault>,
    ) -> Result<JobInputs, Error> {
        let stored = config.map(|version| (version.config_id, version.config_data));
        let which =
            stored.as_ref().map_or("the strategy's file".to_owned(), |(id, _)| format!("config {id}"));
        let merged = merge(&ConfigSources {
            tradai_yaml: strategy.document.clone(),
            stored,
            model_tags: BTreeMap::new(),
            environment: self.variables.values().clone(),
        });
        // What is wrong with a value is told with the value, to everybody who may look.
        match merged.and_then(|merged| job_inputs(&merged.redacted())) {
            Ok(inputs) => Ok(inputs),
            Err(Error::Request(found)) => {
                let named = found.into_iter().map(|fault| format!("{which} does not fit: {}", fault.reason));
                faults.extend(named.map(|reason| RequestFault::new("config_id", reason)));
                Ok(JobInputs::default())
            }
            Err(error) => Err(error),
        }
    }
}

/// Names a fault by the field of the request that it is in; what the request does not say is the config's.
fn of_request(fault: InputFault, ask: &JobAsk) -> RequestFault {
    let InputFault { section, key, message } = fault;
    let first = key.split('.').next().unwrap_or_default();
    match section {
        "settings" if ask.settings.contains_key(first) => RequestFault::at(section, key, message),
        "parameters" if key.is_empty() => RequestFault::new(section, message),
        "parameters" if ask.parameters.contains_key(first) => RequestFault::at(section, key, message),
        section => RequestFault::new("config_id", format!("with this config {section}.{key}: {message}")),
    }
}
