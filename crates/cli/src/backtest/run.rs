//! `tradai backtest run`.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use tradai_domain::JobId;
use tradai_engine::MarketRules;
use tradai_runner::backtest::{self, BacktestRequest, Finished};
use tradai_runner::{read_leverage_tiers, read_markets, strategies};

use super::args::{ExportFormat, Period, RunArgs};
use super::table;
use crate::context::{Bar, Context, shown};
use crate::output::{print, print_json, width};

pub(crate) fn run(args: &RunArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let (strategy, source) = strategies::find(&args.strategy, &args.parameters()?)?;
    let request = BacktestRequest {
        job_id: JobId(ctx.ids.next(ctx.clock.as_ref())),
        created_at: ctx.clock.now_ms(),
        strategy,
        source,
        layers: args.layers()?,
        rules: rules(args.markets.as_deref(), args.leverage_tiers.as_deref(), ctx)?,
        exchange: ctx.exchange.clone(),
        data: Vec::new(),
    };
    let bar = Bar::new("Backtesting");
    let mut finished = backtest::run(&request, &ctx.store()?, &bar)?;
    bar.finish();
    let folder = finished.write(&ctx.jobs())?;
    present(&finished, &args.breakdown, &folder, ctx)?;
    if let Some(ExportFormat::Freqtrade) = args.export {
        let path = tradai_runner::export::freqtrade(&finished, &folder)?;
        if !ctx.json {
            print(&format!("Export: {}", shown(&path)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Market rules from the flags, else from the data folder.
fn rules(markets: Option<&Path>, tiers: Option<&Path>, ctx: &Context) -> anyhow::Result<MarketRules> {
    let markets = markets.map(Path::to_owned).or_else(|| ctx.data_file("markets.json"));
    let tiers = tiers.map(Path::to_owned).or_else(|| ctx.data_file("leverage_tiers.json"));
    Ok(MarketRules {
        markets: markets.map(|path| read_markets(&path)).transpose()?.unwrap_or_default(),
        leverage_tiers: tiers.map(|path| read_leverage_tiers(&path)).transpose()?.unwrap_or_default(),
    })
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
