//! Numbers and moments, as people read them.

use tradai_domain::{Millis, format_utc};

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// Returns a fraction in percent with two decimals.
pub(super) fn percent(ratio: f64) -> String {
    number(ratio * 100.0) + "%"
}

/// Returns a number with two decimals and thousands apart. What is not finite is no number; what rounds to zero has
/// no sign.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{:.2}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, "00"));
    let sign = if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { "-" } else { "" };
    format!("{sign}{}.{rest}", grouped(whole))
}

/// Returns a count with thousands apart.
pub(super) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// Puts a comma before every three digits from the right.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns whether a number is good or bad news.
pub(super) fn tone(value: f64) -> &'static str {
    if value > 0.0 {
        "gain"
    } else if value < 0.0 {
        "loss"
    } else {
        ""
    }
}

/// Returns `2025-01-31 13:05` (UTC).
pub(super) fn minute(at: Millis) -> String {
    format_utc(at).chars().take(16).collect()
}

/// Returns `2025-01-31 13:05` of a moment in RFC 3339 that another service sent; what does not look like one stays.
pub(super) fn minute_of(date: &str) -> String {
    match (date.get(..10), date.get(10..11), date.get(11..16)) {
        (Some(day), Some("T"), Some(time)) => format!("{day} {time}"),
        _ => date.to_owned(),
    }
}

/// Returns the day of a moment.
pub(super) fn day(at: Millis) -> String {
    format_utc(at).chars().take(10).collect()
}

/// Returns `350 ms`, `4.2 s`, `3m 20s`, `5h 12m` or `12d 3h`.
pub(super) fn duration(ms: Millis) -> String {
    let ms = ms.max(0);
    let (seconds, minutes, hours, days) = (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60_000..3_600_000 => format!("{minutes}m {}s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// Returns a size in bytes, `1.4 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(size, name)| format!("{}.{} {name}", bytes / size, bytes % size * 10 / size),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(1_234_567.891), "1,234,567.89");
        assert_eq!((number(-0.004).as_str(), number(-999.5).as_str()), ("0.00", "-999.50"));
        assert_eq!(number(f64::NAN), NONE);
        assert_eq!((percent(0.123_45).as_str(), count(1_000).as_str()), ("12.35%", "1,000"));
        assert_eq!((bytes(12).as_str(), bytes(1_450_000).as_str()), ("12 B", "1.4 MB"));
    }

    #[test]
    fn times() {
        assert_eq!((duration(350).as_str(), duration(4_260).as_str()), ("350 ms", "4.2 s"));
        assert_eq!((duration(200_000).as_str(), duration(97_200_000).as_str()), ("3m 20s", "1d 3h"));
        assert_eq!(minute_of("2024-01-31T13:05:09.123Z"), "2024-01-31 13:05");
        assert_eq!(
            (minute_of("é").as_str(), minute_of("soon, perhaps é").as_str()),
            ("é", "soon, perhaps é")
        );
        assert_eq!((minute(0).as_str(), day(0).as_str()), ("1970-01-01 00:00", "1970-01-01"));
    }
}
