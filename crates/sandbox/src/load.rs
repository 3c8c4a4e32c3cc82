//! Candles to replay, from files, from the store, or made up.

use std::io::Read;
use std::path::Path;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::Value;
use tradai_domain::{CandleKind, Millis, SeriesKey, Symbol, TimeRange, Timeframe};
use tradai_timeseries::files::read_candles;
use tradai_timeseries::store::AsOf;
use tradai_timeseries::{CandleStore, parse_file_name};

use crate::error::Error;
use crate::settings::Series;

/// Reads the candle files of a folder whose names say what they hold, in the order of their names. A file of
/// another name is passed over; so is a series that `wanted` refuses.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be listed, [`Error::Candles`] when a file is damaged,
/// [`Error::NoCandles`] when none is left.
pub fn read_folder(
    folder: &Path,
    wanted: impl Fn(Option<&str>, &SeriesKey) -> bool,
) -> Result<Vec<Series>, Error> {
    let failed = |source| Error::Io { what: format!("cannot list {}", folder.display()), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    let mut series = Vec::new();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((dataset, key)) = parse_file_name(name) else { continue };
        if !wanted(dataset.as_deref(), &key) {
            continue;
        }
        let candles = read_candles(&path)?.into_series();
        let file = path.display();
        let candles = candles.map_err(|fault| Error::NoCandles(format!("{file}: {fault}")))?;
        series.push(Series { key, candles });
    }
    if series.is_empty() {
        return Err(Error::NoCandles(format!("{} has no candle files that are wanted", folder.display())));
    }
    Ok(series)
}

/// Reads markets from the store: traded prices at a timeframe, and what there is of mark prices and funding rates.
///
/// # Errors
/// [`Error::Candles`] when the store cannot be read, [`Error::NoCandles`] when it lacks a market.
pub fn read_store(
    store: &CandleStore,
    symbols: &[Symbol],
    timeframe: Timeframe,
) -> Result<Vec<Series>, Error> {
    let mut series = Vec::new();
    for symbol in symbols {
        let key = SeriesKey::traded(symbol, timeframe);
        let read = store.read(&key, TimeRange::ALL, AsOf::Latest)?;
        let read = read.ok_or_else(|| Error::NoCandles(format!("the store has no {key}")))?;
        series.push(Series { key, candles: read.series });
        if !symbol.is_futures() {
            continue;
        }
        for kind in [CandleKind::Mark, CandleKind::FundingRate] {
            for timeframe in [timeframe, Timeframe::H1, Timeframe::H8] {
                let key = SeriesKey { symbol: symbol.clone(), timeframe, kind };
                if let Some(read) = store.read(&key, TimeRange::ALL, AsOf::Latest)? {
                    series.push(Series { key, candles: read.series });
                    break;
                }
            }
        }
    }
    Ok(series)
}

/// Bytes of a fault plan.
const MAX_PLAN_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a fault plan from a file, for [`Settings::faults`](crate::Settings).
///
/// # Errors
/// [`Error::Io`] when it cannot be read, [`Error::Faults`] when it is too long or no JSON. What its rules say is
/// checked by [`build`](crate::build).
pub fn read_faults(path: &Path) -> Result<Value, Error> {
    let failed = |source| Error::Io { what: format!("cannot read {}", path.display()), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let read = file.take(MAX_PLAN_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > MAX_PLAN_BYTES {
        let problem = format!("{} is longer than {MAX_PLAN_BYTES} bytes", path.display());
        return Err(Error::Faults(problem));
    }
    serde_json::from_str(&text).map_err(|error| Error::Faults(format!("{}: {error}", path.display())))
}

/// Returns made-up candles of markets in `[start, end)`, with mark prices and funding rates of perpetuals.
#[must_use]
pub fn sample(
    seed: u64,
    symbols: &[Symbol],
    timeframe: Timeframe,
    start: Millis,
    end: Millis,
) -> Vec<Series> {
    let kinds = |symbol: &Symbol| {
        let traded = (CandleKind::traded(symbol), timeframe);
        let others = [(CandleKind::Mark, timeframe), (CandleKind::FundingRate, Timeframe::H8)];
        let others = others.into_iter().filter(|_| symbol.is_futures());
        std::iter::once(traded).chain(others).collect::<Vec<_>>()
    };
    let keys = |symbol: &Symbol| {
        let keys = kinds(symbol).into_iter();
        keys.map(|(kind, timeframe)| SeriesKey { symbol: symbol.clone(), timeframe, kind })
            .collect::<Vec<_>>()
    };
    let keys: Vec<SeriesKey> = symbols.iter().flat_map(keys).collect();
    let made =
        |key: SeriesKey| Series { candles: tradai_timeseries::sample::candles(seed, &key, start, end), key };
    keys.into_par_iter().map(made).collect()
}
