//! What a candle file's name says about its contents.

use tradai_domain::{CandleKind, SeriesKey, Symbol};

/// Endings that candle files have, longest first, so that `.json.gz` is not taken for `.gz`.
const ENDINGS: [&str; 6] = [".parquet", ".feather", ".json.gz", ".csv.gz", ".json", ".csv"];

/// Parses `[<dataset>__]<symbol>-<timeframe>[-<kind>].<ending>`, with or without folders before it.
///
/// The symbol is written `BTC_USDT` or `BTC_USDT_USDT`; the kind is `spot`, `futures`, `mark` or
/// `funding_rate`, and the traded prices when left out. This covers Freqtrade's names
/// (`futures/BTC_USDT_USDT-1h-mark.feather`). `None` when the name says anything else.
///
/// ```
/// let (dataset, key) = tradai_timeseries::parse_file_name("spot5m__BTC_USDT-5m.parquet").unwrap();
/// assert_eq!(dataset.as_deref(), Some("spot5m"));
/// assert_eq!(key.to_string(), "BTC/USDT 5m spot");
/// ```
#[must_use]
pub fn parse_file_name(name: &str) -> Option<(Option<String>, SeriesKey)> {
    let name = name.rsplit(['/', '\\']).next()?;
    let stem = ENDINGS.iter().find_map(|ending| strip_ending(name, ending)).unwrap_or(name);
    let (dataset, series) = match stem.split_once("__") {
        Some((dataset, series)) if !dataset.is_empty() => (Some(dataset.to_owned()), series),
        Some(_) => return None,
        None => (None, stem),
    };
    let mut parts = series.split('-');
    let symbol = Symbol::from_file_stem(parts.next()?).ok()?;
    let timeframe = parts.next()?.parse().ok()?;
    let kind = match parts.next() {
        Some(kind) => kind.parse().ok()?,
        None => CandleKind::traded(&symbol),
    };
    if parts.next().is_some() {
        return None;
    }
    Some((dataset, SeriesKey { symbol, timeframe, kind }))
}

/// Cuts an ending off, in any case (`.CSV`).
fn strip_ending<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(ending.len())?;
    let (stem, tail) = (name.get(..at)?, name.get(at..)?);
    tail.eq_ignore_ascii_case(ending).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_datasets_and_freqtrade() {
        for (name, dataset, key) in [
            ("spot5m_2022_23__BTC_USDT-5m.parquet", Some("spot5m_2022_23"), "BTC/USDT 5m spot"),
            ("fut15m__BTC_USDT_USDT-15m-futures.parquet", Some("fut15m"), "BTC/USDT:USDT 15m futures"),
            ("x__BTC_USDT_USDT-1h-funding_rate.parquet", Some("x"), "BTC/USDT:USDT 1h funding_rate"),
            ("BTC_USDT-5m.feather", None, "BTC/USDT 5m spot"),
            ("a/futures/BTC_USDT_USDT-1h-mark.feather", None, "BTC/USDT:USDT 1h mark"),
            ("ETH_BTC-1d.json.gz", None, "ETH/BTC 1d spot"),
            ("ETH_BTC-1d.CSV", None, "ETH/BTC 1d spot"),
        ] {
            let (found, parsed) = parse_file_name(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((found.as_deref(), parsed.to_string().as_str()), (dataset, key), "{name}");
        }
        for name in ["", "README.md", "BTC_USDT.csv", "BTC_USDT-7m.csv", "BTC_USDT-5m-open.csv", "-5m.csv"] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(name in any::<String>()) {
            drop(parse_file_name(&name));
        }
    }
}
