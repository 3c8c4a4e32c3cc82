//! `tradai backtest run`.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use tradai_domain::JobId;
use tradai_runner::backtest::{self, BacktestRequest, Finished};
use tradai_runner::{read_rules, strategies};

use super::args::{ExportFormat, Period, RunArgs};
use super::table;
use crate::context::{Bar, Context, shown};
use crate::output::{print, print_json, width};

pub(crate) fn run(args: &RunArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let (strategy, source) = strategies::find(&args.strategy, &args.asked.parameters()?)?;
    let request = BacktestRequest {
        job_id: JobId(ctx.ids.next(ctx.clock.as_ref())),
        created_at: ctx.clock.now_ms(),
        strategy,
        source,
        layers: args.asked.layers()?,
        rules: read_rules(&ctx.data_dir, args.markets.as_deref(), args.leverage_tiers.as_deref())?,
        exchange: ctx.exchange.clone(),
        config_id: None,
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
