//! `tradai data sample`.

use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tradai_domain::{CandleKind, Millis, SeriesKey, Symbol, TimeRange, Timeframe, format_utc, parse_date_ms};
use tradai_timeseries::store::{SOURCE, SYNTHETIC as SYNTHETIC_KEY};
use tradai_timeseries::{AsOf, CandleStore, Commit, Metadata, sample};

use super::DataError;
use super::output::{self, SYNTHETIC};

/// Timeframe under which Freqtrade and exchanges' exports keep mark prices and funding rates.
const MARK_TIMEFRAME: Timeframe = Timeframe::H1;

#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    /// Markets; a perpetual (BTC/USDT:USDT) gets mark prices and funding rates too.
    #[arg(long, value_delimiter = ',', default_value = "BTC/USDT,ETH/USDT,SOL/USDT,XRP/USDT")]
    symbols: Vec<Symbol>,
    /// Candle lengths.
    #[arg(long, value_delimiter = ',', default_value = "5m,1h")]
    timeframes: Vec<Timeframe>,
    /// First day.
    #[arg(long, default_value = "2023-01-01", value_parser = parse_date_ms)]
    start: Millis,
    /// Day after the last one.
    #[arg(long, default_value = "2024-01-01", value_parser = parse_date_ms)]
    end: Millis,
    /// Another seed is another market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Replace what the store holds of these series.
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: &SampleArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    if args.start >= args.end || args.start < sample::ORIGIN || args.end > sample::END {
        let what = format!(
            "sample candles exist from {} to {}; --start must lie before --end in there",
            format_utc(sample::ORIGIN),
            format_utc(sample::END)
        );
        return Err(DataError::Flags(what).into());
    }
    let keys = keys(args);
    if !args.replace {
        for key in &keys {
            check_vacant(store, key, args.seed)?;
        }
    }
    let bar = ProgressBar::new(u64::try_from(keys.len()).unwrap_or(0));
    let mut made = Vec::new();
    for key in keys {
        let commit = make(store, &key, args)?;
        bar.inc(1);
        made.push((key, commit));
    }
    bar.finish_and_clear();
    report(&made, args.seed, as_json)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the candles of `tradai demo`: three spot markets over 2023, unless they are stored already.
pub(super) fn demo(store: &CandleStore) -> anyhow::Result<Vec<SeriesKey>> {
    let symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
        .map(|text| text.parse())
        .into_iter()
        .collect::<Result<_, _>>()?;
    let timeframes = vec![Timeframe::M5, Timeframe::M15, Timeframe::H1];
    let (start, end) = (parse_date_ms("2023-01-01")?, parse_date_ms("2024-01-01")?);
    let args = SampleArgs { symbols, timeframes, start, end, seed: 1, replace: false };
    let keys = keys(&args);
    for key in &keys {
        check_vacant(store, key, args.seed)?;
        if !is_stored(store, key, &args)? {
            make(store, key, &args)?;
        }
    }
    Ok(keys)
}

/// Returns whether every candle is there.
fn is_stored(store: &CandleStore, key: &SeriesKey, args: &SampleArgs) -> anyhow::Result<bool> {
    let range = TimeRange { start: Some(args.start), end: Some(args.end) };
    Ok(store.info(key, AsOf::Latest)?.is_some_and(|info| info.missing_in(range).is_empty()))
}

