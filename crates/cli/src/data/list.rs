//! `tradai data list`.

use std::process::ExitCode;

use serde_json::{Value, json};
use tradai_domain::{ErrorKind, format_utc};
use tradai_timeseries::SeriesInfo;

use super::output::{self, SYNTHETIC};
use crate::context::Context;

pub(super) fn run(ctx: &Context) -> anyhow::Result<ExitCode> {
    let listing = ctx.store()?.list()?;
    if ctx.json {
        let series: Vec<Value> = listing.series.iter().map(output::info_json).collect();
        let damaged: Vec<String> = listing.damaged.iter().map(ToString::to_string).collect();
        output::print_json(&json!({ "series": series, "damaged": damaged }))?;
    } else if listing.series.is_empty() && listing.damaged.is_empty() {
        output::print(&ctx.no_candles())?;
    } else {
        output::print(&table(&listing.series))?;
        for error in &listing.damaged {
            eprintln!("damaged: {error}");
        }
    }
    let failed = !listing.damaged.is_empty();
    Ok(if failed { ExitCode::from(ErrorKind::Data.exit_code()) } else { ExitCode::SUCCESS })
}

fn table(series: &[SeriesInfo]) -> String {
    let header = ["SYMBOL", "TIMEFRAME", "KIND", "FROM", "TO", "ROWS", "GAPS", "VERSION", "SIZE", "LABEL"];
    let rows: Vec<Vec<String>> = series
        .iter()
        .map(|info| {
            let (from, to) = info
                .span
                .map_or_else(|| ("-".to_owned(), "-".to_owned()), |(a, b)| (format_utc(a), format_utc(b)));
            vec![
                info.key.symbol.to_string(),
                info.key.timeframe.to_string(),
                info.key.kind.to_string(),
                from,
                to,
                info.rows.to_string(),
                output::gaps(info),
                info.version.to_string(),
                output::size(info.bytes),
                if info.synthetic { SYNTHETIC.to_owned() } else { String::new() },
            ]
        })
        .collect();
    output::table(&header, &["ROWS", "VERSION", "SIZE"], &rows)
}
