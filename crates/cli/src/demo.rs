//! `tradai demo`: everything once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, json};
use tradai_domain::ports::ExchangeKey;
use tradai_engine::MarketRules;
use tradai_runner::strategies;

use crate::backtest::run::{backtest, present, request};
use crate::context::{Context, shown};
use crate::data::INTERRUPTED;
use crate::output::print;

mod collected;

/// A first look: candles, a bundled strategy, a backtest and its report
///
/// Sample candles, offline. With --exchange sandbox they are collected from a sandbox exchange that is started for
/// it, with --exchange binance (or okx) real ones from there.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Bundled spot strategy to run.
    #[arg(long, default_value = "EmaCross")]
    strategy: String,
}

pub(crate) fn run(args: &DemoArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    // A folder of its own: made-up candles must not stand beside a user's real ones.
    let demo =
        Context::new(ctx.inputs.clone(), ctx.data_dir.join("demo"), None, ctx.exchange.clone(), ctx.json);
    let pairs = match &ctx.exchange {
        None => sampled(&demo)?,
        Some(exchange) => match collected::pairs(&demo, exchange)? {
            Some(pairs) => pairs,
            None => return Ok(ExitCode::from(INTERRUPTED)),
        },
    };
    let found = strategies::find(&args.strategy, &BTreeMap::new())?;
    say(&demo, &format!("2. The strategy {0}: `tradai strategy show {0}` prints it.", found.0.name()))?;
    let pairs = Map::from_iter([("pair_whitelist".to_owned(), json!(pairs))]);
    let request = request(found, vec![pairs], MarketRules::default(), &demo);
    let (finished, folder) = backtest(&request, "3. Backtesting", &demo)?;
    present(&finished, &[], &folder, &demo)?;
    say(&demo, &next_steps(&demo))?;
    Ok(ExitCode::SUCCESS)
}

/// Tells people what happens; programs get one JSON document at the end.
fn say(ctx: &Context, text: &str) -> anyhow::Result<()> {
    if ctx.json { Ok(()) } else { print(text) }
}

fn sampled(demo: &Context) -> anyhow::Result<BTreeSet<String>> {
    say(
        demo,
        "1. Sample candles: BTC/USDT, ETH/USDT and SOL/USDT over 2023, made up and the same everywhere.",
    )?;
    Ok(crate::data::demo_candles(&demo.store()?)?.into_iter().map(|key| key.symbol.to_string()).collect())
}

fn next_steps(demo: &Context) -> String {
    let here = shown(&demo.data_dir);
    let exchange =
        demo.exchange.as_ref().map(|key: &ExchangeKey| format!(" --exchange {key}")).unwrap_or_default();
    format!(
        "\nOpen the report in a browser, then try:\n  \
         tradai --data-dir {here} verify latest       run it again, compare every byte\n  \
         tradai strategy new MyStrategy                 a strategy of your own, in YAML\n  \
         tradai --data-dir {here}{exchange} backtest run MyStrategy/tradai.yaml\n  \
         tradai data import FILE_OR_FOLDER              real candles: Parquet, CSV, feather, JSON\n  \
         tradai data sync --exchange binance --symbols BTC/USDT --timeframe 1h --start 2024-01-01\n  \
         tradai backtest run EmaCross --pairs BTC/USDT --timerange 20240101-20240701"
    )
}