fn keys(args: &SampleArgs) -> Vec<SeriesKey> {
    let mut keys = Vec::new();
    for symbol in &args.symbols {
        keys.extend(args.timeframes.iter().map(|&timeframe| SeriesKey::traded(symbol, timeframe)));
        if symbol.is_futures() {
            for kind in [CandleKind::Mark, CandleKind::FundingRate] {
                keys.push(SeriesKey { symbol: symbol.clone(), timeframe: MARK_TIMEFRAME, kind });
            }
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Refuses to join sample candles to real ones or to those of another seed.
fn check_vacant(store: &CandleStore, key: &SeriesKey, seed: u64) -> anyhow::Result<()> {
    let Some(info) = store.info(key, AsOf::Latest)?.filter(|info| info.rows > 0) else { return Ok(()) };
    let stored_seed = info.metadata.get("seed").and_then(Value::as_u64);
    let what = match (info.synthetic, stored_seed) {
        (true, Some(stored)) if stored == seed => return Ok(()),
        (true, Some(stored)) => format!("sample candles of seed {stored}"),
        (true, None) => "other synthetic candles".to_owned(),
        (false, _) => "real candles".to_owned(),
    };
    Err(DataError::Occupied { key: key.clone(), what }.into())
}

fn make(store: &CandleStore, key: &SeriesKey, args: &SampleArgs) -> anyhow::Result<Commit> {
    let candles = sample::candles(args.seed, key, args.start, args.end);
    let mut metadata = Metadata::new();
    metadata.insert(SOURCE.to_owned(), json!("sample"));
    metadata.insert(SYNTHETIC_KEY.to_owned(), json!(true));
    metadata.insert("seed".to_owned(), json!(args.seed));
    let commit = if args.replace {
        store.write(key, &candles, Some(metadata))?
    } else {
        store.append(key, &candles, Some(metadata))?
    };
    Ok(commit)
}

fn report(made: &[(SeriesKey, Commit)], seed: u64, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let series: Vec<Value> = made
            .iter()
            .map(|(key, commit)| {
                let mut value = output::key_json(key);
                value["rows"] = commit.rows.into();
                value["version"] = commit.version.into();
                value["changed"] = commit.changed.into();
                value["synthetic"] = true.into();
                value
            })
            .collect();
        return output::print_json(&json!({ "seed": seed, "synthetic": true, "series": series }));
    }
    let rows: Vec<Vec<String>> = made
        .iter()
        .map(|(key, commit)| {
            vec![key.to_string(), commit.rows.to_string(), commit.version.to_string(), SYNTHETIC.to_owned()]
        })
        .collect();
    output::print(&output::table(&["SERIES", "ROWS", "VERSION", "LABEL"], &["ROWS", "VERSION"], &rows))?;
    output::print(&format!(
        "Made-up candles of seed {seed}: fit to try things out, not to judge a strategy.\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::sync::Arc;
    use tradai_domain::{ManualClock, RandomIds};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: SampleArgs,
    }

    fn args(line: &str) -> SampleArgs {
        Cli::parse_from(std::iter::once("sample").chain(line.split_whitespace())).args
    }

    fn store() -> CandleStore {
        CandleStore::in_memory(Arc::new(ManualClock::at(0)), Arc::new(RandomIds))
    }

    #[test]
    fn a_perpetual_gets_mark_and_funding() {
        let args = args("--symbols BTC/USDT:USDT --timeframes 1h --start 20240101 --end 20240103");
        let store = store();
        for key in keys(&args) {
            make(&store, &key, &args).unwrap();
        }
        let found: Vec<String> =
            store.list().unwrap().series.iter().map(|s| format!("{} {}", s.key, s.rows)).collect();
        assert_eq!(
            found,
            ["BTC/USDT:USDT 1h futures 48", "BTC/USDT:USDT 1h funding_rate 6", "BTC/USDT:USDT 1h mark 48"]
        );
        assert!(store.list().unwrap().series.iter().all(|info| info.synthetic));
    }

    #[test]
    fn other_seeds_and_real_candles_are_not_joined() {
        let args = args("--symbols BTC/USDT --timeframes 1h --start 20240101 --end 20240103");
        let (store, key) = (store(), keys(&args).remove(0));
        make(&store, &key, &args).unwrap();
        check_vacant(&store, &key, 1).unwrap();
        let refused = check_vacant(&store, &key, 2).unwrap_err().to_string();
        assert!(refused.contains("sample candles of seed 1; give --replace"), "{refused}");
        let series = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap().series;
        store.write(&key, &series, Some(Metadata::new())).unwrap();
        assert!(check_vacant(&store, &key, 1).unwrap_err().to_string().contains("real candles"));
    }
}
