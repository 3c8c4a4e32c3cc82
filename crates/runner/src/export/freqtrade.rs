//! Freqtrade's backtest export: a zip that its own commands and web page read.
//!
//! Layout as of Freqtrade 2026.9: `backtest-result-<time>.zip` with `<base>.json` and `<base>_config.json`, beside
//! it `<base>.meta.json`, and `.last_result.json` naming the newest. Our strategy's text takes the place of its
//! Python file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tradai_domain::{Millis, format_utc};
use tradai_engine::metrics::ResultLine;
use tradai_strategy::Settings;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::golden::{lock_line, trade_line};
use crate::Error;
use crate::backtest::{Finished, StrategySource};

/// Writes the export into `folder` and returns the path of the zip.
///
/// # Errors
/// [`Error`] naming the file.
pub fn freqtrade(finished: &Finished, folder: &Path) -> Result<PathBuf, Error> {
    let manifest = &finished.manifest;
    let stamp = format_utc(manifest.created_at).replace(' ', "_").replace(':', "-");
    let base = format!("backtest-result-{stamp}");
    let name = manifest.strategy.as_str();
    let stats = stats(finished);
    let meta = json!({name: {
        "run_id": manifest.config_hash,
        "backtest_start_time": manifest.created_at / 1_000,
        "timeframe": finished.settings.timeframe,
        "timeframe_detail": finished.settings.timeframe_detail,
        "backtest_start_ts": finished.outcome.start / 1_000,
        "backtest_end_ts": finished.outcome.end / 1_000,
    }});
    let mut files = vec![
        (format!("{base}.json"), result(name, &stats, &meta[name]).to_string()),
        (format!("{base}_config.json"), format!("{:#}", Value::Object(config(&finished.settings)))),
    ];
    if let StrategySource::Declarative { text, .. } = &manifest.source {
        files.push((format!("{base}_{name}.yaml"), text.clone()));
    }
    let zip = folder.join(format!("{base}.zip"));
    write_zip(&zip, &files)?;
    let last = json!({"latest_backtest": format!("{base}.zip")});
    for (file, content) in [(format!("{base}.meta.json"), meta), (".last_result.json".to_owned(), last)] {
        let path = folder.join(file);
        std::fs::write(&path, content.to_string()).map_err(Error::io(&path))?;
    }
    Ok(zip)
}

fn write_zip(path: &Path, files: &[(String, String)]) -> Result<(), Error> {
    let broken = |error: zip::result::ZipError| Error::file(path, error.to_string());
    let file = std::fs::File::create(path).map_err(Error::io(path))?;
    let mut zip = zip::ZipWriter::new(file);
    // Stored, not packed: Freqtrade reads either, and a compressor costs a first build more than it saves here.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in files {
        zip.start_file(name, options).map_err(broken)?;
        zip.write_all(content.as_bytes()).map_err(Error::io(path))?;
    }
    zip.finish().map_err(broken)?;
    Ok(())
}

fn result(name: &str, stats: &Map<String, Value>, metadata: &Value) -> Value {
    let total = stats["results_per_pair"].as_array().and_then(|lines| lines.last()).cloned();
    let mut comparison = total.unwrap_or_default();
    comparison["key"] = json!(name);
    comparison["max_drawdown_account"] = stats["max_drawdown_account"].clone();
    comparison["max_drawdown_abs"] =
        json!(format!("{:.3}", stats["max_drawdown_abs"].as_f64().unwrap_or_default()));
    json!({
        "strategy": {name: stats},
        "strategy_comparison": [comparison],
        "metadata": {name: metadata},
    })
}

/// A Freqtrade configuration: what was given, plus the keys its readers insist on.
fn config(settings: &Settings) -> Map<String, Value> {
    let mut config = settings.as_given().clone();
    config.insert("dry_run".to_owned(), json!(true));
    config
        .insert("exchange".to_owned(), json!({"name": "binance", "pair_whitelist": settings.pair_whitelist}));
    config
}

