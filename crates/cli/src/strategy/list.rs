//! `tradai strategy list`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use tradai_strategy::registry::{RegistryEntry, StrategyOrigin};

use crate::context::Context;

/// Arguments of `tradai strategy list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Folder of strategy files [default: ./strategies, where there is one].
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let registry = super::registry(args.dir.as_ref())?;
    if ctx.json {
        let rows: Vec<Value> = registry.entries().map(|(name, entry)| to_json(name, entry)).collect();
        super::print(&format!("{:#}", json!(rows)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Name", "Category", "Timeframe", "Mode", "Source", "Summary"]);
    for (name, entry) in registry.entries() {
        let row = to_json(name, entry);
        let cell = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        table.add_row([
            name.to_owned(),
            cell("category"),
            cell("timeframe"),
            cell("mode"),
            cell("source"),
            cell("summary"),
        ]);
    }
    super::print(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
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
