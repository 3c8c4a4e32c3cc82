//! Moments as text.

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use tradai_domain::Millis;

/// Returns a moment as `2023-11-14T22:13:20.000Z`; `None` before the epoch and beyond the calendar.
#[must_use]
pub fn iso8601(timestamp: Millis) -> Option<String> {
    if timestamp < 0 {
        return None;
    }
    Some(DateTime::from_timestamp_millis(timestamp)?.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Reads a moment as exchanges write it: with `T` or a blank between date and time, with or without a
/// fraction, with an offset, `Z`, or nothing (then UTC). Digits beyond milliseconds are dropped.
#[must_use]
pub fn parse8601(text: &str) -> Option<Millis> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_millis());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.fZ"];
    let moment = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(moment.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nonsense_is_none() {
        for text in ["", "yesterday", "2023-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "1700000000000"] {
            assert_eq!(parse8601(text), None, "{text}");
        }
        assert_eq!(iso8601(-1), None);
        assert_eq!(iso8601(Millis::MAX), None);
    }

    proptest! {
        #[test]
        fn written_and_read_again_is_the_same(timestamp in 0..4_102_444_800_000_i64) {
            prop_assert_eq!(parse8601(&iso8601(timestamp).unwrap()), Some(timestamp));
        }
    }
}
