//! `signals.parameters`: numbers and choices that an optimisation may vary.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;

use super::error::Fault;
use super::section::{Faults, Section};
use super::yaml::{Node, Value};

/// A value that a parameter can have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// A number; written without a point when it is whole.
    #[serde(serialize_with = "short_number")]
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// One of some words.
    Text(String),
}

fn short_number<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        // Exact: whole, and far below 2^53.
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}

impl ParameterValue {
    /// Reads what stands on a command line: `20`, `true`, `fast`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match (text.parse::<f64>(), text) {
            (Ok(number), _) if number.is_finite() => Self::Number(number),
            (_, "true") => Self::Bool(true),
            (_, "false") => Self::Bool(false),
            _ => Self::Text(text.to_owned()),
        }
    }
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<f64> for ParameterValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// What values a parameter can have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ParameterKind {
    /// Whole numbers of a range, both ends included.
    Int {
        /// Smallest.
        low: i64,
        /// Largest.
        high: i64,
    },
    /// Numbers of a range, both ends included.
    Decimal {
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
        /// Digits after the point that an optimisation tries.
        decimals: u32,
    },
    /// Yes or no.
    Bool,
    /// One of a list.
    Categorical {
        /// The list.
        options: Vec<ParameterValue>,
    },
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// What values it can have.
    #[serde(flatten)]
    pub kind: ParameterKind,
    /// The value it has when nobody says otherwise.
    pub default: ParameterValue,
    /// The space it is searched with, such as `buy` or `sell`.
    pub space: String,
    /// Whether an optimisation varies it.
    pub optimize: bool,
}

impl Parameter {
    /// Returns what is wrong with a value, if anything.
    #[must_use]
    pub fn fault(&self, value: &ParameterValue) -> Option<String> {
        let fits = match (&self.kind, value) {
            (ParameterKind::Int { low, high }, ParameterValue::Number(number)) => {
                number.fract() == 0.0 && (*low as f64..=*high as f64).contains(number)
            }
            (ParameterKind::Decimal { low, high, .. }, ParameterValue::Number(number)) => {
                (*low..=*high).contains(number)
            }
            (ParameterKind::Bool, ParameterValue::Bool(_)) => true,
            (ParameterKind::Categorical { options }, value) => options.contains(value),
            _ => false,
        };
        (!fits).then(|| format!("is {value}; {}", self.allowed()))
    }

    /// Returns in words what values it can have.
    #[must_use]
    pub fn allowed(&self) -> String {
        match &self.kind {
            ParameterKind::Int { low, high } => format!("a whole number from {low} to {high}"),
            ParameterKind::Decimal { low, high, .. } => format!("a number from {low} to {high}"),
            ParameterKind::Bool => "true or false".to_owned(),
            ParameterKind::Categorical { options } => {
                let options: Vec<String> = options.iter().map(ToString::to_string).collect();
                format!("one of {}", options.join(", "))
            }
        }
    }
}

/// Reads `signals.parameters`.
pub(crate) fn read(section: &Section<'_>, faults: &mut Faults) -> IndexMap<String, Parameter> {
    let mut parameters = IndexMap::new();
    for (name, _, node) in section.entries() {
        let Some(section) = Section::open(node, &section.key(name), faults) else { continue };
        if let Some(parameter) = parameter(&section, faults) {
            parameters.insert(name.to_owned(), parameter);
        }
    }
    parameters
}

fn parameter(section: &Section<'_>, faults: &mut Faults) -> Option<Parameter> {
    section.allow(&["type", "default", "range", "options", "decimals", "space", "optimize"], faults);
    let Some(kind) = section.text("type", faults) else {
        section.missing("type", "one of int, decimal, bool, categorical", faults);
        return None;
    };
    let kind = match kind.as_str() {
        "int" => {
            let (low, high) = range(section, faults)?;
            if low.fract() != 0.0 || high.fract() != 0.0 {
                section.missing("range", "an int needs whole bounds, such as [5, 30]", faults);
                return None;
            }
            // Exact: bounds are whole, and far below 2^53 in any file that means something.
            ParameterKind::Int { low: low as i64, high: high as i64 }
        }
        "decimal" => {
            let (low, high) = range(section, faults)?;
            let decimals = section.count("decimals", faults).unwrap_or(3).min(12);
            ParameterKind::Decimal { low, high, decimals: u32::try_from(decimals).unwrap_or(12) }
        }
        "bool" => ParameterKind::Bool,
        "categorical" => ParameterKind::Categorical { options: options(section, faults)? },
        other => {
            let place = section.find("type").map_or(section.place(), |node| node.place);
            let message = format!("is \"{other}\"; one of int, decimal, bool, categorical");
            faults.push(Fault::new(place, &section.key("type"), message));
            return None;
        }
    };
    let Some(default) = section.find("default") else {
        section.missing("default", "the value to start from is needed", faults);
        return None;
    };
    let parameter = Parameter {
        kind,
        default: value(default),
        space: section.text("space", faults).unwrap_or_else(|| "buy".to_owned()),
        optimize: section.flag("optimize", faults).unwrap_or(true),
    };
    if let Some(fault) = parameter.fault(&parameter.default) {
        faults.push(Fault::new(default.place, &section.key("default"), fault));
    }
    Some(parameter)
}

fn range(section: &Section<'_>, faults: &mut Faults) -> Option<(f64, f64)> {
    const NEEDED: &str = "two numbers, the smaller one first, such as [5, 30]";
    let Some(node) = section.find("range") else {
        section.missing("range", NEEDED, faults);
        return None;
    };
    let bounds: Option<Vec<f64>> = match &node.value {
        Value::List(items) => items.iter().map(Node::as_number).collect(),
        _ => None,
    };
    match bounds.as_deref() {
        Some(&[low, high]) if low < high && low.abs() < 1e15 && high.abs() < 1e15 => Some((low, high)),
        _ => {
            faults.push(Fault::new(node.place, &section.key("range"), format!("must be {NEEDED}")));
            None
        }
    }
}

fn options(section: &Section<'_>, faults: &mut Faults) -> Option<Vec<ParameterValue>> {
    const NEEDED: &str = "a list of numbers, words or both, such as [ema, sma]";
    match section.find("options").map(|node| &node.value) {
        Some(Value::List(items)) if !items.is_empty() && items.iter().all(|item| item.text().is_some()) => {
            Some(items.iter().map(value).collect())
        }
        _ => {
            section.missing("options", NEEDED, faults);
            None
        }
    }
}

fn value(node: &Node) -> ParameterValue {
    match (node.as_bool(), node.as_number()) {
        (Some(flag), _) => ParameterValue::Bool(flag),
        (_, Some(number)) => ParameterValue::Number(number),
        _ => ParameterValue::Text(node.text().unwrap_or_default().to_owned()),
    }
}
