//! Candle lengths in CCXT's spelling.

/// Returns the seconds of a timeframe such as `15m` or `1M`; months count 30 days, years 365.
///
/// Wider than [`tradai_domain::Timeframe`], which lists the lengths we store: exchanges offer more.
#[must_use]
pub fn timeframe_seconds(timeframe: &str) -> Option<i64> {
    let unit_at = timeframe.len().checked_sub(1)?;
    let (count, unit) = (timeframe.get(..unit_at)?, timeframe.get(unit_at..)?);
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        "M" => 2_592_000,
        "y" => 31_536_000,
        _ => return None,
    };
    let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
    count.checked_mul(unit_seconds)
}

#[cfg(test)]
mod tests {
    use tradai_domain::Timeframe;

    use super::*;

    #[test]
    fn agrees_with_the_timeframes_we_store() {
        for timeframe in Timeframe::ALL {
            assert_eq!(timeframe_seconds(timeframe.as_str()).map(|s| s * 1_000), Some(timeframe.millis()));
        }
        for nonsense in
            ["", "m", "0m", "-1m", "1x", "1\u{e9}", "99999999999999999999y", "9223372036854775807y"]
        {
            assert_eq!(timeframe_seconds(nonsense), None, "{nonsense}");
        }
    }
}
