//! How much a backtest asks for.

use serde_json::{Map, Value};
use tradai_domain::jobs::BacktestConfig;
use tradai_domain::{Millis, Symbol, TimeRange, Timeframe};

use super::request::MAX_SYMBOLS;
use crate::RequestFault;

/// Candles that one backtest may ask for, over all its pairs.
pub const MAX_CANDLES: u64 = 200_000_000;

/// Returns what a request says as settings, by Freqtrade's names; those that it gives by their own names win.
#[must_use]
pub fn request_settings(config: &BacktestConfig) -> Map<String, Value> {
    let mut settings = Map::new();
    let pairs: Vec<&str> = config.symbols.iter().map(Symbol::as_str).collect();
    if !pairs.is_empty() {
        settings.insert("pair_whitelist".to_owned(), Value::from(pairs));
    }
    let timeframe = config.timeframe.map(|timeframe| ("timeframe".to_owned(), timeframe.to_string().into()));
    let timerange = config.timerange().map(|range| ("timerange".to_owned(), range.into()));
    settings.extend(timeframe.into_iter().chain(timerange));
    settings.extend(config.settings.clone());
    settings
}

/// Refuses what no machine would finish, as far as `settings` tell: all that the request comes to, or without, what it
/// says itself. A test without an end goes on until now.
///
/// # Errors
/// The fault of the field that names the pairs, with the limit.
pub fn check_size(
    config: &BacktestConfig,
    settings: Option<&Map<String, Value>>,
    now: Millis,
) -> Result<(), RequestFault> {
    let said = |name: &str| settings.unwrap_or(&config.settings).get(name);
    let pairs =
        said("pair_whitelist").and_then(Value::as_array).map_or(config.symbols.len(), Vec::len).max(1);
    // Where the pairs are named is what has to change.
    let refused = |reason: String| match config.settings.contains_key("pair_whitelist") {
        true => RequestFault::at("settings", "pair_whitelist", reason),
        false => RequestFault::new("symbols", reason),
    };
    if pairs > MAX_SYMBOLS {
        return Err(refused(format!("{pairs} pairs; at most {MAX_SYMBOLS} are allowed")));
    }
    let timeframe = match said("timeframe") {
        Some(text) => text.as_str().and_then(|text| text.parse::<Timeframe>().ok()),
        None => config.timeframe,
    };
    let range = match said("timerange") {
        Some(text) => text.as_str().and_then(|text| TimeRange::parse(text).ok()).unwrap_or_default(),
        None => config.range(),
    };
    let (Some(timeframe), Some(start)) = (timeframe, range.start) else { return Ok(()) };
    let length = u64::try_from(range.end.unwrap_or(now).saturating_sub(start)).unwrap_or(0);
    let per_pair = length / u64::try_from(timeframe.millis()).unwrap_or(u64::MAX);
    let candles = per_pair.saturating_mul(u64::try_from(pairs).unwrap_or(u64::MAX));
    if candles > MAX_CANDLES {
        return Err(refused(format!(
            "{pairs} pairs in {timeframe} over this time are {candles} candles; at most {MAX_CANDLES} are allowed: \
             name fewer pairs, a shorter time or a longer timeframe"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tradai_domain::parse_date_ms;

    use super::*;
    use crate::jobs::BacktestRequest;

    fn refused(request: Value) -> Option<String> {
        let config = serde_json::from_value::<BacktestRequest>(request).unwrap().check().unwrap();
        let now = parse_date_ms("2024-01-01").unwrap();
        let checked = check_size(&config, None, now);
        let resolved = check_size(&config, Some(&request_settings(&config)), now);
        assert_eq!(checked, resolved);
        checked.err().map(|fault| fault.to_string())
    }

    /// Ten years of one-minute candles of 500 pairs, however they are asked for.
    #[test]
    fn fault_x39_a_huge_request_is_refused_with_the_limit() {
        let pairs = |count: usize| (0..count).map(|n| format!("A{n}/USDT")).collect::<Vec<_>>();
        // Ten years have 3652 days of 1440 minutes.
        let huge = "2629440000 candles; at most 200000000 are allowed";
        for request in [
            json!({"symbols": pairs(500), "timeframe": "1m", "timerange": "20140101-20240101"}),
            json!({"symbols": pairs(500), "timeframe": "1m", "start": "2014-01-01"}),
            json!({"symbols": ["BTC/USDT"], "timeframe": "1d", "timerange": "20230101-20230102",
                "settings": {"pair_whitelist": pairs(500), "timeframe": "1m", "timerange": "20140101-"}}),
        ] {
            let mut request = request;
            request["strategy"] = json!("Demo");
            let text = refused(request.clone()).unwrap_or_else(|| panic!("{request} is allowed"));
            assert!(text.contains(huge), "{text}");
        }
        let many = json!({"strategy": "Demo", "settings": {"pair_whitelist": pairs(3_000)}});
        let text = refused(many).unwrap();
        assert!(text.starts_with("settings.pair_whitelist: 3000 pairs; at most 500"), "{text}");
    }

    #[test]
    fn what_a_machine_finishes_is_allowed_and_so_is_what_nobody_can_tell() {
        let pairs: Vec<String> = (0..30).map(|n| format!("A{n}/USDT")).collect();
        for request in [
            json!({"strategy": "Demo", "symbols": pairs, "timeframe": "1m", "start": "2014-01-01"}),
            json!({"strategy": "Demo", "timeframe": "1m"}),
            json!({"strategy": "Demo", "start": "2014-01-01", "settings": {"pair_whitelist": "x"}}),
        ] {
            assert_eq!(refused(request), None);
        }
    }
}
