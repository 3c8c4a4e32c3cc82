//! What is known of a strategy without running it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use tradai_domain::{StrategyName, Timeframe};

/// Where a strategy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrategyOrigin {
    /// It ships with the program.
    Bundled,
    /// It is in the folder of strategies.
    Folder,
}

impl StrategyOrigin {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Folder => "folder",
        }
    }
}

/// One strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyEntry {
    /// Its name.
    pub name: StrategyName,
    /// Its version, such as `1.0.0`.
    pub version: String,
    /// What kind of strategy it is, such as `momentum`.
    pub category: Option<String>,
    /// One line for lists.
    pub summary: Option<String>,
    /// Candle length.
    pub timeframe: Timeframe,
    /// `spot` or `futures`.
    pub trading_mode: String,
    /// Whether it sells short.
    pub can_short: bool,
    /// Candles that must be there before the first one that it decides on.
    pub startup_candles: usize,
    /// What can be tuned, in the order of the file.
    pub parameters: Vec<StrategyParameter>,
    /// What it computes, in the order of the file.
    pub indicators: Vec<StrategyIndicator>,
    /// When it enters and exits.
    pub rules: StrategyRules,
    /// Other candles it needs, such as `@1h`.
    pub informative: Vec<String>,
    /// The settings it brings along, by Freqtrade's names.
    pub settings: Map<String, Value>,
    /// Where it comes from.
    pub origin: StrategyOrigin,
    /// Its file, in the folder it is in.
    pub file: String,
    /// The text of the file.
    pub text: String,
    /// Hash of the text: 64 hexadecimal digits.
    pub source_hash: String,
    /// The file as JSON, variables in texts not resolved.
    pub document: Map<String, Value>,
    /// What works but is likely not meant.
    pub warnings: Vec<FileFault>,
}

/// Something that can be tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyParameter {
    /// Its name.
    pub name: String,
    /// `int`, `decimal`, `bool` or `categorical`.
    pub kind: &'static str,
    /// The value it has when nobody says otherwise.
    pub default: Value,
    /// Smallest and largest value, of numbers.
    pub range: Option<(f64, f64)>,
    /// Digits after the point that an optimisation tries, of decimals.
    pub decimals: Option<u32>,
    /// The values there are, of a categorical one.
    pub options: Vec<Value>,
    /// The space it is searched with, such as `buy`.
    pub space: String,
    /// Whether an optimisation varies it.
    pub optimize: bool,
}

/// Something that is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyIndicator {
    /// Its name.
    pub name: String,
    /// How it is computed: `ema(timeperiod=12)`, or an expression.
    pub formula: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The candles it is computed on, such as `@1h`; empty for the strategy's own.
    pub series: String,
    /// Candles before its first value.
    pub lookback: usize,
    /// Whether a rule or hook rests on it; it is not computed otherwise.
    pub used: bool,
}

/// When a strategy enters, exits and answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StrategyRules {
    /// Entry rules.
    pub entry: Vec<RuleView>,
    /// Exit rules.
    pub exit: Vec<RuleView>,
    /// Answers to the engine's questions, as written, by hook.
    pub hooks: BTreeMap<String, Vec<String>>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    /// `long` or `short`.
    pub side: &'static str,
    /// The condition as written.
    pub when: String,
    /// The tag; empty when it has none.
    pub tag: String,
}

/// One thing wrong with a strategy's file, or not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// Line, from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// Column, from 1; 0 when it is about the file as a whole.
    pub column: usize,
    /// The key, with dots and indices between levels (`signals.entry[0].when`).
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// For an expression: its text with the place marked below.
    pub snippet: Option<String>,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}
