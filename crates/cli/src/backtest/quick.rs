//! `tradai backtest quick`: from a strategy to its report with nothing else said.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};
use tradai_domain::{Millis, SeriesKey, Symbol, Timeframe};
use tradai_runner::{backtest, read_rules, strategies};
use tradai_strategy::Settings;
use tradai_timeseries::{AsOf, CandleStore};

use super::run as by_hand;
use crate::context::Context;
use crate::output::print;

const DAY: Millis = 86_400_000;

/// Test a strategy on the last days that are stored
///
/// All else is the strategy's own: timeframe, stake, wallet, fees. `tradai backtest run` takes settings.
#[derive(Debug, Args)]
pub(super) struct QuickArgs {
    /// Name of a strategy (see `tradai strategy list`) or path of its file.
    strategy: String,
    /// Pairs to test, such as BTC/USDT; without any, every stored pair that fits.
    #[arg(value_name = "PAIR")]
    pairs: Vec<Symbol>,
    /// Days to test, up to the newest candle of these pairs.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..))]
    days: u16,
    /// Candle length, such as 5m, in place of the strategy's.
    #[arg(long)]
    timeframe: Option<Timeframe>,
}

pub(super) fn run(args: &QuickArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let found = strategies::find(&args.strategy, &BTreeMap::new())?;
    let rules = read_rules(&ctx.data_dir, None, None)?;
    let mut request = by_hand::request(found, vec![args.layer()], rules, ctx);
    let store = ctx.store()?;
    let settings = backtest::settings(&request, &store);
    let settings = settings.map_err(|error| by_hand::collectable(error, ctx))?;
    // Where nothing is stored, the run says what is missing.
    if let Some(newest) = newest(&settings, &store)? {
        let first = newest.saturating_sub(Millis::from(args.days) * DAY);
        let first = by_hand::date(first);
        request.layers.push(Map::from_iter([("timerange".to_owned(), json!(format!("{first}-")))]));
        if !ctx.json {
            print(&subject(&settings, &first))?;
        }
    }
    let (finished, folder) = by_hand::backtest(&request, "Backtesting", ctx)?;
    by_hand::present(&finished, &[], &folder, ctx)?;
    Ok(ExitCode::SUCCESS)
}

impl QuickArgs {
    fn layer(&self) -> Map<String, Value> {
        let mut layer = Map::new();
        if !self.pairs.is_empty() {
            layer.insert("pair_whitelist".to_owned(), json!(self.pairs));
        }
        if let Some(timeframe) = self.timeframe {
            layer.insert("timeframe".to_owned(), json!(timeframe));
        }
        layer
    }
}

/// When the newest candle of any pair opens.
fn newest(settings: &Settings, store: &CandleStore) -> anyhow::Result<Option<Millis>> {
    let mut newest = None;
    for pair in &settings.pair_whitelist {
        let info = store.info(&SeriesKey::traded(pair, settings.timeframe), AsOf::Latest)?;
        newest = newest.max(info.and_then(|info| info.span).map(|(_, last)| last));
    }
    Ok(newest)
}

/// What is tested, for people: nobody named it.
fn subject(settings: &Settings, first: &str) -> String {
    let pairs: Vec<String> = settings.pair_whitelist.iter().take(5).map(ToString::to_string).collect();
    let more = settings.pair_whitelist.len() - pairs.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}, {} candles from {first} on\n", pairs.join(", "), settings.timeframe)
}
