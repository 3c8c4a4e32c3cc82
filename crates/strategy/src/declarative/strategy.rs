//! A declared strategy: reading it, and giving its parameters other values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::declaration::Declaration;
use super::error::{DeclarativeError, Fault};
use super::file::StrategyFile;
use super::parameters::{Parameter, ParameterValue};
use super::plan::{Plan, Source};
use super::rules::RuleSide;
use super::section::{Faults, Section};
use super::settings::FileSettings;
use super::yaml::{Node, Value};
use super::{declaration, hooks, names, parameters, rules, settings, yaml};
use crate::expression::did_you_mean;

/// Most parameters, indicators, rules and cases of a hook: far more than anyone can reason about.
const MAX_DECLARATIONS: usize = 500;

/// A strategy declared in a file.
#[derive(Debug, Clone)]
pub struct DeclarativeStrategy {
    pub(super) file: Arc<StrategyFile>,
    path: PathBuf,
    pub(super) source: Arc<Source>,
    pub(super) parameters: Arc<IndexMap<String, Parameter>>,
    pub(super) values: IndexMap<String, ParameterValue>,
    pub(super) settings: Arc<Map<String, Json>>,
    pub(super) plan: Arc<Plan>,
    warnings: Arc<Vec<Fault>>,
}

/// A parameter cannot have a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// There is no such parameter.
    #[error("{strategy} has no parameter `{name}`{hint}; there are {known}")]
    Unknown {
        /// The strategy.
        strategy: String,
        /// The name asked for.
        name: String,
        /// A suggestion, or nothing.
        hint: String,
        /// The names there are.
        known: String,
    },
    /// The value is outside of the parameter's range.
    #[error("parameter `{name}` {fault}")]
    Value {
        /// The parameter.
        name: String,
        /// What it is and what is allowed.
        fault: String,
    },
    /// The values do not make a strategy, such as a period that an indicator refuses.
    #[error(transparent)]
    Strategy(DeclarativeError),
}

impl DeclarativeStrategy {
    /// Reads a strategy from the text of a file; `file` is its name in errors.
    ///
    /// ```
    /// use std::path::Path;
    /// use tradai_strategy::{DeclarativeStrategy, Strategy};
    ///
    /// let text = "
    /// strategy: {name: Dip, timeframe: 5m}
    /// signals:
    ///   indicators: {rsi: {indicator: rsi, timeperiod: 14}}
    ///   entry: [{when: 'rsi < 30', tag: dip}]
    /// ";
    /// let strategy = DeclarativeStrategy::from_yaml(text, Path::new("tradai.yaml")).unwrap();
    /// assert_eq!(strategy.name(), "Dip");
    ///
    /// let error = DeclarativeStrategy::from_yaml(&text.replace("rsi <", "rsj <"), Path::new("tradai.yaml"));
    /// let text = error.unwrap_err().to_string();
    /// assert!(text.starts_with("tradai.yaml:5: signals.entry[0].when: there is no `rsj`; did you mean `rsi`?"));
    /// ```
    ///
    /// # Errors
    /// [`DeclarativeError`] with every fault of the file.
    pub fn from_yaml(text: &str, file: &Path) -> Result<Self, DeclarativeError> {
        let root = yaml::parse(text).map_err(|fault| DeclarativeError::new(file, vec![fault]))?;
        let mut faults = Faults::new();
        let parsed = StrategyFile::read(root, &mut faults);
        match parsed.and_then(|parsed| Self::read(parsed, file, &mut faults)) {
            Some(strategy) if faults.is_empty() => Ok(strategy),
            _ => Err(DeclarativeError::new(file, faults)),
        }
    }

