//! What a strategy does, for people and for `--json`.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::declaration::{Declaration, Formula};
use super::file::StrategyHeader;
use super::hooks::{Case, Piece};
use super::parameters::Parameter;
use super::rules::{Rule, RuleSide};
use super::strategy::DeclarativeStrategy;

/// A strategy at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategySummary {
    /// Who it is.
    #[serde(flatten)]
    pub header: StrategyHeader,
    /// `spot` or `futures`.
    pub mode: String,
    /// Its parameters.
    pub parameters: IndexMap<String, Parameter>,
    /// Its indicators.
    pub indicators: Vec<IndicatorSummary>,
    /// When it enters.
    pub entry: Vec<RuleSummary>,
    /// When it exits on a signal.
    pub exit: Vec<RuleSummary>,
    /// Answers to the engine's questions, as written, by hook.
    pub hooks: IndexMap<String, Vec<String>>,
    /// Other candles it needs, such as `@1h`.
    pub informative: Vec<String>,
    /// Candles before the first one on which all values are there.
    pub startup_candles_needed: usize,
    /// The settings it brings along.
    pub settings: Map<String, Json>,
}

/// An indicator at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndicatorSummary {
    /// Its name.
    pub name: String,
    /// How it is computed: `ema(timeperiod=12)`, or an expression.
    pub formula: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The candles it is computed on, such as `@1h`; empty for those of whoever asks.
    pub series: String,
    /// Candles before its first value.
    pub lookback: usize,
    /// Whether a rule or hook rests on it; it is not computed otherwise.
    pub used: bool,
}

/// A rule at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// Direction.
    pub side: RuleSide,
    /// The condition as written.
    pub when: String,
    /// The tag; empty when it has none.
    pub tag: String,
}

impl DeclarativeStrategy {
    /// Returns the strategy at a glance.
    #[must_use]
    pub fn summary(&self) -> StrategySummary {
        let indicators = self.source.declarations.iter().zip(&self.plan.lookbacks);
        let mode = self.settings.get("trading_mode").and_then(Json::as_str).unwrap_or("spot");
        StrategySummary {
            header: self.file.strategy.clone(),
            mode: mode.to_owned(),
            parameters: (*self.parameters).clone(),
            indicators: indicators
                .map(|((name, declaration), &lookback)| IndicatorSummary {
                    used: self.plan.used.contains(name),
                    lookback,
                    ..indicator(name, declaration)
                })
                .collect(),
            entry: self.source.entry.iter().map(rule).collect(),
            exit: self.source.exit.iter().map(rule).collect(),
            hooks: self
                .source
                .hooks
                .iter()
                .map(|hook| (hook.hook.as_str().to_owned(), hook.cases.iter().map(case).collect()))
                .collect(),
            informative: self.plan.informative.iter().map(ToString::to_string).collect(),
            startup_candles_needed: self.lookback(),
            settings: (*self.settings).clone(),
        }
    }
}

fn indicator(name: &str, declaration: &Declaration) -> IndicatorSummary {
    let (formula, outputs): (String, &[&str]) = match &declaration.formula {
        Formula::Broken => (String::new(), &[]),
        Formula::Expression(located) => (located.text.clone(), &[]),
        Formula::Indicator { spec, params, source } => {
            let mut arguments: Vec<String> = source.iter().map(|source| source.text.clone()).collect();
            for (param, given) in spec.params.iter().zip(params) {
                let value = given.as_ref().map_or_else(|| param.default.to_string(), |g| g.text.clone());
                arguments.push(format!("{}={value}", param.name));
            }
            (format!("{}({})", spec.name, arguments.join(", ")), spec.outputs)
        }
    };
    let columns = match outputs {
        [] | [_] => vec![name.to_owned()],
        outputs => outputs.iter().map(|output| format!("{name}.{output}")).collect(),
    };
    let series = declaration.series.to_string();
    IndicatorSummary { name: name.to_owned(), formula, columns, series, lookback: 0, used: false }
}

fn rule(rule: &Rule) -> RuleSummary {
    RuleSummary { side: rule.side, when: rule.when.text.clone(), tag: rule.tag.clone() }
}

fn case(case: &Case) -> String {
    let tag: String = case
        .tag
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Expression(located) => format!("{{{}}}", located.text),
        })
        .collect();
    let mut words: Vec<String> = case.value.iter().map(|value| value.text.clone()).collect();
    if !tag.is_empty() {
        words.push(format!("\"{tag}\""));
    }
    if let Some(when) = &case.when {
        words.push(format!("when {}", when.text));
    }
    words.join(" ")
}
