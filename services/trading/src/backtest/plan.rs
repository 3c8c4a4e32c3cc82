//! What a job comes to: strategy, config version, settings, market rules, candles.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::{info, warn};
use tradai_control_plane::configs::{ConfigSources, JobInputs, job_inputs, merge};
use tradai_control_plane::jobs::request_settings;
use tradai_domain::configs::{ConfigId, ConfigVersion};
use tradai_domain::jobs::{BacktestConfig, PinnedConfig};
use tradai_domain::{Clock, IdSource, Millis, StrategyName};
use tradai_engine::{PrepareError, Progress};
use tradai_platform::wiring::Wiring;
use tradai_runner::backtest::{self, BacktestRequest, Finished};
use tradai_runner::read_rules;
use tradai_runner::strategies::{self, Located};
use tradai_timeseries::{CandleStore, Location};

use crate::{Error, TradingSettings};

/// A backtest that can be run.
pub(super) struct Plan {
    request: BacktestRequest,
    strategy_version: Option<String>,
    candles: Location,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Plan {
    /// Resolves what a job was asked to do. Blocks for as long as it takes to read a few small files.
    pub(super) fn new(
        settings: &TradingSettings,
        wiring: &Wiring,
        stored: Option<ConfigVersion>,
        created_at: Millis,
    ) -> Result<Self, Error> {
        let config = settings.config()?;
        let located = locate(settings, &config.strategy)?;
        let strategy_version = check_version(&config, &located)?;
        let config_id = stored.as_ref().map(|version| version.config_id.clone());
        let JobInputs { settings: configured, mut parameters } = configured(settings, &located, stored)?;
        parameters.extend(config.parameters.clone());
        let (strategy, source) = located.with_parameters(parameters)?;
        let whole = &settings.candles;
        let request = BacktestRequest {
            job_id: settings.job_id,
            created_at,
            layers: layers(&config, configured, &strategy.settings()),
            strategy,
            source,
            rules: read_rules(&settings.state.data_dir, None, None)?,
            data: Vec::new(),
            config_id,
            exchange: config.exchange.clone(),
        };
        let candles = config.exchange.map_or(whole.clone(), |exchange| whole.of_exchange(&exchange));
        Ok(Self { request, strategy_version, candles, clock: wiring.clock.clone(), ids: wiring.ids.clone() })
    }

    /// Returns the strategy's version, if it has one.
    pub(super) fn strategy_version(&self) -> Option<&str> {
        self.strategy_version.as_deref()
    }

    /// Runs it. Blocks for as long as it takes.
    pub(super) fn run(&self, progress: &dyn Progress) -> Result<Finished, Error> {
        let store = CandleStore::open_location(&self.candles, self.clock.clone(), self.ids.clone())?;
        match backtest::run(&self.request, &store, progress) {
            Err(tradai_runner::Error::Stopped) => Err(Error::Stopped),
            Err(tradai_runner::Error::Prepare(PrepareError::NoCandles { key, range })) => {
                Err(match &self.request.exchange {
                    Some(exchange) => Error::NotCollected { exchange: exchange.clone(), key, range },
                    None => tradai_runner::Error::from(PrepareError::NoCandles { key, range }).into(),
                })
            }
            done => Ok(done?),
        }
    }
}

/// Finds the strategy by its name: of the folder, or else of those that ship.
fn locate(settings: &TradingSettings, name: &StrategyName) -> Result<Located, Error> {
    let folder = settings.strategies();
    let (registry, broken) = match &folder {
        Some(folder) => strategies::registry(Some(folder))?,
        None => (tradai_strategy::Registry::bundled(), Vec::new()),
    };
    for error in broken {
        warn!(%error, "a file holds no strategy: {error}");
    }
    Ok(strategies::locate(&registry, name.as_str())?)
}

/// Returns the version of the strategy, which is the one that was asked for if one was.
fn check_version(config: &BacktestConfig, located: &Located) -> Result<Option<String>, Error> {
    let version = match located {
        Located::Declarative { strategy, .. } => Some(strategy.file().strategy.version.clone()),
        Located::Native { .. } => None,
    };
    match &config.strategy_version {
        Some(asked) if version.as_ref() != Some(asked) => Err(Error::OtherVersion {
            strategy: config.strategy.clone(),
            asked: asked.clone(),
            there: version.map_or("it has none".to_owned(), |version| format!("there is {version}")),
        }),
        _ => Ok(version),
    }
}

/// Returns the stored config that the job runs with: the version that was settled for it, or else the one that is asked
/// for, or else the active one, if any is.
pub(super) async fn stored_config(
    config: &BacktestConfig,
    pinned: Option<&PinnedConfig>,
    wiring: &Wiring,
) -> Result<Option<ConfigVersion>, Error> {
    let strategy = &config.strategy;
    let config_id = match pinned {
        Some(PinnedConfig::None) => return Ok(None),
        Some(PinnedConfig::Version { config_id, .. }) => Some(config_id),
        None => config.config_id.as_ref(),
    };
    let Some(config_id) = config_id else { return Ok(wiring.configs.active(strategy).await?) };
    let missing = || Error::NoSuchConfig { strategy: strategy.clone(), config_id: config_id.clone() };
    let version = wiring.configs.get(strategy, config_id).await?.ok_or_else(missing)?;
    if pinned.is_some_and(|pinned| *pinned != PinnedConfig::of(Some(&version))) {
        return Err(Error::OtherConfig { strategy: strategy.clone(), config_id: config_id.clone() });
    }
    Ok(Some(version))
}

/// Returns what the strategy's file, its stored config and the environment come to.
fn configured(
    settings: &TradingSettings,
    located: &Located,
    stored: Option<ConfigVersion>,
) -> Result<JobInputs, Error> {
    let tradai_yaml = match located {
        Located::Declarative { strategy, .. } => strategy.file().document(),
        Located::Native { .. } => Map::new(),
    };
    if let Some(version) = &stored {
        info!(config_id = %version.config_id, "config version {} is used", version.config_id);
    }
    let sources = ConfigSources {
        tradai_yaml,
        stored: stored
            .map(|version: ConfigVersion| -> (ConfigId, _) { (version.config_id, version.config_data) }),
        model_tags: BTreeMap::new(),
        environment: settings.variables.values().clone(),
    };
    Ok(job_inputs(&merge(&sources)?)?)
}

/// Returns the layers on top of the strategy's own settings: what its config says otherwise, then the request.
fn layers(
    config: &BacktestConfig,
    mut configured: Map<String, Value>,
    own: &Map<String, Value>,
) -> Vec<Map<String, Value>> {
    let request = request_settings(config);
    configured.retain(|key, value| own.get(key) != Some(value) && !request.contains_key(key));
    [configured, request].into_iter().filter(|layer| !layer.is_empty()).collect()
}