    fn read(file: StrategyFile, path: &Path, faults: &mut Faults) -> Option<Self> {
        let top = Section::open(&file.root, "", faults)?;
        let Some(signals) = top.section("signals", faults) else {
            if top.find("signals").is_none() {
                top.missing("signals", "it holds indicators, entry and exit rules", faults);
            }
            return None;
        };
        if has_too_many(&file, &signals, faults) {
            return None;
        }
        let parameters = declared_parameters(&signals, faults);
        let source = source(&file, &signals, &parameters, faults);
        let settings = settings::read(&file, &source.hooks, faults);
        settings.check(faults);
        let values: IndexMap<String, ParameterValue> =
            parameters.iter().map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect();
        // Faults of the plan would only echo those of single declarations.
        let (plan, plan_faults) = Plan::compile(&source, &values);
        faults.extend(plan_faults);
        let warnings = warnings(&source, &parameters, &plan, &settings, &signals);
        Some(Self {
            settings: Arc::new(complete(settings, &plan)),
            path: path.to_owned(),
            source: Arc::new(source),
            parameters: Arc::new(parameters),
            values,
            plan: Arc::new(plan),
            warnings: Arc::new(warnings),
            file: Arc::new(file),
        })
    }

    /// Returns the strategy with other values for some of its parameters.
    ///
    /// # Errors
    /// [`ParameterError`] for an unknown name, a value out of range, and values that an indicator refuses.
    pub fn with_parameters(&self, values: &BTreeMap<String, ParameterValue>) -> Result<Self, ParameterError> {
        let mut all = self.values.clone();
        for (name, value) in values {
            let Some(parameter) = self.parameters.get(name) else {
                let names: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
                return Err(ParameterError::Unknown {
                    strategy: self.file.strategy.name.clone(),
                    name: name.clone(),
                    hint: did_you_mean(name, names.iter().copied()),
                    known: if names.is_empty() { "none".to_owned() } else { names.join(", ") },
                });
            };
            if let Some(fault) = parameter.fault(value) {
                return Err(ParameterError::Value { name: name.clone(), fault });
            }
            all.insert(name.clone(), value.clone());
        }
        let (plan, faults) = Plan::compile(&self.source, &all);
        if !faults.is_empty() {
            return Err(ParameterError::Strategy(DeclarativeError::new(&self.path, faults)));
        }
        Ok(Self { values: all, plan: Arc::new(plan), ..self.clone() })
    }

    /// Returns the parameters by name, in the order of the file.
    #[must_use]
    pub fn parameters(&self) -> &IndexMap<String, Parameter> {
        &self.parameters
    }

    /// Returns the values that the parameters have.
    #[must_use]
    pub fn parameter_values(&self) -> &IndexMap<String, ParameterValue> {
        &self.values
    }

    /// Returns the parts of the file that services read.
    #[must_use]
    pub fn file(&self) -> &StrategyFile {
        &self.file
    }

    /// Returns what the file was called.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what works but is likely not meant.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Returns how many candles must pass before every rule and hook can have its values: the least that
    /// `startup_candle_count` should be. Averages with a memory (EMA, RSI, ATR) settle later than that.
    #[must_use]
    pub fn lookback(&self) -> usize {
        self.plan.lookback
    }
}

fn declared_parameters(signals: &Section<'_>, faults: &mut Faults) -> IndexMap<String, Parameter> {
    let Some(section) = signals.section("parameters", faults) else { return IndexMap::new() };
    for (name, place, _) in section.entries() {
        names::check_name(name, place, &section.key(name), faults);
    }
    parameters::read(&section, faults)
}

