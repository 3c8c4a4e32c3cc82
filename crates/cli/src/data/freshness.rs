//! `tradai data check-freshness`: whether the newest candles are new enough.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_control_plane::data::{Freshness, FreshnessStatus, freshness_of};
use tradai_domain::ports::CandleRepository;
use tradai_domain::{Millis, SeriesKey, Symbol, Timeframe, format_utc};
use tradai_timeseries::port::StoreRepository;

use super::output;
use crate::context::Context;

/// Exit code when something is stale.
const STALE: u8 = 1;

/// Say which series are behind, and by how many candles
///
/// A series is stale when more than --max-lag candles have closed since its newest one, by this machine's clock.
/// Exit codes: 0 all fresh, 1 a series is stale or missing.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct FreshnessArgs {
    /// Markets that must be there; all that are stored when left out.
    #[arg(long, value_delimiter = ',', requires = "timeframe")]
    symbols: Vec<Symbol>,
    /// Only candles of this length.
    #[arg(long)]
    timeframe: Option<Timeframe>,
    /// Closed candles that may lack; eight hours of funding rates at least.
    #[arg(long, default_value_t = 1)]
    max_lag: u64,
}

pub(super) fn run(args: &FreshnessArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let repository = StoreRepository::new(ctx.store()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listed = runtime.block_on(repository.list())?;
    let now = ctx.clock.now_ms();
    let mut found: Vec<Freshness> = listed
        .series
        .iter()
        .filter(|stored| args.means(&stored.key))
        .map(|stored| freshness_of(&stored.key, Some(stored), now, args.max_lag))
        .collect();
    for key in args.wanted() {
        if found.iter().all(|freshness| freshness.key != key) {
            found.push(freshness_of(&key, None, now, args.max_lag));
        }
    }
    let fresh = found.iter().all(|freshness| freshness.status == FreshnessStatus::Fresh);
    if ctx.json {
        let series: Vec<Value> = found.iter().map(series_json).collect();
        output::print_json(&json!({ "fresh": fresh, "series": series, "damaged": listed.damaged }))?;
    } else {
        print(&found, ctx)?;
        for problem in &listed.damaged {
            eprintln!("damaged: {problem}");
        }
    }
    Ok(if fresh && listed.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(STALE) })
}

impl FreshnessArgs {
    fn means(&self, key: &SeriesKey) -> bool {
        self.timeframe.is_none_or(|timeframe| key.timeframe == timeframe)
            && (self.symbols.is_empty() || self.symbols.contains(&key.symbol))
    }

    fn wanted(&self) -> Vec<SeriesKey> {
        let of = |timeframe| self.symbols.iter().map(move |symbol| SeriesKey::traded(symbol, timeframe));
        self.timeframe.into_iter().flat_map(of).collect()
    }
}

fn print(found: &[Freshness], ctx: &Context) -> anyhow::Result<()> {
    if found.is_empty() {
        return output::print(&ctx.no_candles());
    }
    let header = ["SERIES", "STATUS", "NEWEST", "BEHIND"];
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|freshness| {
            vec![
                freshness.key.to_string(),
                freshness.status.as_str().to_owned(),
                freshness.last_open.map_or_else(|| "-".to_owned(), format_utc),
                freshness.lag_candles.map_or_else(|| "-".to_owned(), |lag| output::counted(lag, "candle")),
            ]
        })
        .collect();
    output::print(&output::table(&header, &["BEHIND"], &rows))
}

fn series_json(freshness: &Freshness) -> Value {
    let seconds = |millis: Millis| millis / 1_000;
    let mut value = output::key_json(&freshness.key);
    value["status"] = json!(freshness.status.as_str());
    value["last"] = json!(freshness.last_open.map(format_utc));
    value["age_s"] = json!(freshness.age_ms.map(seconds));
    value["lag_candles"] = json!(freshness.lag_candles);
    value
}