fn stats(finished: &Finished) -> Map<String, Value> {
    let Finished { outcome, statistics, manifest, .. } = finished;
    let mut stats = match serde_json::to_value(statistics) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let trades: Vec<Value> =
        outcome.trades.iter().enumerate().map(|(seq, trade)| trade_line(trade, seq)).collect();
    let line = |lines: &[ResultLine], best: bool| {
        // The last line is the total.
        let pairs = &lines[..lines.len().saturating_sub(1)];
        let found = if best { pairs.first() } else { pairs.last() };
        found.map_or(Value::Null, freqtrade_line)
    };
    let more = json!({
        "trades": trades,
        "locks": outcome.locks.iter().map(lock_line).collect::<Vec<_>>(),
        "best_pair": line(&statistics.results_per_pair, true),
        "worst_pair": line(&statistics.results_per_pair, false),
        "results_per_pair": lines(&statistics.results_per_pair),
        "results_per_enter_tag": lines(&statistics.results_per_enter_tag),
        "exit_reason_summary": lines(&statistics.exit_reason_summary),
        "mix_tag_stats": mixed_lines(&statistics.mix_tag_stats),
        "left_open_trades": lines(&statistics.left_open_trades),
        "profit_total_long": statistics.profit_total_long_abs / statistics.starting_balance,
        "profit_total_short": statistics.profit_total_short_abs / statistics.starting_balance,
        "backtest_start": format_utc(outcome.start),
        "backtest_end": format_utc(outcome.end),
        "backtest_run_start_ts": manifest.created_at / 1_000,
        "backtest_run_end_ts": manifest.created_at / 1_000,
        "drawdown_start": format_utc(statistics.drawdown_start_ts as Millis),
        "drawdown_end": format_utc(statistics.drawdown_end_ts as Millis),
        "drawdown_duration": duration(statistics.drawdown_end_ts - statistics.drawdown_start_ts),
        "drawdown_duration_s": (statistics.drawdown_end_ts - statistics.drawdown_start_ts) / 1_000.0,
        "holding_avg": duration(statistics.holding_avg_s * 1_000.0),
        "winner_holding_avg": duration(statistics.winner_holding_avg_s * 1_000.0),
        "loser_holding_avg": duration(statistics.loser_holding_avg_s * 1_000.0),
        "backtest_best_day": statistics.backtest_best_day_abs / statistics.starting_balance,
        "backtest_worst_day": statistics.backtest_worst_day_abs / statistics.starting_balance,
    });
    for more in [more, settings_of(finished)] {
        if let Value::Object(more) = more {
            stats.extend(more);
        }
    }
    stats
}

fn settings_of(finished: &Finished) -> Value {
    let Finished { settings, manifest, .. } = finished;
    let futures = settings.trading_mode == tradai_strategy::TradingMode::Futures;
    let roi: Map<String, Value> =
        settings.minimal_roi.iter().map(|(minutes, ratio)| (minutes.to_string(), json!(ratio))).collect();
    json!({
        "pairlist": settings.pair_whitelist,
        "stake_amount": settings.stake_amount,
        "stake_currency": settings.stake_currency,
        "stake_currency_decimals": 3,
        "dry_run_wallet": settings.dry_run_wallet,
        "max_open_trades_setting": settings.max_open_trades.map_or(-1, |slots| slots as i64),
        "timeframe": settings.timeframe,
        "timeframe_detail": settings.timeframe_detail.map_or("", tradai_domain::Timeframe::as_str),
        "timerange": settings.as_given().get("timerange").cloned().unwrap_or_else(|| json!("")),
        "enable_protections": settings.enable_protections,
        "strategy_name": manifest.strategy,
        "freqaimodel": null,
        "freqai_identifier": null,
        "stoploss": settings.stoploss,
        "trailing_stop": settings.trailing_stop,
        "trailing_stop_positive": settings.trailing_stop_positive,
        "trailing_stop_positive_offset": settings.trailing_stop_positive_offset,
        "trailing_only_offset_is_reached": settings.trailing_only_offset_is_reached,
        "use_custom_stoploss": settings.use_custom_stoploss,
        "minimal_roi": roi,
        "use_exit_signal": settings.use_exit_signal,
        "exit_profit_only": settings.exit_profit_only,
        "exit_profit_offset": settings.exit_profit_offset,
        "ignore_roi_if_entry_signal": settings.ignore_roi_if_entry_signal,
        "trading_mode": settings.trading_mode,
        "margin_mode": if futures { "isolated" } else { "" },
    })
}

fn lines(lines: &[ResultLine]) -> Vec<Value> {
    lines.iter().map(freqtrade_line).collect()
}

/// Tag and reason as a list, as Freqtrade keys them.
fn mixed_lines(lines: &[ResultLine]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| {
            let mut value = freqtrade_line(line);
            if let Some((tag, reason)) = line.key.split_once(" / ") {
                value["key"] = json!([tag, reason]);
            }
            value
        })
        .collect()
}

fn freqtrade_line(line: &ResultLine) -> Value {
    let mut value = json!(line);
    let percent = |ratio: f64| (ratio * 10_000.0).round() / 100.0;
    value["profit_mean_pct"] = json!(percent(line.profit_mean));
    value["profit_total_pct"] = json!(percent(line.profit_total));
    value["duration_avg"] = json!(duration(line.duration_avg_minutes as f64 * 60_000.0));
    value
}

/// `D days, H:MM:SS`, as Python prints a time span.
fn duration(millis: f64) -> String {
    let seconds = (millis / 1_000.0) as i64;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    match days {
        0 => time,
        1 => format!("1 day, {time}"),
        _ => format!("{days} days, {time}"),
    }
}