fn source(
    file: &StrategyFile,
    signals: &Section<'_>,
    parameters: &IndexMap<String, Parameter>,
    faults: &mut Faults,
) -> Source {
    signals.allow(&["parameters", "indicators", "entry", "exit"], faults);
    let mut declarations = IndexMap::new();
    if let Some(section) = signals.section("indicators", faults) {
        for (name, place, _) in section.entries() {
            let key = section.key(name);
            names::check_name(name, place, &key, faults);
            if parameters.contains_key(name) {
                faults.push(Fault::new(place, &key, "is a parameter already; choose another name"));
            }
        }
        declarations = declaration::read(&section, faults);
    }
    // A parameter that could not be read is reported once, not wherever it is used.
    let parameter_nodes = signals.find("parameters").and_then(|node| node.entries()).unwrap_or_default();
    for entry in parameter_nodes.iter().filter(|entry| !parameters.contains_key(&entry.key)) {
        declarations.entry(entry.key.clone()).or_insert_with(|| Declaration::broken(entry.place));
    }
    let hooks = file.root.find("hooks").filter(|node| !node.is_null());
    let hooks = hooks.and_then(|node| Section::open(node, "hooks", faults));
    Source {
        timeframe: file.strategy.timeframe,
        declarations,
        entry: rules::read(signals.find("entry"), "signals.entry", faults),
        exit: rules::read(signals.find("exit"), "signals.exit", faults),
        hooks: hooks.map(|section| hooks::read(&section, faults)).unwrap_or_default(),
    }
}

/// Whether a section has more entries than are looked at; what they are is not reported then.
fn has_too_many(file: &StrategyFile, signals: &Section<'_>, faults: &mut Faults) -> bool {
    let before = faults.len();
    let mut check = |key: String, node: &Node| {
        let size = match &node.value {
            Value::Map(entries) => entries.len(),
            Value::List(items) => items.len(),
            Value::Scalar { .. } => 0,
        };
        if size > MAX_DECLARATIONS {
            let message = format!("has {size} entries; at most {MAX_DECLARATIONS} are allowed");
            faults.push(Fault::new(node.place, &key, message));
        }
    };
    for (name, _, node) in signals.entries() {
        check(signals.key(name), node);
    }
    for entry in file.root.find("hooks").and_then(Node::entries).unwrap_or_default() {
        check(format!("hooks.{}", entry.key), &entry.node);
    }
    faults.len() > before
}

/// Without a `startup_candle_count`, the longest lookback is taken.
fn complete(settings: FileSettings, plan: &Plan) -> Map<String, Json> {
    let mut map = settings.map;
    map.entry("startup_candle_count").or_insert_with(|| plan.lookback.into());
    map
}

fn warnings(
    source: &Source,
    parameters: &IndexMap<String, Parameter>,
    plan: &Plan,
    settings: &FileSettings,
    signals: &Section<'_>,
) -> Vec<Fault> {
    let mut warnings = Vec::new();
    for (name, declaration) in &source.declarations {
        if !plan.used.contains(name) {
            let message = "no rule or hook rests on it, so it is not computed";
            warnings.push(Fault::new(declaration.place, &format!("signals.indicators.{name}"), message));
        }
    }
    for name in parameters.keys().filter(|name| !plan.used.contains(*name)) {
        let place = signals.find("parameters").and_then(|node| node.find(name)).map(|node| node.place);
        let message = "no rule or hook rests on it";
        warnings.push(Fault::new(place.unwrap_or_default(), &format!("signals.parameters.{name}"), message));
    }
    if source.entry.is_empty() {
        warnings.push(Fault::new(signals.place(), "signals.entry", "has no rule: nothing is ever bought"));
    }
    let mut setting = |key: &str, message: String| warnings.push(settings.fault(key, message));
    if let Some(count) = settings.number("startup_candle_count").filter(|&count| count < plan.lookback as f64)
    {
        let message = format!("is {count}, but the rules look back over {} candles", plan.lookback);
        setting("startup_candle_count", message);
    }
    let shorts = source.entry.iter().any(|rule| rule.side == RuleSide::Short);
    if shorts && settings.map.get("can_short") != Some(&Json::Bool(true)) {
        setting("can_short", "is not true, so that the short rules have no effect".to_owned());
    }
    for hook in &source.hooks {
        let Some(switch) = hook.hook.switch() else { continue };
        if settings.map.get(switch) == Some(&Json::Bool(false)) {
            setting(switch, format!("is false, so that hooks.{} is never asked", hook.hook.as_str()));
        }
    }
    warnings
}
