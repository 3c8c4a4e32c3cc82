//! `tradai backtest replay`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tradai_runner::replay::{GivenSignals, ReplayRequest, replay};
use tradai_runner::strategies;
use tradai_strategy::Strategy;

use crate::context::{Bar, Context, shown};
use crate::output::{print, print_json};

/// Arguments of `tradai backtest replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Settings in JSON under Freqtrade's names; `dataset` names the candle files.
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// Signals per closed candle in Parquet: pair, timestamp, enter_long, exit_long, enter_short, exit_short,
    /// enter_tag, exit_tag.
    #[arg(long, value_name = "FILE")]
    signals: PathBuf,
    /// Folder of candle files named as in `spot5m__BTC_USDT-5m.parquet` (data set, symbol, timeframe).
    #[arg(long, value_name = "DIR")]
    candles: PathBuf,
    /// Market rules in CCXT's structure.
    #[arg(long, value_name = "FILE")]
    markets: PathBuf,
    /// Leverage tiers; futures need them.
    #[arg(long, value_name = "FILE")]
    leverage_tiers: Option<PathBuf>,
    /// Strategy that answers the callbacks which the settings list.
    #[arg(long, value_name = "NAME|FILE")]
    strategy: Option<String>,
    /// Folder for trades.jsonl and summary.json.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &ReplayArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let strategy: Arc<dyn Strategy> = match &args.strategy {
        Some(name) => strategies::find(name, &BTreeMap::new())?.0,
        None => Arc::new(GivenSignals),
    };
    let request = ReplayRequest {
        settings: args.settings.clone(),
        signals: args.signals.clone(),
        candles: args.candles.clone(),
        markets: args.markets.clone(),
        leverage_tiers: args.leverage_tiers.clone(),
    };
    let bar = Bar::new("Replaying");
    let replayed = replay(&request, strategy.as_ref(), &bar)?;
    bar.finish();
    replayed.write(&args.out)?;
    let statistics = &replayed.statistics;
    if ctx.json {
        print_json(&json!({
            "out": shown(&args.out),
            "total_trades": statistics.total_trades,
            "profit_total_abs": statistics.profit_total_abs,
            "final_balance": statistics.final_balance,
        }))?;
    } else {
        print(&format!(
            "{} trades, profit {:.3} {} ({:.2} %), wrote {} and summary.json",
            statistics.total_trades,
            statistics.profit_total_abs,
            replayed.settings.stake_currency,
            statistics.profit_total * 100.0,
            shown(&args.out.join("trades.jsonl")),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
