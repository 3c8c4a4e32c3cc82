//! What the catalogue shows of a declared strategy.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use tradai_control_plane::configs::JobInputs;
use tradai_control_plane::strategies::{
    FileFault, InputFault, ReadFile, RuleView, StrategyEntry, StrategyIndicator, StrategyOrigin,
    StrategyParameter, StrategyRules,
};
use tradai_strategy::declarative::{
    Fault, IndicatorSummary, Parameter, ParameterKind, RuleSide, RuleSummary, StrategyFile, StrategySummary,
};
use tradai_strategy::settings::SettingFault;
use tradai_strategy::{DeclarativeStrategy, ParameterValue, Settings, Strategy};

/// Reads the text of a file.
pub(super) fn read(text: &str, file: &str, origin: StrategyOrigin) -> Result<ReadFile, Vec<FileFault>> {
    let path = Path::new(file);
    // A file without `signals` describes a strategy that lives elsewhere; there are no rules to check.
    if let Ok(parsed) = StrategyFile::parse(text, path)
        && !parsed.is_declarative()
        && parsed.strategy.entry_point != "declarative"
    {
        let document = parsed.document();
        let (name, entry_point) = (parsed.strategy.name, parsed.strategy.entry_point);
        return Ok(ReadFile::Elsewhere { name, entry_point, document });
    }
    let strategy = DeclarativeStrategy::from_yaml(text, path)
        .map_err(|error| error.faults.into_iter().map(file_fault).collect::<Vec<_>>())?;
    entry(&strategy, text, file, origin).map(|entry| ReadFile::Strategy(Box::new(entry)))
}

/// Returns everything that keeps a strategy from running with these settings and parameters.
pub(super) fn faults(entry: &StrategyEntry, inputs: &JobInputs) -> Vec<InputFault> {
    let parameter =
        |key: &str, message: String| InputFault { section: "parameters", key: key.to_owned(), message };
    let setting =
        |SettingFault { key, message }: SettingFault| InputFault { section: "settings", key, message };
    let strategy = match DeclarativeStrategy::from_yaml(&entry.text, Path::new(&entry.file)) {
        Ok(strategy) => strategy,
        Err(error) => {
            return error.faults.iter().map(|fault| parameter("", fault.message.clone())).collect();
        }
    };
    let mut faults = Vec::new();
    let given = inputs.parameters.iter();
    let values: BTreeMap<String, ParameterValue> =
        given.map(|(name, text)| (name.clone(), ParameterValue::parse(text))).collect();
    // One by one first, so that each wrong value is named; together they may still make no strategy.
    for (name, value) in &values {
        let one = BTreeMap::from([(name.clone(), value.clone())]);
        faults.extend(strategy.with_parameters(&one).err().map(|error| parameter(name, error.to_string())));
    }
    if faults.is_empty() {
        faults.extend(strategy.with_parameters(&values).err().map(|error| parameter("", error.to_string())));
    }
    // A request may still say what neither the file nor the config says.
    let base = Map::from_iter([("stoploss".to_owned(), Value::from(-0.1))]);
    let (own, mut settings) = (strategy.settings(), inputs.settings.clone());
    // Keys that nobody knows are said alone; without them the values of the others are looked at.
    while let Err(error) = Settings::merge(&[&base, &own, &settings]) {
        let left = settings.len();
        for fault in error.faults.into_iter().map(setting) {
            settings.remove(fault.key.split('.').next().unwrap_or_default());
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        if settings.len() == left {
            break;
        }
    }
    faults
}

fn entry(
    strategy: &DeclarativeStrategy,
    text: &str,
    file: &str,
    origin: StrategyOrigin,
) -> Result<StrategyEntry, Vec<FileFault>> {
    let StrategySummary {
        header,
        mode,
        parameters,
        indicators,
        entry,
        exit,
        hooks,
        informative,
        startup_candles_needed,
        settings,
    } = strategy.summary();
    let name = header.name.parse().map_err(|error: tradai_domain::StrategyNameError| {
        vec![FileFault {
            line: 0,
            column: 0,
            key: "strategy.name".to_owned(),
            message: error.to_string(),
            snippet: None,
        }]
    })?;
    let startup = settings.get("startup_candle_count").and_then(Value::as_u64);
    let startup = startup.and_then(|count| usize::try_from(count).ok()).unwrap_or(startup_candles_needed);
    Ok(StrategyEntry {
        name,
        version: header.version,
        category: header.category,
        summary: header.summary,
        timeframe: header.timeframe,
        can_short: mode == "futures" && settings.get("can_short") == Some(&Value::Bool(true)),
        trading_mode: mode,
        startup_candles: startup,
        parameters: parameters
            .into_iter()
            .map(|(name, parameter)| parameter_view(name, &parameter))
            .collect(),
        indicators: indicators.into_iter().map(indicator_view).collect(),
        rules: StrategyRules {
            entry: entry.into_iter().map(rule_view).collect(),
            exit: exit.into_iter().map(rule_view).collect(),
            hooks: hooks.into_iter().collect(),
        },
        informative,
        settings,
        origin,
        file: file.to_owned(),
        text: text.to_owned(),
        source_hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
        document: strategy.file().document(),
        warnings: strategy.warnings().iter().cloned().map(file_fault).collect(),
    })
}

pub(super) fn file_fault(fault: Fault) -> FileFault {
    let Fault { line, column, key, message, snippet } = fault;
    FileFault { line, column, key, message, snippet }
}

fn parameter_view(name: String, parameter: &Parameter) -> StrategyParameter {
    let (kind, range, decimals, options) = match &parameter.kind {
        // Exact: a file's bounds are far below 2^53.
        ParameterKind::Int { low, high } => ("int", Some((*low as f64, *high as f64)), None, Vec::new()),
        ParameterKind::Decimal { low, high, decimals } => {
            ("decimal", Some((*low, *high)), Some(*decimals), Vec::new())
        }
        ParameterKind::Bool => ("bool", None, None, Vec::new()),
        ParameterKind::Categorical { options } => {
            ("categorical", None, None, options.iter().map(value).collect())
        }
    };
    StrategyParameter {
        name,
        kind,
        default: value(&parameter.default),
        range,
        decimals,
        options,
        space: parameter.space.clone(),
        optimize: parameter.optimize,
    }
}

fn value(value: &ParameterValue) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn indicator_view(indicator: IndicatorSummary) -> StrategyIndicator {
    let IndicatorSummary { name, formula, columns, series, lookback, used } = indicator;
    StrategyIndicator { name, formula, columns, series, lookback, used }
}

fn rule_view(rule: RuleSummary) -> RuleView {
    let side = match rule.side {
        RuleSide::Long => "long",
        RuleSide::Short => "short",
    };
    RuleView { side, when: rule.when, tag: rule.tag }
}
