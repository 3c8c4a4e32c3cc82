//! What `tradai backtest run` and `submit` take, and how it becomes settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

/// Arguments of `tradai backtest run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Name of a strategy (see `tradai strategy list`) or path of its file.
    pub(crate) strategy: String,
    #[command(flatten)]
    pub(crate) asked: AskedArgs,
    /// Market rules in CCXT's structure (default: markets.json in the data folder, else assumptions).
    #[arg(long, value_name = "FILE")]
    pub(crate) markets: Option<PathBuf>,
    /// Leverage tiers (default: leverage_tiers.json in the data folder, else assumptions).
    #[arg(long, value_name = "FILE")]
    pub(crate) leverage_tiers: Option<PathBuf>,
    /// Also show results by period.
    #[arg(long, value_delimiter = ',', value_name = "PERIOD")]
    pub(crate) breakdown: Vec<Period>,
    /// Also write the result as another program's export.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) export: Option<ExportFormat>,
}

/// What is to be tested, whoever runs it.
#[derive(Debug, Args)]
pub(crate) struct AskedArgs {
    /// Settings file(s) in JSON under Freqtrade's names; later ones win. A Freqtrade config.json will do.
    #[arg(long, short, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Pairs to test, separated by commas; without any, every stored pair that fits.
    #[arg(long, value_delimiter = ',', value_name = "PAIR")]
    pairs: Vec<String>,
    /// Candle length, such as 5m.
    #[arg(long)]
    timeframe: Option<String>,
    /// What to test: START-END, START- or -END, such as 20240101-20240701.
    #[arg(long, allow_hyphen_values = true)]
    timerange: Option<String>,
    /// Shorter candles to simulate fills on.
    #[arg(long)]
    timeframe_detail: Option<String>,
    /// Stake per trade in stake currency, or `unlimited`.
    #[arg(long)]
    stake_amount: Option<String>,
    /// Trades open at once; -1 for any number.
    #[arg(long, allow_hyphen_values = true)]
    max_open_trades: Option<i64>,
    /// Money at the start.
    #[arg(long, visible_alias = "starting-balance")]
    dry_run_wallet: Option<f64>,
    /// Fee per fill as a fraction, such as 0.001.
    #[arg(long)]
    fee: Option<f64>,
    /// Evaluate the strategy's protections.
    #[arg(long)]
    enable_protections: bool,
    /// A parameter of the strategy.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Any other setting; the value is JSON.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// A stretch of time that results are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Period {
    Day,
    Week,
    Month,
    Year,
    Weekday,
}

/// An export format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Freqtrade's `backtest-result-….zip`, for its plots and its web page.
    Freqtrade,
}

impl AskedArgs {
    /// Settings layers, weakest first: files, then flags.
    pub(crate) fn layers(&self) -> anyhow::Result<Vec<Map<String, Value>>> {
        let mut layers = self.files()?;
        layers.push(self.flags()?);
        Ok(layers)
    }

    /// What a platform is asked for: its own fields for what every strategy knows, and the settings on top of one
    /// another.
    pub(crate) fn body(&self) -> anyhow::Result<Map<String, Value>> {
        let mut flags = self.flags()?;
        let mut body = Map::new();
        for (flag, field) in
            [("pair_whitelist", "symbols"), ("timeframe", "timeframe"), ("timerange", "timerange")]
        {
            body.extend(flags.shift_remove(flag).map(|value| (field.to_owned(), value)));
        }
        let mut settings = Map::new();
        for layer in self.files()?.into_iter().chain([flags]) {
            settings.extend(layer);
        }
        body.insert("settings".to_owned(), Value::Object(settings));
        let parameters = self.parameters()?.into_iter();
        let parameters =
            parameters.map(|(name, text)| (name, serde_json::from_str(&text).unwrap_or(json!(text))));
        body.insert("parameters".to_owned(), parameters.collect());
        Ok(body)
    }

    fn files(&self) -> anyhow::Result<Vec<Map<String, Value>>> {
        let mut layers = Vec::with_capacity(self.config.len());
        for path in &self.config {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let value: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
            match value {
                Value::Object(map) => layers.push(map),
                _ => bail!("{}: a JSON object is needed", path.display()),
            }
        }
        Ok(layers)
    }

    fn flags(&self) -> anyhow::Result<Map<String, Value>> {
        let mut map = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        set("pair_whitelist", (!self.pairs.is_empty()).then(|| json!(self.pairs)));
        set("timeframe", self.timeframe.as_ref().map(|text| json!(text)));
        set("timerange", self.timerange.as_ref().map(|text| json!(text)));
        set("timeframe_detail", self.timeframe_detail.as_ref().map(|text| json!(text)));
        let stake = self.stake_amount.as_ref();
        set("stake_amount", stake.map(|text| text.parse::<f64>().map_or_else(|_| json!(text), |n| json!(n))));
        set("max_open_trades", self.max_open_trades.map(|number| json!(number)));
        set("dry_run_wallet", self.dry_run_wallet.map(|number| json!(number)));
        set("fee", self.fee.map(|number| json!(number)));
        set("enable_protections", self.enable_protections.then(|| json!(true)));
        for setting in &self.settings {
            let (key, value) = setting.split_once('=').with_context(|| {
                format!("--set {setting}: write KEY=VALUE, such as --set trailing_stop=true")
            })?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            map.insert(key.to_owned(), value);
        }
        Ok(map)
    }

    /// Parameters of the strategy by name.
    pub(crate) fn parameters(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        for parameter in &self.parameters {
            let (name, value) = parameter
                .split_once('=')
                .with_context(|| format!("--param {parameter}: write NAME=VALUE, such as --param fast=12"))?;
            parameters.insert(name.to_owned(), value.to_owned());
        }
        Ok(parameters)
    }
}
