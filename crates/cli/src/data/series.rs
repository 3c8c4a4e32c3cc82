//! Arguments that name series and versions of them.

use clap::Args;
use tradai_domain::{CandleKind, Millis, SeriesKey, Symbol, Timeframe, parse_date_ms};
use tradai_timeseries::{AsOf, CandleStore, SeriesInfo};

use super::DataError;

/// Which series a command is about.
#[derive(Debug, Args)]
pub(super) struct SeriesArgs {
    /// Market, such as BTC/USDT or BTC/USDT:USDT.
    symbol: Symbol,
    /// Candle length, such as 5m or 1h.
    timeframe: Timeframe,
    /// spot, futures, mark or funding_rate; by default the traded prices of the market.
    #[arg(long)]
    kind: Option<CandleKind>,
}

/// Which series a command is about, if not about all.
#[derive(Debug, Args)]
pub(super) struct SomeSeriesArgs {
    /// Market, such as BTC/USDT or BTC/USDT:USDT; all series when left out.
    #[arg(requires = "timeframe")]
    symbol: Option<Symbol>,
    /// Candle length, such as 5m or 1h.
    timeframe: Option<Timeframe>,
    /// spot, futures, mark or funding_rate; by default the traded prices of the market.
    #[arg(long, requires = "symbol")]
    kind: Option<CandleKind>,
}

/// Which version a command reads.
#[derive(Debug, Args)]
pub(super) struct AsOfArgs {
    /// Which version: a number, a moment (2024-01-31, 2024-01-31T12:00:00Z), or the one that a snapshot holds
    /// (@NAME); by default the newest.
    #[arg(long, value_name = "VERSION|TIME|@SNAPSHOT", value_parser = parse_as_of)]
    as_of: Option<AsOf>,
}

impl SeriesArgs {
    pub(super) fn key(&self) -> SeriesKey {
        key(&self.symbol, self.timeframe, self.kind)
    }
}

impl SomeSeriesArgs {
    pub(super) fn key(&self) -> Option<SeriesKey> {
        Some(key(self.symbol.as_ref()?, self.timeframe?, self.kind))
    }
}

impl AsOfArgs {
    pub(super) fn as_of(&self) -> AsOf {
        self.as_of.clone().unwrap_or_default()
    }
}

fn key(symbol: &Symbol, timeframe: Timeframe, kind: Option<CandleKind>) -> SeriesKey {
    let kind = kind.unwrap_or_else(|| CandleKind::traded(symbol));
    SeriesKey { symbol: symbol.clone(), timeframe, kind }
}

/// Returns what is known of a version of a series, which must be there.
pub(super) fn info(store: &CandleStore, key: &SeriesKey, as_of: &AsOf) -> anyhow::Result<SeriesInfo> {
    Ok(store.info(key, as_of.clone())?.ok_or_else(|| absent(key, as_of))?)
}

/// Returns the error of a series that is not there.
pub(super) fn absent(key: &SeriesKey, as_of: &AsOf) -> DataError {
    match as_of {
        AsOf::Snapshot(name) => DataError::NotInSnapshot { key: key.clone(), name: name.to_string() },
        _ => DataError::NoSeries(key.clone()),
    }
}

/// Returns the series that the store calls `BTC_USDT_1h` or `BTC_USDT_USDT_1h_mark`.
pub(super) fn key_of(store_symbol: &str) -> Option<SeriesKey> {
    let kinds = [CandleKind::Mark, CandleKind::FundingRate];
    let suffixed = kinds
        .into_iter()
        .find_map(|kind| Some((store_symbol.strip_suffix(kind.as_str())?.strip_suffix('_')?, Some(kind))));
    let (rest, kind) = suffixed.unwrap_or((store_symbol, None));
    let (stem, timeframe) = rest.rsplit_once('_')?;
    let found = key(&Symbol::from_file_stem(stem).ok()?, timeframe.parse().ok()?, kind);
    (found.store_symbol() == store_symbol).then_some(found)
}

/// Takes up to seven digits as a version number, since dates have eight and more.
fn parse_as_of(text: &str) -> Result<AsOf, String> {
    if let Some(name) = text.strip_prefix('@').or_else(|| text.strip_prefix("snapshot:")) {
        let named = (!name.is_empty()).then(|| AsOf::Snapshot(name.into()));
        return named.ok_or_else(|| "the snapshot's name is missing; write @NAME".to_owned());
    }
    if text.len() <= 7 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(AsOf::Version).map_err(|e| format!("{e}"));
    }
    let at = parse_date_ms(text).map_err(|e| format!("{e}, or a version number, or @SNAPSHOT"))?;
    Ok(AsOf::Time(end_of_day(text, at)))
}

/// A mere date means its whole day: `--as-of 2024-01-31` includes what was committed on that day.
fn end_of_day(text: &str, at: Millis) -> Millis {
    let is_date = text.len() == 8 || text.len() == 10 && text.contains('-');
    if is_date { at + 86_400_000 - 1 } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_moments_and_snapshots() {
        assert_eq!(parse_as_of("42"), Ok(AsOf::Version(42)));
        assert_eq!(parse_as_of("2024-01-31T00:00:00Z"), Ok(AsOf::Time(1_706_659_200_000)));
        assert_eq!(parse_as_of("2024-01-31"), Ok(AsOf::Time(1_706_745_599_999)));
        assert_eq!(parse_as_of("20240131"), Ok(AsOf::Time(1_706_745_599_999)));
        assert_eq!(parse_as_of("1706659200"), Ok(AsOf::Time(1_706_659_200_000)));
        assert_eq!(parse_as_of("@42"), Ok(AsOf::Snapshot("42".into())));
        assert_eq!(parse_as_of("snapshot:paper 1"), Ok(AsOf::Snapshot("paper 1".into())));
        assert!(parse_as_of("yesterday").unwrap_err().ends_with("or a version number, or @SNAPSHOT"));
        assert!(parse_as_of("@").unwrap_err().contains("write @NAME"));
    }

    #[test]
    fn names_of_the_store() {
        for (name, key) in [
            ("BTC_USDT_1h", "BTC/USDT 1h spot"),
            ("BTC_USDT_USDT_15m", "BTC/USDT:USDT 15m futures"),
            ("BTC_USDT_USDT_1h_mark", "BTC/USDT:USDT 1h mark"),
            ("BTC_USDT_USDT_1h_funding_rate", "BTC/USDT:USDT 1h funding_rate"),
        ] {
            assert_eq!(key_of(name).unwrap().to_string(), key);
        }
        for name in ["", "mark", "_mark", "BTC_USDT", "BTC_USDT_7m", "BTC_1h"] {
            assert_eq!(key_of(name), None, "{name}");
        }
    }
}
