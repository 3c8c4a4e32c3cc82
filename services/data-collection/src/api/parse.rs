//! Values of requests as domain types; everything that is wrong at once.

use std::fmt::Display;
use std::str::FromStr;

use tradai_control_plane::data::PriceKind;
use tradai_control_plane::jobs::Requester;
use tradai_domain::ports::{ExchangeKey, VersionChoice};
use tradai_domain::{CandleKind, Millis, SeriesKey, Symbol, Timeframe, parse_date_ms};
use tradai_service::{Caller, FieldFault, Place, Problem, RequestIds};

/// Symbols of one request that are looked at; a use case then says how many it takes.
const MAX_SYMBOLS: usize = 5_000;

/// Returns on whose behalf something is done.
pub(super) fn requester(caller: &Caller, ids: &RequestIds) -> Requester {
    let (actor, via) = (caller.name.clone(), caller.via.clone());
    Requester { actor, via, trace_id: Some(ids.trace_id), ..Requester::default() }
}

/// Gathers what is wrong with the values of one request.
pub(super) struct Fields {
    place: Place,
    faults: Vec<FieldFault>,
}

impl Fields {
    pub(super) fn of_body() -> Self {
        Self { place: Place::Body, faults: Vec::new() }
    }

    pub(super) fn of_query() -> Self {
        Self { place: Place::Query, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, pointer: &str, reason: impl Into<String>) {
        let pointer = format!("/{pointer}");
        self.faults.push(FieldFault { place: self.place, pointer, reason: reason.into() });
    }

    /// Parses a value; a fault and `None` when it cannot be.
    pub(super) fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error.to_string());
                None
            }
        }
    }

    pub(super) fn exchange(&mut self, text: Option<&str>) -> Option<ExchangeKey> {
        text.and_then(|text| self.parse("exchange", text))
    }

    pub(super) fn timeframe(&mut self, text: &str) -> Timeframe {
        // The placeholder is never used: a fault ends the request.
        self.parse("timeframe", text).unwrap_or(Timeframe::H1)
    }

    pub(super) fn symbols(&mut self, texts: &[String]) -> Vec<Symbol> {
        if texts.len() > MAX_SYMBOLS {
            self.fault("symbols", format!("{} are more than {MAX_SYMBOLS}", texts.len()));
            return Vec::new();
        }
        let parsed = texts.iter().enumerate();
        parsed.filter_map(|(at, text)| self.parse(&format!("symbols/{at}"), text)).collect()
    }

    /// Parses symbols of a query, separated by commas.
    pub(super) fn symbol_list(&mut self, text: Option<&str>) -> Option<Vec<Symbol>> {
        let texts = text?.split(',').map(str::trim).filter(|text| !text.is_empty());
        Some(texts.take(MAX_SYMBOLS).filter_map(|text| self.parse("symbols", text)).collect())
    }

    pub(super) fn date(&mut self, name: &str, text: Option<&str>) -> Option<Millis> {
        match parse_date_ms(text?) {
            Ok(at) => Some(at),
            Err(error) => {
                self.fault(name, error.to_string());
                None
            }
        }
    }

    pub(super) fn price(&mut self, text: Option<&str>) -> PriceKind {
        match text {
            None | Some("traded") => PriceKind::Traded,
            Some("mark") => PriceKind::Mark,
            Some("funding_rate") => PriceKind::FundingRate,
            Some(other) => {
                self.fault("price", format!("`{other}` is not known; one of traded, mark, funding_rate"));
                PriceKind::Traded
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, text: Option<&str>, default: u64) -> u64 {
        let Some(text) = text else { return default };
        text.parse().unwrap_or_else(|_| {
            self.fault(name, "expected a number from 0 on");
            default
        })
    }

    /// Parses which version is meant: `version`, `as_of` or `snapshot`, at most one of them.
    pub(super) fn version(
        &mut self,
        version: Option<&str>,
        as_of: Option<&str>,
        snapshot: Option<&str>,
    ) -> VersionChoice {
        if [version, as_of, snapshot].iter().flatten().count() > 1 {
            self.fault("version", "only one of version, as_of and snapshot can be given");
        }
        if let Some(text) = version {
            return match text.parse() {
                Ok(number @ 1..) => VersionChoice::Number(number),
                _ => {
                    self.fault("version", "expected a number from 1 on");
                    VersionChoice::Latest
                }
            };
        }
        match (self.date("as_of", as_of), snapshot) {
            (Some(moment), _) => VersionChoice::AsOf(moment),
            (None, Some(name)) => VersionChoice::Snapshot(name.to_owned()),
            (None, None) => VersionChoice::Latest,
        }
    }

    /// Returns the problem of what was wrong.
    pub(super) fn problem(self) -> Problem {
        Problem::fields(self.faults)
    }

    /// Refuses the request if anything was wrong.
    pub(super) fn finish(self) -> Result<(), Problem> {
        self.finish_with(Some(()))
    }

    /// Refuses the request if anything was wrong, and returns a parsed value otherwise.
    pub(super) fn finish_with<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(self.problem()),
        }
    }
}

/// Reads a series' name in the store: `BTC_USDT_1h`, `BTC_USDT_USDT_1h_mark`.
pub(super) fn parse_store_symbol(text: &str) -> Result<SeriesKey, Problem> {
    let parsed = || {
        let suffixes = [("_mark", CandleKind::Mark), ("_funding_rate", CandleKind::FundingRate)];
        let special = suffixes.iter().find_map(|(suffix, kind)| Some((text.strip_suffix(suffix)?, *kind)));
        let (stem, timeframe) = special.map_or(text, |(rest, _)| rest).rsplit_once('_')?;
        let symbol = Symbol::from_file_stem(stem).ok()?;
        let timeframe = timeframe.parse().ok()?;
        let kind = special.map_or(CandleKind::traded(&symbol), |(_, kind)| kind);
        Some(SeriesKey { symbol, timeframe, kind })
    };
    parsed().ok_or_else(|| {
        let reason = "is no series; write BTC_USDT_1h, or BTC_USDT_USDT_1h_mark".to_owned();
        Problem::fields(vec![FieldFault { place: Place::Path, pointer: "/key".to_owned(), reason }])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_series_parse_back() {
        for name in
            ["BTC_USDT_1h", "BTC_USDT_USDT_5m", "BTC_USDT_USDT_1h_mark", "1000PEPE_USDT_USDT_8h_funding_rate"]
        {
            assert_eq!(parse_store_symbol(name).unwrap().store_symbol(), name);
        }
        for bad in ["", "BTC", "BTC_USDT", "BTC_USDT_7m", "../x_1h", "_1h", "BTC_USDT_1h_"] {
            assert!(parse_store_symbol(bad).is_err(), "{bad}");
        }
    }
}
