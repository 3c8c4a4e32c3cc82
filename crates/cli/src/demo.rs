//! `tradai demo`: everything once, offline.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, json};
use tradai_domain::JobId;
use tradai_engine::MarketRules;
use tradai_runner::backtest::{self, BacktestRequest};
use tradai_runner::strategies;

use crate::backtest::run::present;
use crate::context::{Bar, Context, shown};
use crate::output::print;

/// Arguments of `tradai demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Bundled spot strategy to run.
    #[arg(long, default_value = "EmaCross")]
    strategy: String,
}

pub(crate) fn run(args: &DemoArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    // A folder of its own: made-up candles must not stand beside a user's real ones.
    let demo = Context::new(ctx.data_dir.join("demo"), None, ctx.json);
    let store = demo.store()?;
    if !ctx.json {
        print(
            "1. Sample candles: BTC/USDT, ETH/USDT and SOL/USDT over 2023, made up and the same everywhere.",
        )?;
    }
    let pairs: Vec<String> = crate::data::demo_candles(&store)?
        .into_iter()
        .map(|key| key.symbol.to_string())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let (strategy, source) = strategies::find(&args.strategy, &BTreeMap::new())?;
    if !ctx.json {
        let name = strategy.name();
        print(&format!("2. The strategy {name}: `tradai strategy show {name}` prints it."))?;
    }
    let request = BacktestRequest {
        job_id: JobId(ctx.ids.next(ctx.clock.as_ref())),
        created_at: ctx.clock.now_ms(),
        strategy,
        source,
        layers: vec![Map::from_iter([("pair_whitelist".to_owned(), json!(pairs))])],
        rules: MarketRules::default(),
        data: Vec::new(),
    };
    let bar = Bar::new("3. Backtesting");
    let mut finished = backtest::run(&request, &store, &bar)?;
    bar.finish();
    let folder = finished.write(&demo.jobs())?;
    present(&finished, &[], &folder, &demo)?;
    if !ctx.json {
        print(&next_steps(&demo))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn next_steps(demo: &Context) -> String {
    let here = shown(&demo.data_dir);
    format!(
        "\nOpen the report in a browser, then try:\n  \
         tradai --data-dir {here} verify latest       run it again, compare every byte\n  \
         tradai strategy new MyStrategy                 a strategy of your own, in YAML\n  \
         tradai --data-dir {here} backtest run MyStrategy/tradai.yaml\n  \
         tradai data import FILE_OR_FOLDER              real candles: Parquet, CSV, feather, JSON\n  \
         tradai backtest run EmaCross --pairs BTC/USDT --timerange 20240101-20240701"
    )
}
