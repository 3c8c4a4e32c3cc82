//! Strategies as clients see them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use tradai_control_plane::strategies::{
    BrokenFile, Catalogued, FileFault, RuleView, StrategyEntry, StrategyIndicator, StrategyParameter,
};
use tradai_domain::configs::ConfigVersion;
use tradai_service::utoipa::{self, ToSchema};

use super::parse::date;

/// A strategy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StrategyBody {
    #[schema(example = "EmaCross")]
    name: String,
    version: String,
    category: Option<String>,
    /// One line.
    summary: Option<String>,
    /// Candle length.
    #[schema(example = "5m")]
    timeframe: &'static str,
    /// `spot` or `futures`.
    trading_mode: String,
    /// Whether it sells short.
    can_short: bool,
    /// Candles that must be there before the first one that it decides on.
    startup_candles: usize,
    /// `bundled` or `folder`.
    origin: &'static str,
    /// Its file, in the folder it is in.
    file: String,
    /// Hash of the file's text; its `ETag`.
    source_hash: String,
    parameters: Vec<ParameterBody>,
    indicators: Vec<IndicatorBody>,
    /// What works but is likely not meant.
    warnings: Vec<FaultBody>,
    /// The config version in use; `null` when none is.
    active_config: Option<ActiveConfigBody>,
}

/// A strategy, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StrategyDetail {
    #[serde(flatten)]
    strategy: StrategyBody,
    entry: Vec<RuleBody>,
    exit: Vec<RuleBody>,
    /// Answers to the engine's questions, as written, by hook.
    hooks: BTreeMap<String, Vec<String>>,
    /// Other candles it needs, such as `@1h`.
    informative: Vec<String>,
    /// The settings it brings along, by Freqtrade's names.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// The text of its file.
    text: String,
}

/// Something that can be tuned.
#[derive(Debug, Serialize, ToSchema)]
struct ParameterBody {
    name: String,
    /// `int`, `decimal`, `bool` or `categorical`.
    #[serde(rename = "type")]
    kind: &'static str,
    #[schema(value_type = Value)]
    default: Value,
    /// Smallest value, of numbers.
    low: Option<f64>,
    /// Largest value, of numbers.
    high: Option<f64>,
    /// Digits after the point that an optimisation tries.
    decimals: Option<u32>,
    /// The values there are, of a categorical one.
    #[schema(value_type = Vec<Value>)]
    options: Vec<Value>,
    /// The space it is searched with.
    #[schema(example = "buy")]
    space: String,
    /// Whether an optimisation varies it.
    optimize: bool,
}

/// Something that is computed.
#[derive(Debug, Serialize, ToSchema)]
struct IndicatorBody {
    name: String,
    #[schema(example = "ema(timeperiod=12)")]
    formula: String,
    columns: Vec<String>,
    /// The candles it is computed on, such as `@1h`; empty for the strategy's own.
    series: String,
    /// Candles before its first value.
    lookback: usize,
    /// Whether a rule or hook rests on it.
    used: bool,
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
struct RuleBody {
    /// `long` or `short`.
    side: &'static str,
    when: String,
    tag: String,
}

/// One thing wrong with a file, or not meant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FaultBody {
    /// Line, from 1; 0 when it is about the file as a whole.
    line: usize,
    /// Column, from 1; 0 when it is about the file as a whole.
    column: usize,
    #[schema(example = "signals.entry[0].when")]
    key: String,
    /// What is wrong and what is allowed.
    message: String,
    /// For an expression: its text with the place marked below.
    snippet: Option<String>,
}

/// A file that holds no strategy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BrokenBody {
    file: String,
    faults: Vec<FaultBody>,
}

/// The config version in use.
#[derive(Debug, Serialize, ToSchema)]
struct ActiveConfigBody {
    #[schema(example = "v3-0f1e2d3c")]
    config_id: String,
    version_number: u32,
    deployed_at: Option<String>,
}

impl StrategyBody {
    pub(super) fn of(found: Catalogued) -> Self {
        let Catalogued { strategy, active } = found;
        Self {
            name: strategy.name.to_string(),
            version: strategy.version,
            category: strategy.category,
            summary: strategy.summary,
            timeframe: strategy.timeframe.as_str(),
            trading_mode: strategy.trading_mode,
            can_short: strategy.can_short,
            startup_candles: strategy.startup_candles,
            origin: strategy.origin.as_str(),
            file: strategy.file,
            source_hash: strategy.source_hash,
            parameters: strategy.parameters.into_iter().map(ParameterBody::of).collect(),
            indicators: strategy.indicators.into_iter().map(IndicatorBody::of).collect(),
            warnings: strategy.warnings.into_iter().map(FaultBody::of).collect(),
            active_config: active.as_ref().map(ActiveConfigBody::of),
        }
    }
}

impl StrategyDetail {
    pub(super) fn of(found: Catalogued) -> Self {
        let StrategyEntry { rules, informative, settings, text, .. } = found.strategy.clone();
        Self {
            strategy: StrategyBody::of(found),
            entry: rules.entry.into_iter().map(RuleBody::of).collect(),
            exit: rules.exit.into_iter().map(RuleBody::of).collect(),
            hooks: rules.hooks,
            informative,
            settings,
            text,
        }
    }
}

impl ParameterBody {
    fn of(parameter: StrategyParameter) -> Self {
        let StrategyParameter { name, kind, default, range, decimals, options, space, optimize } = parameter;
        let (low, high) = range.unzip();
        Self { name, kind, default, low, high, decimals, options, space, optimize }
    }
}

impl IndicatorBody {
    fn of(indicator: StrategyIndicator) -> Self {
        let StrategyIndicator { name, formula, columns, series, lookback, used } = indicator;
        Self { name, formula, columns, series, lookback, used }
    }
}

impl RuleBody {
    fn of(rule: RuleView) -> Self {
        let RuleView { side, when, tag } = rule;
        Self { side, when, tag }
    }
}

impl FaultBody {
    pub(super) fn of(fault: FileFault) -> Self {
        let FileFault { line, column, key, message, snippet } = fault;
        Self { line, column, key, message, snippet }
    }
}

impl BrokenBody {
    pub(super) fn of(broken: BrokenFile) -> Self {
        let BrokenFile { file, faults } = broken;
        Self { file, faults: faults.into_iter().map(FaultBody::of).collect() }
    }
}

impl ActiveConfigBody {
    fn of(version: &ConfigVersion) -> Self {
        Self {
            config_id: version.config_id.to_string(),
            version_number: version.version_number,
            deployed_at: version.deployed_at.map(date),
        }
    }
}
