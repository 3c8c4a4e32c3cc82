//! What a job ran on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tradai_domain::JobId;
use tradai_domain::configs::ConfigId;
use tradai_domain::ports::ExchangeKey;
use tradai_strategy::Settings;

use super::{BacktestRequest, DataVersion};
use crate::market_rules::{CompleteRules, StoredRules};

/// Version of the manifest's own layout.
const FORMAT: u32 = 1;

/// Where a strategy came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StrategySource {
    /// A declarative strategy: its whole text.
    Declarative {
        /// Name of the file or bundled strategy it was read from.
        file: String,
        /// The text.
        text: String,
        /// Parameters that differ from their defaults.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    },
    /// A strategy in Rust, registered under a name.
    Native {
        /// The name.
        name: String,
    },
}

/// All that is needed to run a job again and to compare the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of this file.
    pub format: u32,
    /// The job.
    pub job_id: JobId,
    /// When it was asked for, in milliseconds.
    pub created_at: i64,
    /// Name of the strategy.
    pub strategy: String,
    /// Where it came from.
    pub source: StrategySource,
    /// Settings on top of the strategy's own, weakest first.
    pub layers: Vec<Map<String, Value>>,
    /// Hash of the effective settings and the strategy.
    pub config_hash: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Commit that the program was built from; empty when not built from a repository.
    pub git_commit: String,
    /// Seed of random numbers; backtests use none.
    pub seed: Option<u64>,
    /// Exchange whose collected candles were read; absent for candles that were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeKey>,
    /// The stored config version that the layers hold; absent when they hold none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_id: Option<ConfigId>,
    /// Candles that were read.
    pub data: Vec<DataVersion>,
    /// Market rules that counted.
    pub rules: StoredRules,
    /// Hash (BLAKE3) of every other file in the folder.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn new(
        request: &BacktestRequest,
        settings: &Settings,
        rules: &CompleteRules,
        data: Vec<DataVersion>,
    ) -> Self {
        let mut layers = request.layers.clone();
        let pairs = super::whitelist(&settings.pair_whitelist);
        if layers.last() != Some(&pairs) {
            layers.push(pairs);
        }
        Self {
            format: FORMAT,
            job_id: request.job_id,
            created_at: request.created_at,
            strategy: request.strategy.name().to_owned(),
            config_hash: config_hash(&request.source, settings),
            source: request.source.clone(),
            layers,
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            git_commit: crate::GIT_COMMIT.to_owned(),
            seed: None,
            exchange: request.exchange.clone(),
            config_id: request.config_id.clone(),
            data,
            rules: StoredRules::from(rules),
            files: BTreeMap::new(),
        }
    }

    /// Returns whether any candle was made up.
    #[must_use]
    pub fn synthetic(&self) -> bool {
        self.data.iter().any(|data| data.synthetic)
    }

    /// Returns whether this program can read the manifest's layout.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.format == FORMAT
    }
}

/// Hash of what decides a result besides candles and rules. Where the strategy's file lies does not.
fn config_hash(source: &StrategySource, settings: &Settings) -> String {
    let source = match source {
        StrategySource::Declarative { text, parameters, .. } => {
            json!({"text": text, "parameters": parameters})
        }
        StrategySource::Native { name } => json!({"name": name}),
    };
    let text = serde_json::to_string(&(source, settings.as_given())).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
