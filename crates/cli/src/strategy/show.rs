//! `tradai strategy show`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_strategy::declarative::{RuleSummary, StrategySummary};
use tradai_strategy::registry::RegistryEntry;

use crate::context::Context;

/// Arguments of `tradai strategy show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name of a strategy, or path of its file.
    #[arg(value_name = "NAME|FILE")]
    strategy: String,
    /// Folder of strategy files [default: ./strategies, where there is one].
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &ShowArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let mut registry = super::registry(args.dir.as_ref())?;
    let entry = registry.find_or_load(&args.strategy).map_err(tradai_runner::Error::from)?;
    let text = match &entry.declarative {
        _ if ctx.json => format!("{:#}", to_json(&entry)?),
        Some(strategy) => {
            let mut text = text(&strategy.summary());
            for warning in strategy.warnings() {
                text.push_str(&format!("\nwarning: {}", warning.render(strategy.path())));
            }
            text
        }
        None => format!("{}, written in Rust\n\n{}", args.strategy, settings(&entry.strategy.settings())),
    };
    super::print(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn to_json(entry: &RegistryEntry) -> anyhow::Result<Value> {
    let Some(strategy) = &entry.declarative else {
        return Ok(json!({"name": entry.strategy.name(), "settings": entry.strategy.settings()}));
    };
    let mut summary = serde_json::to_value(strategy.summary())?;
    summary["warnings"] = serde_json::to_value(strategy.warnings())?;
    Ok(summary)
}

fn text(summary: &StrategySummary) -> String {
    let header = &summary.header;
    let mut out = format!("{} {} ({}, {})\n", header.name, header.version, header.timeframe, summary.mode);
    if let Some(line) = &header.summary {
        out.push_str(&format!("{line}\n"));
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{title}\n"));
            for line in lines {
                out.push_str(&format!("  {line}\n"));
            }
        }
    };
    section("Parameters", parameters(summary));
    section("Indicators", indicators(summary));
    section("Entry", summary.entry.iter().map(rule).collect());
    section("Exit", summary.exit.iter().map(rule).collect());
    let hooks = summary.hooks.iter();
    section(
        "Hooks",
        hooks.flat_map(|(name, cases)| cases.iter().map(move |c| format!("{name}: {c}"))).collect(),
    );
    let needed = format!("{} before the first signal", summary.startup_candles_needed);
    let other = summary.informative.iter().map(|series| format!("also candles {series}"));
    section("Candles", std::iter::once(needed).chain(other).collect());
    section("Settings", settings(&summary.settings).lines().map(str::to_owned).collect());
    out
}

fn parameters(summary: &StrategySummary) -> Vec<String> {
    let width = summary.parameters.keys().map(String::len).max().unwrap_or(0);
    let line = |(name, parameter): (&String, &tradai_strategy::declarative::Parameter)| {
        let fixed = if parameter.optimize { "" } else { ", fixed" };
        format!(
            "{name:<width$}  {} ({}, space {}{fixed})",
            parameter.default,
            parameter.allowed(),
            parameter.space
        )
    };
    summary.parameters.iter().map(line).collect()
}

fn indicators(summary: &StrategySummary) -> Vec<String> {
    let width = summary.indicators.iter().map(|i| i.name.len() + i.series.len()).max().unwrap_or(0);
    let line = |indicator: &tradai_strategy::declarative::IndicatorSummary| {
        let name = format!("{}{}", indicator.name, indicator.series);
        let unused = if indicator.used { "" } else { "  (not used, not computed)" };
        format!("{name:<width$}  {}  lookback {}{unused}", indicator.formula, indicator.lookback)
    };
    summary.indicators.iter().map(line).collect()
}

fn rule(rule: &RuleSummary) -> String {
    let side = serde_json::to_value(rule.side).ok();
    let side = side.as_ref().and_then(Value::as_str).unwrap_or_default();
    let tag = if rule.tag.is_empty() { String::new() } else { format!("  [{}]", rule.tag) };
    format!("{side:<5}  {}{tag}", rule.when)
}

fn settings(settings: &serde_json::Map<String, Value>) -> String {
    let lines: Vec<String> = settings.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    lines.join("\n")
}
