//! `tradai strategy list`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use tradai_strategy::registry::{RegistryEntry, StrategyOrigin};

use crate::context::Context;
use crate::remote::{PlatformArgs, runtime};

/// A page of a platform's strategies.
const LIST: &str = "/api/v1/strategies?limit=500";

/// List the strategies that ship and those of a folder, or with --url those of a platform
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Folder of strategy files [default: ./strategies, where there is one].
    #[arg(long)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let rows = if args.platform.is_named() {
        runtime()?.block_on(of_platform(args, ctx))?
    } else {
        let registry = super::registry(args.dir.as_ref())?;
        registry.entries().map(|(name, entry)| to_json(name, entry)).collect()
    };
    if ctx.json {
        super::print(&format!("{:#}", json!(rows)))?;
    } else {
        super::print(&table(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The strategies of a platform, in the words of those of a folder. Files that hold none are named on standard error.
async fn of_platform(args: &ListArgs, ctx: &Context) -> anyhow::Result<Vec<Value>> {
    // The backend knows where its strategy-service is, and may remember what it said.
    let service = args.platform.platform(ctx).await?.backend;
    let mut rows = Vec::new();
    let mut path = Some(LIST.to_owned());
    while let Some(asked) = path.take() {
        let mut page = service.get(&asked).await?;
        for broken in page["broken"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let fault = broken["faults"][0]["message"].as_str().unwrap_or_default();
            eprintln!("warning: {}: {fault}", broken["file"].as_str().unwrap_or_default());
        }
        if page["stale"] == true {
            let age = page["age_seconds"].as_u64().unwrap_or_default();
            eprintln!(
                "warning: the strategy-service does not answer; this is what it said {age} seconds ago"
            );
        }
        rows.extend(page["items"].as_array().into_iter().flatten().map(of_item));
        if let Some(Value::String(cursor)) = page.get_mut("next_cursor").map(Value::take) {
            path = Some(format!("{LIST}&cursor={cursor}"));
        }
    }
    Ok(rows)
}

fn of_item(item: &Value) -> Value {
    json!({
        "name": item["name"],
        "version": item["version"],
        "category": item["category"],
        "timeframe": item["timeframe"],
        "mode": item["trading_mode"],
        "source": item["origin"],
        "active_config": item["active_config"]["config_id"],
        "summary": item["summary"],
    })
}

fn table(rows: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Name", "Version", "Category", "Timeframe", "Mode", "Source", "Summary"]);
    for row in rows {
        let cell = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let keys = ["name", "version", "category", "timeframe", "mode", "source", "summary"];
        table.add_row(keys.map(cell));
    }
    table.to_string()
}

fn to_json(name: &str, entry: &RegistryEntry) -> Value {
    let source = match &entry.origin {
        StrategyOrigin::Bundled(_) => "bundled".to_owned(),
        StrategyOrigin::File(path) => path.display().to_string(),
        StrategyOrigin::Native => "rust".to_owned(),
    };
    let settings = entry.strategy.settings();
    let mode = settings.get("trading_mode").cloned().unwrap_or_else(|| "spot".into());
    let header = entry.declarative.as_ref().map(|strategy| &strategy.file().strategy);
    json!({
        "name": name,
        "version": header.map(|header| &header.version),
        "category": header.and_then(|header| header.category.as_ref()),
        "timeframe": settings.get("timeframe"),
        "mode": mode,
        "source": source,
        "summary": header.and_then(|header| header.summary.as_ref()),
    })
}
