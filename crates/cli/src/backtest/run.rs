//! `tradai backtest run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tradai_domain::{CandleKind, JobId, Millis, SeriesKey, format_utc};
use tradai_engine::{MarketRules, PrepareError};
use tradai_runner::backtest::{self, BacktestRequest, Finished, StrategySource};
use tradai_runner::{read_rules, strategies};
use tradai_strategy::Strategy;

use super::args::{ExportFormat, Period, RunArgs};
use super::table;
use crate::context::{Bar, Context, shown};
use crate::failure::advised;
use crate::output::{print, print_json, width};

pub(crate) fn run(args: &RunArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let found = strategies::find(&args.strategy, &args.asked.parameters()?)?;
    let rules = read_rules(&ctx.data_dir, args.markets.as_deref(), args.leverage_tiers.as_deref())?;
    let request = request(found, args.asked.layers()?, rules, ctx);
    let (finished, folder) = backtest(&request, "Backtesting", ctx)?;
    present(&finished, &args.breakdown, &folder, ctx)?;
    if let Some(ExportFormat::Freqtrade) = args.export {
        let path = tradai_runner::export::freqtrade(&finished, &folder)?;
        if !ctx.json {
            print(&format!("Export: {}", shown(&path)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A new job of the command line.
pub(crate) fn request(
    (strategy, source): (Arc<dyn Strategy>, StrategySource),
    layers: Vec<Map<String, Value>>,
    rules: MarketRules,
    ctx: &Context,
) -> BacktestRequest {
    BacktestRequest {
        job_id: JobId(ctx.ids.next(ctx.clock.as_ref())),
        created_at: ctx.clock.now_ms(),
        strategy,
        source,
        layers,
        rules,
        exchange: ctx.exchange.clone(),
        config_id: None,
        data: Vec::new(),
    }
}

/// Runs a job with a bar that says `what`, and returns it with its folder.
pub(crate) fn backtest(
    request: &BacktestRequest,
    what: &str,
    ctx: &Context,
) -> anyhow::Result<(Finished, PathBuf)> {
    let bar = Bar::new(what);
    let run = backtest::run(request, &ctx.store()?, &bar);
    bar.finish();
    let mut finished = run.map_err(|error| collectable(error, ctx))?;
    let folder = finished.write(&ctx.jobs())?;
    Ok((finished, folder))
}

/// An error of missing candles with where they are, or with the command that collects them from a known exchange.
pub(super) fn collectable(error: tradai_runner::Error, ctx: &Context) -> anyhow::Error {
    if let Some(demo) = ctx.demo_with_candles() {
        return advised(
            error,
            &format!("nothing is stored here; the demo has candles: tradai --data-dir {demo} ..."),
        );
    }
    let (
        tradai_runner::Error::Prepare(PrepareError::NoCandles {
            key: SeriesKey { symbol, timeframe, kind },
            range,
        }),
        Some(exchange),
    ) = (&error, &ctx.exchange)
    else {
        return error.into();
    };
    let price = match kind {
        CandleKind::Spot | CandleKind::Futures => String::new(),
        CandleKind::Mark | CandleKind::FundingRate => format!(" --price {}", kind.as_str()),
    };
    let start = range.start.map_or_else(|| "YYYY-MM-DD".to_owned(), date);
    let advice = format!(
        "tradai data sync --exchange {exchange} --symbols {symbol} --timeframe {timeframe}{price} --start {start}"
    );
    advised(error, &advice)
}

/// The day of a moment, as the command line reads it.
pub(super) fn date(at: Millis) -> String {
    format_utc(at).chars().take(10).collect()
}

/// Shows a finished backtest.
pub(crate) fn present(
    finished: &Finished,
    breakdown: &[Period],
    folder: &Path,
    ctx: &Context,
) -> anyhow::Result<()> {
    if ctx.json {
        let text = std::fs::read_to_string(folder.join("result.json"))?;
        let mut result: Value = serde_json::from_str(&text)?;
        result["folder"] = json!(folder);
        result["notices"] = json!(finished.notices());
        return print_json(&result);
    }
    print(&table::render(&finished.statistics, &finished.settings, breakdown, width()))?;
    for notice in finished.notices() {
        print(&notice)?;
    }
    print(&format!("Job {}\nReport: {}", finished.manifest.job_id, shown(&folder.join("report.html"))))
}
